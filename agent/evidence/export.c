/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The document as a whole. Everything in it is in an order that the data gives, never the order of some table in
 * memory, so that two exports of the same state differ in their times alone.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "evidence_private.h"
#include "json.h"

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "out of memory for the evidence");
}

int ns_evidence_incomplete(json_t *incomplete, struct ns_error *err, const char *format, ...)
{
	char text[NS_ERROR_TEXT_MAX + NS_WORKLOAD_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return json_array_append_new(incomplete, ns_json_text(text)) < 0 ? no_memory(err) : 0;
}

static uint64_t cookie_at(const json_t *list, size_t i)
{
	return (uint64_t)json_integer_value(json_object_get(json_array_get(list, i), "cookie"));
}

/* The same members by cookie. Gives up the list. NULL when that is NULL, or without memory. */
static json_t *sorted(json_t *unsorted)
{
	NS_JSON json_t *list = unsorted;
	NS_JSON json_t *result = json_array();

	if (!list || !result)
		return NULL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		size_t lo = 0, hi = json_array_size(result);

		while (lo < hi) {
			size_t middle = lo + (hi - lo) / 2;

			if (cookie_at(result, middle) <= cookie_at(list, i))
				lo = middle + 1;
			else
				hi = middle;
		}
		if (json_array_insert(result, lo, json_array_get(list, i)) < 0)
			return NULL;
	}
	return NS_TAKE(result);
}

struct document {
	struct ns_evidence_sources sources;
	const char *only; /* NULL: all */
	json_t *workloads, *unassigned;
	struct ns_error *err;
};

/* Whoever is listed with a workload is taken off the list of those that are not. */
static void assign(struct document *document, const char *workload)
{
	for (size_t i = json_array_size(document->unassigned); i-- > 0;) {
		const json_t *endpoint = json_array_get(document->unassigned, i);
		const char *name = json_string_value(json_object_get(endpoint, "workload"));

		if (name && strcmp(name, workload) == 0)
			(void)json_array_remove(document->unassigned, i);
	}
}

static int add_workload(void *ctx, const struct ns_workload *workload)
{
	struct document *document = ctx;
	json_t *json = NULL;
	int r;

	if (document->only && strcmp(document->only, workload->name) != 0)
		return 0;
	r = ns_evidence_workload(&document->sources, workload, &json, document->err);
	if (r == 0 && json_array_append_new(document->workloads, json) < 0)
		r = no_memory(document->err);
	assign(document, workload->name);
	return r;
}

/* A chain that does not verify is what the reader must see, so it stops nothing. New reference, NULL without memory. */
static json_t *verify(struct ns_store *store, struct ns_error *why)
{
	char head[NS_DIGEST_TEXT_MAX];
	uint64_t entries = 0;
	int r = ns_store_audit_verify(store, &entries, head, why);

	if (r == 0)
		return json_pack("{s:I, s:s, s:b, s:n}", "entries", (json_int_t)entries, "head", head, "verified", 1,
				 "error");
	return r == -ENOMEM ? NULL
			    : json_pack("{s:n, s:n, s:b, s:o}", "entries", "head", "verified", 0, "error",
					ns_json_text(why->text));
}

/* Nor does one that cannot be read. */
static int add_log(struct ns_store *store, const char *workload, json_t *audit, json_t *incomplete,
		   struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;
	NS_JSON json_t *log = NULL;
	uint64_t total = 0;
	int r = ns_evidence_trail(store, workload, NULL, NS_EVIDENCE_AUDIT_MAX, &log, &total, &why);
	bool whole = r == 0 && !workload && total == json_array_size(log);

	if (r == -ENOMEM)
		return no_memory(err);
	if (r < 0)
		r = ns_evidence_incomplete(incomplete, err, "the audit log cannot be read: %s", why.text);
	else if (total > json_array_size(log))
		r = ns_evidence_incomplete(incomplete, err, "the newest %zu of %llu audit entries are listed",
					   json_array_size(log), (unsigned long long)total);
	if (r == 0)
		r = ns_evidence_set(audit, "log", log ? NS_TAKE(log) : json_array(), err);
	return r < 0 ? r : ns_evidence_set(audit, "log_complete", json_boolean(whole), err);
}

