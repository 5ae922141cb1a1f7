/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The learning table. It refuses nothing: every path ends in accept, and so do the base chains. What matters is that
 * each first packet is in a set before it is accepted, and that a set without room is heard of.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

#include "compile.h"
#include "tuple_key.h"

#define EPHEMERAL_FIRST 32768 /* net.ipv4.ip_local_port_range */
#define UDP_SERVED_MS   180000

/* What needs no edge: answers, and what conntrack has no connection for. */
static void skip_what_opens_nothing(struct ns_builder *b)
{
	ns_builder_rule(b, "answers are no edges");
	ns_compile_is_answer(b);
	ns_builder_accept(b);
	ns_builder_rule(b, "no connection to learn");
	ns_compile_state(b, NF_CT_STATE_INVALID_BIT);
	ns_builder_accept(b);
}

static void jump(struct ns_builder *b, const char *chain)
{
	ns_builder_rule(b, NULL);
	ns_builder_verdict(b, NFT_JUMP, chain);
}

/* Nearly every packet that is no answer. Those before it in the chain of learning are not of TCP. */
static void known_tcp(struct ns_builder *b, enum ns_direction direction, enum ns_key_shape shape)
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		ns_builder_rule(b, "TCP that is known");
		ns_builder_family(b, families[i]);
		ns_builder_protocol(b, IPPROTO_TCP); /* which is the key's first field */
		(void)ns_tuple_load_rest(b, families[i], NULL, NS_KIND_PORTS, shape);
		ns_builder_lookup(b, ns_layout_set_name(NS_PURPOSE_LEARN, direction, families[i]), 0, false);
		ns_builder_accept(b);
	}
}

static void base_chains(struct ns_builder *b, const struct ns_compile_options *options)
{
	ns_builder_base_chain(b, "input", NF_INET_LOCAL_IN, NS_PRIORITY_FILTER, NF_ACCEPT);
	ns_compile_others_rules(b, options);
	skip_what_opens_nothing(b);
	known_tcp(b, NS_INGRESS, NS_KEY_SOURCE);
	ns_compile_loopback_in(b);
	ns_compile_jump_link(b, "link_in");
	ns_compile_related_icmp(b);
	jump(b, "learn_ingress");

	ns_builder_base_chain(b, "output", NF_INET_LOCAL_OUT, NS_PRIORITY_AFTER_NAT, NF_ACCEPT);
	ns_compile_others_rules(b, options);
	skip_what_opens_nothing(b);
	known_tcp(b, NS_EGRESS, NS_KEY_DESTINATION);
	ns_compile_loopback_out(b);
	ns_compile_jump_link(b, "link_out");
	ns_compile_related_icmp(b);
	jump(b, "learn_egress");

	ns_builder_base_chain(b, "forward", NF_INET_FORWARD, NS_PRIORITY_FILTER, NF_ACCEPT);
	skip_what_opens_nothing(b);
	ns_compile_related_icmp(b);
	jump(b, "learn_transit");
}

static void accept_rest(struct ns_builder *b)
{
	ns_builder_rule(b, NULL);
	ns_builder_accept(b);
}

static void member_chains(struct ns_builder *b, const struct ns_compile_options *options)
{
	ns_builder_chain(b, NS_CHAIN_MEMBER_IN);
	ns_compile_member_in(b, options);
	skip_what_opens_nothing(b);
	ns_compile_related_icmp(b);
	jump(b, "learn_ingress");
	accept_rest(b);

	ns_builder_chain(b, NS_CHAIN_MEMBER_OUT);
	if (!options->host)
		ns_compile_loopback_out(b);
	skip_what_opens_nothing(b);
	ns_compile_related_icmp(b);
	jump(b, "learn_egress");
	accept_rest(b);

	ns_compile_member_bases(b, options->member);
}

/* A TCP connection is learned from its SYN: any other first packet may have been sent by either side. */
static void skip_tcp_without_syn(struct ns_builder *b)
{
	ns_builder_rule(b, "TCP is learned from its SYN");
	ns_builder_protocol(b, IPPROTO_TCP);
	ns_builder_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, NS_TCP_FLAGS_OFFSET, 1, 0);
	ns_builder_mask(b, 0, &(uint8_t){ NS_TCP_FIN_SYN_RST_ACK }, 1);
	ns_builder_cmp8(b, NFT_CMP_NEQ, 0, NS_TCP_SYN);
	ns_builder_accept(b);
}

/* One that has been answered, and comes once more, has a socket that says nothing yet of whose it is: it was learned
 * when it came first, by whom it was sent to. */
static void skip_repeated_syn(struct ns_builder *b)
{
	ns_builder_rule(b, "a SYN that was answered");
	ns_builder_protocol(b, IPPROTO_TCP);
	ns_builder_ct(b, NFT_CT_STATUS, 0);
	ns_builder_mask(b, 0, &(uint32_t){ IPS_SEEN_REPLY }, sizeof(uint32_t));
	ns_builder_cmp32(b, NFT_CMP_NEQ, 0, 0);
	ns_builder_accept(b);
}

/* Counted always, logged once a second, and then accepted: by this rule, or by the chain's last one. */
static void say_full(struct ns_builder *b, const struct ns_tuple_rules *rules)
{
	char prefix[NS_LOG_PREFIX_MAX];

	ns_layout_log_prefix(NS_LOG_FULL, rules->direction, prefix);
	ns_builder_counter(b, NS_COUNTER_LEARN_OVERFLOW);
	ns_builder_limit_second(b);
	ns_builder_log(b, rules->nflog_group, prefix);
	ns_builder_accept(b);
}

/* Packets whose tuple could be read: those with a transport header, which conntrack has found whole, and of the
 * protocols without ports those with nothing in them. */
