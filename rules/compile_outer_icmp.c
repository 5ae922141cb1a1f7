/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ICMP in the outer lock. A reply is the answer to the request that the policy allows. An error is believed for the
 * packet that it quotes: one that its receiver was allowed to send, or to send as an answer. That keeps path MTU
 * discovery alive, and nothing else can be said in an error's name.
 */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "compile_outer.h"
#include "elements.h"

#define ICMP_ROUTER_ADVERTISEMENT 9 /* RFC 1256; not in netinet/ip_icmp.h */
#define MLD2_REPORT               143

static const struct {
	uint8_t protocol, reply, request;
} replies[] = {
	{ IPPROTO_ICMP, ICMP_ECHOREPLY, ICMP_ECHO },
	{ IPPROTO_ICMP, ICMP_TIMESTAMPREPLY, ICMP_TIMESTAMP },
	{ IPPROTO_ICMPV6, ICMP6_ECHO_REPLY, ICMP6_ECHO_REQUEST },
};

/* Types of errors about a packet; of these IPv6 has parameter problem, 4, where IPv4 has something obsolete. */
static const struct {
	uint8_t protocol, lo, hi;
} errors[] = {
	{ IPPROTO_ICMP, ICMP_DEST_UNREACH, ICMP_DEST_UNREACH },
	{ IPPROTO_ICMP, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB },
	{ IPPROTO_ICMPV6, ICMP6_DST_UNREACH, ICMP6_PARAM_PROB },
};

static void type_between(struct ns_builder *b, const struct ns_outer_family *f, uint8_t lo, uint8_t hi,
			 const char *chain)
{
	ns_builder_rule(b, NULL);
	ns_outer_load_transport(b, f, 0, 1, 0);
	ns_builder_cmp8(b, NFT_CMP_GTE, 0, lo);
	ns_builder_cmp8(b, NFT_CMP_LTE, 0, hi);
	ns_builder_verdict(b, NFT_GOTO, chain);
}

static void goto_if_error(struct ns_builder *b, const struct ns_outer_family *f, const char *chain)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].protocol == f->icmp && !f->behind)
			type_between(b, f, errors[i].lo, errors[i].hi, chain);
}

static void allow_replies(struct ns_builder *b, const struct ns_outer_family *f, enum ns_direction direction,
			  enum ns_key_shape shape)
{
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		const uint8_t request[2] = { replies[i].request };

		for (enum ns_purpose purpose = NS_PURPOSE_ALLOW; purpose <= NS_PURPOSE_ALLOW_RANGE; purpose++) {
			if (replies[i].protocol != f->icmp ||
			    !ns_shape_protocol(b->shape, purpose, direction, f->family, f->icmp))
				continue;
			ns_builder_rule(b, NULL);
			ns_outer_transport(b, f, 0, &replies[i].reply, 1);
			/* A reply's key is its own but for the type. */
			ns_builder_immediate(b, ns_tuple_load(b, f->family, &f->place, NS_KIND_ICMP, shape), request,
					     2);
			ns_builder_lookup(b, ns_layout_set_name(purpose, direction, f->family), 0, false);
			ns_builder_accept(b);
		}
	}
}

/* ---- what errors quote ---- */

/* The quoted packet as the key of a look-up; its address, and with transit the first of two, is one of these. */
enum place { PLACE_NONE, PLACE_RECEIVER /* of the error */, PLACE_QUOTED_DESTINATION };

struct quoted {
	enum ns_direction direction;
	uint8_t own; /* where it quotes an address that must be the endpoint's own; 0: nowhere */
	bool answer; /* the quoted packet was an answer: its source port is the key's */
	enum place addresses[2];
};

static uint8_t load_places(struct ns_builder *b, const struct ns_outer_family *f, const enum place places[2])
{
	uint8_t reg = 1;

	for (size_t i = 0; i < 2 && places[i] != PLACE_NONE; i++) {
		if (places[i] == PLACE_RECEIVER)
			ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->destination, f->address_length, reg);
		else
			ns_outer_load_transport(b, f, f->quoted_destination, f->address_length, reg);
		reg = (uint8_t)(reg + f->address_length / 4);
	}
	return reg;
}

static void quoted_own(struct ns_builder *b, const struct ns_outer_family *f, uint8_t place, bool invert)
{
	ns_outer_load_transport(b, f, place, f->address_length, 0);
	ns_builder_lookup(b, f->addresses, 0, invert);
}

