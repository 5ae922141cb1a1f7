/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attachment.h"
#include "cgroup2.h"
#include "cleanup.h"
#include "engine_private.h"
#include "log.h"

struct ns_attachment *ns_member_base(const struct ns_attachment *member)
{
	const struct ns_endpoint *endpoint = member->endpoint;

	return endpoint->host_netns ? NULL : ns_engine_find_attachment(member->engine, endpoint->netns_cookie);
}

static bool is_member_of(const struct ns_attachment *member, uint64_t netns_cookie)
{
	return member->endpoint->netns_cookie == netns_cookie;
}

int ns_members_add(struct ns_engine *engine, struct ns_attachment *member, struct ns_error *err)
{
	if (engine->n_members == engine->members_allocated) {
		size_t more = engine->members_allocated ? engine->members_allocated * 2 : 16;
		struct ns_attachment **bigger = reallocarray(engine->members, more, sizeof(struct ns_attachment *));

		if (!bigger)
			return ns_error_set(err, -ENOMEM, "out of memory for a member");
		engine->members = bigger;
		engine->members_allocated = more;
	}
	engine->members[engine->n_members++] = member;
	ns_members_review(engine, member->endpoint->netns_cookie);
	return 0;
}

void ns_members_remove(struct ns_engine *engine, const struct ns_attachment *member)
{
	for (size_t i = 0; i < engine->n_members; i++)
		if (engine->members[i] == member) {
			engine->members[i] = engine->members[--engine->n_members];
			ns_members_review(engine, member->endpoint->netns_cookie);
			return;
		}
}

/* Containers of other workloads than this member's: the members beside it, and who made the namespace. */
static bool has_company(struct ns_engine *engine, const struct ns_attachment *member, const struct ns_attachment *base)
{
	if (!base->endpoint->sandbox)
		return strcmp(member->workload, base->workload) != 0;
	NS_FOREACH_MEMBER(engine, other)
	if (is_member_of(other, member->endpoint->netns_cookie) && strcmp(other->workload, member->workload) != 0)
		return true;
	return false;
}

static bool has_table(const struct ns_attachment *member)
{
	return member->mode != NS_MODE_INVALID || member->adopted;
}

/* What cannot be found out now, of the kernel or from the store, takes no table away that is there. */
static bool is_to_be_split(struct ns_attachment *member)
{
	struct ns_engine *engine = member->engine;
	const struct ns_attachment *base = ns_member_base(member);
	struct ns_workload own, namespaces;
	bool known;
	int r;

	if (!member->identified || (!engine->features.socket_cgroup && !has_table(member)))
		return false;
	if (member->endpoint->host_netns)
		return true;
	if (!base || strcmp(base->workload, member->workload) == 0)
		return false;
	r = ns_store_get_workload(engine->store, member->workload, &own, NULL);
	if (r < 0 && r != -ENOENT && has_table(member))
		return true;
	known = r == 0;
	/* Whoever put it back to learning, after it had rules, knew what that opens. */
	if (known && (ns_mode_in_force(own.mode) || own.active_revision))
		return true;
	if (!base->identified || (ns_store_get_workload(engine->store, base->workload, &namespaces, NULL) == 0 &&
				  !ns_mode_learns(namespaces.mode)))
		return false;
	return known || has_company(engine, member, base);
}

void ns_members_review(struct ns_engine *engine, uint64_t netns_cookie)
{
	NS_FOREACH_MEMBER(engine, member)
	if (!netns_cookie || is_member_of(member, netns_cookie))
		member->undecided = true;
}

void ns_members_decide(struct ns_engine *engine)
{
	NS_FOREACH_MEMBER(engine, member)
	{
		struct ns_attachment *base;
		bool split;

		if (!member->undecided)
			continue;
		member->undecided = false;
		split = is_to_be_split(member);
		ns_members_claim(member);
		if (split == member->split)
			continue;
		member->split = split;
		member->dirty = true;
		base = ns_member_base(member);
		if (base)
			base->dirty = true;
	}
}