static void full_rules(struct ns_builder *b, const struct ns_tuple_rules *rules)
{
	ns_builder_rule(b, NULL);
	ns_builder_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, 0);
	say_full(b, rules);
	if (rules->ports_only)
		return;
	ns_builder_rule(b, NULL);
	ns_tuple_others(b);
	say_full(b, rules);
}

/* One chain of learning: known tuples first, since nearly all packets belong to one. */
static void learn_chain(struct ns_builder *b, const char *name, const struct ns_tuple_rules *rules, bool shared)
{
	struct ns_tuple_rules spill;

	if (name)
		ns_builder_chain(b, name);
	ns_tuple_lookups(b, rules);
	if (rules->shape != NS_KEY_ANSWER) {
		skip_tcp_without_syn(b);
		if (shared)
			skip_repeated_syn(b);
	}
	if (rules->direction == NS_INGRESS)
		ns_tuple_add_ports(b, ns_layout_set_name(NS_PURPOSE_LEARN, NS_INGRESS, 0), rules);
	ns_tuple_adds(b, rules);
	/* Asked only after adding to the counting set was tried again, and before adding: a tuple is logged once. */
	spill = *rules;
	spill.purpose = NS_PURPOSE_SPILL;
	ns_tuple_lookups(b, &spill);
	ns_tuple_adds(b, &spill);
	full_rules(b, rules);
	ns_builder_rule(b, NULL);
	ns_builder_accept(b);
}

/* A datagram from a port that was bound before we came, to an ephemeral one, is an answer. It is remembered as the
 * ingress it answers, and not logged: the logged packet would tell the tuple the wrong way round. */
static void leave_for_answers(struct ns_builder *b)
{
	ns_builder_rule(b, "answers of UDP servers older than this table");
	ns_builder_protocol(b, IPPROTO_UDP);
	ns_builder_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, 0);
	ns_builder_lookup(b, NS_SET_UDP_SERVED, 0, false);
	ns_builder_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 0);
	ns_builder_cmp(b, NFT_CMP_GTE, 0, (uint8_t[]){ EPHEMERAL_FIRST >> 8, EPHEMERAL_FIRST & 0xff }, 2);
	ns_builder_verdict(b, NFT_GOTO, "learn_answer");
}

static void learn_chains(struct ns_builder *b, const struct ns_compile_options *options)
{
	bool shared = ns_compile_has_others(options);
	struct ns_tuple_rules rules = {
		.purpose = NS_PURPOSE_LEARN,
		.log = NS_LOG_LEARN,
		.nflog_group = ns_compile_nflog_group(options),
		.verdict = NF_ACCEPT,
	};

	rules.direction = NS_INGRESS;
	rules.shape = NS_KEY_SOURCE;
	ns_builder_chain(b, "learn_ingress");
	ns_compile_groups(b, NFT_GOTO, "learn_ingress_group");
	learn_chain(b, NULL, &rules, shared);
	rules.shape = NS_KEY_DESTINATION;
	learn_chain(b, "learn_ingress_group", &rules, shared);
	rules.shape = NS_KEY_ANSWER;
	rules.log = NS_LOG_INVALID;
	rules.ports_only = true; /* of UDP */
	learn_chain(b, "learn_answer", &rules, shared);
	rules.ports_only = false;

	rules.log = NS_LOG_LEARN;
	rules.direction = NS_EGRESS;
	rules.shape = NS_KEY_DESTINATION;
	ns_builder_chain(b, "learn_egress");
	leave_for_answers(b);
	learn_chain(b, NULL, &rules, shared);

	if (ns_compile_member(options))
		return;
	rules.direction = NS_TRANSIT;
	rules.shape = NS_KEY_BOTH;
	learn_chain(b, "learn_transit", &rules, shared);
}

static void add_udp_served(struct ns_builder *b, const struct ns_compile_options *options)
{
	ns_builder_set(
		b, &(struct ns_plan_set){
			   .name = NS_SET_UDP_SERVED, .fields = { NS_FIELD_PORT }, .n_fields = 1, .timeout = true });
	for (size_t i = 0; options && i < options->n_udp_served && b->code == 0; i++) {
		struct ns_plan_element *element =
			ns_plan_add_element(ns_plan_find_set(b->plan, NS_SET_UDP_SERVED), b->err);

		if (!element) {
			b->code = b->err && b->err->code < 0 ? b->err->code : -ENOMEM;
			return;
		}
		element->key[0] = (uint8_t)(options->udp_served[i] >> 8);
		element->key[1] = (uint8_t)options->udp_served[i];
		memcpy(element->key_end, element->key, 2);
		element->timeout_ms = UDP_SERVED_MS;
	}
}

int ns_compile_learn(const struct ns_compile_options *options, struct ns_plan *ret, struct ns_error *err)
{
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_builder b = { .plan = &plan, .err = err };
	void (*add_sets)(struct ns_builder *, enum ns_purpose, uint32_t, bool) =
		ns_compile_member(options) ? ns_compile_member_sets : ns_compile_sets;
	uint32_t size = options && options->learn_set_size ? options->learn_set_size : NS_LEARN_SET_SIZE_DEFAULT;

	ns_builder_counter_object(&b, NS_COUNTER_LEARN_OVERFLOW);
	ns_compile_begin(&b, options);
	add_sets(&b, NS_PURPOSE_LEARN, size, true);
	add_sets(&b, NS_PURPOSE_SPILL, size, false);
	add_udp_served(&b, options);
	learn_chains(&b, options);
	if (ns_compile_member(options)) {
		member_chains(&b, options);
	} else {
		ns_compile_link_chains(&b);
		base_chains(&b, options);
	}
	return ns_compile_finish(&b, &plan, ret);
}
