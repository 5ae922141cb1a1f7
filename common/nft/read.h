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

/* Whether it is there, and whose. */
int ns_nft_read_table(struct ns_nft *nft, const struct ns_nft_scope *scope, bool *ret_exists, struct ns_nft_table *ret,
		      struct ns_error *err);

/* `figures`: those of the counters too, for which the kernel looks at the counters of all tables. Elements of dynamic
 * sets, and of sets with a timeout, are left out: they come and go by themselves. *ret must be NS_NFT_READING_INIT.
 *
 * The kernel marks a dump as interrupted when any transaction of the namespace came under it (NLM_F_DUMP_INTR), so one
 * who commits all the time interrupts every dump. A table that this socket owns is read all the same: nobody else can
 * change it; the dumps of rules, sets and elements count only that table's when they go on where they were
 * (nf_tables_dump_rules, nf_tables_dump_sets and nf_tables_dump_set in net/netfilter/nf_tables_api.c); those of chains
 * and objects count all of the family's, and are believed when they add up to what the table says it has. Of any other
 * table an interrupted dump is done again: -EINTR after NS_NFT_DUMP_TRIES. */
int ns_nft_read(struct ns_nft *nft, const struct ns_nft_scope *scope, bool figures, struct ns_nft_reading *ret,
		struct ns_error *err);

/* Only the sets, and elements only of those whose names begin with `prefix`. */
int ns_nft_read_sets(struct ns_nft *nft, const struct ns_nft_scope *scope, const char *prefix,
		     struct ns_nft_reading *ret, struct ns_error *err);

/* Whether the plan says which elements the set has. */
bool ns_nft_set_elements_are_planned(const struct ns_plan_set *set);

#endif
