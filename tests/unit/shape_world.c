/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

#include "shape_world.h"

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))
#define LINK_HEADER  14
#define OTHERS       12

const uint8_t shape_macs[1][6] = { { 2, 0, 0, 0, 0, 1 } };
static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 9 };

static const char *const own[2][2] = { { "10.9.0.2", "10.9.0.20" }, { "fd09::2", "fe80::2" } };
/* Whom the policies name, in one way or the other, and some that they do not. */
static const char *const others[2][OTHERS] = {
	{ "10.9.0.3", "10.9.0.3", "10.9.0.3", "10.9.0.3", "10.9.0.1", "10.9.0.255", "255.255.255.255", "224.0.0.251",
	  "10.7.0.9", "8.8.8.8", "0.0.0.0", "10.8.0.5" },
	{ "fd09::3", "fd09::3", "fd09::3", "fd09::3", "fd09::1", "fe80::9", "ff02::1", "ff02::fb", "fd07::9",
	  "2001:4860::8", "::", "fd08::5" },
};
static const uint8_t protocols[] = { IPPROTO_TCP,    IPPROTO_TCP,  IPPROTO_TCP,  IPPROTO_TCP,     IPPROTO_UDP,
				     IPPROTO_UDP,    IPPROTO_UDP,  IPPROTO_ICMP, IPPROTO_ICMP,    IPPROTO_ICMPV6,
				     IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE, IPPROTO_GRE,
				     IPPROTO_IGMP,   IPPROTO_IPIP };
static const uint16_t ports[] = { 80, 80, 80, 80, 53, 67, 68, 1500 };

unsigned shape_random(struct shape_random *random, unsigned n)
{
	random->state = random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(random->state >> 33) % n;
}

static bool one_in(struct shape_random *random, unsigned n)
{
	return shape_random(random, n) == 0;
}

static struct ns_addr addr(const char *text)
{
	struct ns_addr ret;

	assert_int_equal(ns_addr_parse(text, &ret, NULL), 0);
	return ret;
}

size_t shape_own(struct ns_addr ret[4])
{
	for (size_t i = 0; i < 4; i++)
		ret[i] = addr(own[i / 2][i % 2]);
	return 4;
}

size_t shape_links(struct ns_prefix ret[2])
{
	assert_int_equal(ns_prefix_parse("10.9.0.0/24", &ret[0], NULL), 0);
	assert_int_equal(ns_prefix_parse("fd09::/64", &ret[1], NULL), 0);
	return 2;
}

/* "odd" has given itself addresses that are groups'. */
struct ns_book *shape_book(void)
{
	static const struct {
		const char *name, *addr;
	} workloads[] = { { "db", "10.9.0.3" }, { "db", "fd09::3" }, { "odd", "10.9.0.255" }, { "odd", "ff02::1" } };
	struct ns_addr hosts[2] = { addr("10.9.0.1"), addr("fd09::1") };
	struct ns_book *ret;

	assert_int_equal(ns_book_new(&ret, NULL), 0);
	for (size_t i = 0; i < COUNT(workloads); i++) {
		struct ns_addr a = addr(workloads[i].addr);

		assert_int_equal(ns_book_add_workload(ret, workloads[i].name, &a, NULL), 0);
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(ns_book_add_host(ret, &hosts[i], NULL), 0);
	return ret;
}

/* ---- policies ---- */

static void random_peer(struct shape_random *random, struct ns_peer *ret)
{
	static const struct {
		enum ns_peer_class peer_class;
		const char *what;
	} peers[] = {
		{ NS_PEER_WORKLOAD, "db" },
		{ NS_PEER_WORKLOAD, "db" },
		{ NS_PEER_WORKLOAD, "gone" },
		{ NS_PEER_WORKLOAD, "odd" },
		{ NS_PEER_HOST, NULL },
		{ NS_PEER_CIDR, "10.9.0.3/32" },
		{ NS_PEER_CIDR, "fd09::3/128" },
		{ NS_PEER_CIDR, "10.7.0.0/24" },
		{ NS_PEER_CIDR, "fd07::/64" },
		{ NS_PEER_CIDR, "10.8.0.5/32" },
		{ NS_PEER_CIDR, "fd08::5/128" },
		{ NS_PEER_CIDR, "10.9.0.0/24" },
		{ NS_PEER_BROADCAST, NULL },
		{ NS_PEER_MULTICAST, "224.0.0.251/32" },
		{ NS_PEER_MULTICAST, "ff02::/16" },
		{ NS_PEER_INTERNET, NULL },
		{ NS_PEER_ANY, NULL },
	};
	unsigned i = shape_random(random, COUNT(peers));

	ret->peer_class = peers[i].peer_class;
	if (peers[i].peer_class == NS_PEER_CIDR || peers[i].peer_class == NS_PEER_MULTICAST)
		assert_int_equal(ns_prefix_parse(peers[i].what, &ret->prefix, NULL), 0);
	else if (peers[i].what)
		ret->name = strdup(peers[i].what);
}

static struct ns_span random_ports(struct shape_random *random)
{
	static const struct ns_span spans[] = { { 1000, 2000 }, { 0, 65535 } };
	uint16_t port = ports[shape_random(random, COUNT(ports))];

