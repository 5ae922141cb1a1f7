/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Between the long road and the short one: of a table that is known (shift.h), and whose structure is the plan's, only
 * elements can differ. They are read, made what the plan says, and those that changed are read back; the rules, which
 * are nearly all of what a reading costs, are what they were.
 */
#ifndef NANOSEG_ADJUST_H
#define NANOSEG_ADJUST_H

#include "lock.h"

/* As ns_lock_apply(), and then 1. 0: the long road has to be taken, since the table is not known, is a plain one or of
 * family netdev, has another structure, or is quicker made anew in part; or an error came, which that road will meet or
 * mend. */
int ns_lock_adjust(struct ns_lock *lock, const struct ns_plan *plan, struct ns_lock_result *ret);

#endif
