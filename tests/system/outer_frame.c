/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "outer_frame.h"

struct bytes {
	size_t length;
	uint8_t data[FRAME_MAX];
};

static void put(struct bytes *b, const void *data, size_t length)
{
	if (length > sizeof(b->data) - b->length)
		abort();
	memcpy(b->data + b->length, data, length);
	b->length += length;
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

uint8_t frame_icmp_type(enum frame_icmp what, int family)
{
	static const uint8_t types[][2] = {
		[ECHO] = { ICMP_ECHO, ICMP6_ECHO_REQUEST },
		[REPLY] = { ICMP_ECHOREPLY, ICMP6_ECHO_REPLY },
		[UNREACHABLE] = { ICMP_DEST_UNREACH, ICMP6_DST_UNREACH },
		[TOO_BIG] = { ICMP_DEST_UNREACH, ICMP6_PACKET_TOO_BIG },
		[EXCEEDED] = { ICMP_TIME_EXCEEDED, ICMP6_TIME_EXCEEDED },
		[REDIRECT] = { ICMP_REDIRECT, ND_REDIRECT },
		[ROUTER] = { 9, ND_ROUTER_ADVERT },
		[SOLICIT] = { 10, ND_ROUTER_SOLICIT },
		[NEIGHBOUR] = { 0, ND_NEIGHBOR_SOLICIT },
		[ADVERT] = { 0, ND_NEIGHBOR_ADVERT },
		[QUERY] = { 0, MLD_LISTENER_QUERY },
		[REPORT] = { 0, 143 },
	};

	return types[what][family == AF_INET6];
}

static void ip4(struct bytes *b, enum outer_who from, enum outer_who to, uint8_t proto, uint8_t hops,
		const struct bytes *options, size_t length, uint16_t number, size_t fragment)
{
	uint8_t h[60] = { 0x45 };
	size_t size = 20 + options->length;
	uint32_t sum = 0;

	h[0] = (uint8_t)(h[0] + options->length / 4);
	put16(h + 2, size + length);
	put16(h + 4, number);
	put16(h + 6, fragment);
	h[8] = hops;
	h[9] = proto;
	outer_address(from, AF_INET, h + 12);
	outer_address(to, AF_INET, h + 16);
	memcpy(h + 20, options->data, options->length);
	for (size_t i = 0; i < size; i += 2)
		sum += (uint32_t)(h[i] << 8 | h[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(h + 10, (uint16_t) ~(sum + (sum >> 16)));
	put(b, h, size);
}

static void ip6(struct bytes *b, enum outer_who from, enum outer_who to, uint8_t next, uint8_t hops, size_t length,
		uint16_t number)
{
	uint8_t h[40] = { 0x60 };

	put16(h + 2, number); /* flow label */
	put16(h + 4, length);
	h[6] = next;
	h[7] = hops;
	outer_address(from, AF_INET6, h + 8);
	outer_address(to, AF_INET6, h + 24);
	put(b, h, sizeof(h));
}

static void quoted(struct bytes *b, const struct quote *q, int family)
{
	static const struct bytes none, record = { 8, { 7, 7, 4 } };
	uint8_t h[8] = { 0 }, fragment[8] = { q->proto, [3] = 1 }, proto = q->proto;

	if (proto == IPPROTO_ICMP) {
		h[0] = frame_icmp_type((enum frame_icmp)q->port, family);
		proto = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	} else {
		put16(h, q->source_port);
		put16(h + 2, q->port);
	}
	if (family == AF_INET)
		ip4(b, q->from, q->to, proto, 60, q->options ? &record : &none, 100, 7, q->fragment ? 0x2000 : 0);
	else
		ip6(b, q->from, q->to, q->fragment ? IPPROTO_FRAGMENT : proto, 60, 100, 7);
	if (family == AF_INET6 && q->fragment)
		put(b, fragment, sizeof(fragment));
	put(b, h, sizeof(h));
}

static void transport(struct bytes *b, const struct frame_spec *spec, int family)
{
	static const uint8_t rest[32] = "what somebody wants to say";
	uint8_t h[24] = { 0 };
	size_t size = 8;

	put16(h, spec->source_port);
	put16(h + 2, spec->port);
	if (spec->proto == IPPROTO_TCP) {
		h[12] = 0x50;
		h[13] = spec->flags;
		size = 20;
	} else if (spec->proto == IPPROTO_UDP) {
		put16(h + 4, 8 + sizeof(rest));
	} else if (spec->proto == IPPROTO_SCTP) {
		h[12] = spec->flags;
		put16(h + 14, 20);
		size = 16;
	} else if (spec->proto == IPPROTO_ICMP) {
		put16(h, 0);
		put16(h + 2, 0);
		h[0] = frame_icmp_type((enum frame_icmp)spec->port, family);
		if (spec->port == NEIGHBOUR || spec->port == ADVERT) {
			outer_address(spec->target, AF_INET6, h + 8);
			size = 24;
		}
	}
	if (!spec->offset)
		put(b, h, size);
	if (spec->quote)
		quoted(b, spec->quote, family);
	put(b, rest, sizeof(rest));
	if (spec->length)
		b->length = spec->length;
}

static uint8_t protocol(const struct frame_spec *spec, int family)
{
	return spec->proto == IPPROTO_ICMP && family == AF_INET6 ? IPPROTO_ICMPV6 : spec->proto;
}

static void packet4(struct bytes *b, const struct frame_spec *spec, const struct bytes *l4, uint16_t number)
{
	static const struct bytes options[] = {
		[PLAIN] = { 0 }, [OPTIONS] = { 8, { 7, 7, 4 } }, [ALERT] = { 4, { 0x94, 4 } }
	};
	const struct bytes *chosen = &options[spec->header <= ALERT ? spec->header : PLAIN];

	ip4(b, spec->from, spec->to, spec->proto, spec->hops ? spec->hops : 64, chosen, l4->length, number,
	    (size_t)spec->offset | (spec->more ? 0x2000 : 0));
	put(b, l4->data, l4->length);
}

static void packet6(struct bytes *b, const struct frame_spec *spec, const struct bytes *l4, uint16_t number)
{
	static const struct {
		uint8_t next, length, data[24];
	} headers[] = { [OPTIONS] = { IPPROTO_DSTOPTS, 8, { 0, 0, 1, 4 } },
			[ALERT] = { IPPROTO_HOPOPTS, 8, { 0, 0, 5, 2, 0, 0, 1, 0 } },
			[HOP_BY_HOP] = { IPPROTO_HOPOPTS, 8, { 0, 0, 1, 4 } },
			[ROUTING] = { IPPROTO_ROUTING, 24, { 0, 2, 2, 0 } },
			[AUTHENTICATION] = { IPPROTO_AH, 16, { 0, 2 } },
			[WHOLE] = { IPPROTO_FRAGMENT, 8, { 0 } },
			[HIDDEN] = { IPPROTO_DSTOPTS, 8, { 0, 0, 1, 4 } } };
	uint8_t next = protocol(spec, AF_INET6), fragment[8] = { 0 };
	bool fragmented = spec->offset || spec->more || spec->header == HIDDEN;
	struct bytes between = { 0 };

	if (fragmented) {
		fragment[0] = spec->header == HIDDEN ? IPPROTO_DSTOPTS : next;
		put16(fragment + 2, (size_t)spec->offset << 3 | spec->more);
		put16(fragment + 6, number);
		put(&between, fragment, sizeof(fragment));
	}
	if (spec->header != PLAIN) {
		between.data[between.length] = next;
		memcpy(between.data + between.length + 1, headers[spec->header].data + 1,
		       headers[spec->header].length - 1u);
		between.length += headers[spec->header].length;
		next = headers[spec->header].next;
	}
	if (fragmented)
		next = IPPROTO_FRAGMENT;
	ip6(b, spec->from, spec->to, next, spec->hops ? spec->hops : 64, between.length + l4->length, number);
	put(b, between.data, between.length);
	put(b, l4->data, l4->length);
}

static void arp(struct bytes *b, const struct frame_spec *spec, const uint8_t *hardware, uint16_t number)
{
	uint8_t h[28] = { 0, 1, 8, 0, 6, 4, 0, spec->operation };

	memcpy(h + 8, hardware, 6);
	outer_address(spec->from, AF_INET, h + 14);
	put16(h + 18, number);
	outer_address(spec->to, AF_INET, h + 24);
	put(b, h, sizeof(h));
}

/* Where the frame goes: to a group, to one that has nothing to do with it, or to the other end. */
static const uint8_t *destination(const struct frame_spec *spec, int family, bool to_container)
{
	static const uint8_t everybody[6] = { 255, 255, 255, 255, 255, 255 };

	if (spec->other_destination)
		return outer_other_mac;
	if (family == 0 || spec->to == WHO_GROUP || spec->to == WHO_GROUP2 || spec->to == WHO_ALL ||
	    spec->to == WHO_SOLICITED || spec->to == WHO_LISTENERS)
		return everybody;
	return to_container ? outer_own_mac : outer_peer_mac;
}

void frame_build(const struct frame_spec *spec, int family, bool to_container, uint16_t number, struct frame *ret)
{
	const uint8_t *mac = to_container ? outer_peer_mac : outer_own_mac;
	struct bytes b = { 0 }, l4 = { 0 };
	uint8_t type[2];

	put(&b, destination(spec, family, to_container), 6);
	put(&b, spec->other_source ? outer_other_mac : mac, 6);
	for (unsigned i = 0; i < spec->tags; i++)
		put(&b, i + 1 < spec->tags ? (uint8_t[]){ 0x88, 0xa8, 0, 5 } : (uint8_t[]){ 0x81, 0, 0, 5 }, 4);
	put16(type, spec->type ? spec->type : family == AF_INET ? 0x0800 : family == AF_INET6 ? 0x86dd : 0x0806);
	put(&b, type, 2);
	ret->tail = b.length;
	transport(&l4, spec, family);
	if (family == AF_INET)
		packet4(&b, spec, &l4, number);
	else if (family == AF_INET6)
		packet6(&b, spec, &l4, number);
	else
		arp(&b, spec, spec->other_hardware ? outer_other_mac : mac, number);
	ret->tail = b.length - ret->tail;
	ret->length = b.length;
	memcpy(ret->data, b.data, b.length);
}