	return one_in(random, 5) ? spans[shape_random(random, 2)] : (struct ns_span){ port, port };
}

static struct ns_span random_types(struct shape_random *random, bool v6)
{
	static const struct ns_span spans[] = { { 0, 255 }, { 8, 13 }, { 128, 129 } };
	uint16_t echo = v6 ? ICMP6_ECHO_REQUEST : 8;

	return one_in(random, 4) ? spans[shape_random(random, 3)] : (struct ns_span){ echo, echo };
}

/* A policy is of one kind more often than of all: that is where something is left out. */
static void random_rule(struct shape_random *random, unsigned kinds, struct ns_rule *ret)
{
	static const enum ns_direction directions[] = { NS_EGRESS, NS_INGRESS, NS_TRANSIT };

	ret->direction = directions[shape_random(random, kinds)];
	random_peer(random, &ret->peer);
	if (ret->direction == NS_TRANSIT)
		random_peer(random, &ret->source);
	ret->protocol = protocols[shape_random(random, kinds == 1 ? 7 : COUNT(protocols))];
	ret->any_protocol = one_in(random, 12);
	if (ret->any_protocol || (!ns_protocol_has_ports(ret->protocol) && !ns_protocol_is_icmp(ret->protocol)))
		return;
	ret->spans = calloc(1, sizeof(*ret->spans));
	assert_non_null(ret->spans);
	ret->n_spans = 1;
	ret->spans[0] = ns_protocol_is_icmp(ret->protocol) ? random_types(random, ret->protocol == IPPROTO_ICMPV6)
							   : random_ports(random);
}

void shape_policy(struct shape_random *random, struct ns_policy *ret)
{
	unsigned n = shape_random(random, 9), kinds = 1 + shape_random(random, 3);

	*ret = (struct ns_policy){ .workload = strdup("w"), .revision = 1 };
	ret->verdict = one_in(random, 3) ? NS_VERDICT_REJECT : NS_VERDICT_DROP;
	ret->rules = calloc(n + 1, sizeof(*ret->rules));
	assert_non_null(ret->rules);
	for (ret->n_rules = 0; ret->n_rules < n; ret->n_rules++) {
		struct ns_rule *rule = &ret->rules[ret->n_rules];

		(void)snprintf(rule->id, sizeof(rule->id), "r%zu", ret->n_rules);
		random_rule(random, kinds, rule);
	}
}

/* ---- packets ---- */

static void put(struct run_packet *packet, const void *data, size_t length)
{
	if (packet->length + length > sizeof(packet->data))
		abort();
	memcpy(packet->data + packet->length, data, length);
	packet->length += length;
}

static void put_bytes(struct run_packet *packet, size_t n, ...)
{
	va_list args;

	va_start(args, n);
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)va_arg(args, int);

		put(packet, &byte, 1);
	}
	va_end(args);
}

static void put_address(struct run_packet *packet, struct shape_random *random, bool v6, bool is_own)
{
	struct ns_addr a = addr(one_in(random, 6) != is_own ? own[v6][shape_random(random, 2)]
							    : others[v6][shape_random(random, OTHERS)]);

	put(packet, a.bytes, v6 ? 16 : 4);
}

