/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a plan says of one tuple, answered as the kernel would: by the sets of the layout. Exact sets are sorted as a
 * plan is. For sets of ranges a tree is built: each node halves its elements along one field, and knows the box around
 * them all, so that a question goes down where its point is in the box.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <nanoseg/outer.h>

#include "cleanup.h"

#define LEAF 8 /* elements that are looked at one by one */

struct node {
	uint8_t lo[NS_KEY_MAX], hi[NS_KEY_MAX]; /* of each field, over all elements below */
};

/* One set. Without ranges there are no nodes. */
struct index {
	const struct ns_set_role *role;
	const struct ns_plan_set *set;
	uint32_t *order;    /* the elements as the leaves hold them, left to right */
	struct node *nodes; /* a heap: the children of i are 2i + 1 and 2i + 2 */
	size_t at[NS_KEY_FIELDS_MAX], length[NS_KEY_FIELDS_MAX];
};

struct ns_permits {
	struct index *indexes;
	size_t n;
};

struct ns_permits *ns_permits_free(struct ns_permits *permits)
{
	if (!permits)
		return NULL;
	for (size_t i = 0; i < permits->n; i++) {
		free(permits->indexes[i].order);
		free(permits->indexes[i].nodes);
	}
	free(permits->indexes);
	free(permits);
	return NULL;
}

NS_DEFINE_CLEANUP(struct ns_permits *, ns_permits_free)

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t other = *a;

	*a = *b;
	*b = other;
}

static int compare_lo(const struct index *x, uint32_t a, uint32_t b, unsigned field)
{
	size_t at = x->at[field];

	return memcmp(x->set->elements[a].key + at, x->set->elements[b].key + at, x->length[field]);
}

/* Puts the elements of order[from … to) so that none before `middle` begins behind it, and none behind it before. */
static void halve(struct index *x, size_t from, size_t to, size_t middle, unsigned field)
{
	while (to - from > 1) {
		uint32_t pivot = x->order[from + (to - from) / 2];
		size_t less = from, equal = from, more = to;

		while (equal < more) {
			int order = compare_lo(x, x->order[equal], pivot, field);

			if (order < 0)
				swap(&x->order[less++], &x->order[equal++]);
			else if (order > 0)
				swap(&x->order[equal], &x->order[--more]);
			else
				equal++;
		}
		if (middle < less)
			to = less;
		else if (middle >= more)
			from = more;
		else
			return;
	}
}

static void surround(struct index *x, struct node *node, size_t from, size_t to)
{
	const struct ns_plan_element *elements = x->set->elements;

	memcpy(node->lo, elements[x->order[from]].key, NS_KEY_MAX);
	memcpy(node->hi, elements[x->order[from]].key_end, NS_KEY_MAX);
	for (size_t i = from + 1; i < to; i++) {
		const struct ns_plan_element *e = &elements[x->order[i]];

		for (unsigned field = 0; field < x->set->n_fields; field++) {
			size_t at = x->at[field], length = x->length[field];

			if (memcmp(e->key + at, node->lo + at, length) < 0)
				memcpy(node->lo + at, e->key + at, length);
			if (memcmp(e->key_end + at, node->hi + at, length) > 0)
				memcpy(node->hi + at, e->key_end + at, length);
		}
	}
}

/* From `wish` on, the first field in which the elements do not all begin alike; `wish` when there is none. */
static unsigned splitting_field(const struct index *x, size_t from, size_t to, unsigned wish)
{
	for (unsigned i = 0; i < x->set->n_fields; i++) {
		unsigned field = (wish + i) % x->set->n_fields;

		for (size_t j = from + 1; j < to; j++)
			if (compare_lo(x, x->order[from], x->order[j], field) != 0)
				return field;
	}
	return wish;
}

/* Recursion as deep as the logarithm of the number of elements. */
static void build(struct index *x, size_t which, size_t from, size_t to, unsigned wish)
{
	size_t middle = from + (to - from) / 2;
	unsigned field;

	surround(x, &x->nodes[which], from, to);
	if (to - from <= LEAF)
		return;
	field = splitting_field(x, from, to, wish);
	halve(x, from, to, middle, field);
	build(x, 2 * which + 1, from, middle, (field + 1) % x->set->n_fields);
	build(x, 2 * which + 2, middle, to, (field + 1) % x->set->n_fields);
}

