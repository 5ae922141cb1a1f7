/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "lifecycle.h"
#include "names.h"

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "out of memory for a policy");
}

json_t *ns_edit_strip(const json_t *document)
{
	static const char *const shown[] = { "digest", "mode", "state", "origin", "proposer", "created" };
	json_t *stripped = json_copy(ns_unconst(document));

	for (size_t i = 0; stripped && i < sizeof(shown) / sizeof(shown[0]); i++)
		(void)json_object_del(stripped, shown[i]);
	return stripped;
}

/* ---- evidence ---- */

/* What a rule means, as text: all but its id, its comment and its evidence. Malloced; NULL without memory. */
static char *meaning(const json_t *rule)
{
	static const char *const beside[] = { "id", "comment", "evidence" };
	NS_JSON json_t *bare = json_copy(ns_unconst(rule));

	for (size_t i = 0; bare && i < sizeof(beside) / sizeof(beside[0]); i++)
		(void)json_object_del(bare, beside[i]);
	return bare ? json_dumps(bare, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
}

/* {meaning: index}; of equal rules the first. The policy writes itself, so that equal rules are equal texts. */
static json_t *index_rules(const struct ns_policy *policy)
{
	NS_JSON json_t *document = ns_policy_to_json(policy);
	NS_JSON json_t *index = json_object();
	const json_t *rule;
	size_t i;

	if (!document || !index)
		return NULL;
	json_array_foreach (json_object_get(document, "rules"), i, rule) {
		NS_FREE char *text = meaning(rule);

		if (!text || (!json_object_get(index, text) &&
			      json_object_set_new(index, text, json_integer((json_int_t)i)) < 0))
			return NULL;
	}
	return NS_TAKE(index);
}

static void forget_evidence(struct ns_evidence *evidence)
{
	for (size_t i = 0; i < evidence->n_processes; i++)
		free(evidence->processes[i]);
	free(evidence->processes);
	free(evidence->why);
	memset(evidence, 0, sizeof *evidence);
}

int ns_edit_evidence(struct ns_policy *policy, struct ns_policy *base, struct ns_error *err)
{
	NS_JSON json_t *known = NULL;
	NS_JSON json_t *wanted = NULL;
	const char *text;
	json_t *at;

	for (size_t i = 0; i < policy->n_rules; i++)
		forget_evidence(&policy->rules[i].evidence);
	if (!base)
		return 0;
	known = index_rules(base);
	wanted = known ? index_rules(policy) : NULL;
	if (!wanted)
		return no_memory(err);
	json_object_foreach (wanted, text, at) {
		const json_t *from = json_object_get(known, text);

		if (from) {
			struct ns_evidence *seen = &base->rules[json_integer_value(from)].evidence;

			policy->rules[json_integer_value(at)].evidence = *seen;
			memset(seen, 0, sizeof *seen);
		}
	}
	return 0;
}

size_t ns_edit_by_hand(const struct ns_policy *policy)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->n_rules; i++)
		n += policy->rules[i].evidence.edges == 0;
	return n;
}

/* ---- strangers ---- */

/* Adds the name to `strangers` when it is one. */
static int look_up(struct ns_store *store, const struct ns_peer *peer, json_t *strangers, struct ns_error *err)
{
	struct ns_error unknown = NS_ERROR_INIT;
	struct ns_workload row;
	int r;

	if (peer->peer_class != NS_PEER_WORKLOAD || json_object_get(strangers, peer->name))
		return 0;
	r = ns_store_get_workload(store, peer->name, &row, &unknown);
	if (r == -ENOENT)
		return json_object_set_new(strangers, peer->name, json_true()) < 0 ? no_memory(err) : 0;
	return r < 0 ? ns_error_set(err, r, "%s", unknown.text) : 0;
}

int ns_edit_strangers(struct ns_store *store, const struct ns_policy *policy, json_t *warnings, struct ns_error *err)
{
	NS_JSON json_t *strangers = json_object();
	char nearest[NS_WORKLOAD_MAX];
	const char *name;
	json_t *value;
	size_t n = 0;
	int r = strangers ? 0 : no_memory(err);

	for (size_t i = 0; r == 0 && i < policy->n_rules; i++) {
		r = look_up(store, &policy->rules[i].peer, strangers, err);
		if (r == 0 && policy->rules[i].direction == NS_TRANSIT)
			r = look_up(store, &policy->rules[i].source, strangers, err);
	}
	if (r < 0)
		return r;
	json_object_foreach (strangers, name, value) {
		if (n++ >= NS_EDIT_STRANGERS_MAX)
			continue;
		ns_names_nearest(store, name, nearest);
		ns_lifecycle_warn(warnings,
				  "no workload '%s' is known; the rule allows nothing until there is one%s%s%s", name,
				  *nearest ? "; did you mean '" : "", nearest, *nearest ? "'?" : "");
	}
	if (n > NS_EDIT_STRANGERS_MAX)
		ns_lifecycle_warn(warnings, "and of %zu more peers no workload is known", n - NS_EDIT_STRANGERS_MAX);
	return 0;
}
