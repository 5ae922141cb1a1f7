/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the kernel holds now, against what was put there: for the evidence.
 */
#include <stdlib.h>
#include <string.h>

#include <nanoseg/layout.h>

#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"

#define NS_DIFFERENCE_LINES 50

static json_t *counters_json(const struct ns_plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->n_counters; i++)
		json_array_append_new(array, json_pack("{s:s s:I s:I}", "name", plan->counters[i].name, "packets",
						       (json_int_t)plan->counters[i].packets, "bytes",
						       (json_int_t)plan->counters[i].bytes));
	return array;
}

static json_t *address_json(const struct ns_addr *addr)
{
	char text[NS_ADDR_TEXT_MAX];

	return addr->family ? json_string(ns_addr_format(addr, text)) : json_null();
}

static json_t *element_json(const struct ns_plan_set *set, const struct ns_set_role *role,
			    const struct ns_plan_element *element)
{
	size_t length = ns_plan_set_key_length(set);
	struct ns_tuple lo = { 0 }, hi = { 0 };
	char protocol[4];

	if (ns_layout_tuple(role, element->key, length, &lo) < 0 ||
	    ns_layout_tuple(role, set->interval ? element->key_end : element->key, length, &hi) < 0)
		return NULL;
	return json_pack("{s:s s:s s:s s:s s:o s:o s:i s:i s:I s:I}", "set", set->name, "rule", element->tag,
			 "direction", ns_direction_format(lo.direction), "protocol",
			 lo.protocol == hi.protocol ? ns_protocol_format(lo.protocol, protocol) : "any", "from",
			 address_json(&lo.peer), "to", address_json(&hi.peer), "port_from", (int)lo.port, "port_to",
			 (int)hi.port, "packets", (json_int_t)element->packets, "bytes", (json_int_t)element->bytes);
}

static json_t *elements_json(const struct ns_plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->n_sets; i++) {
		const struct ns_plan_set *set = &plan->sets[i];
		const struct ns_set_role *role = ns_layout_role(set->name);

		if (!role || (role->purpose != NS_PURPOSE_ALLOW && role->purpose != NS_PURPOSE_ALLOW_RANGE))
			continue;
		for (size_t k = 0; k < set->n_elements; k++)
			json_array_append_new(array, element_json(set, role, &set->elements[k]));
	}
	return array;
}

/* "" when the kernel is as wanted; otherwise the differing lines, or why they cannot be told. Malloced. */
static char *difference_text(struct ns_attachment *attachment, const struct ns_plan *found)
{
	struct ns_plan wanted = NS_PLAN_INIT;
	struct ns_error err = NS_ERROR_INIT;
	char *text = NULL;

	if (ns_attachment_wanted(attachment, &wanted, NULL, &err) < 0 ||
	    ns_plan_difference(&wanted, found, NS_DIFFERENCE_LINES, &text, &err) < 0)
		text = strdup(err.text);
	ns_plan_release(&wanted);
	return text;
}

/* The outer lock as it was read back; null where there is none. */
static json_t *outer_json(struct ns_attachment *attachment)
{
	const struct ns_outer *outer = &attachment->outer;
	struct ns_plan found = NS_PLAN_INIT;
	struct ns_error err = NS_ERROR_INIT;
	NS_FREE char *text = NULL;
	char digest[72] = "";
	json_t *json;
	bool read;

	if (!outer->lock || !outer->there)
		return json_null();
	read = ns_lock_read(outer->lock, &found, &err) == 0 && ns_plan_digest(&found, digest, &err) == 0 &&
	       ns_plan_print(&found, &text, &err) == 0;
	json = json_pack("{s:s s:s s:b s:s s:s s:s s:o}", "plan_digest", outer->digest, "kernel_digest", digest,
			 "equal", read && strcmp(digest, outer->digest) == 0, "failure", read ? "" : err.text,
			 "protection", ns_lock_protection(outer->lock) == NS_LOCK_OWNED ? "owned" : "plain", "text",
			 text ? text : "", "counters", counters_json(&found));
	ns_plan_release(&found);
	return json;
}

static json_t *one(struct ns_attachment *attachment)
{
	const char *protection = ns_lock_protection(attachment->lock) == NS_LOCK_OWNED ? "owned" : "plain";
	struct ns_plan found = NS_PLAN_INIT;
	struct ns_error err = NS_ERROR_INIT;
	NS_FREE char *text = NULL, *difference = NULL;
	char digest[72] = "";
	bool equal = false;
	json_t *json;

	if (attachment->behind) /* so that what is recorded is what is there */
		(void)ns_attachment_reconcile(attachment, NULL);

	if (ns_lock_read(attachment->lock, &found, &err) == 0 && ns_plan_digest(&found, digest, &err) == 0 &&
	    ns_plan_print(&found, &text, &err) == 0) {
		difference = difference_text(attachment, &found);
		equal = difference && !difference[0] && strcmp(digest, attachment->plan_digest) == 0;
	} else {
		difference = strdup(err.text);
	}
	json = json_pack("{s:I s:s s:s s:I s:s s:s s:b s:s s:I s:s s:s s:o s:o s:o s:o}", "cookie",
			 (json_int_t)attachment->endpoint->cookie, "workload", attachment->workload, "mode",
			 attachment->mode == NS_MODE_INVALID ? "pending" : ns_mode_format(attachment->mode), "revision",
			 (json_int_t)attachment->revision, "plan_digest", attachment->plan_digest, "kernel_digest",
			 digest, "equal", (int)equal, "difference", difference ? difference : "", "generation",
			 (json_int_t)attachment->generation, "protection", protection, "text", text ? text : "",
			 "counters", counters_json(&found), "elements", elements_json(&found), "read",
			 ns_time_json(ns_clock_now()), "outer", outer_json(attachment));
	ns_plan_release(&found);
	return json;
}

json_t *ns_engine_readback(struct ns_engine *engine, const char *workload)
{
	json_t *array = json_array();

	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (attachment && !ns_member_is_judged_by_base(attachment) &&
		    (!workload || strcmp(attachment->workload, workload) == 0))
			json_array_append_new(array, one(attachment));
	}
	return array;
}