static uint8_t random_type(struct shape_random *random, bool v6)
{
	static const uint8_t types[2][14] = {
		{ 8, 8, 0, 0, 3, 3, 3, 11, 12, 13, 14, 5, 9, 42 },
		{ 128, 128, 129, 1, 2, 2, 4, 133, 134, 135, 136, 137, 131, 143 },
	};

	return types[v6][shape_random(random, 14)];
}

static void put_packet(struct run_packet *packet, struct shape_random *random, bool v6, bool outgoing, bool quoted);

static void put_transport(struct run_packet *packet, struct shape_random *random, bool v6, uint8_t protocol,
			  bool outgoing, bool quoted)
{
	static const uint8_t flags[] = { 0x02, 0x12, 0x10, 0x11, 0x04, 0x03, 0x00 };
	uint16_t from = ports[shape_random(random, COUNT(ports))], to = ports[shape_random(random, COUNT(ports))];
	uint8_t type;

	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) {
		type = random_type(random, v6);
		put_bytes(packet, 8, type, 0, 0, 0, 0, 0, 0, 0);
		if (!quoted && (v6 ? type < 5 : type == 3 || type == 11 || type == 12))
			put_packet(packet, random, v6, !outgoing, true);
		else if (v6 && type >= ND_NEIGHBOR_SOLICIT && type <= ND_REDIRECT)
			put_address(packet, random, true, true);
		return;
	}
	put_bytes(packet, 4, from >> 8, from & 0xff, to >> 8, to & 0xff);
	put_bytes(packet, 4, 0, 0, 0, 0);
	put_bytes(packet, 4, protocol == IPPROTO_DCCP ? 0 : (int)shape_random(random, 3), 0, 0, 0);
	put_bytes(packet, 4, 0x50, protocol == IPPROTO_TCP ? flags[shape_random(random, COUNT(flags))] : 0, 0, 0);
	put_bytes(packet, 4, 0, 0, 0, 0);
}

static uint8_t random_protocol(struct shape_random *random, bool v6)
{
	uint8_t protocol = protocols[shape_random(random, COUNT(protocols))];

	if (ns_protocol_is_icmp(protocol) && !one_in(random, 10))
		protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	return protocol;
}

static void put_ipv4(struct run_packet *packet, struct shape_random *random, bool outgoing, bool quoted)
{
	static const uint8_t offsets[] = { 0, 1, 2, 100 };
	uint8_t protocol = random_protocol(random, false);
	bool options = one_in(random, 20);
	uint8_t offset = one_in(random, 8) ? offsets[shape_random(random, COUNT(offsets))] : 0;

	if (options && one_in(random, 2))
		protocol = IPPROTO_IGMP;
	put_bytes(packet, 8, options ? 0x46 : 0x45, 0, 0, 40, 0, 0, one_in(random, 20) ? 0x20 : 0, offset);
	put_bytes(packet, 4, one_in(random, 3) ? 1 : 64, protocol, 0, 0);
	put_address(packet, random, false, outgoing);
	put_address(packet, random, false, !outgoing);
	if (options)
		put_bytes(packet, 4, 0x94, 4, 0, 0);
	if (!quoted) {
		packet->l4proto = protocol;
		packet->transport = offset ? 0 : packet->length;
	}
	put_transport(packet, random, false, protocol, outgoing, quoted);
}

