/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The document as a whole, written piece by piece. Everything in it is in an order that the data gives, never the order
 * of some table in memory, so that two exports of the same state differ in their times alone.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "evidence_private.h"
#include "json.h"
#include "text.h"

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

/* What is done in one step: audit entries walked, and listed. */
#define WALK_SLICE 256
#define LOG_PAGE   128

enum part { FRAME = 0, WORKLOADS, UNASSIGNED, WALK, LOG, END };

struct export
{
	struct ns_engine *engine;
	struct ns_store *store;
	char *only; /* NULL: all */
	enum part part;
	json_t *incomplete;
	json_t *listed; /* cookies of the endpoints that are in the document: {cookie: null} */
	json_t *names;  /* of the workloads */
	size_t next_name;
	struct ns_audit_walk walk;
	bool verified;
	uint64_t after, left; /* in the log */
	bool log_first, log_whole;
};

static void release(void *ctx)
{
	struct export *export = ctx;

	free(export->only);
	json_decref(export->incomplete);
	json_decref(export->listed);
	json_decref(export->names);
	free(export);
}

static int add_member(struct ns_text *text, const char *name, json_t *value, struct ns_error *err)
{
	int r = ns_text_add(text, name, err);

	if (r < 0) {
		json_decref(value);
		return r;
	}
	return ns_text_take_json(text, value, err);
}

static int write_frame(struct export *export, struct ns_text *text, struct ns_error *err)
{
	int r = ns_text_add(text, "{\"schema\":\"nanoseg/evidence/1\"", err);

	if (r == 0)
		r = add_member(text, ",\"created\":", ns_time_json(ns_clock_now()), err);
	if (r == 0)
		r = add_member(text, ",\"host\":", ns_evidence_host(), err);
	if (r == 0)
		r = add_member(text, ",\"agent\":", json_pack("{s:s}", "version", NANOSEG_VERSION), err);
	if (r == 0)
		r = add_member(text, ",\"limits\":", ns_evidence_limits(), err);
	if (r == 0)
		r = ns_text_add(text, ",\"workloads\":[", err);
	export->part = WORKLOADS;
	return r;
}

/* ---- workloads ---- */

static const char *format_cookie(const json_t *endpoint, char text[static 24])
{
	(void)snprintf(text, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(endpoint, "cookie")));
	return text;
}

static int note_listed(struct export *export, const json_t *running, struct ns_error *err)
{
	char cookie[24];
	json_t *endpoint;
	size_t i;

	json_array_foreach (running, i, endpoint)
		if (json_object_set_new(export->listed, format_cookie(endpoint, cookie), json_null()) < 0)
			return no_memory(err);
	return 0;
}

static int write_workload(struct export *export, struct ns_text *text, struct ns_error *err)
{
	const char *name = json_string_value(json_array_get(export->names, export->next_name));
	bool first = export->next_name == 0;
	NS_JSON json_t *running = NULL, *readback = NULL;
	struct ns_evidence_sources sources = { export->store, NULL, NULL, export->incomplete };
	struct ns_workload workload;
	json_t *json = NULL;
	int r;

	if (!name) {
		export->part = UNASSIGNED;
		return ns_text_add(text, "],\"unassigned\":", err);
	}
	export->next_name++;
	r = ns_store_get_workload(export->store, name, &workload, err);
	if (r < 0)
		return r;
	/* Who runs and what the kernel holds is of one moment, when the workload's turn comes, and forgotten with it.
	 */
	running = sorted(ns_engine_endpoints(export->engine, name));
	readback = sorted(ns_engine_readback(export->engine, name));
	if (!running || !readback)
		return no_memory(err);
	sources.running = running;
	sources.readback = readback;
	r = note_listed(export, running, err);
	if (r == 0)
		r = ns_evidence_workload(&sources, &workload, &json, err);
	return r < 0 ? r : ns_text_take_element(text, &first, json, err);
}

/* ---- the audit log ---- */

/* A chain that does not verify is what the reader must see, so it stops nothing. */
static int write_broken(struct export *export, struct ns_text *text, const struct ns_error *why, struct ns_error *err)
{
	int r = ns_evidence_incomplete(export->incomplete, err, "the audit log does not verify: %s", why->text);

	if (r == 0)
		r = ns_text_add(text, ",\"audit\":{\"entries\":null,\"head\":null,\"verified\":false", err);
	return r < 0 ? r : add_member(text, ",\"error\":", ns_json_text(why->text), err);
}

static int write_verified(struct export *export, struct ns_text *text, struct ns_error *err)
{
	int r = add_member(text, ",\"audit\":{\"entries\":", json_integer((json_int_t) export->walk.entries), err);

	if (r == 0)
		r = add_member(text, ",\"head\":", json_string(export->walk.head), err);
	return r < 0 ? r : ns_text_add(text, ",\"verified\":true,\"error\":null", err);
}

/* How much of the log is listed: what was walked, so that it ends with the head. Nor does one that cannot be read stop
 * anything. */
