/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Look-ups of tuples in the outer lock. Every packet of a bulk transfer comes through here, so what is exact is asked
 * first, and of what opens nothing the answers.
 */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "compile_outer.h"

#define TCP_FLAGS_OFFSET 13
#define TCP_SYN          0x02
#define TCP_ACK          0x10

#define REG_FLAGS 15 /* behind the longest key */

const struct ns_outer_way ns_outer_ways[NS_OUTER_SIDES] = {
	[NS_OUTER_FROM] = { NS_EGRESS, NS_INGRESS, NS_KEY_DESTINATION, NS_KEY_ANSWER },
	[NS_OUTER_TO] = { NS_INGRESS, NS_EGRESS, NS_KEY_SOURCE, NS_KEY_SOURCE_ANSWER },
};

static void allow_one(struct ns_builder *b, const struct ns_outer_family *f, enum ns_purpose purpose,
		      enum ns_direction direction, enum ns_key_kind kind, enum ns_key_shape shape)
{
	if (!ns_shape_kind(b->shape, purpose, direction, f->family, kind))
		return;
	ns_builder_rule(b, NULL);
	(void)ns_tuple_load(b, f->family, &f->place, kind, shape);
	ns_builder_lookup(b, ns_layout_set_name(purpose, direction, f->family), 0, false);
	ns_builder_accept(b);
}

void ns_outer_allow(struct ns_builder *b, const struct ns_outer_family *f, enum ns_direction direction,
		    enum ns_key_kind kind, enum ns_key_shape shape)
{
	allow_one(b, f, NS_PURPOSE_ALLOW, direction, kind, shape);
	allow_one(b, f, NS_PURPOSE_ALLOW_RANGE, direction, kind, shape);
}

/* A packet that opens no connection, as far as its protocol has such packets, may be an answer; one that is too short
 * to tell is none. */
void ns_outer_answers(struct ns_builder *b, const struct ns_outer_family *f, enum ns_direction direction,
		      enum ns_key_shape shape)
{
	static const struct {
		uint8_t protocol, offset, mask, opening; /* no mask: it has no packets that open */
		const char *comment;
	} kinds[] = {
		{ IPPROTO_TCP, TCP_FLAGS_OFFSET, TCP_SYN | TCP_ACK, TCP_SYN, "TCP, no bare SYN" },
		{ IPPROTO_UDP, 0, 0, 0, NULL },
		{ IPPROTO_SCTP, 12, 0xff, 1, "SCTP, first chunk is no INIT" },
		{ IPPROTO_DCCP, 8, 0x1e, 0, "DCCP, no request" },
		{ IPPROTO_UDPLITE, 0, 0, 0, NULL },
	};

	for (size_t i = 0; i < 2 * sizeof(kinds) / sizeof(kinds[0]); i++) {
		enum ns_purpose purpose = i % 2 ? NS_PURPOSE_ALLOW_RANGE : NS_PURPOSE_ALLOW;
		uint8_t protocol = kinds[i / 2].protocol;

		if (!ns_shape_protocol(b->shape, purpose, direction, f->family, protocol))
			continue;
		ns_builder_rule(b, kinds[i / 2].comment);
		ns_outer_protocol(b, f, protocol);
		if (kinds[i / 2].mask) {
			ns_outer_load_transport(b, f, kinds[i / 2].offset, 1, REG_FLAGS);
			ns_builder_mask(b, REG_FLAGS, &kinds[i / 2].mask, 1);
			ns_builder_cmp8(b, NFT_CMP_NEQ, REG_FLAGS, kinds[i / 2].opening);
		}
		(void)ns_tuple_load_rest(b, f->family, &f->place, NS_KIND_PORTS, shape);
		ns_builder_lookup(b, ns_layout_set_name(purpose, direction, f->family), 0, false);
		ns_builder_accept(b);
	}
}

static void refuse_without_room(struct ns_builder *b, const void *ctx)
{
	ns_builder_counter(b, NS_COUNTER_DENY_OVERFLOW);
	ns_builder_verdict(b, NFT_GOTO, "refuse");
}

/* Each tuple is counted by itself as long as its set has room: one that is in it already is found by adding it. */
static void deny_rules(struct ns_builder *b, const struct ns_outer_family *f, enum ns_direction direction,
		       enum ns_key_shape shape)
{
	struct ns_tuple_rules rules = { .purpose = NS_PURPOSE_DENY,
					.direction = direction,
					.shape = shape,
					.family = f->family,
					.place = &f->place,
					.verdict = NFT_GOTO,
					.chain = "refuse" };

	ns_tuple_adds(b, &rules);
	ns_outer_goto(b, NS_OUTER_SHARED("uncounted", f, ""));
}

/* What no set has counted, be it that it was full or that the tuple could not be read. No opening has its port where an
 * answer has it, so that this is the same for all of them. */
