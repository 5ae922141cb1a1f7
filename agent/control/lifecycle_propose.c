/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "cleanup.h"
#include "clock.h"
#include "edit.h"
#include "lifecycle.h"
#include "text.h"

/* What a call gathers on its way to an answer. */
struct proposal {
	struct ns_policy policy;
	struct ns_graph window;
	json_t *warnings;
	bool unchanged;
	char digest[NS_DIGEST_TEXT_MAX];
};

#define PROPOSAL_INIT                                                                                                  \
	{                                                                                                              \
		.policy = NS_POLICY_INIT, .window = NS_GRAPH_INIT, .warnings = json_array()                            \
	}

static void proposal_release(struct proposal *proposal)
{
	ns_policy_release(&proposal->policy);
	ns_graph_release(&proposal->window);
	json_decref(proposal->warnings);
}

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "out of memory for a policy");
}

/* The same verdict and the same rules; evidence changes with every packet and makes no new policy. */
static bool same_rules(const struct ns_policy *a, const struct ns_policy *b)
{
	NS_JSON json_t *diff = a->verdict == b->verdict ? ns_policy_diff(a, b) : NULL;

	return diff && json_array_size(json_object_get(diff, "added")) == 0 &&
	       json_array_size(json_object_get(diff, "removed")) == 0 &&
	       json_array_size(json_object_get(diff, "changed")) == 0;
}

/* Is what is proposed there already? Then the proposal becomes the stored revision, with its number and digest. While
 * the workload is learning, a proposal that waits is of an earlier window, and does not count. */
static int find_same(struct ns_store *store, const struct ns_workload *row, struct proposal *proposal,
		     struct ns_error *err)
{
	struct ns_policy stored = NS_POLICY_INIT;
	NS_JSON json_t *info = NULL;
	uint64_t revision = row->proposed_revision > 0 ? row->proposed_revision : row->active_revision;
	const char *digest;
	int r;

	if (revision == 0 || (row->mode == NS_MODE_LEARNING && row->proposed_revision > 0))
		return 0;
	r = ns_lifecycle_load(store, row->name, revision, &stored, &info, err);
	/* A revision that can no longer be read is no reason to refuse a new one. */
	if (r == -EBADMSG)
		return 0;
	if (r < 0)
		return r;
	digest = json_string_value(json_object_get(info, "digest"));
	if (digest && same_rules(&stored, &proposal->policy)) {
		struct ns_policy fresh = proposal->policy;

		proposal->policy = stored;
		stored = fresh;
		proposal->unchanged = true;
		(void)snprintf(proposal->digest, sizeof proposal->digest, "%s", digest);
	}
	ns_policy_release(&stored);
	return 0;
}

static int add_revision(const struct ns_lifecycle *cycle, struct proposal *proposal, const char *origin,
			struct ns_error *err)
{
	NS_JSON json_t *document = ns_policy_to_json(&proposal->policy);
	int r;

	if (!document)
		return no_memory(err);
	r = ns_policy_digest(&proposal->policy, proposal->digest, err);
	if (r < 0)
		return r;
	return ns_store_add_policy(ns_engine_store(cycle->engine), proposal->policy.workload, proposal->policy.revision,
				   document, origin, cycle->actor, cycle->now, err);
}

static uint64_t widened(const struct ns_policy *policy)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < policy->n_rules; i++)
		if (__builtin_add_overflow(sum, policy->rules[i].evidence.widened_by, &sum))
			return UINT64_MAX;
	return sum;
}

static int answer(const struct ns_workload *row, const struct proposal *proposal, json_t **ret, struct ns_error *err)
{
	json_t *json = json_pack(
		"{s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:b, s:O}", "workload", ns_text_string(row->name), "mode",
		ns_mode_format(row->mode), "revision", ns_text_count(proposal->policy.revision), "digest",
		proposal->digest, "rules", ns_text_count(proposal->policy.n_rules), "widened",
		ns_text_count(widened(&proposal->policy)), "by_hand", ns_text_count(ns_edit_by_hand(&proposal->policy)),
		"unchanged", proposal->unchanged, "warnings", proposal->warnings);

	if (!json)
		return no_memory(err);
	*ret = json;
	return 0;
}

/* Stores the proposal unless it is there already, and makes the endpoints show the mode that comes of it. */
static int finish(const struct ns_lifecycle *cycle, const struct ns_workload *before, struct proposal *proposal,
		  const char *origin, json_t **ret, struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(cycle->engine);
	struct ns_workload after;
	int r;

	r = find_same(store, before, proposal, err);
	if (r >= 0 && !proposal->unchanged)
		r = add_revision(cycle, proposal, origin, err);
	if (r >= 0)
		r = ns_store_get_workload(store, before->name, &after, err);
	/* A proposal never changes what is in force, only what the mode is called. */
	if (r >= 0 && after.mode != before->mode)
		r = ns_lifecycle_follow(cycle, before->name, after.mode, proposal->warnings, err);
	if (r < 0)
		return r;
	return answer(&after, proposal, ret, err);
}

