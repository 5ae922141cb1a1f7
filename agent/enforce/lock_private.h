/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside a lock; for lock.c, lock_set.c, shift.c and adjust.c.
 */
#ifndef NANOSEG_LOCK_PRIVATE_H
#define NANOSEG_LOCK_PRIVATE_H

#include "nft/encode.h"
#include "nft/socket.h"

#include "lock.h"

/* Sets that were shifted since all was read; more of them are read as all. */
#define NS_LOCK_SHIFTED_MAX 6

struct ns_lock {
	struct ns_nft *nft;
	bool borrowed; /* the socket is the caller's */
	struct ns_nft_scope scope;
	char table[NS_NFT_NAME_MAX];
	enum ns_lock_protection protection;
	bool held;           /* this handle has seen the table as planned before */
	bool sure;           /* the kernel held the plan that was last applied, and what was done since is known */
	uint32_t generation; /* of the ruleset then */
	char structure[NS_DIGEST_TEXT_MAX]; /* ns_plan_structure_digest() of that plan; "": not known */
	char (*shifted)[NS_NFT_NAME_MAX]; /* room for NS_LOCK_SHIFTED_MAX once there is one, and until they are read */
	size_t n_shifted;                 /* NS_LOCK_SHIFTED_MAX + 1: more than there is room for */
};

/* Nothing was shifted since all was read. */
void ns_lock_forget_shifted(struct ns_lock *lock);
/* For lock.c: the kernel has been seen to hold the plan. */
void ns_lock_note_structure(struct ns_lock *lock, const struct ns_plan *plan);

/* The elements that the kernel has of the plan's set, as a plan of that set alone (*ret: NS_PLAN_INIT): 1; 0: with one
 * that no plan can say. */
int ns_lock_read_set(struct ns_lock *lock, const struct ns_plan_set *wanted, struct ns_plan *ret, struct ns_error *err);
/* 1: they are the plan's; 0: they are not. */
int ns_lock_set_is(struct ns_lock *lock, const struct ns_plan_set *wanted, struct ns_error *err);

#endif
