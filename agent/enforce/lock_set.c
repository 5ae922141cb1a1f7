/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One set of a table that is known, read and compared with the plan's.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "nft/dump_set.h"

#include "lock_private.h"

static int take_element(void *ctx, const struct ns_plan_element *element, struct ns_error *err)
{
	struct ns_plan_element *copy = ns_plan_add_element(ctx, err);

	if (!copy)
		return err ? err->code : -ENOMEM;
	*copy = *element;
	return 0;
}

int ns_lock_read_set(struct ns_lock *lock, const struct ns_plan_set *wanted, struct ns_plan *ret, struct ns_error *err)
{
	struct ns_plan_set *set = ns_plan_add_set(ret, wanted->name, err);
	bool odd = false;
	int r;

	if (!set)
		return -ENOMEM;
	*set = *wanted;
	set->elements = NULL;
	set->n_elements = set->elements_allocated = 0;
	r = ns_nft_dump_set(lock->nft, &lock->scope, set, lock->protection == NS_LOCK_OWNED, take_element, set, &odd,
			    err);
	if (r < 0)
		return r;
	ns_plan_normalise(ret);
	return !odd;
}

int ns_lock_set_is(struct ns_lock *lock, const struct ns_plan_set *wanted, struct ns_error *err)
{
	NS_CLEANUP(ns_plan_release) struct ns_plan found = NS_PLAN_INIT;
	int r = ns_lock_read_set(lock, wanted, &found, err);
	const struct ns_plan_set *set = found.sets;

	if (r <= 0)
		return r;
	if (set->n_elements != wanted->n_elements)
		return 0;
	for (size_t i = 0; i < set->n_elements; i++)
		if (ns_plan_element_compare(wanted, &set->elements[i], &wanted->elements[i]) != 0 ||
		    strcmp(set->elements[i].tag, wanted->elements[i].tag) != 0)
			return 0;
	return 1;
}
