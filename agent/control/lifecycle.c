/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "lifecycle.h"
#include "log.h"
#include "text.h"

void ns_lifecycle_warn(json_t *warnings, const char *format, ...)
{
	char line[NS_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof line, format, args);
	va_end(args);
	(void)json_array_append_new(warnings, ns_text_string(line));
}

void ns_lifecycle_harvest(struct ns_engine *engine, const char *workload, json_t *warnings)
{
	struct ns_error error = NS_ERROR_INIT;

	if (ns_engine_harvest(engine, workload, &error) < 0)
		ns_lifecycle_warn(warnings, "the newest figures of the kernel could not be read: %s", error.text);
}

static bool in_force(enum ns_mode mode)
{
	return mode == NS_MODE_AUDITING || mode == NS_MODE_ENFORCING;
}

int ns_lifecycle_follow(const struct ns_lifecycle *cycle, const char *workload, enum ns_mode mode, json_t *warnings,
			struct ns_error *err)
{
	struct ns_error error = NS_ERROR_INIT;
	int r = ns_engine_workload_changed(cycle->engine, workload, &error);

	if (r >= 0)
		return 0;
	if (!in_force(mode)) {
		ns_log_warning("%s is %s, but: %s", workload, ns_mode_format(mode), error.text);
		ns_lifecycle_warn(warnings, "an endpoint could not follow: %s", error.text);
		return 0;
	}
	ns_log_error("%s is %s, but: %s", workload, ns_mode_format(mode), error.text);
	return ns_error_set(err, r, "%s is %s from now on, but an endpoint could not follow: %s", workload,
			    ns_mode_format(mode), error.text);
}

uint64_t ns_lifecycle_current(const struct ns_workload *workload)
{
	if (workload->proposed_revision > 0)
		return workload->proposed_revision;
	return workload->active_revision > 0 ? workload->active_revision : workload->newest_revision;
}

int ns_lifecycle_load(struct ns_store *store, const char *workload, uint64_t revision, struct ns_policy *ret,
		      json_t **ret_info, struct ns_error *err)
{
	NS_JSON json_t *document = NULL;
	NS_JSON json_t *info = NULL;
	int r = ns_store_get_policy(store, workload, revision, &document, &info, err);

	if (r < 0)
		return r;
	r = ns_policy_from_json(document, ret, err);
	if (r < 0) {
		ns_error_context(err, "revision %llu of %s in the store", (unsigned long long)revision, workload);
		if (r == -EINVAL) {
			r = -EBADMSG;
			if (err)
				err->code = r;
		}
		return r;
	}
	if (ret_info)
		*ret_info = NS_TAKE(info);
	return 0;
}

json_t *ns_lifecycle_gap(const struct ns_gap *gap)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "workload", ns_text_string(gap->workload), "from",
			 ns_time_json(gap->from), "to", ns_time_json(gap->to), "cause", ns_text_string(gap->cause));
}

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "out of memory");
}

/* The time a step takes effect, which is after the harvest that went before it. */
static int64_t time_of_step(const struct ns_lifecycle *cycle)
{
	return cycle->clock ? cycle->clock() : cycle->now;
}

static void warn_of_end(const struct ns_workload *before, json_t *warnings)
{
	if (in_force(before->mode))
		ns_lifecycle_warn(warnings, "the policy is no longer in force: the workload was %s",
				  ns_mode_format(before->mode));
}

/* ---- learning ---- */

int ns_lifecycle_learn_start(const struct ns_lifecycle *cycle, const char *workload, json_t **ret, struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(cycle->engine);
	NS_JSON json_t *warnings = json_array();
	struct ns_workload before, after;
	json_t *answer;
	int r;

	if (!warnings)
		return no_memory(err);
	r = ns_store_get_workload(store, workload, &before, err);
	if (r < 0)
		return r;
	/* What the kernel counted so far belongs to the window before this one. */
	ns_lifecycle_harvest(cycle->engine, workload, warnings);
	warn_of_end(&before, warnings);
	r = ns_store_set_mode(store, workload, NS_MODE_LEARNING, cycle->actor, "learn start", time_of_step(cycle), err);
	if (r < 0)
		return r;
	r = ns_lifecycle_follow(cycle, workload, NS_MODE_LEARNING, warnings, err);
	if (r >= 0)
		r = ns_store_get_workload(store, workload, &after, err);
	if (r < 0)
		return r;
	answer = json_pack("{s:o, s:s, s:s, s:o, s:O}", "workload", ns_text_string(workload), "mode",
			   ns_mode_format(after.mode), "previous_mode", ns_mode_format(before.mode), "since",
			   ns_time_json(after.learning_since), "warnings", warnings);
	if (!answer)
		return no_memory(err);
	*ret = answer;
	return 0;
}

/* ---- deciding ---- */

static int check_reason(const char *reason, struct ns_error *err)
{
	bool visible = false;

	if (strlen(reason) >= NS_REASON_MAX)
		return ns_error_set(err, -EINVAL, "$.reason: longer than %d bytes", NS_REASON_MAX - 1);
	for (const char *c = reason; *c; c++) {
		if (iscntrl((unsigned char)*c))
			return ns_error_set(err, -EINVAL, "$.reason: must be one line without control characters");
		visible |= *c != ' ';
	}
	if (!visible)
		return ns_error_set(err, -EINVAL, "$.reason: must not be empty; say why, for those who read it later");
	return 0;
}

