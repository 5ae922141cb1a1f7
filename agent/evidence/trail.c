/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The audit log as others read it: all of it, so that the chain of hashes can be followed without the daemon, or what
 * is about one workload.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "evidence.h"

/* Entries read at once: the log grows for ever, the memory for it must not. */
#define PAGE 512

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "out of memory for the audit log");
}

static const char *text_of(const json_t *entry, const char *name)
{
	const char *text = json_string_value(json_object_get(entry, name));

	return text ? text : "";
}

/* Not more than `max`, with some room so that not every entry moves all others. */
static void keep_newest(json_t *list, size_t max, size_t slack)
{
	size_t n = json_array_size(list), excess = n > max ? n - max : 0;
	NS_JSON json_t *kept = NULL;

	if (excess <= slack)
		return;
	kept = json_array();
	for (size_t i = excess; kept && i < n; i++)
		if (json_array_append(kept, json_array_get(list, i)) < 0)
			return;
	if (kept && json_array_clear(list) == 0)
		(void)json_array_extend(list, kept);
}

int ns_evidence_trail(struct ns_store *store, const char *workload, const char *event, size_t max, json_t **ret,
		      uint64_t *ret_total, struct ns_error *err)
{
	struct ns_error own = NS_ERROR_INIT;
	struct ns_error *why = err ? err : &own;
	NS_JSON json_t *list = json_array();
	uint64_t after = 0, total = 0;
	size_t n = PAGE;

	if (!list)
		return no_memory(err);
	while (n == PAGE) {
		NS_JSON json_t *page = ns_store_audit_entries(store, after, PAGE, why);
		json_t *entry;
		size_t i;

		if (!page)
			return why->code < 0 ? why->code : no_memory(err);
		n = json_array_size(page);
		json_array_foreach (page, i, entry) {
			after = (uint64_t)json_integer_value(json_object_get(entry, "seq"));
			if ((workload && strcmp(text_of(entry, "workload"), workload) != 0) ||
			    (event && strcmp(text_of(entry, "event"), event) != 0))
				continue;
			total++;
			if (json_array_append(list, entry) < 0)
				return no_memory(err);
		}
		keep_newest(list, max, max);
	}
	keep_newest(list, max, 0);
	if (json_array_size(list) > max)
		return no_memory(err);
	*ret = NS_TAKE(list);
	*ret_total = total;
	return 0;
}

int ns_evidence_mode_changes(struct ns_store *store, const char *workload, json_t **ret, uint64_t *ret_total,
			     struct ns_error *err)
{
	static const char *const members[] = { "from", "to", "reason", "revision" };
	NS_JSON json_t *entries = NULL;
	NS_JSON json_t *changes = json_array();
	uint64_t total = 0;
	json_t *entry;
	size_t i;
	int r = changes ? ns_evidence_trail(store, workload, "mode.set", NS_EVIDENCE_MODE_CHANGES_MAX, &entries, &total,
					    err)
			: no_memory(err);

	if (r < 0)
		return r;
	json_array_foreach (entries, i, entry) {
		const json_t *detail = json_object_get(entry, "detail");
		json_t *change = json_pack("{s:O, s:O, s:O}", "seq", json_object_get(entry, "seq"), "time",
					   json_object_get(entry, "time"), "actor", json_object_get(entry, "actor"));

		if (!change || json_array_append_new(changes, change) < 0)
			return no_memory(err);
		for (size_t k = 0; k < sizeof(members) / sizeof(members[0]); k++) {
			json_t *value = json_object_get(detail, members[k]);

			if (json_object_set_new(change, members[k], value ? json_incref(value) : json_null()) < 0)
				return no_memory(err);
		}
	}
	*ret = NS_TAKE(changes);
	*ret_total = total;
	return 0;
}
