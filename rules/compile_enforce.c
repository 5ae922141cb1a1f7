/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The enforcing table. A packet is accepted by one of the rules below or not at all: the base chains' policy is drop,
 * so a packet that falls out of every rule, whatever made it unreadable, is refused. (In a member's table the policy is
 * accept, for what is not the member's; what is, ends in the chain it was sent to.) Auditing is the same table with
 * "refuse" reading "accept".
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>

#include "compile.h"
#include "elements.h"
#include "shape.h"
#include "simplify.h"
#include "tuple_key.h"

/* Where packets of a namespace's own sockets are judged when there are others in it. */
#define CHAIN_OWN_IN  "own_in"
#define CHAIN_OWN_OUT "own_out"

struct enforce {
	struct ns_builder b;
	const struct ns_compile_options *options;
	uint16_t nflog_group;
	bool auditing;
	bool strict; /* every packet of a program is looked up */
	enum ns_verdict verdict;
};

static void jump(struct ns_builder *b, const char *chain)
{
	ns_builder_rule(b, NULL);
	ns_builder_verdict(b, NFT_JUMP, chain);
}

/* What conntrack can vouch for and has not let through yet. Asked at once, since nearly all of it is allowed: each rule
 * before this one would be a cost of every connection. */
static void judge_new(struct ns_builder *b, const char *chain)
{
	ns_builder_rule(b, "connections that begin");
	ns_compile_state(b, NF_CT_STATE_BIT(IP_CT_NEW) | NF_CT_STATE_BIT(IP_CT_RELATED) | NF_CT_STATE_UNTRACKED_BIT);
	ns_builder_verdict(b, NFT_JUMP, chain);
}

static void accept_established(struct ns_builder *b)
{
	ns_builder_rule(b, "connections that were let through");
	ns_compile_state(b, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
	ns_builder_accept(b);
}

static void refuse_invalid(struct enforce *e)
{
	struct ns_builder *b = &e->b;

	ns_builder_rule(b, "no connection conntrack could vouch for");
	ns_compile_state(b, NF_CT_STATE_INVALID_BIT);
	ns_builder_counter(b, NS_COUNTER_INVALID);
	ns_builder_verdict(b, e->auditing ? NF_ACCEPT : NF_DROP, NULL);
}

/* The reset that the kernel sends for a rejected packet carries that packet's connection, as related. Nobody else can
 * make such a packet: what a raw socket sends is looked up anew. */
static void accept_own_resets(struct ns_builder *b, bool loopback)
{
	ns_builder_rule(b, "resets of the kernel's own making");
	if (loopback) {
		ns_builder_meta(b, NFT_META_IIF, 0);
		ns_builder_cmp32(b, NFT_CMP_EQ, 0, NS_LOOPBACK_IFINDEX);
	}
	ns_compile_state(b, NF_CT_STATE_BIT(IP_CT_RELATED));
	ns_builder_protocol(b, IPPROTO_TCP);
	ns_builder_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, NS_TCP_FLAGS_OFFSET, 1, 0);
	ns_builder_mask(b, 0, &(uint8_t){ NS_TCP_RST }, 1);
	ns_builder_cmp8(b, NFT_CMP_EQ, 0, NS_TCP_RST);
	ns_builder_accept(b);
}

/* ---- where several share the namespace ----
 *
 * A connection that was let through is no free pass: when its socket is closed, conntrack remembers it for a while, and
 * another program, of somebody else, may bind its port. So every packet that a program sends or is sent is looked up:
 * as what it would open, and, in a connection that the other end has opened, as the answer to what that would open. Who
 * has opened it is not believed of TCP under way, which conntrack may have met in its midst: nothing is opened by it.
 */

static void each_under_way(struct ns_builder *b, int32_t verdict, const char *chain)
{
	ns_builder_rule(b, "an answer");
	ns_compile_is_answer(b);
	ns_builder_verdict(b, verdict, chain);
}

static void tcp_under_way(struct ns_builder *b, const char *chain)
{
	ns_builder_rule(b, "TCP, opened by either end");
	ns_builder_protocol(b, IPPROTO_TCP);
	ns_builder_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, NS_TCP_FLAGS_OFFSET, 1, 0);
	ns_builder_mask(b, 0, &(uint8_t){ NS_TCP_FIN_SYN_RST_ACK }, 1);
	ns_builder_cmp8(b, NFT_CMP_NEQ, 0, NS_TCP_SYN);
	ns_builder_verdict(b, NFT_JUMP, chain);
}