static void put_ipv6(struct run_packet *packet, struct shape_random *random, bool outgoing, bool quoted)
{
	static const uint8_t hops[] = { 64, 255, 255, 1 };
	static const uint8_t headers[] = { IPPROTO_FRAGMENT, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_DSTOPTS };
	uint8_t protocol = random_protocol(random, true), offset = one_in(random, 3) ? 16 : 0;
	uint8_t extension = one_in(random, 4) ? headers[shape_random(random, COUNT(headers))] : 0xff;
	bool jumbo = extension == IPPROTO_HOPOPTS && one_in(random, 2);

	if (jumbo)
		protocol = IPPROTO_TCP;
	put_bytes(packet, 8, 0x60, 0, 0, 0, 0, jumbo ? 0 : 20, extension == 0xff ? protocol : extension,
		  hops[shape_random(random, COUNT(hops))]);
	put_address(packet, random, true, outgoing);
	put_address(packet, random, true, !outgoing);
	if (extension == IPPROTO_FRAGMENT)
		put_bytes(packet, 8, protocol, 0, 0, offset | 1, 0, 0, 0, 1);
	else if (jumbo)
		put_bytes(packet, 8, protocol, 0, 0xc2, 4, 0, 1, 0, 0);
	else if (extension != 0xff)
		put_bytes(packet, 8, protocol, 0, 5, 2, 0, 0, 1, 0);
	if (!quoted) {
		packet->l4proto = protocol;
		packet->transport = extension == IPPROTO_FRAGMENT && offset ? 0 : packet->length;
	}
	put_transport(packet, random, true, protocol, outgoing, quoted);
}

static void put_packet(struct run_packet *packet, struct shape_random *random, bool v6, bool outgoing, bool quoted)
{
	if (v6)
		put_ipv6(packet, random, outgoing, quoted);
	else
		put_ipv4(packet, random, outgoing, quoted);
}

static void put_arp(struct run_packet *packet, struct shape_random *random)
{
	put_bytes(packet, 8, 0, 1, 8, 0, 6, one_in(random, 20) ? 5 : 4, 0, 1 + (int)shape_random(random, 3));
	put(packet, one_in(random, 4) ? other_mac : shape_macs[0], 6);
	put_address(packet, random, false, true);
	put_bytes(packet, 6, 0, 0, 0, 0, 0, 0);
	put_address(packet, random, false, false);
}

static void put_ether(struct run_packet *packet, struct shape_random *random, bool outgoing, unsigned type)
{
	static const uint8_t types[4][2] = { { 0x08, 0x00 }, { 0x86, 0xdd }, { 0x08, 0x06 }, { 0x81, 0x00 } };
	const uint8_t *near = one_in(random, 8) ? other_mac : shape_macs[0];

	put(packet, outgoing ? other_mac : near, 6);
	put(packet, outgoing ? near : other_mac, 6);
	put(packet, types[type], 2);
}

static void know(struct run_packet *packet, struct shape_random *random, bool v6)
{
	static const uint32_t states[] = { NF_CT_STATE_INVALID_BIT,        NF_CT_STATE_BIT(IP_CT_ESTABLISHED),
					   NF_CT_STATE_BIT(IP_CT_RELATED), NF_CT_STATE_BIT(IP_CT_NEW),
					   NF_CT_STATE_BIT(IP_CT_NEW),     NF_CT_STATE_UNTRACKED_BIT };

	packet->nfproto = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	packet->iif = 1 + shape_random(random, 4) / 3;
	packet->iif = one_in(random, 6) ? 1 : 2;
	packet->oif = one_in(random, 6) ? 1 : 2;
	packet->fib_type = one_in(random, 2) ? RTN_LOCAL : RTN_UNICAST;
	packet->ct_state = states[shape_random(random, COUNT(states))];
	packet->ct_status = one_in(random, 2) ? IPS_CONFIRMED : IPS_DST_NAT;
	packet->ct_direction = (uint8_t)shape_random(random, 2);
	packet->has_socket = one_in(random, 2);
	packet->has_user = packet->has_socket && !one_in(random, 4);
	packet->cgroup = one_in(random, 3) ? 0 : 7 + shape_random(random, 2);
}

void shape_packet(struct shape_random *random, bool outgoing, struct run_packet *ret)
{
	unsigned type = one_in(random, 20) ? 2 + shape_random(random, 2) : shape_random(random, 2);

	memset(ret, 0, sizeof(*ret));
	put_ether(ret, random, outgoing, type);
	ret->network = LINK_HEADER;
	if (type == 2)
		put_arp(ret, random);
	else
		put_packet(ret, random, type == 1, outgoing, false);
	know(ret, random, type == 1);
	if (one_in(random, 12))
		ret->length -= shape_random(random, (unsigned)ret->length - LINK_HEADER);
	if (one_in(random, 8))
		ret->data[shape_random(random, (unsigned)ret->length)] ^= (uint8_t)(1u << shape_random(random, 8));
}
