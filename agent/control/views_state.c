/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cleanup.h"
#include "clock.h"
#include "notes.h"
#include "views.h"

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "out of memory for the status");
}

/* What somebody does next who wants the workload restricted: only enforcing refuses anything. False: it is. */
static bool next_step(const struct ns_workload *row, char *ret, size_t size)
{
	const char *name = row->name;

	switch (row->mode) {
	case NS_MODE_LEARNING:
		(void)snprintf(ret, size, "when it has done all it does: nanoseg learn stop %s", name);
		return true;
	case NS_MODE_PROPOSED:
		(void)snprintf(ret, size, "read and approve the proposal: nanoseg policy show %s", name);
		return true;
	case NS_MODE_APPROVED:
		(void)snprintf(ret, size, "try the policy without refusing: nanoseg mode %s auditing", name);
		return true;
	case NS_MODE_AUDITING:
		(void)snprintf(ret, size, "see nanoseg denies %s, then: nanoseg mode %s enforcing", name, name);
		return true;
	default:
		return false;
	}
}

/* [{workload, mode, next}] of what runs and is not restricted now, each once. */
static int unrestricted(struct ns_engine *engine, const json_t *endpoints, json_t **ret, struct ns_error *err)
{
	NS_JSON json_t *list = json_array();
	NS_JSON json_t *seen = json_object();
	char next[2 * NS_WORKLOAD_MAX + 96];
	struct ns_workload row;
	const json_t *endpoint;
	size_t i;

	if (!list || !seen)
		return no_memory(err);
	json_array_foreach (endpoints, i, endpoint) {
		const char *name = json_string_value(json_object_get(endpoint, "workload"));
		/* Who shares the rules of another is as restricted as that one. */
		bool judged = strncmp(json_string_value(json_object_get(endpoint, "inner")) ?: "", NS_INNER_SHARED,
				      sizeof NS_INNER_SHARED - 1) == 0;
		int r = name && !judged && !json_object_get(seen, name)
				? ns_store_get_workload(ns_engine_store(engine), name, &row, err)
				: -ENOENT;

		/* One that is just coming is no workload yet. */
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return r;
		if (json_object_set_new(seen, name, json_true()) < 0)
			return no_memory(err);
		if (next_step(&row, next, sizeof next) &&
		    json_array_append_new(list, json_pack("{s:o, s:s, s:o}", "workload", ns_text_string(name), "mode",
							  ns_mode_format(row.mode), "next", ns_text_string(next))) < 0)
			return no_memory(err);
	}
	*ret = NS_TAKE(list);
	return 0;
}

int ns_view_status(struct ns_engine *engine, int64_t started, struct ns_text *ret, struct ns_error *err)
{
	NS_JSON json_t *status = ns_engine_status(engine);
	NS_JSON json_t *endpoints = ns_engine_endpoints(engine, NULL);
	NS_JSON json_t *notes = NULL;
	NS_JSON json_t *own = NULL;
	json_t *open = NULL;
	struct utsname kernel;
	int r;

	if (uname(&kernel) < 0)
		return ns_error_set(err, -errno, "uname: %m");
	notes = endpoints ? ns_notes(endpoints) : NULL;
	if (!notes)
		return no_memory(err);
	r = unrestricted(engine, endpoints, &open, err);
	if (r < 0)
		return r;
	own = json_pack("{s:o, s:s, s:I, s:s}", "unrestricted", open, "version", NANOSEG_VERSION, "uptime",
			(json_int_t)((ns_clock_elapsed() - started) / 1000000), "kernel", kernel.release);
	if (!status || !own || json_object_update(status, own) < 0 || json_object_update(status, notes) < 0)
		return no_memory(err);
	return ns_text_take_json(ret, NS_TAKE(status), err);
}

int ns_view_endpoints(struct ns_engine *engine, struct ns_text *ret, struct ns_error *err)
{
	return ns_text_take_json(ret, ns_engine_endpoints(engine, NULL), err);
}

int ns_view_verify(struct ns_engine *engine, const char *workload, struct ns_text *ret, struct ns_error *err)
{
	struct ns_workload row;
	int r = workload ? ns_store_get_workload(ns_engine_store(engine), workload, &row, err) : 0;
	json_t *locks;

	if (r < 0)
		return r;
	locks = ns_engine_verify(engine, workload);
	return ns_text_take_json(ret, locks ? json_pack("{s:o}", "locks", locks) : NULL, err);
}
