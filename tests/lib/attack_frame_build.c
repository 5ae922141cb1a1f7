/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames by hand: transport, what stands before it, IP, and Ethernet, from the inside out.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack_frame.h"

#define PADDING_SIZE    48
#define FORGED_SIZE     8
#define FRAGMENT_CUT    40 /* bytes of the payload in the first fragment */
#define TCP_HEADER      20
#define TCP_FLAGS_AT    13
#define TCP_ACK         16
#define GRE             47
#define ICMP_FIRST_INFO 128

struct bytes {
	size_t length;
	uint8_t data[FRAME_MAX_BYTES];
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

static enum attack_host sender(const struct frame *f)
{
	return f->by ? f->by : HOST_OWN;
}

static enum attack_host source(const struct frame *f)
{
	return f->from ? f->from : sender(f);
}

static uint8_t protocol(const struct frame *f)
{
	return f->proto ? f->proto : IPPROTO_UDP;
}

static bool discovery(const struct frame *f)
{
	return f->proto == IPPROTO_ICMPV6 && f->type >= 133 && f->type <= 137;
}

void frame_marker(size_t number, enum frame_road road, uint8_t ret[ATTACK_MARKER_SIZE])
{
	char text[ATTACK_MARKER_SIZE + 1];
	snprintf(text, sizeof(text), "nanoseg-frm-%x%03x", (unsigned)road & 0xf, (unsigned)(number & 0xfff));
	memcpy(ret, text, ATTACK_MARKER_SIZE);
}

/* ---- transport ---- */

static void ip_header(struct bytes *b, int family, enum attack_host from, enum attack_host to, uint8_t proto,
		      uint8_t hops, const struct bytes *options, size_t length, size_t fragment)
{
	uint8_t h[40] = { 0 };
	if (family == AF_INET) {
		h[0] = (uint8_t)(0x45 + options->length / 4);
		put16(h + 2, 20 + options->length + length);
		put16(h + 4, 0x6e73);
		put16(h + 6, fragment);
		h[8] = hops;
		h[9] = proto;
		attack_host_bytes(from, family, h + 12);
		attack_host_bytes(to, family, h + 16);
		put16(h + 10, folded(sum16(sum16(0, h, 20), options->data, options->length)));
		put(b, h, 20);
		put(b, options->data, options->length);
		return;
	}
	h[0] = 0x60;
	put16(h + 4, length);
	h[6] = proto;
	h[7] = hops;
	attack_host_bytes(from, family, h + 8);
	attack_host_bytes(to, family, h + 24);
	put(b, h, 40);
}

static uint16_t transport_checksum(const struct frame *f, const struct bytes *l4)
{
	uint8_t from[16], to[16];
	uint32_t sum = sum16(0, l4->data, l4->length);
	if (protocol(f) == IPPROTO_ICMP)
		return folded(sum);
	size_t size = attack_host_bytes(source(f), f->family, from);
	attack_host_bytes(f->to, f->family, to);
	sum = sum16(sum16(sum, from, size), to, size);
	uint16_t result = folded(sum + protocol(f) + (uint32_t)l4->length);
	return result || protocol(f) != IPPROTO_UDP ? result : 0xffff;
}

static void udp_header(struct bytes *b, size_t source_port, size_t port, size_t length)
{
	uint8_t h[8] = { 0 };
	put16(h, source_port);
	put16(h + 2, port);
	put16(h + 4, 8 + length);
	put(b, h, sizeof(h));
}

/* An error quotes a UDP packet that the container is said to have got from there. */
static void icmp_quote(const struct frame *f, struct bytes *l4)
{
	static const struct bytes none;
	ip_header(l4, f->family, f->to, source(f), IPPROTO_UDP, 64, &none, 8 + ATTACK_MARKER_SIZE, 0);
	udp_header(l4, 53, 9, ATTACK_MARKER_SIZE);
}

static void icmp(const struct frame *f, uint16_t id, struct bytes *l4)
{
	bool v6 = f->proto == IPPROTO_ICMPV6;
	bool error = v6 ? f->type < ICMP_FIRST_INFO : f->type == 3 || f->type == 5 || f->type == 11 || f->type == 12;
	uint8_t h[40] = { f->type };
	size_t size = 8;
	if (!error && !discovery(f))
		put16(h + 4, id);
	if (discovery(f)) {
		static const size_t sizes[] = { 8, 16, 24, 24, 40 };
		size = sizes[f->type - 133];
		if (f->type >= 135)
			attack_host_bytes(f->about, AF_INET6, h + 8);
		if (f->type == 136)
			h[4] = 0x20; /* override */
		if (f->type == 137)
			attack_host_bytes(HOST_FAR, AF_INET6, h + 24);
	}
	put(l4, h, size);
	if (error)
		icmp_quote(f, l4);
	/* Whose MAC this is; detection of doubles has none. What follows looks like an option of its own. */
	if (discovery(f) && source(f) != HOST_ANY) {
		uint8_t option[8] = { f->type == 136 || f->type == 137 ? 2 : 1, 1 };
		attack_host_mac(sender(f), AF_INET6, option + 2);
		put(l4, option, sizeof(option));
	}
	if (discovery(f))
		put(l4, "\xfd\x0b\0\0\0\0\0", 8); /* an option of 88 bytes, for experiments */
}

/* The beginning of a payload that is what a reader takes for the transport header who has gone eight bytes too far. Of
 * TCP's the ports are then in what is the acknowledged number. */
static void forge(const struct frame *f, uint16_t source_port, struct bytes *l4)
{
	uint8_t h[FORGED_SIZE] = { 0 };
	bool tcp = protocol(f) == IPPROTO_TCP;
	uint8_t *ports = tcp ? l4->data + FORGED_SIZE : h;
	if (!f->forged)
		return;
	put16(ports, f->forged_source ? f->forged_source : source_port);
	put16(ports + 2, f->forged_port ? f->forged_port : f->port);
	h[tcp ? FORGED_SIZE + TCP_FLAGS_AT - TCP_HEADER : 5] = tcp ? f->forged_type : FORGED_SIZE;
	put(l4, h, sizeof(h));
}

static void transport(const struct frame *f, const uint8_t *marker, uint16_t source_port, struct bytes *l4)
{
	static const uint8_t padding[PADDING_SIZE];
	static const struct bytes none;
	uint8_t tcp[20] = { 0 };
	size_t body = 2 * ATTACK_MARKER_SIZE + PADDING_SIZE, checksum_at = 0;
	if (f->source_port)
		source_port = f->source_port;
	if (f->forged)
		body += FORGED_SIZE;
	switch (protocol(f)) {
	case IPPROTO_UDP:
		udp_header(l4, source_port, f->port, body);
		checksum_at = 6;
		break;
	case IPPROTO_TCP:
		put16(tcp, source_port);
		put16(tcp + 2, f->port);
		put16(tcp + 4, 0x1234);
		tcp[12] = 0x50;
		tcp[TCP_FLAGS_AT] = f->type;
		put16(tcp + 14, 0x1000);
		put(l4, tcp, sizeof(tcp));
		checksum_at = 16;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		icmp(f, source_port, l4);
		checksum_at = 2;
		break;
	default:
		break;
	}
	forge(f, source_port, l4);
	if (f->proto == GRE)
		put(l4, f->inner == AF_INET6 ? "\0\0\x86\xdd" : "\0\0\x08\0", 4);
	if (f->inner) {
		ip_header(l4, f->inner, HOST_OWN, HOST_FAR, IPPROTO_UDP, 64, &none, 8 + body, 0);
		udp_header(l4, source_port, 53, body); /* without a checksum: the outside is what is judged */
	}
	/* Two markers: whichever fragment comes through has one. To the peer later fragments of a protocol that is
	 * allowed may go, as parts of nothing: there the first one counts. */
	put(l4, marker, ATTACK_MARKER_SIZE);
	put(l4, padding, sizeof(padding));
	put(l4, f->shape == FRAME_PAIR && f->to == HOST_PEER ? padding : marker, ATTACK_MARKER_SIZE);
	if (f->shape == FRAME_SHORT)
		l4->length = 1;
	else if (checksum_at)
		put16(l4->data + checksum_at, transport_checksum(f, l4));
}

/* ---- what stands before it ---- */

/* IPv6: h hop-by-hop, d destination options, 0 2 4 routing of that type, a AH, m mobility, f an atomic fragment. A
 * routing header leads on to `about`, or has been followed to its end where there is none. */
static void extension(const struct frame *f, char letter, uint8_t next, struct bytes *ret)
{
	uint8_t h[24] = { next };
	size_t size = 8;
	h[2] = 1; /* PadN of four bytes */
	h[3] = 4;
	if (letter == '0' || letter == '2' || letter == '4') {
		size = 24;
		h[1] = 2;
		h[2] = (uint8_t)(letter - '0');
		h[3] = f->about ? 1 : 0;
		attack_host_bytes(f->about ? f->about : f->to, AF_INET6, h + 8);
	} else if (letter == 'a') {
		size = 16;
		h[1] = 2; /* in words, less two */
		memset(h + 2, 0, 14);
		put16(h + 6, 0x100);
	} else if (letter == 'm') {
		memset(h + 1, 0, 7);
	} else if (letter == 'f') {
		memset(h + 1, 0, 7);
		put16(h + 6, (size_t)(f - frames) + 1);
	}
	put(ret, h, size);
}

static uint8_t extension_number(char letter)
{
	switch (letter) {
	case 'h':
		return IPPROTO_HOPOPTS;
	case 'd':
		return IPPROTO_DSTOPTS;
	case 'a':
		return IPPROTO_AH;
	case 'm':
		return IPPROTO_MH;
	case 'f':
		return IPPROTO_FRAGMENT;
	default:
		return IPPROTO_ROUTING;
	}
}

static uint8_t extensions(const struct frame *f, uint8_t last, struct bytes *ret)
{
	const char *c = f->chain ? f->chain : "";
	uint8_t first = *c ? extension_number(*c) : last;
	for (; *c; c++)
		extension(f, *c, c[1] ? extension_number(c[1]) : last, ret);
	return first;
}

/* IPv4: r record route, t timestamp, l loose and s strict source route by way of `about`, n a decoy. */
static void options(const struct frame *f, struct bytes *ret)
{
	static const uint8_t timestamp[8] = { 0x44, 8, 5 };
	static const uint8_t decoy[8] = { 1, 1, 0, 53, 1, 1, 1, 0 }; /* where ports would be without options: to 53 */
	uint8_t o[8] = { 7, 7, 4 };
	switch (f->chain ? *f->chain : 0) {
	case 'r':
		break;
	case 't':
		memcpy(o, timestamp, sizeof(o));
		break;
	case 'l':
	case 's':
		o[0] = *f->chain == 'l' ? 131 : 137;
		attack_host_bytes(f->about ? f->about : f->to, AF_INET, o + 3);
		break;
	case 'n':
		memcpy(o, decoy, sizeof(o));
		break;
	default:
		return;
	}
	put(ret, o, sizeof(o));
}

/* ---- IP and Ethernet ---- */

static void ethernet(const struct frame *f, const struct bytes *payload, const uint8_t *trailer,
		     struct frame_bytes *ret)
{
	struct bytes b = { 0 };
	uint8_t h[14];
	size_t type = f->ethertype ? f->ethertype : f->family == AF_INET6 ? 0x86dd : 0x0800;
	if (f->hardware)
		memcpy(h, f->hardware, 6);
	else
		attack_host_mac(f->to, f->family, h);
	if (f->shape == FRAME_ARP && !f->ethertype)
		type = 0x0806;
	attack_host_mac(f->mac ? f->mac : sender(f), f->family, h + 6);
	if (f->llc)
		type = payload->length + 3 + (trailer ? ATTACK_MARKER_SIZE : 0);
	put16(h + 12, f->tags[0] ? f->tags[0] : type);
	put(&b, h, sizeof(h));
	for (size_t i = 0; i < 2 && f->tags[i]; i++) {
		bool last = i == 1 || !f->tags[1];
		put16(h, last ? f->vlan : 9);
		put16(h + 2, last ? type : f->tags[1]);
		put(&b, h, 4);
	}
	if (f->llc)
		put(&b, "\x42\x42\3", 3);
	put(&b, payload->data, payload->length);
	if (trailer)
		put(&b, trailer, ATTACK_MARKER_SIZE);
	memcpy(ret->data[ret->count], b.data, b.length);
	ret->length[ret->count++] = b.length;
}

static void arp(const struct frame *f, const uint8_t *marker, struct frame_bytes *ret)
{
	struct bytes b = { 0 };
	uint8_t h[28] = { 0, 1, 8, 0, 6, 4, 0, f->type };
	attack_host_mac(f->forged_hardware ? HOST_NEIGHBOUR : sender(f), AF_INET, h + 8);
	attack_host_bytes(source(f), AF_INET, h + 14);
	if (f->type != 1)
		attack_host_mac(f->about, AF_INET, h + 18);
	attack_host_bytes(f->about, AF_INET, h + 24);
	put(&b, h, sizeof(h));
	ethernet(f, &b, marker, ret);
}

/* One packet with these bytes of the payload; offset 0 and !more: whole. */
static void packet(const struct frame *f, const struct bytes *payload, uint8_t proto, size_t offset, size_t length,
		   bool more, const uint8_t *trailer, struct frame_bytes *ret)
{
	struct bytes b = { 0 }, before = { 0 };
	uint8_t hops = f->hops ? f->hops : discovery(f) ? 255 : 64;
	if (f->family == AF_INET) {
		options(f, &before);
		ip_header(&b, AF_INET, source(f), f->to, proto, hops, &before, length,
			  offset / 8 | (more ? 0x2000 : 0));
	} else {
		bool fragment = offset || more;
		uint8_t first = extensions(f, fragment ? IPPROTO_FRAGMENT : proto, &before);
		if (fragment) {
			uint8_t h[8] = { proto };
			put16(h + 2, offset | more);
			put16(h + 6, (size_t)(f - frames) + 1);
			put(&before, h, sizeof(h));
		}
		ip_header(&b, AF_INET6, source(f), f->to, first, hops, NULL, before.length + length, 0);
		put(&b, before.data, before.length);
	}
	put(&b, payload->data + offset, length);
	ethernet(f, &b, trailer, ret);
}

/* First an allowed answer, cut, which has no marker; then one that has other flags at the same place. */
static void overlap(const struct frame *f, const struct bytes *l4, struct frame_bytes *ret)
{
	struct bytes answer = *l4;
	answer.data[TCP_FLAGS_AT] = TCP_ACK;
	memset(answer.data + TCP_HEADER, 0, ATTACK_MARKER_SIZE);
	packet(f, &answer, protocol(f), 0, FRAGMENT_CUT, true, NULL, ret);
	packet(f, l4, protocol(f), 8, l4->length - 8, false, NULL, ret);
}

static void hidden(const struct frame *f, const struct bytes *l4, struct frame_bytes *ret)
{
	struct bytes b = { 0 };
	extension(f, 'd', protocol(f), &b);
	put(&b, l4->data, l4->length);
	packet(f, &b, IPPROTO_DSTOPTS, 0, 8, true, NULL, ret);
	packet(f, &b, IPPROTO_DSTOPTS, 8, b.length - 8, false, NULL, ret);
}

void frame_build(size_t number, enum frame_road road, uint16_t source_port, struct frame_bytes *ret)
{
	const struct frame *f = &frames[number];
	struct bytes l4 = { 0 };
	uint8_t marker[ATTACK_MARKER_SIZE], proto = protocol(f);
	frame_marker(number, road, marker);
	memset(ret, 0, sizeof(*ret));
	if (f->shape == FRAME_ARP) {
		arp(f, marker, ret);
		return;
	}
	transport(f, marker, source_port, &l4);
	switch (f->shape) {
	case FRAME_SHORT: /* no room inside: the marker stands behind the packet's end */
		packet(f, &l4, proto, 0, l4.length, false, marker, ret);
		break;
	case FRAME_TINY:
		packet(f, &l4, proto, 0, 8, true, marker, ret);
		break;
	case FRAME_FIRST:
		packet(f, &l4, proto, 0, FRAGMENT_CUT, true, marker, ret);
		break;
	case FRAME_REST:
		packet(f, &l4, proto, FRAGMENT_CUT, l4.length - FRAGMENT_CUT, false, NULL, ret);
		break;
	case FRAME_SHIFT:
		packet(f, &l4, proto, 8, l4.length - 8, false, NULL, ret);
		break;
	case FRAME_PAIR:
		packet(f, &l4, proto, 0, FRAGMENT_CUT, true, NULL, ret);
		packet(f, &l4, proto, FRAGMENT_CUT, l4.length - FRAGMENT_CUT, false, NULL, ret);
		break;
	case FRAME_OVERLAP:
		overlap(f, &l4, ret);
		break;
	case FRAME_HIDDEN:
		hidden(f, &l4, ret);
		break;
	default:
		packet(f, &l4, proto, 0, l4.length, false, NULL, ret);
		break;
	}
}
