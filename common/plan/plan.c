/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The plan's data: builders, look-up, order and equality. What it looks like as text is plan_print.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>

#include <nanoseg/plan.h>

#include "cleanup.h"

size_t ns_field_length(enum ns_field field)
{
	switch (field) {
	case NS_FIELD_PROTO:
		return 1;
	case NS_FIELD_PORT:
		return 2;
	case NS_FIELD_IPV4:
	case NS_FIELD_MARK:
		return 4;
	case NS_FIELD_CGROUP:
		return 8;
	case NS_FIELD_ETHER:
		return 6;
	case NS_FIELD_IPV6:
	case NS_FIELD_IFNAME:
		return 16;
	case NS_FIELD_INVALID:
		break;
	}
	return 0;
}

size_t ns_field_padded_length(enum ns_field field)
{
	return (ns_field_length(field) + 3) & ~(size_t)3;
}

void ns_plan_release(struct ns_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_sets; i++)
		free(plan->sets[i].elements);
	for (size_t i = 0; i < plan->n_chains; i++)
		free(plan->chains[i].rules);
	free(plan->counters);
	free(plan->sets);
	free(plan->chains);
	*plan = (struct ns_plan)NS_PLAN_INIT;
}

/* Makes room for one more entry in *array; the new entry is zero. NULL: no memory, or the limit. */
static void *append(void **array, size_t entry_size, size_t *n, size_t *allocated, size_t max, const char *what,
		    const char *owner, struct ns_error *err)
{
	if (*n >= max) {
		(void)ns_error_set(err, -E2BIG, "%s: more than %zu %s", owner, max, what);
		return NULL;
	}
	if (*n == *allocated) {
		size_t more = *allocated ? *allocated * 2 : 8;
		void *grown;

		if (more > max)
			more = max;
		grown = reallocarray(*array, more, entry_size);
		if (!grown) {
			(void)ns_error_set(err, -ENOMEM, "%s: no memory for %zu %s", owner, more, what);
			return NULL;
		}
		*array = grown;
		*allocated = more;
	}

	void *entry = (char *)*array + *n * entry_size;

	memset(entry, 0, entry_size);
	(*n)++;
	return entry;
}

static int check_name(const char *name, const char *what, bool taken, struct ns_error *err)
{
	size_t length = strlen(name);

	if (length == 0 || length >= NS_NFT_NAME_MAX)
		return ns_error_set(err, -ENAMETOOLONG, "%s name '%.64s': must have 1 to %d bytes", what, name,
				    NS_NFT_NAME_MAX - 1);
	if (taken)
		return ns_error_set(err, -EEXIST, "%s %s is there already", what, name);
	return 0;
}

struct ns_plan_set *ns_plan_add_set(struct ns_plan *plan, const char *name, struct ns_error *err)
{
	struct ns_plan_set *set;

	if (check_name(name, "set", ns_plan_find_set(plan, name), err) < 0)
		return NULL;
	set = append((void **)&plan->sets, sizeof(*set), &plan->n_sets, &plan->sets_allocated, NS_PLAN_SETS_MAX, "sets",
		     "plan", err);
	if (set)
		memcpy(set->name, name, strlen(name) + 1);
	return set;
}

struct ns_plan_element *ns_plan_add_element(struct ns_plan_set *set, struct ns_error *err)
{
	return append((void **)&set->elements, sizeof(*set->elements), &set->n_elements, &set->elements_allocated,
		      NS_PLAN_ELEMENTS_MAX, "elements", set->name, err);
}

static bool has_counter(const struct ns_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_counters; i++)
		if (strcmp(plan->counters[i].name, name) == 0)
			return true;
	return false;
}

struct ns_plan_counter *ns_plan_add_counter(struct ns_plan *plan, const char *name, struct ns_error *err)
{
	struct ns_plan_counter *counter;

	if (check_name(name, "counter", has_counter(plan, name), err) < 0)
		return NULL;
	counter = append((void **)&plan->counters, sizeof(*counter), &plan->n_counters, &plan->counters_allocated,
			 NS_PLAN_COUNTERS_MAX, "counters", "plan", err);
	if (counter)
		memcpy(counter->name, name, strlen(name) + 1);
	return counter;
}

