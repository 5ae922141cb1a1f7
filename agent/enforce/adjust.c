/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>

#include "cleanup.h"
#include "nft/batch.h"
#include "nft/read.h"

#include "adjust.h"
#include "lock_private.h"
#include "reconcile.h"

void ns_lock_note_structure(struct ns_lock *lock, const struct ns_plan *plan)
{
	if (ns_plan_structure_digest(plan, lock->structure, NULL) < 0)
		lock->structure[0] = '\0';
}

static bool is_of_structure(const struct ns_lock *lock, const struct ns_plan *plan)
{
	char structure[NS_DIGEST_TEXT_MAX];

	/* A chain of family netdev changes by itself: with its device. */
	return lock->scope.family != NFPROTO_NETDEV && lock->sure && lock->protection == NS_LOCK_OWNED &&
	       lock->structure[0] && ns_plan_structure_digest(plan, structure, NULL) == 0 &&
	       strcmp(structure, lock->structure) == 0;
}

/* Writes the difference between what the kernel has of a set and what is wanted: 1; 0: not in this way. */
static int write_set(struct ns_lock *lock, struct ns_nft_batch *batch, const struct ns_plan_set *wanted,
		     struct ns_lock_result *counts, bool *ret_differs)
{
	NS_CLEANUP(ns_plan_release) struct ns_plan found = NS_PLAN_INIT;
	size_t removed, added;

	if (ns_lock_read_set(lock, wanted, &found, NULL) <= 0 || ns_reconcile_prefers_anew(wanted, &found.sets[0]))
		return 0;
	removed = ns_reconcile_elements(batch, &lock->scope, wanted, &found.sets[0], true);
	added = ns_reconcile_elements(batch, &lock->scope, wanted, &found.sets[0], false);
	counts->elements_removed += removed;
	counts->elements_added += added;
	*ret_differs = removed + added > 0;
	return 1;
}

static int adjust(struct ns_lock *lock, const struct ns_plan *plan, struct ns_nft_batch *batch,
		  struct ns_lock_result *counts)
{
	bool differs[NS_PLAN_SETS_MAX] = { false };

	for (size_t i = 0; i < plan->n_sets; i++)
		if (ns_nft_set_elements_are_planned(&plan->sets[i]) &&
		    !write_set(lock, batch, &plan->sets[i], counts, &differs[i]))
			return 0;
	if (counts->elements_removed + counts->elements_added > 0 && ns_nft_batch_send(lock->nft, batch, NULL) < 0)
		return 0;
	for (size_t i = 0; i < plan->n_sets; i++)
		if (differs[i] && ns_lock_set_is(lock, &plan->sets[i], NULL) <= 0)
			return 0;
	return ns_nft_generation(lock->nft, &lock->generation, NULL) < 0 ? 0 : 1;
}

int ns_lock_adjust(struct ns_lock *lock, const struct ns_plan *plan, struct ns_lock_result *ret)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	struct ns_lock_result counts = { 0 };

	if (!is_of_structure(lock, plan) || ns_reconcile_check(plan, NULL) < 0 || ns_nft_batch_new(&batch, NULL) < 0)
		return 0;
	lock->sure = false;
	if (!adjust(lock, plan, batch, &counts))
		return 0;
	lock->sure = true;
	ns_lock_forget_shifted(lock);
	counts.generation = lock->generation;
	counts.extent = NS_LOCK_EXTENT_ELEMENTS;
	*ret = counts;
	return 1;
}
