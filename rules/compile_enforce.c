/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The enforcing table. A packet is accepted by one of the rules below or not at all: the base chains' policy is drop,
 * so a packet that falls out of every rule, whatever made it unreadable, is refused. Auditing is the same table with
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
#include "tuple_key.h"

#define PRIORITY_FILTER    0
#define PRIORITY_AFTER_NAT 300 /* so that the real destination is judged, whatever rewrote it */

#define TCP_FLAGS_OFFSET 13
#define TCP_RST          0x04

struct enforce {
	struct ns_builder b;
	uint16_t nflog_group;
	bool auditing;
	enum ns_verdict verdict;
};

static void jump(struct ns_builder *b, const char *chain)
{
	ns_builder_rule(b, NULL);
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
	ns_builder_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1, 0);
	ns_builder_mask(b, 0, &(uint8_t){ TCP_RST }, 1);
	ns_builder_cmp8(b, NFT_CMP_EQ, 0, TCP_RST);
	ns_builder_accept(b);
}

static void base_chains(struct enforce *e)
{
	struct ns_builder *b = &e->b;
	uint32_t policy = e->auditing ? NF_ACCEPT : NF_DROP;

	ns_builder_base_chain(b, "input", NF_INET_LOCAL_IN, PRIORITY_FILTER, policy);
	accept_established(b);
	ns_compile_loopback_in(b);
	ns_compile_jump_link(b, "link_in");
	ns_compile_related_icmp(b);
	accept_own_resets(b, true); /* of refused output: they come back over loopback in the refused peer's name */
	refuse_invalid(e);
	jump(b, "ingress");
	jump(b, "deny_ingress");

	ns_builder_base_chain(b, "output", NF_INET_LOCAL_OUT, PRIORITY_AFTER_NAT, policy);
	accept_established(b);
	ns_compile_loopback_out(b);
	ns_compile_jump_link(b, "link_out");
	ns_compile_related_icmp(b);
	accept_own_resets(b, false);
	refuse_invalid(e);
	jump(b, "egress");
	jump(b, "deny_egress");

	/* Nothing is forwarded over loopback but by somebody who crafts frames, and nothing link-local at all. */
	ns_builder_base_chain(b, "forward", NF_INET_FORWARD, PRIORITY_FILTER, policy);
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

static void allow_chains(struct ns_builder *b)
{
	/* A group is its own peer: what its members may send to us alone says nothing of it. */
	ns_builder_chain(b, "ingress");
	ns_compile_groups(b, NFT_GOTO, "ingress_group");
	allow_lookups(b, NS_INGRESS, NS_KEY_SOURCE);
	ns_builder_chain(b, "ingress_group");
	allow_lookups(b, NS_INGRESS, NS_KEY_DESTINATION);
	ns_builder_chain(b, "egress");
	allow_lookups(b, NS_EGRESS, NS_KEY_DESTINATION);
	ns_builder_chain(b, "transit");
	allow_lookups(b, NS_TRANSIT, NS_KEY_BOTH);
}

static void refuse_without_room(struct ns_builder *b, const void *ctx)
{
	ns_builder_counter(b, NS_COUNTER_DENY_OVERFLOW);
	ns_builder_verdict(b, NFT_GOTO, "refuse");
}

/* A tuple is logged when it is first refused, and counted ever after. */
static void deny_chain(struct enforce *e, const char *name, enum ns_direction direction, enum ns_key_shape shape)
{
	struct ns_builder *b = &e->b;
	struct ns_tuple_rules rules = { .purpose = NS_PURPOSE_DENY,
					.direction = direction,
					.shape = shape,
					.log = e->auditing ? NS_LOG_AUDIT : NS_LOG_DENY,
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
			     .auditing = auditing,
			     .verdict = policy->verdict,
			     .nflog_group = ns_compile_nflog_group(options) };
	uint32_t deny_size = options && options->deny_set_size ? options->deny_set_size : NS_DENY_SET_SIZE;

	if (policy->verdict != NS_VERDICT_DROP && policy->verdict != NS_VERDICT_REJECT)
		return ns_error_set(err, -EINVAL, "policy of %s: no verdict", policy->workload ?: "nobody");
	ns_builder_counter_object(&e.b, NS_COUNTER_DENY_OVERFLOW);
	ns_builder_counter_object(&e.b, NS_COUNTER_DENY_OTHER);
	ns_builder_counter_object(&e.b, NS_COUNTER_INVALID);
	ns_compile_begin(&e.b, options);
	ns_compile_sets(&e.b, NS_PURPOSE_ALLOW, 0, true);
	ns_compile_sets(&e.b, NS_PURPOSE_ALLOW_RANGE, 0, true);
	ns_compile_sets(&e.b, NS_PURPOSE_DENY, deny_size, true);
	refuse_chain(&e);
	ns_compile_link_chains(&e.b);
	allow_chains(&e.b);
	deny_chains(&e);
	base_chains(&e);
	if (e.b.code == 0)
		e.b.code = ns_compile_elements(&plan, policy, book, options, err);
	return ns_compile_finish(&e.b, &plan, ret);
}
