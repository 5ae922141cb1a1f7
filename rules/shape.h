/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the sets that allow have in them or may come to have, so that a table is made without the look-ups that cannot
 * find anything. Where a rule names somebody whose addresses the book tells, they may be of either family at any time:
 * an address that comes or goes changes elements, and no rules. Everything else is as the elements are, so that a
 * look-up that could find one is never left out.
 */
#ifndef NANOSEG_SHAPE_H
#define NANOSEG_SHAPE_H

#include "elements.h"
#include "tuple_key.h"

#define NS_SHAPE_FAMILIES 2

struct ns_shape_set {
	uint8_t protocols[32]; /* a bit each */
	bool groups;           /* among its addresses are those of multicast or broadcast groups */
};

struct ns_shape {
	struct ns_shape_set allow[2][NS_TRANSIT + 1][NS_SHAPE_FAMILIES]; /* exact and ranges, by direction */
	struct ns_shape_set fragments[NS_FRAGMENTS_KINDS][NS_SHAPE_FAMILIES][2];
};

/* Of a plan whose sets that allow have their elements; those of fragments need not be there. */
void ns_shape_of(const struct ns_plan *plan, const struct ns_policy *policy, struct ns_shape *ret);

/* One of these among the addresses of a name makes another shape. */
bool ns_shape_is_group(const struct ns_addr *addr, const struct ns_compile_options *options);

/* Whether such a look-up may find something. Without a shape (NULL) everything may be found. */
bool ns_shape_protocol(const struct ns_shape *shape, enum ns_purpose purpose, enum ns_direction direction, int family,
		       uint8_t protocol);
bool ns_shape_kind(const struct ns_shape *shape, enum ns_purpose purpose, enum ns_direction direction, int family,
		   enum ns_key_kind kind);
bool ns_shape_any(const struct ns_shape *shape, enum ns_direction direction, int family);
/* Of both purposes. */
bool ns_shape_groups(const struct ns_shape *shape, enum ns_direction direction, int family);
bool ns_shape_fragments(const struct ns_shape *shape, enum ns_fragments kind, int family, bool range);
bool ns_shape_fragment_groups(const struct ns_shape *shape, enum ns_fragments kind, int family);

#endif
