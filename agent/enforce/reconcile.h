/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The smallest transaction that turns what the kernel holds into what the plan says: mark and sweep over sets,
 * chains and elements. Pure but for the batch it writes.
 *
 * A set with the same definition stays, with its figures, and gets the elements it lacks; where so many go that it is
 * less work to make it anew it is, and the elements that stay go on counting. A dynamic set, or one with a timeout,
 * keeps those it has (the plan's own elements of such a set are put in when the set is made). A chain whose rules
 * differ, or name a set that is made anew, is emptied and filled again; one whose hook, priority or device differs is
 * made anew; a policy changes in place. What no plan wants goes.
 */
#ifndef NANOSEG_RECONCILE_H
#define NANOSEG_RECONCILE_H

#include <nanoseg/plan.h>

#include "nft/encode.h"

#include "lock.h"

/* -EINVAL: the plan is not normalised, or cannot be read back as it is. */
int ns_reconcile_check(const struct ns_plan *plan, struct ns_error *err);

/* Both normalised. Adds to the counts in *counts. The table itself is the caller's. */
void ns_reconcile(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct ns_plan *wanted,
		  const struct ns_plan *found, struct ns_lock_result *counts);

/* Walks two sorted lists and writes the elements that only one of them has: those to remove, or those to add; returns
 * how many. found NULL: all are new. */
size_t ns_reconcile_elements(struct ns_nft_batch *batch, const struct ns_nft_scope *scope,
			     const struct ns_plan_set *wanted, const struct ns_plan_set *found, bool deleting);

/* Whether the set is made anew where what is found of it differs as it does from what is wanted. */
bool ns_reconcile_prefers_anew(const struct ns_plan_set *wanted, const struct ns_plan_set *found);

#endif