static void load_quoted(struct ns_builder *b, const struct ns_outer_family *f, enum ns_key_kind kind,
			const struct quoted *quoted)
{
	uint8_t reg;

	if (quoted->own)
		quoted_own(b, f, quoted->own, false);
	ns_outer_load_transport(b, f, f->quoted_protocol, 1, 0);
	if (kind != NS_KIND_ICMP)
		ns_builder_lookup(b, NS_SET_PORT_PROTOCOLS, 0, kind == NS_KIND_OTHER);
	if (kind != NS_KIND_PORTS)
		ns_builder_cmp8(b, kind == NS_KIND_ICMP ? NFT_CMP_EQ : NFT_CMP_NEQ, 0, f->icmp);
	reg = load_places(b, f, quoted->addresses);
	if (kind == NS_KIND_PORTS)
		ns_outer_load_transport(b, f, f->quoted_transport + (quoted->answer ? 0u : 2u), 2, reg);
	else if (kind == NS_KIND_ICMP)
		ns_outer_load_transport(b, f, f->quoted_transport, 1, reg);
	else
		ns_builder_immediate_zero(b, reg, 2);
}

/* A first fragment is quoted with its fragment header; the ports behind it are not looked for. */
static void allow_quoted_fragment(struct ns_builder *b, const struct ns_outer_family *f, const struct quoted *quoted)
{
	static const uint8_t fragment = IPPROTO_FRAGMENT;
	enum ns_fragments kind = quoted->direction == NS_TRANSIT ? NS_FRAGMENTS_TRANSIT : NS_FRAGMENTS_PEER;

	for (unsigned range = 0; f->family == AF_INET6 && range < 2; range++) {
		if (!ns_shape_fragments(b->shape, kind, f->family, range))
			continue;
		ns_builder_rule(b, "about a fragment");
		if (quoted->own)
			quoted_own(b, f, quoted->own, false);
		ns_outer_transport(b, f, f->quoted_protocol, &fragment, 1);
		ns_outer_load_transport(b, f, f->quoted_transport, 1, 0);
		(void)load_places(b, f, quoted->addresses);
		ns_builder_lookup(b, ns_fragments_set_name(kind, f->family, range), 0, false);
		ns_builder_accept(b);
	}
}

static void allow_quoted(struct ns_builder *b, const struct ns_outer_family *f, const struct quoted *quoted)
{
	for (enum ns_key_kind kind = 0; kind < NS_KINDS; kind++) {
		if (kind == NS_KIND_ICMP && quoted->answer)
			continue; /* no errors about echo replies */
		for (enum ns_purpose purpose = NS_PURPOSE_ALLOW; purpose <= NS_PURPOSE_ALLOW_RANGE; purpose++) {
			if (!ns_shape_kind(b->shape, purpose, quoted->direction, f->family, kind))
				continue;
			ns_builder_rule(b, quoted->answer ? "about an answer" : NULL);
			load_quoted(b, f, kind, quoted);
			ns_builder_lookup(b, ns_layout_set_name(purpose, quoted->direction, f->family), 0, false);
			ns_builder_accept(b);
		}
	}
	allow_quoted_fragment(b, f, quoted);
}

/* What is quoted is a first fragment or a whole packet, and its header has no options, so that all is where it is
 * looked for. Leaves for `chain`, or returns when that is NULL. */
static void leave_if_unreadable(struct ns_builder *b, const struct ns_outer_family *f, const char *chain)
{
	static const uint8_t offset_mask[2] = { 0x1f, 0xff }, zero[2];

	if (f->family != AF_INET)
		return;
	ns_builder_rule(b, "about a packet with options");
	ns_outer_load_transport(b, f, 8, 1, 0);
	ns_builder_cmp8(b, NFT_CMP_NEQ, 0, 0x45);
	ns_builder_verdict(b, chain ? NFT_GOTO : NFT_RETURN, chain);
	ns_builder_rule(b, "about a later fragment");
	ns_outer_load_transport(b, f, 8 + 6, 2, 0);
	ns_builder_mask(b, 0, offset_mask, 2);
	ns_builder_cmp(b, NFT_CMP_NEQ, 0, zero, 2);
	ns_builder_verdict(b, chain ? NFT_GOTO : NFT_RETURN, chain);
}

