/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One workload: what was decided about it, what runs, and what the kernel holds of it.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "evidence_private.h"
#include "json.h"

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "out of memory for the evidence");
}

int ns_evidence_set(json_t *object, const char *name, json_t *value, struct ns_error *err)
{
	return json_object_set_new(object, name, value) < 0 ? no_memory(err) : 0;
}

json_t *ns_evidence_of_workload(const json_t *list, const char *workload)
{
	NS_JSON json_t *found = json_array();
	json_t *item;
	size_t i;

	if (!found)
		return NULL;
	json_array_foreach (list, i, item) {
		const char *name = json_string_value(json_object_get(item, "workload"));

		if (name && strcmp(name, workload) == 0 && json_array_append(found, item) < 0)
			return NULL;
	}
	return NS_TAKE(found);
}

/* ---- what was decided ---- */

static int add_policy(const struct ns_evidence_sources *sources, const struct ns_workload *w, json_t *json,
		      struct ns_error *err)
{
	NS_JSON json_t *document = NULL;
	NS_JSON json_t *info = NULL;
	NS_JSON json_t *proposal = NULL;
	int r = 0;

	if (w->active_revision)
		r = ns_store_get_policy(sources->store, w->name, w->active_revision, &document, &info, err);
	if (r == 0 && w->proposed_revision)
		r = ns_store_get_policy(sources->store, w->name, w->proposed_revision, NULL, &proposal, err);
	if (r == 0)
		r = ns_evidence_set(json, "revision", json_integer((json_int_t)w->active_revision), err);
	if (r == 0)
		r = ns_evidence_set(json, "digest", info ? json_incref(json_object_get(info, "digest")) : json_null(),
				    err);
	if (r == 0)
		r = ns_evidence_set(json, "policy", document ? NS_TAKE(document) : json_null(), err);
	if (r == 0)
		r = ns_evidence_set(json, "policy_info", info ? NS_TAKE(info) : json_null(), err);
	if (r == 0)
		r = ns_evidence_set(json, "proposal", proposal ? NS_TAKE(proposal) : json_null(), err);
	return r;
}

/* A list from the store, where NULL is its error. */
static int set_list(json_t *json, const char *name, json_t *list, struct ns_error *err)
{
	return list ? ns_evidence_set(json, name, list, err) : err && err->code < 0 ? err->code : -EIO;
}

static int add_mode_changes(const struct ns_evidence_sources *sources, const struct ns_workload *w, json_t *json,
			    struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;
	NS_JSON json_t *changes = NULL;
	uint64_t total = 0;
	int r = ns_evidence_mode_changes(sources->store, w->name, &changes, &total, &why);

	if (r == -ENOMEM)
		return no_memory(err);
	/* That the log does not read is said once, with the log. */
	if (r == 0 && total > json_array_size(changes)) {
		r = ns_evidence_incomplete(sources->incomplete, err,
					   "%s: the newest %zu of %llu mode changes are listed", w->name,
					   json_array_size(changes), (unsigned long long)total);
		if (r < 0)
			return r;
	}
	return ns_evidence_set(json, "mode_changes", changes ? NS_TAKE(changes) : json_null(), err);
}

static int add_ledger(const struct ns_evidence_sources *sources, const struct ns_workload *w, json_t *json,
		      struct ns_error *err)
{
	int r = add_policy(sources, w, json, err);

	if (r == 0)
		r = set_list(json, "history", ns_store_policy_history(sources->store, w->name, err), err);
	if (r == 0)
		r = set_list(json, "approvals", ns_store_approvals(sources->store, w->name, err), err);
	if (r == 0)
		r = add_mode_changes(sources, w, json, err);
	return r;
}

/* ---- what the kernel holds ---- */

static const json_t *with_cookie(const json_t *list, json_int_t cookie)
{
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (json_integer_value(json_object_get(item, "cookie")) == cookie)
			return item;
	return NULL;
}

static bool holds_it(const json_t *readback, const struct ns_workload *w)
{
	const char *mode = json_string_value(json_object_get(readback, "mode"));

	return json_is_true(json_object_get(readback, "equal")) && mode && strcmp(mode, ns_mode_format(w->mode)) == 0 &&
	       json_integer_value(json_object_get(readback, "revision")) == (json_int_t)w->active_revision;
}

/* Every endpoint that runs, not every one that could be read: one without a read-back is not in force. */
static json_t *in_force(const json_t *running, const json_t *readback, const struct ns_workload *w)
{
	json_t *endpoint;
	size_t i;

	if ((w->mode != NS_MODE_AUDITING && w->mode != NS_MODE_ENFORCING) || json_array_size(running) == 0)
		return json_null();
	json_array_foreach (running, i, endpoint) {
		json_int_t cookie = json_integer_value(json_object_get(endpoint, "cookie"));

		if (!holds_it(with_cookie(readback, cookie), w))
			return json_false();
	}
	return json_true();
}

