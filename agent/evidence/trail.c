/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the audit log says about one workload or one event.
 */
#include <errno.h>

#include "cleanup.h"
#include "evidence.h"

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "out of memory for the audit log");
}

int ns_evidence_trail(struct ns_store *store, const char *workload, const char *event, size_t max, json_t **ret,
		      uint64_t *ret_total, struct ns_error *err)
{
	struct ns_error own = NS_ERROR_INIT;
	struct ns_error *why = err ? err : &own;
	uint64_t after = 0;
	json_t *list;
	int r = ns_store_audit_bound(store, workload, event, 0, max, ret_total, &after, why);

	if (r < 0)
		return r;
	list = ns_store_audit_entries_of(store, workload, event, after, max, why);
	if (!list)
		return why->code < 0 ? why->code : no_memory(err);
	*ret = list;
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
