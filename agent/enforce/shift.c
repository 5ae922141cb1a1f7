/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "nft/batch.h"

#include "lock_private.h"
#include "reconcile.h"
#include "shift.h"

struct ns_shift {
	struct ns_nft_batch *batch;
	struct ns_lock **locks; /* those in it */
	size_t n, allocated;
	size_t elements;
	struct {
		pthread_t thread;
		bool runs;
		int r;
		struct ns_error err;
	} aside;
};

/* Of a thread that calls the kernel and waits for what it tells. */
#define ASIDE_STACK_BYTES ((size_t)256 * 1024)

NS_DEFINE_CLEANUP(struct ns_shift *, ns_shift_free)

int ns_shift_new(struct ns_shift **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_shift_freep) struct ns_shift *shift = calloc(1, sizeof(*shift));
	int r;

	if (!shift)
		return ns_error_set(err, -ENOMEM, "no memory for a transaction");
	r = ns_nft_batch_new(&shift->batch, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(shift);
	return 0;
}

struct ns_shift *ns_shift_free(struct ns_shift *shift)
{
	if (shift) {
		ns_nft_batch_free(shift->batch);
		free(shift->locks);
		free(shift);
	}
	return NULL;
}

void ns_shift_begin(struct ns_shift *shift)
{
	ns_nft_batch_clear(shift->batch);
	shift->n = shift->elements = 0;
}

bool ns_shift_can(const struct ns_lock *lock)
{
	return lock->sure;
}

static int take_lock(struct ns_shift *shift, struct ns_lock *lock, struct ns_error *err)
{
	const struct ns_lock *first = shift->n ? shift->locks[0] : lock;

	if (!ns_shift_can(lock) || first->nft != lock->nft ||
	    (shift->n && (lock->protection != NS_LOCK_OWNED || first->protection != NS_LOCK_OWNED)))
		return ns_error_set(err, -EINVAL, "table %s cannot be changed by parts", lock->table);
	if (shift->n == shift->allocated) {
		size_t more = shift->allocated ? 2 * shift->allocated : 16;
		struct ns_lock **bigger = reallocarray(shift->locks, more, sizeof(struct ns_lock *));

		if (!bigger)
			return ns_error_set(err, -ENOMEM, "no memory for a transaction");
		shift->locks = bigger;
		shift->allocated = more;
	}
	shift->locks[shift->n++] = lock;
	return 0;
}

void ns_lock_forget_shifted(struct ns_lock *lock)
{
	free(lock->shifted);
	lock->shifted = NULL;
	lock->n_shifted = 0;
}

/* What it is read back for. Without memory for the names all is. */
static void note_set(struct ns_lock *lock, const char *name)
{
	for (size_t i = 0; lock->shifted && i < lock->n_shifted && i < NS_LOCK_SHIFTED_MAX; i++)
		if (strcmp(lock->shifted[i], name) == 0)
			return;
	if (!lock->shifted)
		lock->shifted = calloc(NS_LOCK_SHIFTED_MAX, sizeof *lock->shifted);
	if (!lock->shifted)
		lock->n_shifted = NS_LOCK_SHIFTED_MAX + 1;
	if (lock->n_shifted < NS_LOCK_SHIFTED_MAX)
		(void)snprintf(lock->shifted[lock->n_shifted], NS_NFT_NAME_MAX, "%s", name);
	if (lock->n_shifted <= NS_LOCK_SHIFTED_MAX)
		lock->n_shifted++;
}

int ns_shift_add(struct ns_shift *shift, struct ns_lock *lock, const struct ns_plan *from, const struct ns_plan *to,
		 size_t *ret_removed, size_t *ret_added, struct ns_error *err)
{
	int r = take_lock(shift, lock, err);

	if (r < 0)
		return r;
	*ret_removed = *ret_added = 0;
	for (size_t i = 0; i < to->n_sets; i++) {
		size_t removed = ns_reconcile_elements(shift->batch, &lock->scope, &to->sets[i], &from->sets[i], true);
		size_t added = ns_reconcile_elements(shift->batch, &lock->scope, &to->sets[i], &from->sets[i], false);

		if (removed + added)
			note_set(lock, to->sets[i].name);
		*ret_removed += removed;
		*ret_added += added;
	}
	shift->elements += *ret_removed + *ret_added;
	return 0;
}

int ns_shift_commit(struct ns_shift *shift, struct ns_error *err)
{
	bool plain = shift->n && shift->locks[0]->protection != NS_LOCK_OWNED;
	uint32_t generation = 0;
	int r;

	if (!shift->n || !shift->elements)
		return 0;
	r = ns_nft_batch_send_told(shift->locks[0]->nft, shift->batch, plain ? shift->locks[0]->generation : 0,
				   shift->elements, &generation, err);
	for (size_t i = 0; i < shift->n; i++) {
		shift->locks[i]->sure = r == 0;
		shift->locks[i]->generation = generation;
	}
	return r;
}

static void *commit_aside(void *ctx)
{
	struct ns_shift *shift = ctx;

	shift->aside.r = ns_shift_commit(shift, &shift->aside.err);
	return NULL;
}

void ns_shift_commit_begin(struct ns_shift *shift)
{
	pthread_attr_t attr;

	shift->aside.r = 0;
	shift->aside.err = (struct ns_error)NS_ERROR_INIT;
	shift->aside.runs = false;
	if (!shift->elements)
		return;
	if (pthread_attr_init(&attr) == 0) {
		shift->aside.runs = pthread_attr_setstacksize(&attr, ASIDE_STACK_BYTES) == 0 &&
				    pthread_create(&shift->aside.thread, &attr, commit_aside, shift) == 0;
		(void)pthread_attr_destroy(&attr);
	}
	if (!shift->aside.runs)
		(void)commit_aside(shift);
}

int ns_shift_commit_end(struct ns_shift *shift, struct ns_error *err)
{
	if (shift->aside.runs)
		(void)pthread_join(shift->aside.thread, NULL);
	shift->aside.runs = false;
	if (shift->aside.r < 0 && err)
		*err = shift->aside.err;
	return shift->aside.r;
}

/* 1: the kernel's set is the plan's. */
static int read_back(struct ns_lock *lock, const struct ns_plan *plan, const char *name, struct ns_error *err)
{
	const struct ns_plan_set *wanted = ns_plan_find_set(plan, name);

	return wanted ? ns_lock_set_is(lock, wanted, err) : 0;
}

/* A plain table may have been changed by anybody since the commit, and in what is not read here: 1 when the ruleset is
 * still of the generation that it was of then. */
static int is_unchanged(struct ns_lock *lock, struct ns_error *err)
{
	uint32_t generation = 0;
	int r = ns_nft_generation(lock->nft, &generation, err);

	return r < 0 ? r : generation == lock->generation;
}

int ns_shift_settle(struct ns_lock *lock, const struct ns_plan *plan, struct ns_lock_result *ret, struct ns_error *err)
{
	size_t n = lock->n_shifted;
	int r = 1;

	if (!lock->sure || n > NS_LOCK_SHIFTED_MAX)
		return 0;
	for (size_t i = 0; r > 0 && i < n; i++)
		r = read_back(lock, plan, lock->shifted[i], err);
	if (r > 0 && lock->protection != NS_LOCK_OWNED)
		r = is_unchanged(lock, err);
	if (r <= 0) {
		lock->sure = false;
		return r;
	}
	ns_lock_forget_shifted(lock);
	*ret = (struct ns_lock_result){ .extent = NS_LOCK_EXTENT_CHANGES, .generation = lock->generation };
	return 1;
}