struct ns_plan_chain *ns_plan_add_chain(struct ns_plan *plan, const char *name, struct ns_error *err)
{
	struct ns_plan_chain *chain;

	if (check_name(name, "chain", ns_plan_find_chain(plan, name), err) < 0)
		return NULL;
	chain = append((void **)&plan->chains, sizeof(*chain), &plan->n_chains, &plan->chains_allocated,
		       NS_PLAN_CHAINS_MAX, "chains", "plan", err);
	if (chain)
		memcpy(chain->name, name, strlen(name) + 1);
	return chain;
}

struct ns_plan_rule *ns_plan_add_rule(struct ns_plan_chain *chain, struct ns_error *err)
{
	return append((void **)&chain->rules, sizeof(*chain->rules), &chain->n_rules, &chain->rules_allocated,
		      NS_CHAIN_RULES_MAX, "rules", chain->name, err);
}

struct ns_plan_set *ns_plan_find_set(const struct ns_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_sets; i++)
		if (strcmp(plan->sets[i].name, name) == 0)
			return &plan->sets[i];
	return NULL;
}

struct ns_plan_chain *ns_plan_find_chain(const struct ns_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_chains; i++)
		if (strcmp(plan->chains[i].name, name) == 0)
			return &plan->chains[i];
	return NULL;
}

size_t ns_plan_set_key_length(const struct ns_plan_set *set)
{
	size_t length = 0;

	for (unsigned i = 0; i < set->n_fields && i < NS_KEY_FIELDS_MAX; i++)
		length += ns_field_padded_length(set->fields[i]);
	return length <= NS_KEY_MAX ? length : NS_KEY_MAX;
}

int ns_plan_element_compare(const struct ns_plan_set *set, const struct ns_plan_element *a,
			    const struct ns_plan_element *b)
{
	size_t length = ns_plan_set_key_length(set);
	int order = memcmp(a->key, b->key, length);

	if (order != 0 || !set->interval)
		return order;
	return memcmp(a->key_end, b->key_end, length);
}

static int compare_named(const void *a, const void *b)
{
	/* The name is the first member of both counters and sets. */
	return strcmp(a, b);
}

static int compare_elements(const void *a, const void *b, void *set)
{
	const struct ns_plan_element *x = a, *y = b;
	int order = ns_plan_element_compare(set, x, y);

	return order != 0 ? order : strcmp(x->tag, y->tag); /* so that the merge below is deterministic */
}

static void normalise_elements(struct ns_plan_set *set)
{
	size_t kept = 0;

	if (set->n_elements < 2)
		return;
	qsort_r(set->elements, set->n_elements, sizeof(*set->elements), compare_elements, set);
	for (size_t i = 1; i < set->n_elements; i++) {
		if (ns_plan_element_compare(set, &set->elements[kept], &set->elements[i]) == 0)
			continue;
		if (++kept != i)
			set->elements[kept] = set->elements[i];
	}
	set->n_elements = kept + 1;
}

void ns_plan_normalise(struct ns_plan *plan)
{
	_Static_assert(offsetof(struct ns_plan_set, name) == 0, "compare_named");
	_Static_assert(offsetof(struct ns_plan_counter, name) == 0, "compare_named");

	if (plan->n_counters > 1)
		qsort(plan->counters, plan->n_counters, sizeof(*plan->counters), compare_named);
	if (plan->n_sets > 1)
		qsort(plan->sets, plan->n_sets, sizeof(*plan->sets), compare_named);
	for (size_t i = 0; i < plan->n_sets; i++)
		normalise_elements(&plan->sets[i]);
}

bool ns_plan_set_same_definition(const struct ns_plan_set *a, const struct ns_plan_set *b)
{
	return strcmp(a->name, b->name) == 0 && a->n_fields == b->n_fields &&
	       memcmp(a->fields, b->fields, a->n_fields * sizeof(a->fields[0])) == 0 && a->interval == b->interval &&
	       a->dynamic == b->dynamic && a->timeout == b->timeout && a->counter == b->counter && a->size == b->size;
}
