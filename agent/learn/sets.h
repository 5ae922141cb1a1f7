/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The sets of one of our tables that packets add to, read in as few questions as the kernel needs: one tells which
 * there are and which of them are empty, and one more is asked for each of the others.
 */
#ifndef NANOSEG_LEARN_SETS_H
#define NANOSEG_LEARN_SETS_H

#include <nanoseg/layout.h>

struct ns_nft;

#define NS_SETS(purpose)  (1u << (purpose))
#define NS_SETS_ROLES_MAX 32

/* How many elements each set had when it was last read, by the layout's roles. */
struct ns_sets_seen {
	uint32_t n[NS_SETS_ROLES_MAX];
};

/* One element; `key_length` of its key. Non-zero ends the reading and is returned. */
typedef int (*ns_sets_each)(void *ctx, const struct ns_set_role *role, const struct ns_plan_element *element,
			    size_t key_length);

/* A large set comes in parts, and while it grows the kernel puts its elements in another order (rhashtable), so that
 * some come twice and others not at all. So one that is not as large as it was is read again, until it is.
 *
 * Every set of these purposes (NS_SETS of each) that the table has, in the order of the layout. *ret_purposes: those of
 * the sets that are there. When a set cannot be read the others are, and then its error is returned. Transactions that
 * come under it, of whatever table, are no error: the kernel goes on where it was, and only packets add to these sets.
 * An element may come more than once. -ENOENT: no table. */
int ns_sets_read(struct ns_nft *nft, int family, const char *table, unsigned purposes, struct ns_sets_seen *seen,
		 ns_sets_each each, void *ctx, unsigned *ret_purposes, struct ns_error *err);

#endif