/* What the host was told not to follow (notrack) has no direction: it may be either, as for the outer lock. */
static void untracked(struct ns_builder *b, const char *chain)
{
	ns_builder_rule(b, "not followed by conntrack");
	ns_compile_state(b, NF_CT_STATE_UNTRACKED_BIT);
	ns_builder_verdict(b, NFT_JUMP, chain);
}

static void refuse_rest(struct ns_builder *b)
{
	ns_builder_rule(b, "nothing is left over");
	ns_builder_counter(b, NS_COUNTER_DENY_OTHER);
	ns_builder_verdict(b, NFT_GOTO, "refuse");
}

/* Ends in a verdict, whatever comes. */
static void judge_in(struct enforce *e)
{
	struct ns_builder *b = &e->b;

	ns_compile_related_icmp(b);
	accept_own_resets(b, true); /* of refused output: they come back over loopback in the refused peer's name */
	refuse_invalid(e);
	jump(b, "ingress");
	each_under_way(b, NFT_JUMP, "egress_answer");
	tcp_under_way(b, "egress_answer");
	untracked(b, "egress_answer");
	each_under_way(b, NFT_GOTO, "deny_egress_answer");
	jump(b, "deny_ingress");
	refuse_rest(b);
}

/* No program sends errors or resets for others: what the kernel makes has no socket of anybody's. */
static void judge_out(struct enforce *e)
{
	struct ns_builder *b = &e->b;

	refuse_invalid(e);
	jump(b, "egress");
	each_under_way(b, NFT_JUMP, "ingress_answer");
	tcp_under_way(b, "ingress_answer");
	untracked(b, "ingress_answer");
	each_under_way(b, NFT_GOTO, "deny_ingress_answer");
	jump(b, "deny_egress");
	refuse_rest(b);
}

static void member_chains(struct enforce *e)
{
	struct ns_builder *b = &e->b;

	ns_builder_chain(b, NS_CHAIN_MEMBER_IN);
	ns_compile_member_in(b, e->options);
	judge_in(e);
	ns_builder_chain(b, NS_CHAIN_MEMBER_OUT);
	if (!e->options->host)
		ns_compile_loopback_out(b);
	judge_out(e);
	ns_compile_member_bases(b, e->options->member);
}

static void own_chains(struct enforce *e)
{
	ns_builder_chain(&e->b, CHAIN_OWN_IN);
	judge_in(e);
	ns_builder_chain(&e->b, CHAIN_OWN_OUT);
	judge_out(e);
}

/* What is sent to a program: to a socket that lives. */
static void leave_for_own_in(struct ns_builder *b)
{
	ns_builder_rule(b, "to a program that is nobody else's");
	ns_builder_socket_wildcard(b, 0);
	ns_builder_verdict(b, NFT_GOTO, CHAIN_OWN_IN);
}

/* What a program sends: its socket lives, and has a file, whose user can be told. The kernel's own, which closes
 * connections for everybody, has none; and the user of one that is being opened would be its listener's. */
static void leave_for_own_out(struct ns_builder *b)
{
	ns_builder_rule(b, "from a program that is nobody else's");
	ns_builder_socket_wildcard(b, 0);
	ns_builder_meta(b, NFT_META_SKUID, 0);
	ns_builder_verdict(b, NFT_GOTO, CHAIN_OWN_OUT);
}

/* ---- the namespace ---- */

static void input_chain(struct enforce *e, uint32_t policy)
{
	struct ns_builder *b = &e->b;
	bool shared = ns_compile_has_others(e->options);

	ns_builder_base_chain(b, "input", NF_INET_LOCAL_IN, NS_PRIORITY_FILTER, policy);
	ns_compile_others_rules(b, e->options);
	if (!shared) {
		accept_established(b);
		judge_new(b, "ingress");
	}
	ns_compile_loopback_in(b);
	ns_compile_jump_link(b, "link_in");
	if (shared) {
		leave_for_own_in(b);
		accept_established(b);
	}
	ns_compile_related_icmp(b);
	accept_own_resets(b, true); /* of refused output: they come back over loopback in the refused peer's name */
	refuse_invalid(e);
	if (shared)
		jump(b, "ingress");
	jump(b, "deny_ingress");
}

