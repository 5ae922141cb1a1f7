/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "packet.h"

#define IPV4_HEADER_MIN 20
#define IPV6_HEADER     40
/* Not every libc names them. */
#define PROTOCOL_HOPOPTS  0
#define PROTOCOL_ROUTING  43
#define PROTOCOL_FRAGMENT 44
#define PROTOCOL_AH       51
#define PROTOCOL_DSTOPTS  60

static uint16_t read_be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* A later fragment has no transport header: its first bytes are somebody's data. */
static int parse_transport(struct ns_packet *packet, const uint8_t *bytes, size_t length, bool later_fragment)
{
	bool icmp = ns_protocol_is_icmp(packet->protocol);

	if (!icmp && !ns_protocol_has_ports(packet->protocol))
		return 0;
	if (later_fragment)
		return -ENODATA;
	if (icmp) {
		if (length < 1)
			return -ENODATA;
		packet->port = bytes[0];
		return 0;
	}
	if (length < 4)
		return -ENODATA;
	packet->source_port = read_be16(bytes);
	packet->port = read_be16(bytes + 2);
	return 0;
}

static int parse_ipv4(const uint8_t *bytes, size_t length, struct ns_packet *packet)
{
	size_t header;

	if (length < IPV4_HEADER_MIN || bytes[0] >> 4 != 4)
		return -EBADMSG;
	header = (size_t)(bytes[0] & 0x0f) * 4;
	if (header < IPV4_HEADER_MIN)
		return -EBADMSG;
	packet->source = ns_addr_from_bytes(AF_INET, bytes + 12);
	packet->destination = ns_addr_from_bytes(AF_INET, bytes + 16);
	packet->protocol = bytes[9];
	if (length < header) /* options cut off */
		header = length;
	return parse_transport(packet, bytes + header, length - header, (read_be16(bytes + 6) & 0x1fff) != 0);
}

/* Follows the chain as the kernel's ipv6_find_hdr() does: ESP and everything unknown end it and are the protocol. Every
 * step goes forward by eight bytes or more, so the length bounds the walk. */
static int parse_ipv6(const uint8_t *bytes, size_t length, struct ns_packet *packet)
{
	size_t offset = IPV6_HEADER;
	bool later_fragment = false;
	uint8_t next;

	if (length < IPV6_HEADER || bytes[0] >> 4 != 6)
		return -EBADMSG;
	packet->source = ns_addr_from_bytes(AF_INET6, bytes + 8);
	packet->destination = ns_addr_from_bytes(AF_INET6, bytes + 24);
	next = bytes[6];
	while (!later_fragment && (next == PROTOCOL_HOPOPTS || next == PROTOCOL_ROUTING || next == PROTOCOL_FRAGMENT ||
				   next == PROTOCOL_AH || next == PROTOCOL_DSTOPTS)) {
		const uint8_t *header = bytes + offset;
		size_t size;

		if (length - offset < 8)
			return -ENODATA;
		if (next == PROTOCOL_FRAGMENT) {
			size = 8;
			later_fragment = (read_be16(header + 2) & 0xfff8) != 0;
		} else if (next == PROTOCOL_AH) {
			size = ((size_t)header[1] + 2) * 4;
		} else {
			size = ((size_t)header[1] + 1) * 8;
		}
		if (size > length - offset)
			return -ENODATA;
		next = header[0];
		offset += size;
	}
	packet->protocol = next;
	return parse_transport(packet, bytes + offset, length - offset, later_fragment);
}

int ns_packet_parse(int family, const uint8_t *bytes, size_t length, struct ns_packet *ret)
{
	struct ns_packet packet = { 0 };
	int r;

	if (family == AF_INET)
		r = parse_ipv4(bytes, length, &packet);
	else if (family == AF_INET6)
		r = parse_ipv6(bytes, length, &packet);
	else
		r = -EBADMSG;
	if (r < 0)
		return r;
	*ret = packet;
	return 0;
}

bool ns_packet_is_group(const struct ns_addr *addr, const struct ns_prefix *links, size_t n_links)
{
	enum ns_addr_scope scope = ns_addr_scope(addr);

	if (scope == NS_ADDR_MULTICAST || scope == NS_ADDR_BROADCAST)
		return true;
	if (addr->family != AF_INET)
		return false;
	for (size_t i = 0; i < n_links; i++) {
		struct ns_prefix link;
		struct ns_addr broadcast;

		if (links[i].addr.family != AF_INET)
			continue;
		link = ns_prefix_of(&links[i].addr, links[i].length);
		broadcast = ns_prefix_broadcast(&link);
		if (broadcast.family != 0 && ns_addr_equal(addr, &broadcast))
			return true;
	}
	return false;
}

struct ns_tuple ns_packet_tuple(const struct ns_packet *packet, enum ns_direction direction,
				const struct ns_prefix *links, size_t n_links)
{
	struct ns_tuple tuple = {
		.direction = direction,
		.protocol = packet->protocol,
		.port = packet->port,
		.peer = packet->destination,
	};

	if (direction == NS_INGRESS && !ns_packet_is_group(&packet->destination, links, n_links))
		tuple.peer = packet->source;
	if (direction == NS_TRANSIT)
		tuple.source = packet->source;
	return tuple;
}