static int add_kernel(const struct ns_evidence_sources *sources, const struct ns_workload *w, json_t *json,
		      struct ns_error *err)
{
	NS_JSON json_t *running = ns_evidence_of_workload(sources->running, w->name);
	NS_JSON json_t *readback = ns_evidence_of_workload(sources->readback, w->name);
	int r = running && readback ? 0 : no_memory(err);

	if (r == 0)
		r = ns_evidence_set(json, "in_force", in_force(running, readback, w), err);
	if (r == 0)
		r = ns_evidence_set(json, "running", NS_TAKE(running), err);
	if (r == 0)
		r = ns_evidence_set(json, "readback", NS_TAKE(readback), err);
	if (r == 0)
		r = set_list(json, "readbacks",
			     ns_store_readbacks(sources->store, w->name, NS_EVIDENCE_READBACKS_MAX, err), err);
	return r;
}

/* ---- what was seen ---- */

static int add_endpoints(const struct ns_evidence_sources *sources, const struct ns_workload *w, json_t *json,
			 struct ns_error *err)
{
	uint64_t total = 0;
	NS_JSON json_t *endpoints =
		ns_store_workload_endpoints(sources->store, w->name, NS_EVIDENCE_ENDPOINTS_MAX, &total, err);
	int r = endpoints ? 0 : err && err->code < 0 ? err->code : -EIO;

	if (r == 0 && total > NS_EVIDENCE_ENDPOINTS_MAX)
		r = ns_evidence_incomplete(sources->incomplete, err, "%s: the newest %d of %llu endpoints are listed",
					   w->name, NS_EVIDENCE_ENDPOINTS_MAX, (unsigned long long)total);
	if (r == 0)
		r = ns_evidence_set(json, "endpoints_total", json_integer((json_int_t)total), err);
	return r < 0 ? r : ns_evidence_set(json, "endpoints", NS_TAKE(endpoints), err);
}

static int add_denies(const struct ns_evidence_sources *sources, const struct ns_workload *w, json_t *json,
		      struct ns_error *err)
{
	json_t *denies = NULL;
	uint64_t total = 0;
	int r = ns_evidence_denies(sources->store, w->name, &denies, &total, err);

	if (r == 0)
		r = ns_evidence_set(json, "denies", denies, err);
	if (r == 0)
		r = ns_evidence_set(json, "denies_total", json_integer((json_int_t)total), err);
	if (r == 0 && total > NS_EVIDENCE_DENIES_MAX)
		r = ns_evidence_incomplete(sources->incomplete, err, "%s: the newest %d of %llu denies are listed",
					   w->name, NS_EVIDENCE_DENIES_MAX, (unsigned long long)total);
	return r;
}

static int add_gaps(const struct ns_evidence_sources *sources, const struct ns_workload *w, json_t *json,
		    struct ns_error *err)
{
	NS_CLEANUP(ns_graph_release) struct ns_graph graph = NS_GRAPH_INIT;
	NS_JSON json_t *list = json_array();
	int r = list ? ns_store_load_gaps(sources->store, w->name, &graph, err) : no_memory(err);

	for (size_t i = 0; r == 0 && i < graph.n_gaps; i++)
		if (json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "from", ns_time_json(graph.gaps[i].from),
							  "to", ns_time_json(graph.gaps[i].to), "cause",
							  ns_json_text(graph.gaps[i].cause))) < 0)
			r = no_memory(err);
	return r < 0 ? r : ns_evidence_set(json, "gaps", NS_TAKE(list), err);
}

static int add_facts(const struct ns_evidence_sources *sources, const struct ns_workload *w, json_t *json,
		     struct ns_error *err)
{
	uint64_t edges = 0;
	int r = ns_store_count_edges(sources->store, w->name, &edges, err);

	if (r == 0)
		r = ns_evidence_set(json, "edges", json_integer((json_int_t)edges), err);
	if (r == 0)
		r = add_endpoints(sources, w, json, err);
	if (r == 0)
		r = add_denies(sources, w, json, err);
	if (r == 0)
		r = add_gaps(sources, w, json, err);
	return r;
}

int ns_evidence_workload(const struct ns_evidence_sources *sources, const struct ns_workload *workload, json_t **ret,
			 struct ns_error *err)
{
	NS_JSON json_t *json = json_pack("{s:o, s:s, s:o, s:{s:o}}", "name", ns_json_text(workload->name), "mode",
					 ns_mode_format(workload->mode), "since", ns_time_json(workload->since),
					 "learning", "since", ns_time_json(workload->learning_since));
	int r = json ? add_ledger(sources, workload, json, err) : no_memory(err);

	if (r == 0)
		r = add_kernel(sources, workload, json, err);
	if (r == 0)
		r = add_facts(sources, workload, json, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(json);
	return 0;
}