static void output_chain(struct enforce *e, uint32_t policy)
{
	struct ns_builder *b = &e->b;
	bool shared = ns_compile_has_others(e->options);

	ns_builder_base_chain(b, "output", NF_INET_LOCAL_OUT, NS_PRIORITY_AFTER_NAT, policy);
	ns_compile_others_rules(b, e->options);
	if (!shared) {
		accept_established(b);
		judge_new(b, "egress");
	}
	ns_compile_loopback_out(b);
	ns_compile_jump_link(b, "link_out");
	if (shared) {
		leave_for_own_out(b);
		accept_established(b);
	}
	ns_compile_related_icmp(b);
	accept_own_resets(b, false);
	refuse_invalid(e);
	if (shared)
		jump(b, "egress");
	jump(b, "deny_egress");
}

static void base_chains(struct enforce *e)
{
	struct ns_builder *b = &e->b;
	uint32_t policy = e->auditing ? NF_ACCEPT : NF_DROP;

	input_chain(e, policy);
	output_chain(e, policy);

	/* Nothing is forwarded over loopback but by somebody who crafts frames, and nothing link-local at all. */
	ns_builder_base_chain(b, "forward", NF_INET_FORWARD, NS_PRIORITY_FILTER, policy);
	accept_established(b);
	ns_compile_related_icmp(b);
	refuse_invalid(e);
	jump(b, "transit");
	jump(b, "deny_transit");
}

static void allow_lookups(struct ns_builder *b, enum ns_direction direction, enum ns_key_shape shape)
{
	struct ns_tuple_rules rules = { .direction = direction, .shape = shape, .verdict = NF_ACCEPT };

	rules.purpose = NS_PURPOSE_ALLOW;
	ns_tuple_lookups(b, &rules);
	rules.purpose = NS_PURPOSE_ALLOW_RANGE;
	ns_tuple_lookups(b, &rules);
}

static void allow_chains(struct enforce *e)
{
	struct ns_builder *b = &e->b;

	/* A group is its own peer: what its members may send to us alone says nothing of it. */
	ns_builder_chain(b, "ingress");
	ns_compile_groups(b, NFT_GOTO, "ingress_group");
	allow_lookups(b, NS_INGRESS, NS_KEY_SOURCE);
	ns_builder_chain(b, "ingress_group");
	if (ns_shape_groups(b->shape, NS_INGRESS, AF_INET) || ns_shape_groups(b->shape, NS_INGRESS, AF_INET6))
		allow_lookups(b, NS_INGRESS, NS_KEY_DESTINATION);
	ns_builder_chain(b, "egress");
	allow_lookups(b, NS_EGRESS, NS_KEY_DESTINATION);
	if (e->strict) {
		ns_builder_chain(b, "ingress_answer");
		allow_lookups(b, NS_INGRESS, NS_KEY_ANSWER);
		ns_builder_chain(b, "egress_answer");
		allow_lookups(b, NS_EGRESS, NS_KEY_SOURCE_ANSWER);
	}
	if (ns_compile_member(e->options))
		return;
	ns_builder_chain(b, "transit");
	allow_lookups(b, NS_TRANSIT, NS_KEY_BOTH);
}

static void refuse_without_room(struct ns_builder *b, const void *ctx)
{
	ns_builder_counter(b, NS_COUNTER_DENY_OVERFLOW);
	ns_builder_verdict(b, NFT_GOTO, "refuse");
}

/* A tuple is logged when it is first refused, and counted ever after. Of an answer the log would tell the tuple the
 * wrong way round: the set alone tells it. */
static void deny_chain(struct enforce *e, const char *name, enum ns_direction direction, enum ns_key_shape shape)
{
	struct ns_builder *b = &e->b;
	bool is_answer = shape == NS_KEY_ANSWER || shape == NS_KEY_SOURCE_ANSWER;
	struct ns_tuple_rules rules = { .purpose = NS_PURPOSE_DENY,
					.direction = direction,
					.shape = shape,
					.log = is_answer     ? NS_LOG_INVALID
					       : e->auditing ? NS_LOG_AUDIT
							     : NS_LOG_DENY,
					.nflog_group = e->nflog_group,
					.verdict = NFT_GOTO,
					.chain = "refuse" };

	if (name)
		ns_builder_chain(b, name);
	ns_tuple_lookups(b, &rules);
	ns_tuple_adds(b, &rules);
	ns_tuple_each_readable(b, NULL, shape, refuse_without_room, NULL);
	ns_builder_rule(b, "no readable tuple");
	ns_builder_counter(b, NS_COUNTER_DENY_OTHER);
	ns_builder_verdict(b, NFT_GOTO, "refuse");
}

