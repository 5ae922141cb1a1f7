/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Packets by hand, from the description of an attack. Checksums are right: a packet is to be refused for what it is,
 * not for being damaged.
 */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "attack.h"

#define FRAGMENT_CUT 40 /* bytes of the payload in the first fragment of a pair */
#define ROUTING_SIZE 24 /* a routing header with one address */

struct bytes {
	size_t length;
	uint8_t data[ATTACK_PACKET_MAX];
};

static void put(struct bytes *b, const void *data, size_t length)
{
	if (length > sizeof(b->data) - b->length)
		__builtin_trap();
	memcpy(b->data + b->length, data, length);
	b->length += length;
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t sum16(uint32_t sum, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	return sum;
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void addresses(const struct attack *a, uint8_t from[16], uint8_t to[16])
{
	attack_host_bytes(a->forged ? a->from : HOST_OWN, a->family, from);
	attack_host_bytes(a->to, a->family, to);
}

static uint16_t transport_checksum(const struct attack *a, uint8_t proto, const struct bytes *l4)
{
	uint8_t from[16], to[16];
	uint32_t sum = sum16(0, l4->data, l4->length);
	if (proto == IPPROTO_ICMP)
		return folded(sum);
	size_t size = a->family == AF_INET ? 4 : 16;
	addresses(a, from, to);
	sum = sum16(sum16(sum, from, size), to, size);
	uint16_t result = folded(sum + proto + (uint32_t)l4->length);
	return result || proto != IPPROTO_UDP ? result : 0xffff;
}

static void ip4(struct bytes *b, const uint8_t *from, const uint8_t *to, uint8_t proto, uint8_t hops, size_t options,
		size_t length, uint16_t fragment)
{
	uint8_t h[20] = { (uint8_t)(0x45 + options / 4) };
	put16(h + 2, sizeof(h) + options + length);
	put16(h + 4, 0x6e73);
	put16(h + 6, fragment);
	h[8] = hops;
	h[9] = proto;
	memcpy(h + 12, from, 4);
	memcpy(h + 16, to, 4);
	/* Record route with one empty place, and an end. */
	static const uint8_t record[8] = { 7, 7, 4 };
	put16(h + 10, folded(sum16(sum16(0, h, sizeof(h)), record, options)));
	put(b, h, sizeof(h));
	put(b, record, options);
}

static void ip6(struct bytes *b, const uint8_t *from, const uint8_t *to, uint8_t next, uint8_t hops, size_t length)
{
	uint8_t h[40] = { 0x60 };
	put16(h + 4, length);
	h[6] = next;
	h[7] = hops;
	memcpy(h + 8, from, 16);
	memcpy(h + 24, to, 16);
	put(b, h, sizeof(h));
}

/* What an ICMP error quotes: the headers of a UDP packet that the container is said to have got. */
static void quote(const struct attack *a, struct bytes *l4, uint16_t live_port)
{
	uint8_t from[16], own[16], udp[8] = { 0 };
	attack_host_bytes(a->live ? HOST_PEER : HOST_FAR, a->family, from);
	attack_host_bytes(HOST_OWN, a->family, own);
	put16(udp, 53);
	put16(udp + 2, a->live ? live_port : 9);
	put16(udp + 4, sizeof(udp) + ATTACK_MARKER_SIZE);
	if (a->family == AF_INET)
		ip4(l4, from, own, IPPROTO_UDP, 64, 0, sizeof(udp) + ATTACK_MARKER_SIZE, 0);
	else
		ip6(l4, from, own, IPPROTO_UDP, 64, sizeof(udp) + ATTACK_MARKER_SIZE);
	put(l4, udp, sizeof(udp));
}

static bool icmp_error(const struct attack *a)
{
	if (a->proto == IPPROTO_ICMP)
		return a->type == ICMP_DEST_UNREACH || a->type == ICMP_TIME_EXCEEDED || a->type == ICMP_PARAMETERPROB ||
		       a->type == ICMP_REDIRECT;
	return a->proto == IPPROTO_ICMPV6 && !(a->type & ICMP6_INFOMSG_MASK);
}

static void transport(const struct attack *a, size_t number, uint16_t source_port, uint16_t live_port, struct bytes *l4)
{
	uint8_t h[24] = { 0 }, marker[ATTACK_MARKER_SIZE];
	static const uint8_t padding[2 * FRAGMENT_CUT];
	uint8_t proto = attack_proto(a);
	size_t checksum_at = 0;

	attack_marker(number, marker);
	put16(h, source_port);
	put16(h + 2, a->port);
	if (a->shape == SHAPE_SHORT) {
		put(l4, h, 1);
		return;
	}
	if (proto == IPPROTO_UDP) {
		put16(h + 4, 8 + 2 * sizeof(marker) + sizeof(padding));
		put(l4, h, 8);
		checksum_at = 6;
	} else if (proto == IPPROTO_TCP) {
		put16(h + 4, 0x1234);
		h[12] = 0x50;
		h[13] = a->type;
		put16(h + 14, 0x1000);
		put(l4, h, 20);
		checksum_at = 16;
	} else if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		memset(h, 0, sizeof(h));
		h[0] = a->type;
		h[1] = a->type == ICMP_REDIRECT && proto == IPPROTO_ICMP;
		if (!icmp_error(a))
			put16(h + 4, source_port);
		/* Neighbour discovery has a target address. */
		if (proto == IPPROTO_ICMPV6 && a->type >= ND_ROUTER_SOLICIT && a->type <= ND_REDIRECT)
			attack_host_bytes(HOST_OWN, AF_INET6, h + 8);
		put(l4, h, !icmp_error(a) && proto == IPPROTO_ICMPV6 ? 24 : 8);
		if (icmp_error(a))
			quote(a, l4, live_port);
		checksum_at = 2;
	}
	/* Two markers: whichever fragment comes through has one. */
	put(l4, marker, sizeof(marker));
	put(l4, padding, sizeof(padding));
	put(l4, marker, sizeof(marker));
	if (checksum_at)
		put16(l4->data + checksum_at, transport_checksum(a, proto, l4));
}

static void extra_headers(const struct attack *a, uint8_t proto, struct bytes *ret, uint8_t *ret_first)
{
	static const struct {
		uint8_t bit, next, size;
	} kinds[] = { { EXTRA_HOP, IPPROTO_HOPOPTS, 8 },
		      { EXTRA_DESTINATION, IPPROTO_DSTOPTS, 8 },
		      { EXTRA_ROUTING, IPPROTO_ROUTING, ROUTING_SIZE },
		      { EXTRA_ATOMIC, IPPROTO_FRAGMENT, 8 } };
	uint8_t *next = ret_first;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!(a->extra & kinds[i].bit))
			continue;
		/* Options are padding; a routing header (type 2) has been followed to its end. */
		uint8_t h[ROUTING_SIZE] = { 0, (uint8_t)(kinds[i].size / 8 - 1) };
		if (kinds[i].bit == EXTRA_ROUTING) {
			h[2] = 2;
			attack_host_bytes(a->to, AF_INET6, h + 8);
		} else if (kinds[i].bit == EXTRA_ATOMIC) {
			put16(h + 6, (size_t)(a - attacks) + 1);
		} else {
			h[2] = 1;
			h[3] = 4;
		}
		*next = kinds[i].next;
		put(ret, h, kinds[i].size);
		next = ret->data + ret->length - kinds[i].size;
	}
	*next = proto;
}

