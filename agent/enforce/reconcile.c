/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "reconcile.h"

/* Where fewer are in a set, it is never made anew for those that go. */
#define MANY_ELEMENTS 64

enum fate {
	FATE_NEW = 0, /* wanted and not there */
	FATE_KEEP,
	FATE_REFILL, /* chains: other rules */
	FATE_REMAKE, /* another definition: delete and make */
};

/* The chains of a plan by name: the gate may have a thousand, and each is looked up several times. */
struct chain_index {
	const struct ns_plan_chain *chains[NS_PLAN_CHAINS_MAX];
	size_t n;
};

/* What becomes of each wanted thing; a found thing that no wanted one has the name of is swept. */
struct marks {
	const struct ns_plan *wanted, *found;
	struct chain_index wanted_chains, found_chains;
	enum fate sets[NS_PLAN_SETS_MAX];
	enum fate chains[NS_PLAN_CHAINS_MAX];
};

static const struct ns_plan_counter *find_counter(const struct ns_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_counters; i++)
		if (strcmp(plan->counters[i].name, name) == 0)
			return &plan->counters[i];
	return NULL;
}

static int compare_chains(const void *a, const void *b)
{
	const struct ns_plan_chain *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void index_chains(struct chain_index *index, const struct ns_plan *plan)
{
	index->n = plan->n_chains;
	for (size_t i = 0; i < plan->n_chains; i++)
		index->chains[i] = &plan->chains[i];
	if (index->n > 1)
		qsort(index->chains, index->n, sizeof(const struct ns_plan_chain *), compare_chains);
}

static const struct ns_plan_chain *find_chain(const struct chain_index *index, const char *name)
{
	size_t low = 0, high = index->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, index->chains[middle]->name);

		if (order == 0)
			return index->chains[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* What becomes of a set or chain of that name; a name that nobody wants is swept, which for those who refer to it is
 * the same as being made anew. */
static enum fate set_fate(const struct marks *marks, const char *name)
{
	const struct ns_plan_set *set = ns_plan_find_set(marks->wanted, name);

	return set ? marks->sets[set - marks->wanted->sets] : FATE_REMAKE;
}

static enum fate chain_fate(const struct marks *marks, const char *name)
{
	const struct ns_plan_chain *chain = find_chain(&marks->wanted_chains, name);

	return chain ? marks->chains[chain - marks->wanted->chains] : FATE_REMAKE;
}

static bool same_hook(const struct ns_plan_chain *a, const struct ns_plan_chain *b)
{
	if (a->base != b->base)
		return false;
	return !a->base || (a->hook == b->hook && a->priority == b->priority && strcmp(a->device, b->device) == 0);
}

static bool same_rules(const struct ns_plan_chain *a, const struct ns_plan_chain *b)
{
	if (a->n_rules != b->n_rules)
		return false;
	for (size_t i = 0; i < a->n_rules; i++)
		if (!ns_plan_rule_equal(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}

/* A rule that names something holds on to it: what is made anew must be let go first. */
static bool holds_remade(const struct marks *marks, const struct ns_plan_chain *chain)
{
	for (size_t i = 0; i < chain->n_rules; i++) {
		for (unsigned j = 0; j < chain->rules[i].n_stmts; j++) {
			const struct ns_stmt *stmt = &chain->rules[i].stmts[j];

			if (stmt->kind == NS_STMT_LOOKUP && set_fate(marks, stmt->lookup.set) == FATE_REMAKE)
				return true;
			if (stmt->kind == NS_STMT_DYNSET && set_fate(marks, stmt->dynset.set) == FATE_REMAKE)
				return true;
			if (stmt->kind == NS_STMT_VERDICT && stmt->verdict.chain[0] &&
			    chain_fate(marks, stmt->verdict.chain) == FATE_REMAKE)
				return true;
		}
	}
	return false;
}

/* Elements that only the second one has. Both are sorted. */
static size_t count_gone(const struct ns_plan_set *wanted, const struct ns_plan_set *found)
{
	size_t i = 0, j = 0, n = 0;

	while (j < found->n_elements) {
		int order = i == wanted->n_elements
				    ? 1
				    : ns_plan_element_compare(wanted, &wanted->elements[i], &found->elements[j]);

		n += order > 0 || (order == 0 && strcmp(wanted->elements[i].tag, found->elements[j].tag) != 0);
		i += order <= 0;
		j += order >= 0;
	}
	return n;
}

/* Where nearly all go, the whole is less work than each. From a set of intervals over several fields the kernel takes
 * an element away by going through all that are there, and moving them in its tables (nft_pipapo_remove): milliseconds
 * where there are hundreds. The whole set takes no longer than a few of them. */
bool ns_reconcile_prefers_anew(const struct ns_plan_set *wanted, const struct ns_plan_set *found)
{
	bool slow = wanted->interval && wanted->n_fields > 1;
	size_t gone;

	if (wanted->dynamic || wanted->timeout || found->n_elements < MANY_ELEMENTS)
		return false;
	gone = count_gone(wanted, found);
	return slow ? gone >= found->n_elements / 16 : gone >= found->n_elements - found->n_elements / 4;
}

static void mark(struct marks *marks)
{
	const struct ns_plan *wanted = marks->wanted;

	index_chains(&marks->wanted_chains, wanted);
	index_chains(&marks->found_chains, marks->found);
	for (size_t i = 0; i < wanted->n_sets; i++) {
		const struct ns_plan_set *found = ns_plan_find_set(marks->found, wanted->sets[i].name);

		if (!found)
			marks->sets[i] = FATE_NEW;
		else
			marks->sets[i] = ns_plan_set_same_definition(&wanted->sets[i], found) &&
							 !ns_reconcile_prefers_anew(&wanted->sets[i], found)
						 ? FATE_KEEP
						 : FATE_REMAKE;
	}
	for (size_t i = 0; i < wanted->n_chains; i++) {
		const struct ns_plan_chain *found = find_chain(&marks->found_chains, wanted->chains[i].name);

		if (!found)
			marks->chains[i] = FATE_NEW;
		else if (!same_hook(&wanted->chains[i], found))
			marks->chains[i] = FATE_REMAKE;
		else
			marks->chains[i] = same_rules(&wanted->chains[i], found) ? FATE_KEEP : FATE_REFILL;
	}
	for (size_t i = 0; i < wanted->n_chains; i++)
		if (marks->chains[i] == FATE_KEEP &&
		    holds_remade(marks, find_chain(&marks->found_chains, wanted->chains[i].name)))
			marks->chains[i] = FATE_REFILL;
}

/* Rules first, then what they held on to. */
static void sweep(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct marks *marks,
		  struct ns_lock_result *counts)
{
	const struct ns_plan *found = marks->found;

	for (size_t i = 0; i < found->n_chains; i++)
		if (found->chains[i].n_rules > 0 && chain_fate(marks, found->chains[i].name) != FATE_KEEP)
			ns_nft_flush_chain(batch, scope, found->chains[i].name);
	for (size_t i = 0; i < found->n_sets; i++) {
		if (set_fate(marks, found->sets[i].name) != FATE_REMAKE)
			continue;
		ns_nft_delete_set(batch, scope, found->sets[i].name);
		if (!ns_plan_find_set(marks->wanted, found->sets[i].name))
			counts->sets_changed++;
	}
	for (size_t i = 0; i < found->n_chains; i++) {
		if (chain_fate(marks, found->chains[i].name) != FATE_REMAKE)
			continue;
		ns_nft_delete_chain(batch, scope, found->chains[i].name);
		if (!find_chain(&marks->wanted_chains, found->chains[i].name))
			counts->chains_changed++;
	}
	for (size_t i = 0; i < found->n_counters; i++)
		if (!find_counter(marks->wanted, found->counters[i].name))
			ns_nft_delete_counter(batch, scope, found->counters[i].name);
}

size_t ns_reconcile_elements(struct ns_nft_batch *batch, const struct ns_nft_scope *scope,
			     const struct ns_plan_set *wanted, const struct ns_plan_set *found, bool deleting)
{
	struct ns_nft_elements writer;
	size_t n_found = found ? found->n_elements : 0, i = 0, j = 0, n = 0;

	ns_nft_elements_begin(&writer, batch, scope, wanted, deleting);
	while (i < wanted->n_elements || j < n_found) {
		int order = i == wanted->n_elements ? 1
			    : j == n_found          ? -1
					   : ns_plan_element_compare(wanted, &wanted->elements[i], &found->elements[j]);
		bool same = order == 0 && strcmp(wanted->elements[i].tag, found->elements[j].tag) == 0;

		if (!same && (deleting ? order >= 0 : order <= 0)) {
			ns_nft_elements_add(&writer, deleting ? &found->elements[j] : &wanted->elements[i]);
			n++;
		}
		i += order <= 0;
		j += order >= 0;
	}
	ns_nft_elements_end(&writer);
	return n;
}

/* All of a set that is made anew. Those that were there go on counting; what passes until the commit is not counted. */
static void write_anew(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct ns_plan_set *wanted,
		       const struct ns_plan_set *found)
{
	struct ns_nft_elements writer;
	size_t j = 0;

	ns_nft_elements_begin(&writer, batch, scope, wanted, false);
	for (size_t i = 0; i < wanted->n_elements; i++) {
		struct ns_plan_element element = wanted->elements[i];

		element.packets = element.bytes = 0;
		while (found && j < found->n_elements &&
		       ns_plan_element_compare(wanted, &found->elements[j], &element) < 0)
			j++;
		if (found && j < found->n_elements &&
		    ns_plan_element_compare(wanted, &found->elements[j], &element) == 0 &&
		    strcmp(found->elements[j].tag, element.tag) == 0) {
			element.packets = found->elements[j].packets;
			element.bytes = found->elements[j].bytes;
		}
		ns_nft_elements_add(&writer, &element);
	}
	ns_nft_elements_end(&writer);
}

static void fill_sets(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct marks *marks,
		      struct ns_lock_result *counts)
{
	for (size_t i = 0; i < marks->wanted->n_sets; i++) {
		const struct ns_plan_set *set = &marks->wanted->sets[i];
		const struct ns_plan_set *found = ns_plan_find_set(marks->found, set->name);
		bool same = found && ns_plan_set_same_definition(set, found);

		if (marks->sets[i] != FATE_KEEP) {
			ns_nft_put_set(batch, scope, set);
			write_anew(batch, scope, set, same ? found : NULL);
			counts->sets_changed += !same;
			counts->elements_removed += same ? count_gone(set, found) : 0;
			counts->elements_added += set->n_elements;
		} else if (!set->dynamic && !set->timeout) {
			counts->elements_removed += ns_reconcile_elements(batch, scope, set, found, true);
			counts->elements_added += ns_reconcile_elements(batch, scope, set, found, false);
		}
	}
}

static void make_chains(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct marks *marks,
			struct ns_lock_result *counts)
{
	for (size_t i = 0; i < marks->wanted->n_chains; i++) {
		const struct ns_plan_chain *chain = &marks->wanted->chains[i];
		const struct ns_plan_chain *found = find_chain(&marks->found_chains, chain->name);
		bool changed = marks->chains[i] != FATE_KEEP;

		if (marks->chains[i] == FATE_NEW || marks->chains[i] == FATE_REMAKE) {
			ns_nft_put_chain(batch, scope, chain);
		} else if (chain->base && chain->policy != found->policy) {
			ns_nft_put_chain_policy(batch, scope, chain);
			changed = true;
		}
		counts->chains_changed += changed;
	}
}

static void fill_chains(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct marks *marks)
{
	for (size_t i = 0; i < marks->wanted->n_chains; i++) {
		const struct ns_plan_chain *chain = &marks->wanted->chains[i];

		if (marks->chains[i] == FATE_KEEP)
			continue;
		for (size_t j = 0; j < chain->n_rules; j++)
			ns_nft_put_rule(batch, scope, chain->name, j + 1, &chain->rules[j]);
	}
}

void ns_reconcile(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct ns_plan *wanted,
		  const struct ns_plan *found, struct ns_lock_result *counts)
{
	struct marks marks = { .wanted = wanted, .found = found };

	mark(&marks);
	sweep(batch, scope, &marks, counts);
	for (size_t i = 0; i < wanted->n_counters; i++)
		if (!find_counter(found, wanted->counters[i].name))
			ns_nft_put_counter(batch, scope, wanted->counters[i].name);
	make_chains(batch, scope, &marks, counts);
	fill_sets(batch, scope, &marks, counts);
	fill_chains(batch, scope, &marks);
}

static int check_rule(const struct ns_plan *plan, const struct ns_plan_chain *chain, size_t number,
		      struct ns_error *err)
{
	const struct ns_plan_rule *rule = &chain->rules[number - 1];

	for (unsigned i = 0; i < rule->n_stmts; i++) {
		const struct ns_stmt *stmt = &rule->stmts[i];
		const struct ns_plan_set *set = NULL;

		if (stmt->kind == NS_STMT_LIMIT && stmt->limit.burst == 0)
			return ns_error_set(err, -EINVAL,
					    "chain %s, rule %zu: a limit without a burst; the kernel makes it 5",
					    chain->name, number);
		if (stmt->kind == NS_STMT_DYNSET)
			set = ns_plan_find_set(plan, stmt->dynset.set);
		if (set && set->counter && stmt->dynset.counter)
			return ns_error_set(
				err, -EINVAL,
				"chain %s, rule %zu: set %s counts by itself, the statement must not say so",
				chain->name, number, set->name);
	}
	return 0;
}

static int check_set(const struct ns_plan_set *set, struct ns_error *err)
{
	for (size_t i = 1; i < set->n_elements; i++)
		if (ns_plan_element_compare(set, &set->elements[i - 1], &set->elements[i]) >= 0)
			return ns_error_set(err, -EINVAL, "set %s: its elements are not sorted and distinct",
					    set->name);
	return 0;
}

int ns_reconcile_check(const struct ns_plan *plan, struct ns_error *err)
{
	for (size_t i = 0; i < plan->n_sets; i++) {
		int r = check_set(&plan->sets[i], err);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < plan->n_chains; i++) {
		for (size_t j = 1; j <= plan->chains[i].n_rules; j++) {
			int r = check_rule(plan, &plan->chains[i], j, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}