static void error_chains(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	bool from = side == NS_OUTER_FROM;
	/* Sent by the container, the error goes to whoever sent it the packet; sent to it, it comes from anywhere. */
	enum place peer = from ? PLACE_RECEIVER : PLACE_QUOTED_DESTINATION;
	const struct ns_outer_way *other = &ns_outer_ways[from ? NS_OUTER_TO : NS_OUTER_FROM];

	uint8_t own = from ? f->quoted_destination : f->quoted_source;

	ns_builder_chain(b, NS_OUTER_CHAIN(side, f, "error"));
	leave_if_unreadable(b, f, NS_OUTER_CHAIN(side, f, "deny"));
	allow_quoted(b, f, &(struct quoted){ other->opens, own, false, { peer } });
	allow_quoted(b, f, &(struct quoted){ other->answers, own, true, { peer } });
	ns_builder_rule(b, "about a forwarded packet");
	quoted_own(b, f, own, true);
	ns_builder_verdict(b, NFT_JUMP, NS_OUTER_SHARED("transit", f, "error"));
	ns_outer_goto(b, NS_OUTER_CHAIN(side, f, "deny"));
}

/* Whether an error, a reply or what either is looked up by may lead to a group. */
static bool reaches_groups(const struct ns_builder *b, const struct ns_outer_family *f)
{
	return ns_shape_groups(b->shape, NS_INGRESS, f->family) || ns_shape_groups(b->shape, NS_EGRESS, f->family) ||
	       ns_shape_fragment_groups(b->shape, NS_FRAGMENTS_PEER, f->family) ||
	       ns_shape_any(b->shape, NS_TRANSIT, f->family);
}

/* The container is no router for its neighbours, and asks nobody who listens. */
static void link_rules(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	static const uint8_t routers[] = { ICMP_REDIRECT, ICMP_ROUTER_ADVERTISEMENT };

	if (f->family == AF_INET6 && side == NS_OUTER_FROM) {
		type_between(b, f, MLD_LISTENER_QUERY, ND_REDIRECT, "from6_link");
		type_between(b, f, MLD2_REPORT, MLD2_REPORT, "from6_link");
	} else if (f->family == AF_INET6) {
		if (f->behind)
			return;
		ns_builder_rule(b, NULL);
		ns_builder_verdict(b, NFT_JUMP, "to6_link");
	} else if (side == NS_OUTER_FROM) {
		for (size_t i = 0; i < sizeof(routers); i++) {
			ns_builder_rule(b, "routers' messages");
			ns_outer_transport(b, f, 0, &routers[i], 1);
			ns_builder_counter(b, NS_COUNTER_SPOOFED_LINK);
			ns_builder_verdict(b, NFT_GOTO, "refuse");
		}
	}
}

void ns_outer_icmp_chains(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	const struct ns_outer_way *way = &ns_outer_ways[side];

	if (!f->behind)
		error_chains(b, f, side);
	ns_builder_chain(b, NS_OUTER_CHAIN(side, f, "icmp"));
	link_rules(b, f, side);
	ns_outer_allow(b, f, way->opens, NS_KIND_ICMP, way->open_shape);
	if (side == NS_OUTER_FROM && reaches_groups(b, f))
		ns_outer_groups(b, f, NS_OUTER_CHAIN(side, f, "deny")); /* neither replies nor errors go to one */
	goto_if_error(b, f, NS_OUTER_CHAIN(side, f, "error"));
	allow_replies(b, f, way->answers, way->answer_shape);
	ns_outer_goto(b, NS_OUTER_CHAIN(side, f, "deny"));
}

void ns_outer_transit_icmp_chains(struct ns_builder *b, const struct ns_outer_family *f)
{
	static const struct quoted forth = { NS_TRANSIT, 0, false, { PLACE_RECEIVER, PLACE_QUOTED_DESTINATION } };
	static const struct quoted back = { NS_TRANSIT, 0, true, { PLACE_QUOTED_DESTINATION, PLACE_RECEIVER } };

	ns_builder_chain(b, NS_OUTER_SHARED("transit", f, "icmp"));
	ns_outer_allow(b, f, NS_TRANSIT, NS_KIND_ICMP, NS_KEY_BOTH);
	goto_if_error(b, f, NS_OUTER_SHARED("transit", f, "error"));
	allow_replies(b, f, NS_TRANSIT, NS_KEY_BOTH_ANSWER);

	if (f->behind)
		return;
	ns_builder_chain(b, NS_OUTER_SHARED("transit", f, "error"));
	leave_if_unreadable(b, f, NULL);
	allow_quoted(b, f, &forth);
	allow_quoted(b, f, &back);
}