void ns_outer_uncounted_chain(struct ns_builder *b, const struct ns_outer_family *f)
{
	ns_builder_chain(b, NS_OUTER_SHARED("uncounted", f, ""));
	ns_tuple_each_readable(b, &f->place, NS_KEY_BOTH, refuse_without_room, NULL);
	ns_outer_refuse(b, NS_COUNTER_DENY_OTHER, "no readable tuple");
}

/* To a group, whose member the container is: the group is the peer, whoever sends. */
static void group_chains(struct ns_builder *b, const struct ns_outer_family *f)
{
	struct ns_tuple_rules rules = { .direction = NS_INGRESS,
					.shape = NS_KEY_DESTINATION,
					.family = f->family,
					.place = &f->place,
					.verdict = NF_ACCEPT };

	ns_builder_chain(b, NS_OUTER_CHAIN(NS_OUTER_TO, f, "group_tuple"));
	for (unsigned range = 0; range < 2 && ns_shape_groups(b->shape, NS_INGRESS, f->family); range++) {
		rules.purpose = range ? NS_PURPOSE_ALLOW_RANGE : NS_PURPOSE_ALLOW;
		ns_tuple_lookups(b, &rules);
	}
	ns_outer_goto(b, NS_OUTER_CHAIN(NS_OUTER_TO, f, "deny_group"));

	ns_builder_chain(b, NS_OUTER_CHAIN(NS_OUTER_TO, f, "deny_group"));
	deny_rules(b, f, NS_INGRESS, NS_KEY_DESTINATION);

	ns_builder_chain(b, NS_OUTER_CHAIN(NS_OUTER_TO, f, "transit"));
	ns_builder_rule(b, NULL);
	ns_builder_verdict(b, NFT_JUMP, NS_OUTER_SHARED("transit", f, ""));
	deny_rules(b, f, NS_TRANSIT, NS_KEY_BOTH);
}

/* An answer goes to whoever asked, never to a group: that a group may be heard does not mean that it may be spoken to.
 */
void ns_outer_tuple_chains(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	const struct ns_outer_way *way = &ns_outer_ways[side];

	ns_builder_chain(b, NS_OUTER_CHAIN(side, f, "ports"));
	allow_one(b, f, NS_PURPOSE_ALLOW, way->opens, NS_KIND_PORTS, way->open_shape);
	if (side == NS_OUTER_FROM && ns_shape_groups(b->shape, way->answers, f->family))
		ns_outer_groups(b, f, NS_OUTER_CHAIN(side, f, "opening"));
	ns_outer_answers(b, f, way->answers, way->answer_shape);
	ns_outer_goto(b, NS_OUTER_CHAIN(side, f, "opening"));

	ns_builder_chain(b, NS_OUTER_CHAIN(side, f, "opening"));
	allow_one(b, f, NS_PURPOSE_ALLOW_RANGE, way->opens, NS_KIND_PORTS, way->open_shape);
	ns_outer_goto(b, NS_OUTER_CHAIN(side, f, "deny"));

	ns_builder_chain(b, NS_OUTER_CHAIN(side, f, "other"));
	ns_outer_allow(b, f, way->opens, NS_KIND_OTHER, way->open_shape);
	if (side == NS_OUTER_FROM && ns_shape_groups(b->shape, way->answers, f->family))
		ns_outer_groups(b, f, NS_OUTER_CHAIN(side, f, "deny"));
	ns_outer_allow(b, f, way->answers, NS_KIND_OTHER, way->answer_shape);
	ns_outer_goto(b, NS_OUTER_CHAIN(side, f, "deny"));

	ns_builder_chain(b, NS_OUTER_CHAIN(side, f, "deny"));
	deny_rules(b, f, way->opens, way->open_shape);
	if (side == NS_OUTER_TO)
		group_chains(b, f);
}

/* What a forwarder is sent it sends on, so both sides share these; what is not accepted returns to them. */
void ns_outer_transit_chains(struct ns_builder *b, const struct ns_outer_family *f)
{
	ns_builder_chain(b, NS_OUTER_SHARED("transit", f, ""));
	ns_builder_rule(b, NULL);
	ns_outer_load_protocol(b, f);
	ns_builder_lookup(b, NS_SET_PORT_PROTOCOLS, 0, false);
	ns_builder_verdict(b, NFT_GOTO, NS_OUTER_SHARED("transit", f, "ports"));
	ns_builder_rule(b, NULL);
	ns_outer_protocol(b, f, f->icmp);
	ns_builder_verdict(b, NFT_GOTO, NS_OUTER_SHARED("transit", f, "icmp"));
	ns_outer_allow(b, f, NS_TRANSIT, NS_KIND_OTHER, NS_KEY_BOTH);
	ns_outer_allow(b, f, NS_TRANSIT, NS_KIND_OTHER, NS_KEY_BOTH_ANSWER);

	ns_builder_chain(b, NS_OUTER_SHARED("transit", f, "ports"));
	ns_outer_allow(b, f, NS_TRANSIT, NS_KIND_PORTS, NS_KEY_BOTH);
	ns_outer_answers(b, f, NS_TRANSIT, NS_KEY_BOTH_ANSWER);
}