static int begin_log(struct export *export, struct ns_text *text, struct ns_error *err)
{
	uint64_t last = export->verified ? export->walk.entries : 0, total = 0;
	struct ns_error why = NS_ERROR_INIT;
	int r = 0;

	export->part = LOG;
	export->log_first = true;
	if (!export->verified || last > 0)
		r = ns_store_audit_bound(export->store, export->only, NULL, last, NS_EVIDENCE_AUDIT_MAX, &total,
					 &export->after, &why);
	if (r == -ENOMEM)
		return no_memory(err);
	export->left = total < NS_EVIDENCE_AUDIT_MAX ? total : NS_EVIDENCE_AUDIT_MAX;
	export->log_whole = r == 0 && !export->only && export->left == total;
	if (r < 0)
		r = ns_evidence_incomplete(export->incomplete, err, "the audit log cannot be read: %s", why.text);
	else if (export->left < total)
		r = ns_evidence_incomplete(export->incomplete, err, "the newest %llu of %llu audit entries are listed",
					   (unsigned long long)export->left, (unsigned long long)total);
	return r < 0 ? r : ns_text_add(text, ",\"log\":[", err);
}

static int walk(struct export *export, struct ns_text *text, struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;
	int r = ns_store_audit_verify_some(export->store, &export->walk, WALK_SLICE, &why);

	if (r > 0)
		return 0;
	if (r == -ENOMEM)
		return no_memory(err);
	export->verified = r == 0;
	r = export->verified ? write_verified(export, text, err) : write_broken(export, text, &why, err);
	return r < 0 ? r : begin_log(export, text, err);
}

static int write_log(struct export *export, struct ns_text *text, struct ns_error *err)
{
	size_t max = export->left < LOG_PAGE ? (size_t) export->left : LOG_PAGE;
	struct ns_error why = NS_ERROR_INIT;
	NS_JSON json_t *page = NULL;
	json_t *entry;
	size_t i;
	int r = 0;

	if (max > 0) {
		page = ns_store_audit_entries_of(export->store, export->only, NULL, export->after, max, &why);
		if (!page && why.code == -ENOMEM)
			return no_memory(err);
	}
	if (max > 0 && !page) {
		export->log_whole = false;
		r = ns_evidence_incomplete(export->incomplete, err, "the audit log cannot be read: %s", why.text);
	}
	json_array_foreach (page, i, entry) {
		if (r == 0)
			r = ns_text_take_element(text, &export->log_first, json_incref(entry), err);
		export->after = (uint64_t)json_integer_value(json_object_get(entry, "seq"));
	}
	export->left = json_array_size(page) == max ? export->left - max : 0;
	if (r == 0 && export->left == 0) {
		export->part = END;
		r = add_member(text, "],\"log_complete\":", json_boolean(export->log_whole), err);
	}
	return r;
}

/* ---- all of it ---- */

static int write_end(struct export *export, struct ns_text *text, struct ns_error *err)
{
	bool complete = json_array_size(export->incomplete) == 0;
	int r = add_member(text, "},\"incomplete\":", json_incref(export->incomplete), err);

	if (r == 0)
		r = add_member(text, ",\"complete\":", json_boolean(complete), err);
	return r < 0 ? r : ns_text_add(text, "}", err);
}

/* Those too whose workload had its turn before they came. */
static int write_unassigned(struct export *export, struct ns_text *text, struct ns_error *err)
{
	NS_JSON json_t *running = export->only ? json_array() : sorted(ns_engine_endpoints(export->engine, NULL));
	char cookie[24];

	export->part = WALK;
	for (size_t i = json_array_size(running); i-- > 0;)
		if (json_object_get(export->listed, format_cookie(json_array_get(running, i), cookie)))
			(void)json_array_remove(running, i);
	return running ? ns_text_take_json(text, NS_TAKE(running), err) : no_memory(err);
}

static int next(void *ctx, struct ns_text *text, struct ns_error *err)
{
	static int (*const parts[])(struct export *, struct ns_text *, struct ns_error *) = {
		[FRAME] = write_frame,
		[WORKLOADS] = write_workload,
		[UNASSIGNED] = write_unassigned,
		[WALK] = walk,
		[LOG] = write_log,
		[END] = write_end,
	};
	struct export *export = ctx;
	struct ns_error own = NS_ERROR_INIT; /* functions that return NULL say why only there */
	bool last = export->part == END;
	int r = parts[export->part](export, text, err ? err : &own);

	return r < 0 ? r : !last;
}

static int add_name(void *ctx, const struct ns_workload *workload)
{
	struct export *export = ctx;

	if (export->only && strcmp(export->only, workload->name) != 0)
		return 0;
	return json_array_append_new(export->names, json_string_nocheck(workload->name)) < 0 ? -ENOMEM : 0;
}

static int harvest(struct export *export, struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;

	if (ns_engine_harvest(export->engine, export->only, &why) < 0)
		return ns_evidence_incomplete(export->incomplete, err, "not all figures are of now: %s", why.text);
	return 0;
}

int ns_evidence_export(struct ns_engine *engine, const char *workload, struct ns_stream *ret, struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(engine);
	struct export *export;
	struct ns_workload row;
	int r = workload ? ns_store_get_workload(store, workload, &row, err) : 0;

	if (r < 0)
		return r;
	export = calloc(1, sizeof *export);
	if (!export)
		return no_memory(err);
	*ret = (struct ns_stream){ next, release, export };
	export->engine = engine;
	export->store = store;
	export->only = workload ? strdup(workload) : NULL;
	export->incomplete = json_array();
	export->names = json_array();
	export->listed = json_object();
	if ((workload && !export->only) || !export->incomplete || !export->names || !export->listed)
		return no_memory(err);
	r = harvest(export, err);
	if (r == 0)
		r = ns_store_list_workloads(store, add_name, export, err);
	return r == -ENOMEM ? no_memory(err) : r;
}
