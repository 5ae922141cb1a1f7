/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Several workloads in one namespace: whose a packet is. The kernel finds the socket of most packets: always of those
 * that a program sends, and of TCP, UDP and the errors about them that come in. It finds none of what it answers by
 * itself (echo, neighbours), and but a shadow, which is of no cgroup, while a connection is being opened from outside
 * and after it was closed. A rule that asks for the cgroup then ends without a match, in a member's table and in that
 * of the namespace: such packets are the namespace's.
 */
#include <errno.h>
#include <stdio.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "compile.h"

#define REG_CGROUP 0 /* and 1 */

static bool is_cgroup(const struct ns_member_cgroup *cgroup)
{
	return cgroup->id != 0 && cgroup->level >= 1 && cgroup->level <= NS_CGROUP_LEVELS_MAX;
}

void ns_compile_check_members(struct ns_builder *b, const struct ns_compile_options *options)
{
	if (!options)
		return;
	if (options->member && !is_cgroup(options->member))
		ns_builder_fail(b, ns_error_set(b->err, -EINVAL, "a member without a cgroup of its own"));
	if (options->host && !options->member)
		ns_builder_fail(b, ns_error_set(b->err, -EINVAL, "the host's namespace is no endpoint"));
	if (options->member && options->n_others > 0)
		ns_builder_fail(b, ns_error_set(b->err, -EINVAL, "a member's table knows nobody else"));
	if (options->n_others > NS_MEMBERS_MAX)
		ns_builder_fail(b, ns_error_set(b->err, -E2BIG, "more than %d members", NS_MEMBERS_MAX));
	for (size_t i = 0; b->code == 0 && i < options->n_others; i++)
		if (!is_cgroup(&options->others[i]))
			ns_builder_fail(b, ns_error_set(b->err, -EINVAL, "another member without a cgroup"));
}

/* ---- a member's own table ---- */

static void base_chain(struct ns_builder *b, const struct ns_member_cgroup *member, const char *name, uint32_t hook,
		       int32_t priority, const char *chain)
{
	ns_builder_base_chain(b, name, hook, priority, NF_ACCEPT);
	ns_builder_rule(b, "what a socket of the member sends or is sent");
	ns_builder_socket_cgroup(b, member->level, REG_CGROUP);
	ns_builder_cmp(b, NFT_CMP_EQ, REG_CGROUP, &member->id, sizeof(member->id));
	ns_builder_verdict(b, NFT_GOTO, chain);
}

/* What comes for a group goes to every socket that waits for it, and the one that the kernel finds is any of them: on
 * the host's own network it would be the host's that is refused with it. */
void ns_compile_member_in(struct ns_builder *b, const struct ns_compile_options *options)
{
	if (options->host)
		ns_compile_groups(b, NF_ACCEPT, NULL);
	else
		ns_compile_loopback_in(b);
}

void ns_compile_member_bases(struct ns_builder *b, const struct ns_member_cgroup *member)
{
	base_chain(b, member, "input", NF_INET_LOCAL_IN, NS_PRIORITY_FILTER, NS_CHAIN_MEMBER_IN);
	base_chain(b, member, "output", NF_INET_LOCAL_OUT, NS_PRIORITY_AFTER_NAT, NS_CHAIN_MEMBER_OUT);
}

/* ---- the others, in the table of the namespace ---- */

static void others_name(unsigned level, char ret[static NS_NFT_NAME_MAX])
{
	(void)snprintf(ret, NS_NFT_NAME_MAX, NS_SET_OTHERS_PREFIX "%u", level);
}

static bool has_level(const struct ns_compile_options *options, unsigned level)
{
	for (size_t i = 0; options && i < options->n_others; i++)
		if (options->others[i].level == level)
			return true;
	return false;
}

void ns_compile_others_sets(struct ns_builder *b, const struct ns_compile_options *options)
{
	char name[NS_NFT_NAME_MAX];

	for (unsigned level = 1; level <= NS_CGROUP_LEVELS_MAX; level++) {
		struct ns_plan_set set = { .fields = { NS_FIELD_CGROUP }, .n_fields = 1 };

		if (!has_level(options, level))
			continue;
		others_name(level, set.name);
		ns_builder_set(b, &set);
	}
	for (size_t i = 0; options && i < options->n_others && b->code == 0; i++) {
		others_name(options->others[i].level, name);
		ns_compile_element(b, name, &options->others[i].id, NULL, sizeof(options->others[i].id));
	}
}

void ns_compile_others_rules(struct ns_builder *b, const struct ns_compile_options *options)
{
	char name[NS_NFT_NAME_MAX];

	for (unsigned level = 1; level <= NS_CGROUP_LEVELS_MAX; level++) {
		if (!has_level(options, level))
			continue;
		others_name(level, name);
		ns_builder_rule(b, "members with tables of their own");
		ns_builder_socket_cgroup(b, level, REG_CGROUP);
		ns_builder_lookup(b, name, REG_CGROUP, false);
		ns_builder_accept(b);
	}
}
