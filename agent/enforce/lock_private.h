/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside a lock; for lock.c and shift.c.
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
	char shifted[NS_LOCK_SHIFTED_MAX][NS_NFT_NAME_MAX];
	size_t n_shifted; /* NS_LOCK_SHIFTED_MAX + 1: more than there is room for */
};

#endif
