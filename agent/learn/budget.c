/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "budget.h"

struct ns_budget ns_budget_make(int64_t ppm, int64_t limit, int64_t now)
{
	return (struct ns_budget){ .ppm = ppm, .limit = limit, .level = limit, .updated = now };
}

static void refill(struct ns_budget *budget, int64_t now)
{
	int64_t passed = now - budget->updated, gain;

	if (passed <= 0)
		return;
	/* Longer than it takes to fill it from empty, however much is owed: no overflow below. */
	if (passed > INT64_MAX / 1000000)
		passed = INT64_MAX / 1000000;
	gain = passed * budget->ppm / 1000000;
	if (gain == 0)
		return; /* too short to count; it is counted together with what follows */
	budget->updated = now;
	budget->level = gain >= budget->limit - budget->level ? budget->limit : budget->level + gain;
}

bool ns_budget_allows(struct ns_budget *budget, int64_t now)
{
	refill(budget, now);
	return budget->level > 0;
}

void ns_budget_charge(struct ns_budget *budget, int64_t used)
{
	budget->level -= used;
}

int64_t ns_budget_wait(struct ns_budget *budget, int64_t now)
{
	refill(budget, now);
	return budget->level > 0 ? 0 : (1 - budget->level) * 1000000 / budget->ppm + 1;
}