static void warn_of_window(const struct ns_lifecycle *cycle, const struct ns_workload *row,
			   const struct proposal *proposal)
{
	const struct ns_engine_config *settings = ns_engine_settings(cycle->engine);
	int64_t length = cycle->now - row->learning_since;
	json_t *warnings = proposal->warnings;

	if (row->learning_since > 0 && length < settings->min_window_us)
		ns_lifecycle_warn(warnings, "the window is %lld s long; min_window asks for %lld s",
				  (long long)(length / 1000000), (long long)(settings->min_window_us / 1000000));
	if (row->mode == NS_MODE_AUDITING || row->mode == NS_MODE_ENFORCING)
		ns_lifecycle_warn(
			warnings, "the workload is %s: what its policy %s is in the denies, not in the window",
			ns_mode_format(row->mode), row->mode == NS_MODE_ENFORCING ? "refuses" : "would refuse");
	if (proposal->window.n_gaps > 0)
		ns_lifecycle_warn(warnings, "the window is incomplete: %zu gaps; what happened in them may be missing",
				  proposal->window.n_gaps);
	if (proposal->window.n_edges == 0)
		ns_lifecycle_warn(warnings, "nothing was seen in the window: this policy refuses everything");
}

static int add_window(json_t *json, const struct ns_lifecycle *cycle, const struct ns_workload *row,
		      const struct ns_graph *window, struct ns_error *err)
{
	NS_JSON json_t *gaps = json_array();

	for (size_t i = 0; i < window->n_gaps; i++)
		if (json_array_append_new(gaps, ns_lifecycle_gap(&window->gaps[i])) < 0)
			return no_memory(err);
	if (json_object_set(json, "gaps", gaps) < 0 ||
	    json_object_set_new(json, "window",
				json_pack("{s:o, s:o}", "from", ns_time_json(row->learning_since), "to",
					  ns_time_json(cycle->now))) < 0)
		return no_memory(err);
	return 0;
}

int ns_lifecycle_propose(const struct ns_lifecycle *cycle, const char *workload, json_t **ret, struct ns_error *err)
{
	NS_CLEANUP(proposal_release) struct proposal proposal = PROPOSAL_INIT;
	struct ns_store *store = ns_engine_store(cycle->engine);
	struct ns_propose_options options = { .verdict = ns_engine_settings(cycle->engine)->verdict };
	NS_JSON json_t *json = NULL;
	struct ns_workload row;
	int r;

	if (!proposal.warnings)
		return no_memory(err);
	r = ns_store_get_workload(store, workload, &row, err);
	if (r < 0)
		return r;
	ns_lifecycle_harvest(cycle->engine, workload, proposal.warnings);
	r = ns_store_load_window(store, workload, row.learning_since, &proposal.window, err);
	if (r >= 0)
		r = ns_propose(&proposal.window, workload, row.newest_revision + 1, &options, &proposal.policy, err);
	if (r < 0)
		return r;
	warn_of_window(cycle, &row, &proposal);
	r = finish(cycle, &row, &proposal, "learned", &json, err);
	if (r >= 0)
		r = add_window(json, cycle, &row, &proposal.window, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(json);
	return 0;
}

static int check_base(const struct ns_workload *row, uint64_t revision, struct ns_error *err)
{
	if (row->newest_revision == 0 && revision != 1)
		return ns_error_set(err, -ESTALE, "$.revision: %s has no policy yet; its first revision is 1",
				    row->name);
	if (row->newest_revision > 0 && revision != row->newest_revision && revision != ns_lifecycle_current(row))
		return ns_error_set(
			err, -ESTALE,
			"$.revision: this is based on revision %llu, but %s is at revision %llu; edit that one",
			(unsigned long long)revision, row->name, (unsigned long long)ns_lifecycle_current(row));
	return 0;
}

/* A document can say anything of what was seen; the store knows. */
static int believe_store(struct ns_store *store, const struct ns_workload *row, struct ns_policy *policy,
			 struct ns_error *err)
{
	NS_CLEANUP(ns_policy_release) struct ns_policy base = NS_POLICY_INIT;
	int r = row->newest_revision > 0 ? ns_lifecycle_load(store, row->name, policy->revision, &base, NULL, err)
					 : -EBADMSG;

	/* Of a revision that can no longer be read nothing is known. */
	if (r < 0 && r != -EBADMSG)
		return r;
	return ns_edit_evidence(policy, r < 0 ? NULL : &base, err);
}

int ns_lifecycle_edit(const struct ns_lifecycle *cycle, const json_t *document, json_t **ret, struct ns_error *err)
{
	NS_CLEANUP(proposal_release) struct proposal proposal = PROPOSAL_INIT;
	struct ns_store *store = ns_engine_store(cycle->engine);
	NS_JSON json_t *stripped = ns_edit_strip(document);
	struct ns_workload row;
	int r;

	if (!proposal.warnings || !stripped)
		return no_memory(err);
	r = ns_policy_from_json(stripped, &proposal.policy, err);
	if (r >= 0)
		r = ns_store_get_workload(store, proposal.policy.workload, &row, err);
	if (r >= 0)
		r = check_base(&row, proposal.policy.revision, err);
	if (r >= 0)
		r = believe_store(store, &row, &proposal.policy, err);
	if (r >= 0)
		r = ns_edit_strangers(store, &proposal.policy, proposal.warnings, err);
	if (r < 0)
		return r;
	proposal.policy.revision = row.newest_revision + 1;
	if (proposal.policy.n_rules == 0)
		ns_lifecycle_warn(proposal.warnings, "no rules: this policy refuses everything");
	return finish(cycle, &row, &proposal, "manual", ret, err);
}
