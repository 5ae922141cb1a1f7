/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "cleanup.h"
#include "clock.h"
#include "evidence.h"
#include "lifecycle.h"
#include "views.h"

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "out of memory for the answer");
}

static json_t *revision_json(uint64_t revision)
{
	return revision > 0 ? ns_text_count(revision) : json_null();
}

/* ---- all of them ---- */

struct policy_list {
	struct ns_store *store;
	struct ns_text *text;
	bool first;
	struct ns_error *err;
};

static int add_policy(void *ctx, const struct ns_workload *row)
{
	struct policy_list *list = ctx;
	uint64_t current = ns_lifecycle_current(row);
	NS_JSON json_t *document = NULL;
	NS_JSON json_t *info = NULL;
	json_t *json;
	int r = 0;

	if (current > 0)
		r = ns_store_get_policy(list->store, row->name, current, &document, &info, list->err);
	if (r < 0)
		return r;
	json = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:O?, s:o}", "workload", ns_text_string(row->name),
			 "mode", ns_mode_format(row->mode), "since", ns_time_json(row->since), "learning_since",
			 ns_time_json(row->learning_since), "active_revision", revision_json(row->active_revision),
			 "proposed_revision", revision_json(row->proposed_revision), "newest_revision",
			 revision_json(row->newest_revision), "revision", revision_json(current), "digest",
			 json_object_get(info, "digest"), "rules",
			 ns_text_count(json_array_size(json_object_get(document, "rules"))));
	return ns_text_take_element(list->text, &list->first, json, list->err);
}

int ns_view_policies(struct ns_engine *engine, struct ns_text *ret, struct ns_error *err)
{
	struct policy_list list = { ns_engine_store(engine), ret, true, err };
	int r = ns_text_add(ret, "[", err);

	if (r >= 0)
		r = ns_store_list_workloads(list.store, add_policy, &list, err);
	return r < 0 ? r : ns_text_add(ret, "]", err);
}

/* ---- one ---- */

/* Turns "none named" into a number, or says what is missing. */
static int choose_revision(const struct ns_workload *row, uint64_t *revision, struct ns_error *err)
{
	if (*revision == 0)
		*revision = ns_lifecycle_current(row);
	if (*revision == 0)
		return ns_error_set(err, -ENOENT, "%s has no policy yet: propose one first", row->name);
	return 0;
}

int ns_view_policy(struct ns_engine *engine, const char *workload, uint64_t revision, struct ns_text *ret,
		   struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(engine);
	NS_JSON json_t *document = NULL;
	NS_JSON json_t *info = NULL;
	NS_JSON json_t *shown = NULL;
	struct ns_workload row;
	int r;

	r = ns_store_get_workload(store, workload, &row, err);
	if (r >= 0)
		r = choose_revision(&row, &revision, err);
	if (r >= 0)
		r = ns_store_get_policy(store, workload, revision, &document, &info, err);
	if (r < 0)
		return r;
	/* The info's workload and revision are the document's own. */
	shown = json_copy(document);
	if (!shown || json_object_update(shown, info) < 0 ||
	    json_object_set_new(shown, "mode", json_string(ns_mode_format(row.mode))) < 0)
		return no_memory(err);
	return ns_text_take_json(ret, NS_TAKE(shown), err);
}

int ns_view_history(struct ns_engine *engine, const char *workload, struct ns_text *ret, struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(engine);
	NS_JSON json_t *revisions = NULL;
	NS_JSON json_t *decisions = NULL;
	NS_JSON json_t *changes = NULL;
	struct ns_workload row;
	uint64_t n_changes;
	int r;

	r = ns_store_get_workload(store, workload, &row, err);
	if (r >= 0)
		r = ns_evidence_mode_changes(store, workload, &changes, &n_changes, err);
	if (r < 0)
		return r;
	revisions = ns_store_policy_history(store, workload, err);
	decisions = revisions ? ns_store_approvals(store, workload, err) : NULL;
	if (!decisions)
		return err && err->code < 0 ? err->code : no_memory(err);
	return ns_text_take_json(ret,
				 json_pack("{s:o, s:s, s:o, s:o, s:O, s:O, s:O, s:o}", "workload",
					   ns_text_string(workload), "mode", ns_mode_format(row.mode),
					   "active_revision", revision_json(row.active_revision), "proposed_revision",
					   revision_json(row.proposed_revision), "revisions", revisions, "decisions",
					   decisions, "mode_changes", changes, "mode_changes_total",
					   ns_text_count(n_changes)),
				 err);
}

/* ---- two of them ---- */

/* Dropping instead of rejecting is a change too, though no rule shows it. */
static json_t *verdict_json(const struct ns_policy *from, const struct ns_policy *to)
{
	return json_pack("{s:s?, s:s}", "from", from ? ns_verdict_format(from->verdict) : NULL, "to",
			 ns_verdict_format(to->verdict));
}

int ns_view_diff(struct ns_engine *engine, const char *workload, uint64_t from, uint64_t to, struct ns_text *ret,
		 struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(engine);
	NS_CLEANUP(ns_policy_release) struct ns_policy old = NS_POLICY_INIT;
	NS_CLEANUP(ns_policy_release) struct ns_policy new = NS_POLICY_INIT;
	NS_JSON json_t *diff = NULL;
	struct ns_workload row;
	int r;

	r = ns_store_get_workload(store, workload, &row, err);
	if (r < 0)
		return r;
	if (from == 0)
		from = row.active_revision;
	if (to == 0 && row.proposed_revision == 0)
		return ns_error_set(err, -ENOENT, "%s has no proposal to compare; name a revision with --to", workload);
	if (to == 0)
		to = row.proposed_revision;
	if (from > 0)
		r = ns_lifecycle_load(store, workload, from, &old, NULL, err);
	if (r >= 0)
		r = ns_lifecycle_load(store, workload, to, &new, NULL, err);
	if (r < 0)
		return r;
	diff = ns_policy_diff(from > 0 ? &old : NULL, &new);
	if (!diff || json_object_set_new(diff, "workload", ns_text_string(workload)) < 0 ||
	    json_object_set_new(diff, "from", revision_json(from)) < 0 ||
	    json_object_set_new(diff, "to", revision_json(to)) < 0 ||
	    json_object_set_new(diff, "verdict", verdict_json(from > 0 ? &old : NULL, &new)) < 0)
		return no_memory(err);
	return ns_text_take_json(ret, NS_TAKE(diff), err);
}
