/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the kernel holds of one table, as a plan.
 */
#ifndef NANOSEG_NFT_READ_H
#define NANOSEG_NFT_READ_H

#include <stdbool.h>

#include <nanoseg/plan.h>

#include "nft/decode.h"
#include "nft/socket.h"

struct ns_nft_reading {
	bool exists; /* false: no such table, and the rest is empty */
	struct ns_nft_table table;
	struct ns_plan plan; /* normalised, with figures and handles */
	/* What in the table is beyond any plan (a flowtable, a quota, more chains than a plan may have), or "". The
	 * plan is then not all there is, and only replacing the table as a whole makes it equal a plan. */
	char beyond[128];
};

#define NS_NFT_READING_INIT                                                                                            \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_nft_reading_release(struct ns_nft_reading *reading);

/* Elements of dynamic sets, and of sets with a timeout, are left out: they come and go by themselves. -EINTR: the
 * ruleset of the namespace changed all the time. *ret must be NS_NFT_READING_INIT. */
int ns_nft_read(struct ns_nft *nft, const struct ns_nft_scope *scope, struct ns_nft_reading *ret, struct ns_error *err);

/* Whether the plan says which elements the set has. */
bool ns_nft_set_elements_are_planned(const struct ns_plan_set *set);

#endif
