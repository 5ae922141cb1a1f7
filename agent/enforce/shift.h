/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The short road: of a table that is known to hold a plan, a part is made another one. Nothing is read before; what the
 * kernel tells of its commit is compared with what was sent, and ns_shift_settle() reads back the sets that were
 * touched.
 *
 * What makes it known is that the whole table was read back, equal to a plan, and that everything since was done here.
 * Where the socket owns the table the kernel refuses what others do to it; of a plain table the transaction is bound to
 * the ruleset's generation (NFNL_BATCH_GENID), so that it is refused when anybody has come between. Tables of one
 * socket can be shifted in one transaction.
 */
#ifndef NANOSEG_SHIFT_H
#define NANOSEG_SHIFT_H

#include "lock.h"

struct ns_shift;

int ns_shift_new(struct ns_shift **ret, struct ns_error *err);
struct ns_shift *ns_shift_free(struct ns_shift *shift); /* accepts NULL; returns NULL */
/* Empties it, to be used for other tables. */
void ns_shift_begin(struct ns_shift *shift);

/* Whether the table is known. */
bool ns_shift_can(const struct ns_lock *lock);
/* The table holds a plan of which `from` is a part; `to` is to be in its place. Both are normalised and have the same
 * sets. -EINVAL: the table is not known, or of another socket than the others, or one of several is a plain one.
 * *ret_removed, *ret_added: elements. */
int ns_shift_add(struct ns_shift *shift, struct ns_lock *lock, const struct ns_plan *from, const struct ns_plan *to,
		 size_t *ret_removed, size_t *ret_added, struct ns_error *err);
/* Does it, all or none of it: on any error but -ENOBUFS, -ETIMEDOUT and -EBADE nothing has been done. Tables that it
 * failed for are not known any more. -ERESTART: somebody else has changed the ruleset. */
int ns_shift_commit(struct ns_shift *shift, struct ns_error *err);

/* The same, beside what the caller does meanwhile in other namespaces: each has a mutex of its own in the kernel, and a
 * thousand tables of one are a quarter of a second. Between the two calls neither the shift nor the tables in it, nor
 * anything else of their socket, may be used. Without a second thread all is done by the first call. */
void ns_shift_commit_begin(struct ns_shift *shift);
int ns_shift_commit_end(struct ns_shift *shift, struct ns_error *err);

/* The plan that the table should hold now: 1 when what was shifted since all of it was read has been read back, and is
 * as the plan says; 0 when it is not, or the table is not known, or is a plain one and anybody has changed the ruleset
 * since. *ret has the generation. */
int ns_shift_settle(struct ns_lock *lock, const struct ns_plan *plan, struct ns_lock_result *ret, struct ns_error *err);

#endif