static bool between(const struct index *x, const uint8_t *lo, const uint8_t *hi, const uint8_t *key)
{
	for (unsigned field = 0; field < x->set->n_fields; field++) {
		size_t at = x->at[field], length = x->length[field];

		if (memcmp(key + at, lo + at, length) < 0 || memcmp(key + at, hi + at, length) > 0)
			return false;
	}
	return true;
}

static bool find_range(const struct index *x, size_t which, size_t from, size_t to, const uint8_t *key)
{
	size_t middle = from + (to - from) / 2;

	if (!between(x, x->nodes[which].lo, x->nodes[which].hi, key))
		return false;
	if (to - from > LEAF)
		return find_range(x, 2 * which + 1, from, middle, key) || find_range(x, 2 * which + 2, middle, to, key);
	for (size_t i = from; i < to; i++) {
		const struct ns_plan_element *e = &x->set->elements[x->order[i]];

		if (between(x, e->key, e->key_end, key))
			return true;
	}
	return false;
}

static bool find_exact(const struct ns_plan_set *set, const uint8_t *key, size_t length)
{
	size_t from = 0, to = set->n_elements;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = memcmp(key, set->elements[middle].key, length);

		if (order == 0)
			return true;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return false;
}

static int prepare(struct index *x, struct ns_error *err)
{
	size_t n = x->set->n_elements, n_nodes = 1;

	for (unsigned field = 0, at = 0; field < x->set->n_fields; field++) {
		x->at[field] = at;
		x->length[field] = ns_field_length(x->set->fields[field]);
		at += (unsigned)ns_field_padded_length(x->set->fields[field]);
	}
	if (!x->set->interval || n == 0)
		return 0;
	for (size_t level = n; level > LEAF; level -= level / 2)
		n_nodes = 2 * n_nodes + 1; /* the larger halves are the longest way down */
	x->order = calloc(n, sizeof(*x->order));
	x->nodes = calloc(n_nodes, sizeof(*x->nodes));
	if (!x->order || !x->nodes)
		return ns_error_set(err, -ENOMEM, "no memory to index %zu ranges of %s", n, x->set->name);
	for (size_t i = 0; i < n; i++)
		x->order[i] = (uint32_t)i;
	build(x, 0, 0, n, 0);
	return 0;
}

/* Sets of the layout that allow. One with other fields than its role has cannot be asked. */
static int add_index(struct ns_permits *permits, const struct ns_plan_set *set, struct ns_error *err)
{
	const struct ns_set_role *role = ns_layout_role(set->name);
	struct index *x = &permits->indexes[permits->n];
	struct ns_tuple none = { 0 };
	uint8_t key[NS_KEY_MAX];

	if (!role || (role->purpose != NS_PURPOSE_ALLOW && role->purpose != NS_PURPOSE_ALLOW_RANGE))
		return 0;
	if (ns_plan_set_key_length(set) != ns_layout_key(role, &none, key) ||
	    set->interval != (role->purpose == NS_PURPOSE_ALLOW_RANGE))
		return ns_error_set(err, -EINVAL, "set %s is not as the layout has it", set->name);
	*x = (struct index){ .role = role, .set = set };
	permits->n++;
	return prepare(x, err);
}

int ns_permits_new(const struct ns_plan *plan, struct ns_permits **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_permits_freep) struct ns_permits *permits = calloc(1, sizeof(*permits));

	if (permits)
		permits->indexes = calloc(plan->n_sets ? plan->n_sets : 1, sizeof(*permits->indexes));
	if (!permits || !permits->indexes)
		return ns_error_set(err, -ENOMEM, "no memory to index a plan");
	for (size_t i = 0; i < plan->n_sets; i++) {
		int r = add_index(permits, &plan->sets[i], err);

		if (r < 0)
			return r;
	}
	*ret = NS_TAKE(permits);
	return 0;
}

bool ns_permits_tuple(const struct ns_permits *permits, const struct ns_tuple *tuple)
{
	for (size_t i = 0; i < permits->n; i++) {
		const struct index *x = &permits->indexes[i];
		uint8_t key[NS_KEY_MAX];
		size_t length;

		if (x->role->direction != tuple->direction || x->role->family != tuple->peer.family)
			continue;
		if (tuple->direction == NS_TRANSIT && tuple->source.family != tuple->peer.family)
			continue;
		length = ns_layout_key(x->role, tuple, key);
		if (!x->set->interval ? find_exact(x->set, key, length)
				      : x->nodes && find_range(x, 0, 0, x->set->n_elements, key))
			return true;
	}
	return false;
}
