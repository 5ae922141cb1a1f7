/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The first bytes of a packet, as the log carries them, to the fields of a tuple. Pure; the bytes are foreign.
 *
 * It reads what nf_tables' meta l4proto, ip daddr and th dport read, so that a logged packet and the element that it
 * made in the set are the same tuple.
 */
#ifndef NANOSEG_LEARN_PACKET_H
#define NANOSEG_LEARN_PACKET_H

#include <nanoseg/edge.h>

struct ns_packet {
	struct ns_addr source, destination;
	uint8_t protocol;
	uint16_t source_port; /* 0 where the protocol has none */
	uint16_t port;        /* destination port; ICMP and ICMPv6: the type; else 0 */
};

/* bytes begin with the IPv4 or IPv6 header that family (AF_INET, AF_INET6) says. -EBADMSG: not such a packet. -ENODATA:
 * the port cannot be read, because the bytes end before it or the packet is a later fragment. */
int ns_packet_parse(int family, const uint8_t *bytes, size_t length, struct ns_packet *ret);

/* True for multicast, the limited broadcast, and the broadcast addresses of the links. */
bool ns_packet_is_group(const struct ns_addr *addr, const struct ns_prefix *links, size_t n_links);

/* The tuple as edge.h defines its peer. links: the endpoint's on-link prefixes; host bits may be set. */
struct ns_tuple ns_packet_tuple(const struct ns_packet *packet, enum ns_direction direction,
				const struct ns_prefix *links, size_t n_links);

#endif