static int check_digest(const char *digest, struct ns_error *err)
{
	if (strncmp(digest, "sha256:", 7) != 0 || strlen(digest) != 71 || strspn(digest + 7, "0123456789abcdef") != 64)
		return ns_error_set(err, -EINVAL, "$.digest: must be \"sha256:\" and 64 hexadecimal digits");
	return 0;
}

static int decide(const struct ns_lifecycle *cycle, const char *workload, const char *digest, const char *decision,
		  const char *reason, json_t **ret, struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(cycle->engine);
	NS_JSON json_t *warnings = json_array();
	struct ns_workload before, after;
	json_t *answer;
	int r;

	if (!warnings)
		return no_memory(err);
	r = check_digest(digest, err);
	if (r >= 0)
		r = check_reason(reason, err);
	if (r >= 0)
		r = ns_store_get_workload(store, workload, &before, err);
	if (r >= 0)
		r = ns_store_decide(store, workload, digest, decision, reason, cycle->actor, cycle->now, err);
	if (r >= 0)
		r = ns_store_get_workload(store, workload, &after, err);
	if (r < 0)
		return r;
	if (after.mode != before.mode || after.active_revision != before.active_revision) {
		r = ns_lifecycle_follow(cycle, workload, after.mode, warnings, err);
		if (r < 0)
			return r;
	}
	answer = json_pack("{s:o, s:o, s:s, s:s, s:s, s:O}", "workload", ns_text_string(workload), "revision",
			   ns_text_count(before.proposed_revision), "digest", digest, "decision", decision, "mode",
			   ns_mode_format(after.mode), "warnings", warnings);
	if (!answer)
		return no_memory(err);
	*ret = answer;
	return 0;
}

int ns_lifecycle_approve(const struct ns_lifecycle *cycle, const char *workload, const char *digest, const char *reason,
			 json_t **ret, struct ns_error *err)
{
	return decide(cycle, workload, digest, "approve", reason, ret, err);
}

int ns_lifecycle_reject(const struct ns_lifecycle *cycle, const char *workload, const char *digest, const char *reason,
			json_t **ret, struct ns_error *err)
{
	return decide(cycle, workload, digest, "reject", reason, ret, err);
}

/* ---- modes ---- */

static int check_mode(const struct ns_workload *row, enum ns_mode mode, struct ns_error *err)
{
	if (mode != NS_MODE_LEARNING && !in_force(mode))
		return ns_error_set(err, -EINVAL,
				    "$.mode: \"%s\" is not set by hand; use learning, auditing or enforcing",
				    ns_mode_format(mode));
	if (in_force(mode) && row->active_revision == 0 && row->proposed_revision > 0)
		return ns_error_set(err, -ENODATA,
				    "%s has no approved policy: revision %llu waits for approval; approve it first",
				    row->name, (unsigned long long)row->proposed_revision);
	if (in_force(mode) && row->active_revision == 0)
		return ns_error_set(err, -ENODATA, "%s has no approved policy: propose one and have it approved first",
				    row->name);
	return 0;
}

static int mode_answer(const struct ns_lifecycle *cycle, const struct ns_workload *before, enum ns_mode mode,
		       json_t *warnings, json_t **ret, struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(cycle->engine);
	NS_JSON json_t *info = NULL;
	struct ns_workload row;
	json_t *answer;
	int r = ns_store_get_workload(store, before->name, &row, err);

	if (r >= 0 && row.active_revision > 0)
		r = ns_store_get_policy(store, row.name, row.active_revision, NULL, &info, err);
	if (r < 0)
		return r;
	answer = json_pack("{s:o, s:s, s:s, s:o, s:O?, s:o, s:b, s:O}", "workload", ns_text_string(row.name), "mode",
			   ns_mode_format(mode), "previous_mode", ns_mode_format(before->mode), "revision",
			   row.active_revision ? ns_text_count(row.active_revision) : json_null(), "digest",
			   json_object_get(info, "digest"), "proposed_revision",
			   row.proposed_revision ? ns_text_count(row.proposed_revision) : json_null(), "unchanged",
			   before->mode == mode, "warnings", warnings);
	if (!answer)
		return no_memory(err);
	*ret = answer;
	return 0;
}

int ns_lifecycle_mode(const struct ns_lifecycle *cycle, const char *workload, enum ns_mode mode, const char *reason,
		      json_t **ret, struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(cycle->engine);
	NS_JSON json_t *warnings = json_array();
	struct ns_workload row;
	int r;

	if (!warnings)
		return no_memory(err);
	r = ns_store_get_workload(store, workload, &row, err);
	if (r >= 0)
		r = check_mode(&row, mode, err);
	if (r >= 0 && reason[0] != '\0')
		r = check_reason(reason, err);
	if (r < 0)
		return r;
	/* The tables of the old mode are about to go, and with them what they counted since the last harvest. */
	ns_lifecycle_harvest(cycle->engine, workload, warnings);
	if (row.mode != mode) {
		if (mode == NS_MODE_LEARNING)
			warn_of_end(&row, warnings);
		r = ns_store_set_mode(store, workload, mode, cycle->actor, reason, time_of_step(cycle), err);
		if (r < 0)
			return r;
	}
	r = ns_lifecycle_follow(cycle, workload, mode, warnings, err);
	return r < 0 ? r : mode_answer(cycle, &row, mode, warnings, ret, err);
}