size_t ns_members_others(const struct ns_attachment *base, struct ns_member_cgroup ret[static NS_MEMBERS_MAX])
{
	const struct ns_members *members = &base->members;
	struct ns_engine *engine = base->engine;
	size_t n = members->n_unclaimed;

	if (n)
		memcpy(ret, members->unclaimed, n * sizeof *ret);
	NS_FOREACH_MEMBER(engine, member)
	{
		if (!is_member_of(member, base->endpoint->cookie) || !has_table(member) ||
		    (!member->split && !member->adopted) || n == NS_MEMBERS_MAX)
			continue;
		ret[n].id = member->endpoint->member.cgroup;
		ret[n++].level = member->endpoint->member.level;
	}
	return n;
}

void ns_members_clear(struct ns_members *members)
{
	free(members->in_plan);
	free(members->unclaimed);
	ns_words_set(&members->outer_waits, NULL);
	members->in_plan = members->unclaimed = NULL;
	members->n_in_plan = members->n_unclaimed = 0;
}

/* Without memory nobody is known to be left out: then the table is made again whenever somebody is to be. */
void ns_members_keep_in_plan(struct ns_attachment *attachment)
{
	struct ns_members *members = &attachment->members;
	struct ns_member_cgroup others[NS_MEMBERS_MAX];
	size_t n = ns_endpoint_is_member(attachment->endpoint) ? 0 : ns_members_others(attachment, others);

	free(members->in_plan);
	members->in_plan = n ? calloc(n, sizeof *others) : NULL;
	members->n_in_plan = members->in_plan ? n : 0;
	if (members->in_plan)
		memcpy(members->in_plan, others, n * sizeof *others);
}

bool ns_member_is_judged_by_base(const struct ns_attachment *attachment)
{
	return ns_endpoint_is_member(attachment->endpoint) && !attachment->split && !has_table(attachment) &&
	       ns_member_base(attachment);
}

bool ns_member_is_left_out(const struct ns_attachment *base, const struct ns_attachment *member)
{
	for (size_t i = 0; i < base->members.n_in_plan; i++)
		if (base->members.in_plan[i].id == member->endpoint->member.cgroup)
			return true;
	return false;
}

int ns_member_settle(struct ns_attachment *member, struct ns_error *err)
{
	struct ns_attachment *base = ns_member_base(member);

	if (!base || base->mode == NS_MODE_INVALID)
		return 0; /* there is no table yet, and it will leave the member out from the beginning */
	base->dirty = true;
	return ns_attachment_reconcile(base, err);
}

/* What a table that was there before this daemon leaves out is known once it has been made anew. */
static bool may_be_left_out(const struct ns_attachment *base, const struct ns_attachment *member)
{
	return ns_member_is_left_out(base, member) || (base->adopted && base->mode == NS_MODE_INVALID);
}

int ns_member_unite(struct ns_attachment *member, struct ns_error *err)
{
	struct ns_attachment *base = ns_member_base(member);
	int r;

	if (!has_table(member))
		return 0;
	member->adopted = false; /* from here on the namespace's table is to judge it */
	if (base && may_be_left_out(base, member)) {
		base->dirty = true;
		r = ns_attachment_reconcile(base, err);
		if (r < 0)
			return r;
	}
	if (ns_attachment_harvest(member, NULL) < 0)
		ns_log_warning("%s: the last figures could not be read", member->workload);
	r = ns_lock_remove(member->lock, err);
	if (r < 0)
		return r;
	member->mode = NS_MODE_INVALID;
	member->plan_digest[0] = '\0';
	ns_words_set(&member->failure, NULL);
	ns_figures_release(&member->figures);
	(void)ns_store_forget_counters(member->engine->store, member->endpoint->cookie, NULL);
	return 0;
}

