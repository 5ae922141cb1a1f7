/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What changes between two policies. Ids alone do not tell: a new proposal numbers its rules anew. So rules that say
 * the same are paired first, then those about the same subject (their ports changed), and then those with the same id.
 */
#include <string.h>

#include "cleanup.h"
#include "policy_private.h"

struct side {
	const struct ns_policy *policy;
	size_t *order;   /* rules as the present pass sorts them */
	size_t *partner; /* index in the other policy; NONE */
	size_t n;
};
#define NONE SIZE_MAX

typedef int (*compare_rules)(const struct ns_rule *a, const struct ns_rule *b);

struct sorting {
	const struct ns_policy *policy;
	compare_rules compare;
};

static int compare_ids(const struct ns_rule *a, const struct ns_rule *b)
{
	return strcmp(a->id, b->id);
}

static int compare_indexes(const void *a, const void *b, void *ctx)
{
	const struct sorting *sorting = ctx;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int order = sorting->compare(&sorting->policy->rules[x], &sorting->policy->rules[y]);

	return order != 0 ? order : (x > y) - (x < y);
}

static void sort(struct side *side, compare_rules compare)
{
	struct sorting sorting = { side->policy, compare };

	if (side->n > 1)
		qsort_r(side->order, side->n, sizeof(*side->order), compare_indexes, &sorting);
}

/* Pairs rules that have no partner yet and compare equal. */
static void pair(struct side *from, struct side *to, compare_rules compare)
{
	size_t i = 0, j = 0;

	sort(from, compare);
	sort(to, compare);
	while (i < from->n && j < to->n) {
		size_t a = from->order[i], b = to->order[j];
		int order;

		if (from->partner[a] != NONE) {
			i++;
			continue;
		}
		if (to->partner[b] != NONE) {
			j++;
			continue;
		}
		order = compare(&from->policy->rules[a], &to->policy->rules[b]);
		if (order == 0) {
			from->partner[a] = b;
			to->partner[b] = a;
		}
		i += order <= 0;
		j += order >= 0;
	}
}

static int side_init(struct side *side, const struct ns_policy *policy)
{
	side->policy = policy;
	side->n = policy ? policy->n_rules : 0;
	side->order = calloc(side->n ? side->n : 1, sizeof(*side->order));
	side->partner = calloc(side->n ? side->n : 1, sizeof(*side->partner));
	if (!side->order || !side->partner)
		return -1;
	for (size_t i = 0; i < side->n; i++) {
		side->order[i] = i;
		side->partner[i] = NONE;
	}
	return 0;
}

static void side_release(struct side *side)
{
	free(side->order);
	free(side->partner);
}

static bool append_alone(const struct side *side, json_t *array)
{
	for (size_t i = 0; i < side->n; i++)
		if (side->partner[i] == NONE &&
		    json_array_append_new(array, ns_rule_to_json(&side->policy->rules[i])) < 0)
			return false;
	return true;
}

static bool append_changed(const struct side *from, const struct side *to, json_t *array)
{
	for (size_t i = 0; i < to->n; i++) {
		const struct ns_rule *after = &to->policy->rules[i], *before;
		json_t *change;

		if (to->partner[i] == NONE)
			continue;
		before = &from->policy->rules[to->partner[i]];
		if (ns_rule_compare(before, after) == 0)
			continue;
		change = json_pack("{s:s, s:o, s:o}", "id", after->id, "from", ns_rule_to_json(before), "to",
				   ns_rule_to_json(after));
		if (json_array_append_new(array, change) < 0)
			return false;
	}
	return true;
}

json_t *ns_policy_diff(const struct ns_policy *from, const struct ns_policy *to)
{
	struct side NS_CLEANUP(side_release) before = { 0 }, NS_CLEANUP(side_release) after = { 0 };
	NS_JSON json_t *json = json_object(), *added = json_array(), *removed = json_array(), *changed = json_array();

	if (!json || !added || !removed || !changed || side_init(&before, from) < 0 || side_init(&after, to) < 0)
		return NULL;
	pair(&before, &after, ns_rule_compare);
	pair(&before, &after, ns_rule_compare_subject);
	pair(&before, &after, compare_ids);
	if (!append_alone(&after, added) || !append_alone(&before, removed) ||
	    !append_changed(&before, &after, changed))
		return NULL;
	if (from && from->verdict != to->verdict &&
	    json_object_set_new(json, "verdict",
				json_pack("{s:s, s:s}", "from", ns_verdict_format(from->verdict), "to",
					  ns_verdict_format(to->verdict))) < 0)
		return NULL;
	if (json_object_set_new(json, "added", NS_TAKE(added)) < 0 ||
	    json_object_set_new(json, "removed", NS_TAKE(removed)) < 0 ||
	    json_object_set_new(json, "changed", NS_TAKE(changed)) < 0)
		return NULL;
	return NS_TAKE(json);
}