static void deny_chains(struct enforce *e)
{
	ns_builder_chain(&e->b, "deny_ingress");
	ns_compile_groups(&e->b, NFT_GOTO, "deny_ingress_group");
	deny_chain(e, NULL, NS_INGRESS, NS_KEY_SOURCE);
	deny_chain(e, "deny_ingress_group", NS_INGRESS, NS_KEY_DESTINATION);
	deny_chain(e, "deny_egress", NS_EGRESS, NS_KEY_DESTINATION);
	if (e->strict) {
		deny_chain(e, "deny_ingress_answer", NS_INGRESS, NS_KEY_ANSWER);
		deny_chain(e, "deny_egress_answer", NS_EGRESS, NS_KEY_SOURCE_ANSWER);
	}
	if (ns_compile_member(e->options))
		return;
	deny_chain(e, "deny_transit", NS_TRANSIT, NS_KEY_BOTH);
}

static void refuse_chain(struct enforce *e)
{
	struct ns_builder *b = &e->b;

	ns_builder_chain(b, "refuse");
	if (e->auditing) {
		ns_builder_rule(b, "auditing: refused by the policy, let through");
		ns_builder_accept(b);
		return;
	}
	if (e->verdict == NS_VERDICT_REJECT) {
		ns_builder_rule(b, NULL);
		ns_builder_protocol(b, IPPROTO_TCP);
		ns_builder_reject(b, NFT_REJECT_TCP_RST, 0);
		ns_builder_rule(b, NULL);
		ns_builder_reject(b, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
	}
	ns_builder_rule(b, NULL);
	ns_builder_verdict(b, NF_DROP, NULL);
}

int ns_compile_enforce(const struct ns_policy *policy, const struct ns_book *book, bool auditing,
		       const struct ns_compile_options *options, struct ns_plan *ret, struct ns_error *err)
{
	struct ns_plan plan = NS_PLAN_INIT;
	struct enforce e = { .b = { .plan = &plan, .err = err },
			     .options = options,
			     .auditing = auditing,
			     .strict = ns_compile_member(options) || ns_compile_has_others(options),
			     .verdict = policy->verdict,
			     .nflog_group = ns_compile_nflog_group(options) };
	void (*add_sets)(struct ns_builder *, enum ns_purpose, uint32_t, bool) =
		ns_compile_member(options) ? ns_compile_member_sets : ns_compile_sets;
	uint32_t deny_size = options && options->deny_set_size ? options->deny_set_size : NS_DENY_SET_SIZE;
	bool whole = options && options->whole;
	struct ns_shape shape;

	if (policy->verdict != NS_VERDICT_DROP && policy->verdict != NS_VERDICT_REJECT)
		return ns_error_set(err, -EINVAL, "policy of %s: no verdict", policy->workload ?: "nobody");
	ns_builder_counter_object(&e.b, NS_COUNTER_DENY_OVERFLOW);
	ns_builder_counter_object(&e.b, NS_COUNTER_DENY_OTHER);
	ns_builder_counter_object(&e.b, NS_COUNTER_INVALID);
	ns_compile_begin(&e.b, options);
	add_sets(&e.b, NS_PURPOSE_ALLOW, 0, true);
	add_sets(&e.b, NS_PURPOSE_ALLOW_RANGE, 0, true);
	add_sets(&e.b, NS_PURPOSE_DENY, deny_size, true);
	if (e.b.code == 0)
		e.b.code = ns_compile_elements(&plan, policy, book, options, err);
	if (e.b.code == 0 && !whole) {
		ns_shape_of(&plan, policy, &shape);
		e.b.shape = &shape;
	}
	refuse_chain(&e);
	allow_chains(&e);
	deny_chains(&e);
	if (ns_compile_has_others(options))
		own_chains(&e);
	if (ns_compile_member(options)) {
		member_chains(&e);
	} else {
		ns_compile_link_chains(&e.b);
		base_chains(&e);
	}
	if (e.b.code == 0 && !whole)
		ns_simplify(&plan);
	return ns_compile_finish(&e.b, &plan, ret);
}
