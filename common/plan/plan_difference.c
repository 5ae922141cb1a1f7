/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What differs between two plans, as lines. Things with a name or a key are matched by it; rules have neither, so each
 * chain's rules are aligned by their longest common subsequence.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"

#include "plan_text.h"

struct difference {
	FILE *out;
	size_t lines, max_lines;
};

/* True when the caller is to print its line, after the sign. */
static bool begin(struct difference *d, char sign)
{
	if (d->lines++ >= d->max_lines)
		return false;
	fputc(sign, d->out);
	return true;
}

static void say_counter(struct difference *d, char sign, const struct ns_plan_counter *counter)
{
	if (!begin(d, sign))
		return;
	ns_plan_text_counter(d->out, counter);
	fputc('\n', d->out);
}

static void say_element(struct difference *d, char sign, const struct ns_plan_set *set,
			const struct ns_plan_element *element)
{
	if (!begin(d, sign))
		return;
	ns_plan_text_element(d->out, set, element);
	fputc('\n', d->out);
}

static void say_set_line(struct difference *d, char sign, const struct ns_plan_set *set)
{
	if (!begin(d, sign))
		return;
	ns_plan_text_set(d->out, set);
	fputc('\n', d->out);
}

static void say_chain_line(struct difference *d, char sign, const struct ns_plan *plan,
			   const struct ns_plan_chain *chain)
{
	if (!begin(d, sign))
		return;
	ns_plan_text_chain(d->out, plan, chain);
	fputc('\n', d->out);
}

static void say_rule(struct difference *d, char sign, const struct ns_plan_chain *chain,
		     const struct ns_plan_rule *rule)
{
	if (!begin(d, sign))
		return;
	ns_plan_text_rule(d->out, chain, rule);
	fputc('\n', d->out);
}

static void compare_tables(struct difference *d, const struct ns_plan *wanted, const struct ns_plan *found)
{
	if (wanted->family == found->family && strcmp(wanted->table, found->table) == 0)
		return;
	if (begin(d, '-')) {
		ns_plan_text_table(d->out, wanted);
		fputc('\n', d->out);
	}
	if (begin(d, '+')) {
		ns_plan_text_table(d->out, found);
		fputc('\n', d->out);
	}
}

/* Counters, sets and elements are sorted (ns_plan_normalise), so that a merge finds what is on one side only. */
static void compare_counters(struct difference *d, const struct ns_plan *wanted, const struct ns_plan *found)
{
	size_t i = 0, j = 0;

	while (i < wanted->n_counters || j < found->n_counters) {
		int order = i == wanted->n_counters  ? 1
			    : j == found->n_counters ? -1
						     : strcmp(wanted->counters[i].name, found->counters[j].name);

		if (order < 0)
			say_counter(d, '-', &wanted->counters[i]);
		else if (order > 0)
			say_counter(d, '+', &found->counters[j]);
		i += order <= 0;
		j += order >= 0;
	}
}

/* NULL stands for a set without elements. Both have the same fields. */
static void compare_elements(struct difference *d, const struct ns_plan_set *wanted, const struct ns_plan_set *found)
{
	size_t n_wanted = wanted && ns_plan_text_has_elements(wanted) ? wanted->n_elements : 0;
	size_t n_found = found && ns_plan_text_has_elements(found) ? found->n_elements : 0;
	size_t i = 0, j = 0;

	while (i < n_wanted || j < n_found) {
		int order = i == n_wanted  ? 1
			    : j == n_found ? -1
					   : ns_plan_element_compare(wanted, &wanted->elements[i], &found->elements[j]);
		bool same = order == 0 && strcmp(wanted->elements[i].tag, found->elements[j].tag) == 0;

		if (order <= 0 && !same)
			say_element(d, '-', wanted, &wanted->elements[i]);
		if (order >= 0 && !same)
			say_element(d, '+', found, &found->elements[j]);
		i += order <= 0;
		j += order >= 0;
	}
}

static bool same_key(const struct ns_plan_set *a, const struct ns_plan_set *b)
{
	return a->n_fields == b->n_fields && a->interval == b->interval &&
	       memcmp(a->fields, b->fields, a->n_fields * sizeof(a->fields[0])) == 0;
}

static void compare_set(struct difference *d, const struct ns_plan_set *wanted, const struct ns_plan_set *found)
{
	if (!wanted || !found || !ns_plan_set_same_definition(wanted, found)) {
		if (wanted)
			say_set_line(d, '-', wanted);
		if (found)
			say_set_line(d, '+', found);
	}
	if (wanted && found && !same_key(wanted, found)) {
		compare_elements(d, wanted, NULL);
		compare_elements(d, NULL, found);
	} else {
		compare_elements(d, wanted, found);
	}
}

