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
	struct ns_graph gaps; /* of the window */
	uint64_t edges;
	json_t *warnings;
	bool unchanged;
	char digest[NS_DIGEST_TEXT_MAX];
};

#define PROPOSAL_INIT                                                                                                  \
	{                                                                                                              \
		.policy = NS_POLICY_INIT, .gaps = NS_GRAPH_INIT, .warnings = json_array()                              \
	}

static void proposal_release(struct proposal *proposal)
{
	ns_policy_release(&proposal->policy);
	ns_graph_release(&proposal->gaps);
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
	if (proposal->gaps.n_gaps > 0)
		ns_lifecycle_warn(warnings, "the window is incomplete: %zu gaps; what happened in them may be missing",
				  proposal->gaps.n_gaps);
	if (proposal->edges == 0)
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

/* ---- proposing, in slices: a window may have a million edges, and others are served meanwhile ---- */

/* Edges looked at in one step: half a millisecond. */
#define SLICE 512

struct ns_proposing {
	struct ns_lifecycle cycle;
	struct ns_actor actor;
	bool learn_stop;
	struct ns_workload row; /* as it was in the beginning */
	struct proposal proposal;
	struct ns_edge_walk *walk;
	struct ns_proposer *proposer;
	struct ns_error *err;
};

struct ns_proposing *ns_proposing_free(struct ns_proposing *proposing)
{
	if (!proposing)
		return NULL;
	ns_edge_walk_free(proposing->walk);
	ns_proposer_free(proposing->proposer);
	proposal_release(&proposing->proposal);
	free(proposing);
	return NULL;
}

NS_DEFINE_CLEANUP(struct ns_proposing *, ns_proposing_free)

int ns_proposing_new(const struct ns_lifecycle *cycle, const char *workload, bool learn_stop, struct ns_proposing **ret,
		     struct ns_error *err)
{
	NS_CLEANUP(ns_proposing_freep) struct ns_proposing *proposing = calloc(1, sizeof *proposing);
	struct ns_store *store = ns_engine_store(cycle->engine);
	struct ns_propose_options options = { .verdict = ns_engine_settings(cycle->engine)->verdict };
	struct proposal *proposal;
	int r;

	if (!proposing)
		return no_memory(err);
	proposing->cycle = *cycle;
	proposing->actor = *cycle->actor;
	proposing->cycle.actor = &proposing->actor;
	proposing->learn_stop = learn_stop;
	proposal = &proposing->proposal;
	*proposal = (struct proposal)PROPOSAL_INIT;
	if (!proposal->warnings)
		return no_memory(err);
	r = ns_store_get_workload(store, workload, &proposing->row, err);
	if (r < 0)
		return r;
	if (learn_stop && (proposing->row.mode == NS_MODE_AUDITING || proposing->row.mode == NS_MODE_ENFORCING))
		return ns_error_set(err, -EALREADY,
				    "%s is %s, so nothing is being learned; \"learn start\" begins a new window",
				    workload, ns_mode_format(proposing->row.mode));
	ns_lifecycle_harvest(cycle->engine, workload, proposal->warnings);
	r = ns_store_load_window_gaps(store, workload, proposing->row.learning_since, &proposal->gaps, err);
	if (r >= 0)
		r = ns_proposer_new(workload, &options, &proposal->gaps, &proposing->proposer, err);
	if (r >= 0)
		r = ns_store_walk_edges(store, workload, proposing->row.learning_since, &proposing->walk, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(proposing);
	return 0;
}

static int add_edge(void *ctx, const struct ns_edge *edge)
{
	struct ns_proposing *proposing = ctx;

	return ns_proposer_add(proposing->proposer, edge, proposing->err);
}

int ns_proposing_step(struct ns_proposing *proposing, struct ns_error *err)
{
	proposing->err = err;
	return ns_edge_walk_some(proposing->walk, SLICE, add_edge, proposing, err);
}

/* Still learning: the proposal is the active policy over again, and there is nothing to approve. */
static int stop_learning(const struct ns_proposing *proposing, json_t *answer, struct ns_error *err)
{
	const struct ns_lifecycle *cycle = &proposing->cycle;
	struct ns_store *store = ns_engine_store(cycle->engine);
	struct ns_workload row;
	int r = ns_store_get_workload(store, proposing->row.name, &row, err);

	if (r < 0 || row.mode != NS_MODE_LEARNING)
		return r;
	r = ns_store_set_mode(store, row.name, NS_MODE_APPROVED, cycle->actor, "learn stop", cycle->now, err);
	if (r >= 0)
		r = ns_lifecycle_follow(cycle, row.name, NS_MODE_APPROVED, json_object_get(answer, "warnings"), err);
	if (r >= 0 && json_object_set_new(answer, "mode", json_string(ns_mode_format(NS_MODE_APPROVED))) < 0)
		r = no_memory(err);
	return r;
}

int ns_proposing_end(struct ns_proposing *proposing, json_t **ret, struct ns_error *err)
{
	struct proposal *proposal = &proposing->proposal;
	const struct ns_lifecycle *cycle = &proposing->cycle;
	NS_JSON json_t *json = NULL;
	struct ns_workload row;
	int r = ns_store_get_workload(ns_engine_store(cycle->engine), proposing->row.name, &row, err);

	if (r < 0)
		return r;
	/* Others may have done something meanwhile; what they decided stands. */
	if (row.learning_since != proposing->row.learning_since || row.mode != proposing->row.mode ||
	    row.newest_revision != proposing->row.newest_revision ||
	    row.active_revision != proposing->row.active_revision)
		return ns_error_set(err, -ESTALE, "%s was changed while its edges were read (it is %s); try again",
				    row.name, ns_mode_format(row.mode));
	if (cycle->clock)
		proposing->cycle.now = cycle->clock(); /* others' entries in the audit log may have come before */
	proposal->edges = ns_proposer_edges(proposing->proposer);
	r = ns_proposer_end(proposing->proposer, row.newest_revision + 1, &proposal->policy, err);
	proposing->proposer = ns_proposer_free(proposing->proposer);
	if (r < 0)
		return r;
	warn_of_window(cycle, &row, proposal);
	r = finish(cycle, &row, proposal, "learned", &json, err);
	if (r >= 0)
		r = add_window(json, cycle, &row, &proposal->gaps, err);
	if (r >= 0 && proposing->learn_stop)
		r = stop_learning(proposing, json, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(json);
	return 0;
}

static int at_once(const struct ns_lifecycle *cycle, const char *workload, bool learn_stop, json_t **ret,
		   struct ns_error *err)
{
	NS_CLEANUP(ns_proposing_freep) struct ns_proposing *proposing = NULL;
	int r = ns_proposing_new(cycle, workload, learn_stop, &proposing, err);

	if (r < 0)
		return r;
	while ((r = ns_proposing_step(proposing, err)) > 0)
		;
	return r < 0 ? r : ns_proposing_end(proposing, ret, err);
}

int ns_lifecycle_propose(const struct ns_lifecycle *cycle, const char *workload, json_t **ret, struct ns_error *err)
{
	return at_once(cycle, workload, false, ret, err);
}

int ns_lifecycle_learn_stop(const struct ns_lifecycle *cycle, const char *workload, json_t **ret, struct ns_error *err)
{
	return at_once(cycle, workload, true, ret, err);
}

static int next(void *ctx, struct ns_text *text, struct ns_error *err)
{
	json_t *answer = NULL;
	int r = ns_proposing_step(ctx, err);

	if (r == 0)
		r = ns_proposing_end(ctx, &answer, err);
	else
		return r;
	return r < 0 ? r : ns_text_take_json(text, answer, err);
}

static void release(void *ctx)
{
	ns_proposing_free(ctx);
}

int ns_proposing_stream(const struct ns_lifecycle *cycle, const char *workload, bool learn_stop, struct ns_stream *ret,
			struct ns_error *err)
{
	struct ns_proposing *proposing = NULL;
	int r = ns_proposing_new(cycle, workload, learn_stop, &proposing, err);

	if (r == 0)
		*ret = (struct ns_stream){ next, release, proposing };
	return r;
}

/* ---- by hand ---- */

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
