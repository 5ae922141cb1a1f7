/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <nanoseg/limits.h>

#include "boxes.h"
#include "cleanup.h"

void ns_boxes_release(struct ns_boxes *boxes)
{
	free(boxes->boxes);
	boxes->boxes = NULL;
	boxes->n = boxes->allocated = 0;
}

int ns_boxes_add(struct ns_boxes *boxes, const struct ns_box *box, struct ns_error *err)
{
	if (boxes->n >= NS_PLAN_ELEMENTS_MAX)
		return ns_error_set(err, -E2BIG, "more than %d elements are needed", NS_PLAN_ELEMENTS_MAX);
	if (boxes->n == boxes->allocated) {
		size_t more = boxes->allocated ? boxes->allocated * 2 : 16;
		struct ns_box *grown = reallocarray(boxes->boxes, more, sizeof(*grown));

		if (!grown)
			return ns_error_set(err, -ENOMEM, "no memory for %zu elements", more);
		boxes->boxes = grown;
		boxes->allocated = more;
	}
	boxes->boxes[boxes->n++] = *box;
	return 0;
}

static int compare_number(unsigned __int128 a, unsigned __int128 b)
{
	return a < b ? -1 : a > b;
}

static int compare_corners(const struct ns_box *a, const struct ns_box *b, unsigned dimensions)
{
	int order = 0;

	for (unsigned i = 0; order == 0 && i < dimensions; i++)
		order = compare_number(a->lo[i], b->lo[i]);
	for (unsigned i = 0; order == 0 && i < dimensions; i++)
		order = compare_number(a->hi[i], b->hi[i]);
	return order;
}

static int compare_boxes(const void *a, const void *b, void *dimensions)
{
	const struct ns_box *x = a, *y = b;
	int order = compare_corners(x, y, *(unsigned *)dimensions);

	return order != 0 ? order : (x->owner > y->owner) - (x->owner < y->owner);
}

void ns_boxes_unique(struct ns_boxes *boxes)
{
	size_t kept = 0;

	if (boxes->n < 2)
		return;
	qsort_r(boxes->boxes, boxes->n, sizeof(*boxes->boxes), compare_boxes, &boxes->dimensions);
	for (size_t i = 1; i < boxes->n; i++)
		if (compare_corners(&boxes->boxes[kept], &boxes->boxes[i], boxes->dimensions) != 0)
			boxes->boxes[++kept] = boxes->boxes[i];
	boxes->n = kept + 1;
}

/* An interval tree without pointers: `order` sorts the boxes by their lower end in one dimension, and reach[m] is the
 * highest upper end in the part of `order` whose middle is m. */
struct separation {
	const struct ns_box *boxes;
	size_t n;
	unsigned dimensions, index;
	size_t *order;
	unsigned __int128 *reach;

	size_t *hits; /* boxes before the present one that intersect it */
	size_t n_hits, steps;
};

static int compare_order(const void *a, const void *b, void *ctx)
{
	const struct separation *s = ctx;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int order = compare_number(s->boxes[x].lo[s->index], s->boxes[y].lo[s->index]);

	return order != 0 ? order : (x > y) - (x < y);
}

static unsigned __int128 build(struct separation *s, size_t from, size_t to)
{
	size_t middle = from + (to - from) / 2;
	unsigned __int128 reach = s->boxes[s->order[middle]].hi[s->index], part;

	if (from < middle) {
		part = build(s, from, middle);
		reach = part > reach ? part : reach;
	}
	if (middle + 1 < to) {
		part = build(s, middle + 1, to);
		reach = part > reach ? part : reach;
	}
	s->reach[middle] = reach;
	return reach;
}

static bool intersect(const struct ns_box *a, const struct ns_box *b, unsigned dimensions)
{
	for (unsigned i = 0; i < dimensions; i++)
		if (a->lo[i] > b->hi[i] || b->lo[i] > a->hi[i])
			return false;
	return true;
}

/* Recursion as deep as the logarithm of n. */
static void find_hits(struct separation *s, size_t which, size_t from, size_t to)
{
	const struct ns_box *box = &s->boxes[which];
	size_t middle = from + (to - from) / 2, candidate;

	if (from >= to || s->reach[middle] < box->lo[s->index])
		return;
	s->steps++;
	find_hits(s, which, from, middle);
	candidate = s->order[middle];
	if (s->boxes[candidate].lo[s->index] > box->hi[s->index])
		return;
	if (candidate < which && intersect(&s->boxes[candidate], box, s->dimensions))
		s->hits[s->n_hits++] = candidate;
	find_hits(s, which, middle + 1, to);
}