static int add_audit(struct ns_store *store, const char *workload, json_t *json, json_t *incomplete,
		     struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;
	NS_JSON json_t *audit = verify(store, &why);
	int r = audit ? 0 : no_memory(err);

	if (r == 0 && why.code < 0)
		r = ns_evidence_incomplete(incomplete, err, "the audit log does not verify: %s", why.text);
	if (r == 0)
		r = add_log(store, workload, audit, incomplete, err);
	return r < 0 ? r : ns_evidence_set(json, "audit", NS_TAKE(audit), err);
}

static int add_frame(json_t *json, json_t *incomplete, struct ns_error *err)
{
	int r = ns_evidence_set(json, "schema", json_string("nanoseg/evidence/1"), err);

	if (r == 0)
		r = ns_evidence_set(json, "created", ns_time_json(ns_clock_now()), err);
	if (r == 0)
		r = ns_evidence_set(json, "host", ns_evidence_host(), err);
	if (r == 0)
		r = ns_evidence_set(json, "agent", json_pack("{s:s}", "version", NANOSEG_VERSION), err);
	if (r == 0)
		r = ns_evidence_set(json, "limits", ns_evidence_limits(), err);
	if (r == 0)
		r = ns_evidence_set(json, "incomplete", json_incref(incomplete), err);
	return r;
}

/* What the engine and the store have, once for all workloads, and the workloads made of it. */
static int add_workloads(struct ns_engine *engine, const char *workload, json_t *json, json_t *incomplete,
			 struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(engine);
	NS_JSON json_t *running = sorted(ns_engine_endpoints(engine));
	NS_JSON json_t *readback = sorted(ns_engine_readback(engine, workload));
	NS_JSON json_t *endpoints = ns_store_endpoints(store, NS_STORE_ENDPOINTS_MAX + NS_ENDPOINTS_MAX, err);
	NS_JSON json_t *workloads = json_array();
	NS_JSON json_t *unassigned = workload ? json_array() : json_copy(running);
	struct document document = {
		{ store, running, readback, endpoints, incomplete }, workload, workloads, unassigned, err
	};
	int r;

	if (!endpoints)
		return err && err->code < 0 ? err->code : -EIO;
	if (!running || !readback || !workloads || !unassigned)
		return no_memory(err);
	r = ns_store_list_workloads(store, add_workload, &document, err);
	if (r == 0)
		r = ns_evidence_set(json, "workloads", NS_TAKE(workloads), err);
	if (r == 0)
		r = ns_evidence_set(json, "unassigned", NS_TAKE(unassigned), err);
	return r;
}

static int harvest(struct ns_engine *engine, const char *workload, json_t *incomplete, struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;

	if (ns_engine_harvest(engine, workload, &why) < 0)
		return ns_evidence_incomplete(incomplete, err, "not all figures are of now: %s", why.text);
	return 0;
}

int ns_evidence_export(struct ns_engine *engine, const char *workload, json_t **ret, struct ns_error *err)
{
	struct ns_error own = NS_ERROR_INIT;
	struct ns_error *why = err ? err : &own; /* functions that return NULL say why only there */
	NS_JSON json_t *json = json_object();
	NS_JSON json_t *incomplete = json_array();
	struct ns_workload row;
	int r = workload ? ns_store_get_workload(ns_engine_store(engine), workload, &row, why) : 0;

	if (r == 0 && (!json || !incomplete))
		r = no_memory(why);
	if (r == 0)
		r = harvest(engine, workload, incomplete, why);
	if (r == 0)
		r = add_frame(json, incomplete, why);
	if (r == 0)
		r = add_workloads(engine, workload, json, incomplete, why);
	if (r == 0)
		r = add_audit(ns_engine_store(engine), workload, json, incomplete, why);
	if (r == 0)
		r = ns_evidence_set(json, "complete", json_boolean(json_array_size(incomplete) == 0), why);
	if (r < 0)
		return r;
	*ret = NS_TAKE(json);
	return 0;
}
