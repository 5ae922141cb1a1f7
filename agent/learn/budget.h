/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A share of time: what was not used is saved up to a limit, what was used too much has to be waited for. Pure.
 */
#ifndef NANOSEG_LEARN_BUDGET_H
#define NANOSEG_LEARN_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct ns_budget {
	int64_t ppm;   /* of the time that passes: millionths */
	int64_t limit; /* microseconds that can be saved up */
	int64_t level; /* microseconds left; negative: owed */
	int64_t updated;
};

struct ns_budget ns_budget_make(int64_t ppm, int64_t limit, int64_t now); /* starts full */
bool ns_budget_allows(struct ns_budget *budget, int64_t now);
void ns_budget_charge(struct ns_budget *budget, int64_t used);
/* Microseconds until ns_budget_allows. 0: it does now. */
int64_t ns_budget_wait(struct ns_budget *budget, int64_t now);

#endif
