/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Is the kernel as planned? Read again and compared, lock by lock; nothing is repaired here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "engine_private.h"

#define NS_DIFFERENCE_LINES 50

/* The differing lines, or why they cannot be told; "" when equal. Malloced; NULL without memory. */
static char *compare(struct ns_lock *lock, const struct ns_plan *wanted, struct ns_error *err)
{
	NS_CLEANUP(ns_plan_release) struct ns_plan found = NS_PLAN_INIT;
	char *text = NULL;
	int r = ns_lock_read(lock, &found, err);

	if (r == -ENOENT && wanted->n_chains == 0)
		return strdup("");
	if (r < 0 || ns_plan_difference(wanted, &found, NS_DIFFERENCE_LINES, &text, err) < 0)
		return strdup(err->text);
	return text;
}

static const char *protection(const struct ns_lock *lock)
{
	return ns_lock_protection(lock) == NS_LOCK_OWNED ? "owned" : "plain";
}

static json_t *lock_json(const struct ns_attachment *attachment, const char *name, const struct ns_lock *lock,
			 const char *difference)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;

	return json_pack("{s:s s:I s:s s:s s:b s:s s:s}", "workload", attachment->workload, "cookie",
			 (json_int_t)endpoint->cookie, "container",
			 endpoint->container_id[0] ? endpoint->container_id : endpoint->name, "lock", name, "equal",
			 difference && !difference[0], "difference", difference ? difference : "out of memory",
			 "protection", protection(lock));
}

static void verify_endpoint(struct ns_attachment *attachment, json_t *array)
{
	NS_CLEANUP(ns_plan_release) struct ns_plan inner = NS_PLAN_INIT, outer = NS_PLAN_INIT;
	struct ns_error err = NS_ERROR_INIT;
	bool none = ns_attachment_awaits_name(attachment) || ns_member_is_judged_by_base(attachment);
	int r = none ? 0 : ns_attachment_wanted(attachment, &inner, &outer, &err);
	NS_FREE char *difference = r < 0 ? strdup(err.text) : compare(attachment->lock, &inner, &err);

	json_array_append_new(array, lock_json(attachment, "inner", attachment->lock, difference));
	if (!attachment->outer.lock || (!outer.n_chains && !attachment->outer.there))
		return;
	free(difference);
	difference = r < 0 ? strdup(err.text) : compare(attachment->outer.lock, &outer, &err);
	json_array_append_new(array, lock_json(attachment, "outer", attachment->outer.lock, difference));
}

static void verify_gate(struct ns_engine *engine, json_t *array)
{
	NS_FREE char *difference = NULL;
	struct ns_error err = NS_ERROR_INIT;

	if (!engine->gate.lock)
		return;
	if (ns_gate_difference(engine, &difference, &err) < 0)
		difference = strdup(err.text);
	json_array_append_new(array, json_pack("{s:s s:n s:s s:s s:b s:s s:s}", "workload", "", "cookie", "container",
					       "", "lock", "gate", "equal", difference && !difference[0], "difference",
					       difference ? difference : "out of memory", "protection",
					       protection(engine->gate.lock)));
}

json_t *ns_engine_verify(struct ns_engine *engine, const char *workload)
{
	json_t *array = json_array();

	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (workload && strcmp(attachment ? attachment->workload : endpoint->workload, workload) != 0)
			continue;
		if (attachment)
			verify_endpoint(attachment, array);
		else
			json_array_append_new(
				array, json_pack("{s:s s:I s:s s:s s:b s:s s:s}", "workload", endpoint->workload,
						 "cookie", (json_int_t)endpoint->cookie, "container",
						 endpoint->container_id, "lock", "inner", "equal", 0, "difference",
						 "its network namespace cannot be entered", "protection", "plain"));
	}
	if (!workload)
		verify_gate(engine, array);
	return array;
}
