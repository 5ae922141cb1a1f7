/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Much of nf_tables in one question: all sets of a table, all named counters of a family. A question about one thing in
 * one table makes the kernel look through all tables of the namespace for it; where there are thousands, what one
 * question can tell is not to be asked in many.
 */
#ifndef NANOSEG_NFT_LISTING_H
#define NANOSEG_NFT_LISTING_H

#include "nft/dump.h"

/* `empty`: the kernel says that it has no elements; before Linux 6.17 it does not say. `set` is valid during the call.
 * Non-zero ends the listing and is returned. */
typedef int (*ns_nft_each_listed)(void *ctx, const struct ns_plan_set *set, bool empty);
/* The sets of a table, without elements; those that no plan can say have n_fields 0. -ENOENT: no such table. -EINTR:
 * transactions came under it each time it was tried, and a set may have been told twice or not at all. */
int ns_nft_list_sets(struct ns_nft *nft, int family, const char *table, ns_nft_each_listed each, void *ctx,
		     struct ns_error *err);

/* As ns_nft_dump_elements, of a set as it was listed. */
int ns_nft_dump_listed(struct ns_nft *nft, int family, const char *table, const struct ns_plan_set *set,
		       ns_nft_each_element each, void *ctx, struct ns_error *err);

/* Every named counter of all tables of a family; one may be told twice, or be missing, when -EINTR is returned. */
typedef int (*ns_nft_each_counter)(void *ctx, const char *table, const char *name, uint64_t packets, uint64_t bytes);
int ns_nft_list_counters(struct ns_nft *nft, int family, ns_nft_each_counter each, void *ctx, struct ns_error *err);

#endif