/* One packet with these bytes of the payload; `offset` 0 and !more: whole. */
static void packet(const struct attack *a, const struct bytes *l4, size_t offset, size_t length, bool more,
		   struct attack_packets *ret)
{
	struct bytes b = { 0 }, extra = { 0 };
	uint8_t from[16], to[16], proto = attack_proto(a), hops = a->hops ? a->hops : 64;
	addresses(a, from, to);
	if (a->family == AF_INET) {
		ip4(&b, from, to, proto, hops, a->extra & EXTRA_OPTIONS ? 8 : 0, length,
		    (uint16_t)(offset / 8 | (more ? 0x2000 : 0)));
	} else {
		uint8_t first;
		extra_headers(a, proto, &extra, &first);
		if (offset || more) {
			uint8_t h[8] = { proto };
			put16(h + 2, offset | more);
			put16(h + 6, (size_t)(a - attacks) + 1);
			put(&extra, h, sizeof(h));
			first = IPPROTO_FRAGMENT;
		}
		ip6(&b, from, to, first, hops, extra.length + length);
		put(&b, extra.data, extra.length);
	}
	put(&b, l4->data + offset, length);
	memcpy(ret->data[ret->count], b.data, b.length);
	ret->length[ret->count++] = b.length;
}

void attack_build(size_t number, uint16_t source_port, uint16_t live_port, struct attack_packets *ret)
{
	const struct attack *a = &attacks[number];
	struct bytes l4 = { 0 };
	transport(a, number, source_port, live_port, &l4);
	memset(ret, 0, sizeof(*ret));
	switch (a->shape) {
	case SHAPE_WHOLE:
	case SHAPE_SHORT:
		packet(a, &l4, 0, l4.length, false, ret);
		break;
	case SHAPE_TINY: /* its marker would be in the next one: bare */
		packet(a, &l4, 0, 8, true, ret);
		break;
	case SHAPE_FIRST:
		packet(a, &l4, 0, FRAGMENT_CUT, true, ret);
		break;
	case SHAPE_REST:
		packet(a, &l4, FRAGMENT_CUT, l4.length - FRAGMENT_CUT, false, ret);
		break;
	case SHAPE_PAIR:
		packet(a, &l4, 0, FRAGMENT_CUT, true, ret);
		packet(a, &l4, FRAGMENT_CUT, l4.length - FRAGMENT_CUT, false, ret);
		break;
	}
}