static void compare_sets(struct difference *d, const struct ns_plan *wanted, const struct ns_plan *found)
{
	size_t i = 0, j = 0;

	while (i < wanted->n_sets || j < found->n_sets) {
		int order = i == wanted->n_sets  ? 1
			    : j == found->n_sets ? -1
						 : strcmp(wanted->sets[i].name, found->sets[j].name);

		compare_set(d, order <= 0 ? &wanted->sets[i] : NULL, order >= 0 ? &found->sets[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
}

/* common[i][j]: length of the longest common subsequence of wanted[i…] and found[j…]. */
struct alignment {
	uint16_t common[NS_CHAIN_RULES_MAX + 1][NS_CHAIN_RULES_MAX + 1];
};

static int compare_rules(struct difference *d, const struct ns_plan_chain *wanted, const struct ns_plan_chain *found)
{
	size_t n = wanted->n_rules, m = found->n_rules, i, j;
	NS_FREE struct alignment *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	for (i = n; i-- > 0;) {
		for (j = m; j-- > 0;) {
			uint16_t down = a->common[i + 1][j], right = a->common[i][j + 1];

			if (ns_plan_rule_equal(&wanted->rules[i], &found->rules[j]))
				a->common[i][j] = (uint16_t)(a->common[i + 1][j + 1] + 1);
			else
				a->common[i][j] = down >= right ? down : right;
		}
	}
	for (i = 0, j = 0; i < n || j < m;) {
		if (i < n && j < m && ns_plan_rule_equal(&wanted->rules[i], &found->rules[j])) {
			i++;
			j++;
		} else if (j == m || (i < n && a->common[i + 1][j] >= a->common[i][j + 1])) {
			say_rule(d, '-', wanted, &wanted->rules[i++]);
		} else {
			say_rule(d, '+', found, &found->rules[j++]);
		}
	}
	return 0;
}

static bool same_hook(const struct ns_plan_chain *a, const struct ns_plan_chain *b)
{
	if (a->base != b->base)
		return false;
	return !a->base || (a->hook == b->hook && a->priority == b->priority && a->policy == b->policy &&
			    strcmp(a->device, b->device) == 0);
}

static int compare_chains(struct difference *d, const struct ns_plan *wanted, const struct ns_plan *found)
{
	const struct ns_plan_chain *ours[NS_PLAN_CHAINS_MAX], *theirs[NS_PLAN_CHAINS_MAX];
	static const struct ns_plan_chain none; /* without rules */
	size_t i = 0, j = 0;

	ns_plan_text_sort_chains(wanted, ours);
	ns_plan_text_sort_chains(found, theirs);
	while (i < wanted->n_chains || j < found->n_chains) {
		int order = i == wanted->n_chains  ? 1
			    : j == found->n_chains ? -1
						   : strcmp(ours[i]->name, theirs[j]->name);
		const struct ns_plan_chain *a = order <= 0 ? ours[i] : NULL, *b = order >= 0 ? theirs[j] : NULL;

		if (!a || !b || !same_hook(a, b)) {
			if (a)
				say_chain_line(d, '-', wanted, a);
			if (b)
				say_chain_line(d, '+', found, b);
		}
		if (compare_rules(d, a ? a : &none, b ? b : &none) < 0)
			return -ENOMEM;
		i += order <= 0;
		j += order >= 0;
	}
	return 0;
}

int ns_plan_difference(const struct ns_plan *wanted, const struct ns_plan *found, size_t max_lines, char **ret,
		       struct ns_error *err)
{
	NS_FREE char *text = NULL;
	size_t size = 0;
	struct difference d = { .out = open_memstream(&text, &size), .max_lines = max_lines };
	int r;

	if (!d.out)
		return ns_error_set(err, -ENOMEM, "no memory to compare two plans");
	compare_tables(&d, wanted, found);
	compare_counters(&d, wanted, found);
	compare_sets(&d, wanted, found);
	r = compare_chains(&d, wanted, found);
	if (d.lines > max_lines)
		fprintf(d.out, "and %zu more\n", d.lines - max_lines);
	if (fclose(d.out) != 0 || r < 0)
		return ns_error_set(err, -ENOMEM, "no memory to compare two plans");
	*ret = NS_TAKE(text);
	return 0;
}
