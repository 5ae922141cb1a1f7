/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Boxes: products of intervals, one a field of a set's key. nf_tables refuses elements of an interval set that overlap,
 * so rules that do are cut into pieces that do not, and that cover the same points together.
 */
#ifndef NANOSEG_BOXES_H
#define NANOSEG_BOXES_H

#include <stddef.h>
#include <stdint.h>

#include <nanoseg/error.h>

#define NS_BOX_DIMENSIONS 4 /* proto . source . destination . port */

struct ns_box {
	unsigned __int128 lo[NS_BOX_DIMENSIONS], hi[NS_BOX_DIMENSIONS]; /* inclusive */
	size_t owner;                                                   /* the rule it comes from */
};

struct ns_boxes {
	unsigned dimensions; /* at most NS_BOX_DIMENSIONS; the other intervals are not looked at */
	struct ns_box *boxes;
	size_t n, allocated;
};

void ns_boxes_release(struct ns_boxes *boxes);
/* -E2BIG beyond NS_PLAN_ELEMENTS_MAX. */
int ns_boxes_add(struct ns_boxes *boxes, const struct ns_box *box, struct ns_error *err);
/* Sorts by lower corner, upper corner, owner, and drops all but the first of equal boxes. */
void ns_boxes_unique(struct ns_boxes *boxes);

/* Replaces the boxes by disjoint ones with the same union. A point keeps the owner of the first box that has it. Fast
 * when the boxes are apart in dimension `index`. -E2BIG beyond NS_PLAN_ELEMENTS_MAX pieces or NS_COMPILE_STEPS_MAX
 * comparisons. */
int ns_boxes_separate(struct ns_boxes *boxes, unsigned index, struct ns_error *err);

#endif