/* Adds what is left of `from` outside `hole`, which it intersects: at most two pieces a dimension. */
static int subtract(struct ns_boxes *to, const struct ns_box *from, const struct ns_box *hole, unsigned dimensions,
		    struct ns_error *err)
{
	struct ns_box rest = *from;

	for (unsigned i = 0; i < dimensions; i++) {
		struct ns_box piece = rest;
		int r = 0;

		if (rest.lo[i] < hole->lo[i]) {
			piece.hi[i] = hole->lo[i] - 1;
			r = ns_boxes_add(to, &piece, err);
			rest.lo[i] = hole->lo[i];
		}
		piece = rest;
		if (r == 0 && rest.hi[i] > hole->hi[i]) {
			piece.lo[i] = hole->hi[i] + 1;
			r = ns_boxes_add(to, &piece, err);
			rest.hi[i] = hole->hi[i];
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Adds what box `which` has of its own. The two lists of pieces are the caller's, to be used again. */
static int separate_one(struct separation *s, size_t which, struct ns_boxes *pieces, struct ns_boxes *next,
			struct ns_boxes *ret, struct ns_error *err)
{
	int r;

	s->n_hits = 0;
	find_hits(s, which, 0, s->n);
	pieces->n = 0;
	r = ns_boxes_add(pieces, &s->boxes[which], err);
	for (size_t i = 0; r == 0 && i < s->n_hits && pieces->n > 0; i++) {
		const struct ns_box *hole = &s->boxes[s->hits[i]];
		struct ns_boxes swap = *pieces;

		next->n = 0;
		for (size_t j = 0; r == 0 && j < pieces->n; j++) {
			if (intersect(&pieces->boxes[j], hole, s->dimensions))
				r = subtract(next, &pieces->boxes[j], hole, s->dimensions, err);
			else
				r = ns_boxes_add(next, &pieces->boxes[j], err);
		}
		s->steps += pieces->n;
		*pieces = *next;
		*next = swap;
		if (r == 0 && s->steps > NS_COMPILE_STEPS_MAX)
			break;
	}
	if (r == 0 && s->steps > NS_COMPILE_STEPS_MAX)
		r = ns_error_set(err, -E2BIG,
				 "ranges overlap too much: more than %d comparisons; merge ports or addresses",
				 NS_COMPILE_STEPS_MAX);
	for (size_t i = 0; r == 0 && i < pieces->n; i++)
		r = ns_boxes_add(ret, &pieces->boxes[i], err);
	return r;
}

int ns_boxes_separate(struct ns_boxes *boxes, unsigned index, struct ns_error *err)
{
	struct ns_boxes NS_CLEANUP(ns_boxes_release) pieces = { 0 }, NS_CLEANUP(ns_boxes_release) next = { 0 };
	struct ns_boxes NS_CLEANUP(ns_boxes_release) result = { .dimensions = boxes->dimensions };
	NS_FREE size_t *order = NULL, *hits = NULL;
	NS_FREE unsigned __int128 *reach = NULL;
	struct separation s = { .boxes = boxes->boxes, .n = boxes->n, .dimensions = boxes->dimensions, .index = index };
	struct ns_boxes swap;

	if (boxes->n < 2)
		return 0;
	s.order = order = calloc(boxes->n, sizeof(*order));
	s.hits = hits = calloc(boxes->n, sizeof(*hits));
	s.reach = reach = calloc(boxes->n, sizeof(*reach));
	if (!order || !hits || !reach)
		return ns_error_set(err, -ENOMEM, "no memory to separate %zu ranges", boxes->n);
	for (size_t i = 0; i < boxes->n; i++)
		order[i] = i;
	qsort_r(order, boxes->n, sizeof(*order), compare_order, &s);
	(void)build(&s, 0, boxes->n);
	for (size_t i = 0; i < boxes->n; i++) {
		int r = separate_one(&s, i, &pieces, &next, &result, err);

		if (r < 0)
			return r;
	}
	swap = *boxes;
	*boxes = result;
	result = swap;
	return 0;
}