int ns_member_check(const struct ns_attachment *member, struct ns_error *err)
{
	struct ns_engine *engine = member->engine;
	struct ns_workload workload;
	int r;

	if (engine->features.socket_cgroup || !member->identified)
		return 0;
	r = ns_store_get_workload(engine->store, member->workload, &workload, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (!member->endpoint->host_netns && (r < 0 || !ns_mode_in_force(workload.mode)))
		return 0; /* it learns what its namespace learns, which is said there */
	return ns_error_set(err, -EOPNOTSUPP,
			    "this kernel cannot tell its packets from those of others who share its "
			    "network namespace (no rules by cgroup, or no cgroup v2)");
}

/* Its cgroup, which may outlive the member: who is taken for the maker of the namespace is no member any more. */
static bool is_there(const struct ns_attachment *member)
{
	uint64_t id;

	return ns_cgroup2_id(member->endpoint->member.path, &id, NULL) == 0 && id == member->endpoint->member.cgroup;
}

void ns_member_end(struct ns_attachment *member)
{
	struct ns_attachment *base = ns_member_base(member);
	struct ns_error err = NS_ERROR_INIT;
	bool had_table = has_table(member);

	if (base)
		base->dirty = true; /* when its cgroup is nobody's any more there is no hurry */
	if (base && had_table && may_be_left_out(base, member) && is_there(member)) {
		member->mode = NS_MODE_INVALID;
		member->adopted = false;
		if (ns_attachment_reconcile(base, &err) < 0) {
			ns_log_warning("%s: its table stays until the next start: %s", member->workload, err.text);
			return;
		}
	}
	if (had_table && ns_lock_remove(member->lock, &err) < 0)
		ns_log_warning("%s: its table stays until the next start: %s", member->workload, err.text);
	/* What the lock's socket did is heard while it is still known to be ours. */
	ns_drift_read(base ? base->drifted.monitor : member->endpoint->host_netns ? member->engine->drift : NULL);
}

/* Appends the rules of a policy in the store. */
static int add_rules(struct ns_engine *engine, const struct ns_workload *workload, struct ns_policy *to,
		     struct ns_error *err)
{
	NS_JSON json_t *document = NULL;
	NS_CLEANUP(ns_policy_release) struct ns_policy from = NS_POLICY_INIT;
	struct ns_rule *rules;
	int r = ns_store_get_policy(engine->store, workload->name, workload->active_revision, &document, NULL, err);

	if (r == 0)
		r = ns_policy_from_json(document, &from, err);
	if (r < 0)
		return r;
	if (!to->workload) {
		*to = from;
		from = (struct ns_policy)NS_POLICY_INIT;
		return 0;
	}
	if (from.n_rules == 0)
		return 0;
	rules = reallocarray(to->rules, to->n_rules + from.n_rules, sizeof *rules);
	if (!rules)
		return ns_error_set(err, -ENOMEM, "out of memory for the rules of %s", workload->name);
	to->rules = rules;
	memcpy(rules + to->n_rules, from.rules, from.n_rules * sizeof *rules);
	to->n_rules += from.n_rules;
	from.n_rules = 0; /* they are the other's now */
	return 0;
}

int ns_members_outer(struct ns_attachment *base, struct ns_policy *ret, enum ns_mode *mode, struct ns_error *err)
{
	struct ns_engine *engine = base->engine;
	NS_CLEANUP(ns_policy_release) struct ns_policy policy = NS_POLICY_INIT;
	struct ns_workload workload;
	int r = ns_store_get_workload(engine->store, base->workload, &workload, err);

	ns_words_set(&base->members.outer_waits, NULL);
	if (r == 0)
		r = add_rules(engine, &workload, &policy, err);
	if (r < 0)
		return r;
	NS_FOREACH_MEMBER(engine, member)
	{
		if (!is_member_of(member, base->endpoint->cookie) || !member->split)
			continue;
		r = ns_store_get_workload(engine->store, member->workload, &workload, err);
		if (r == -ENOENT || (r == 0 && ns_mode_learns(workload.mode))) {
			*mode = NS_MODE_LEARNING;
			ns_words_set(&base->members.outer_waits, member->workload);
			return 0;
		}
		if (r == 0 && workload.mode == NS_MODE_AUDITING)
			*mode = NS_MODE_AUDITING;
		if (r == 0)
			r = add_rules(engine, &workload, &policy, err);
		if (r < 0)
			return r;
	}
	*ret = policy;
	policy = (struct ns_policy)NS_POLICY_INIT;
	return 0;
}

bool ns_members_any(const struct ns_attachment *base)
{
	NS_FOREACH_MEMBER(base->engine, member)
	if (member->split && is_member_of(member, base->endpoint->cookie))
		return true;
	return false;
}

json_t *ns_member_json(const struct ns_attachment *attachment, const struct ns_endpoint *endpoint)
{
	const struct ns_attachment *base = attachment ? ns_member_base(attachment) : NULL;

	if (!ns_endpoint_is_member(endpoint))
		return json_null();
	return json_pack("{s:s s:s s:I s:b}", "of",
			 endpoint->host_netns ? "host"
			 : base               ? base->workload
					      : "",
			 "cgroup", endpoint->member.path, "id", (json_int_t)endpoint->member.cgroup, "table",
			 attachment && attachment->split && has_table(attachment));
}
