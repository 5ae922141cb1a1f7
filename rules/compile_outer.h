/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Parts of the outer lock's table. Two sides, `from` the container and `to` it, and the families make trees of
 * chains, named "from4", "to6_icmp" and so on; what one side calls an opening is the other's answer. A chain is entered
 * only with packets of its family (known by the frame's type), so that no rule asks for the family again.
 *
 * Nothing is asked of what the kernel takes the packet's protocol and transport header to be; both are read from the
 * packet's own bytes. Of a frame from AF_PACKET's transmit ring the kernel has only the Ethernet header at hand, and
 * where it looks for IPv6's next header then are the remains of another packet, which the sender may have chosen: a
 * hop-by-hop header that is not there moves the transport header eight bytes on, into the payload [6.18]. So every
 * offset is fixed: IPv4 has no options (but for IGMP, which has no ports), and IPv6 has a third tree of chains,
 * "from6x", for what stands behind one header of eight bytes: first fragments, and the jumbo payloads of BIG TCP.
 *
 *   compile_outer.c          sets, base chains, the split by type of frame
 *   compile_outer_packet.c   from4/6, to4/6: whose the packet is and what kind, and where it goes from there
 *   compile_outer_tuple.c    look-ups of tuples: openings, answers, groups, transit, refusals
 *   compile_outer_icmp.c     ICMP: requests, their replies, errors that quote a packet
 *   compile_outer_link.c     ARP, neighbour and listener discovery
 *   compile_outer_header.c   IP options, extension headers, fragments
 */
#ifndef NANOSEG_COMPILE_OUTER_H
#define NANOSEG_COMPILE_OUTER_H

#include <nanoseg/outer.h>

#include "compile.h"
#include "shape.h"
#include "tuple_key.h"

#define NS_SET_MACS "macs"
/* { protocol } of IPv6's extension headers, those that are no protocol of their own. */
#define NS_SET_EXTENSIONS6 "extensions6"

#define NS_ETHER_DESTINATION 0 /* offsets in the frame */
#define NS_ETHER_SOURCE      6
#define NS_ETHER_TYPE        12

#define NS_IPV6_NEXT_HEADER 6
#define NS_IPV6_HEADER      40

enum ns_outer_side { NS_OUTER_FROM, NS_OUTER_TO, NS_OUTER_SIDES };

struct ns_outer_family {
	int family;
	const char *name; /* in the names of chains */
	bool behind;      /* behind a header of eight bytes, where nothing is that a link lives on, and no ICMP error */
	uint8_t icmp;     /* protocol number */
	struct ns_tuple_place place;
	enum ns_field field;
	uint8_t address_length, source, destination; /* in the network header */
	/* Where an ICMP error, seen from its first byte, quotes what. */
	uint8_t quoted_protocol, quoted_source, quoted_destination, quoted_transport;
	const char *own;       /* set { ether . address }: what the endpoint may send as */
	const char *addresses; /* set { address }: the same without the MAC */
};

enum { NS_OUTER_IPV4, NS_OUTER_IPV6, NS_OUTER_IPV6_BEHIND, NS_OUTER_FAMILIES };
#define NS_OUTER_PLAIN_FAMILIES NS_OUTER_IPV6_BEHIND /* that have sets of their own */
extern const struct ns_outer_family ns_outer_families[NS_OUTER_FAMILIES];

/* "from4", and with a suffix "from4_icmp". */
struct ns_outer_name {
	char text[NS_NFT_NAME_MAX];
};
struct ns_outer_name ns_outer_chain_name(enum ns_outer_side side, const struct ns_outer_family *f, const char *suffix);
struct ns_outer_name ns_outer_shared_name(const char *prefix, const struct ns_outer_family *f, const char *suffix);
#define NS_OUTER_CHAIN(side, f, suffix)    ns_outer_chain_name((side), (f), (suffix)).text
#define NS_OUTER_SHARED(prefix, f, suffix) ns_outer_shared_name((prefix), (f), (suffix)).text

/* A rule begun: whatever comes here goes there, counted by `counter` unless that is NULL. */
void ns_outer_goto(struct ns_builder *b, const char *chain);
void ns_outer_refuse(struct ns_builder *b, const char *counter, const char *comment);

/* Conditions within a rule; all but the last use register 0 and those that follow. */
void ns_outer_from_own_mac(struct ns_builder *b);
void ns_outer_own_source(struct ns_builder *b, const struct ns_outer_family *f, bool invert); /* MAC and address */
void ns_outer_own_destination(struct ns_builder *b, const struct ns_outer_family *f, bool invert);
void ns_outer_network(struct ns_builder *b, uint32_t offset, const void *data, uint8_t length); /* these bytes there */
void ns_outer_transport(struct ns_builder *b, const struct ns_outer_family *f, uint32_t offset, const void *data,
			uint8_t length); /* the same */
void ns_outer_load_transport(struct ns_builder *b, const struct ns_outer_family *f, uint32_t offset, uint8_t length,
			     uint8_t reg);
void ns_outer_load_protocol(struct ns_builder *b, const struct ns_outer_family *f);
void ns_outer_protocol(struct ns_builder *b, const struct ns_outer_family *f, uint8_t protocol);
/* Rules: one for each way to be a group's, with the verdict that leads to `chain`. */
void ns_outer_groups(struct ns_builder *b, const struct ns_outer_family *f, const char *chain);

/* The chains of each part. `side` parts are made for both sides; the others once for a family. */
void ns_outer_packet_chains(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side);
void ns_outer_tuple_chains(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side);
void ns_outer_uncounted_chain(struct ns_builder *b, const struct ns_outer_family *f);
void ns_outer_transit_chains(struct ns_builder *b, const struct ns_outer_family *f);
void ns_outer_icmp_chains(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side);
void ns_outer_transit_icmp_chains(struct ns_builder *b, const struct ns_outer_family *f);
void ns_outer_link_chains(struct ns_builder *b);
void ns_outer_header_chains(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side);
void ns_outer_options_chain(struct ns_builder *b); /* options4, of both sides */
/* Rules at the head of from4 to to6x. */
void ns_outer_header_rules(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side);

/* What a side opens and what it answers, and how their keys are taken from a packet. */
struct ns_outer_way {
	enum ns_direction opens, answers;
	enum ns_key_shape open_shape, answer_shape;
};
extern const struct ns_outer_way ns_outer_ways[NS_OUTER_SIDES];

/* One rule each for the exact set and the one of ranges, where they may find something: accept what is in it. */
void ns_outer_allow(struct ns_builder *b, const struct ns_outer_family *f, enum ns_direction direction,
		    enum ns_key_kind kind, enum ns_key_shape shape);
/* Rules for each protocol with ports: accept what opens nothing and is in the set. */
void ns_outer_answers(struct ns_builder *b, const struct ns_outer_family *f, enum ns_direction direction,
		      enum ns_key_shape shape);

#endif
