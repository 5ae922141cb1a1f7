/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which tables there are, and which chains in them.
 */
#ifndef NANOSEG_NFT_TABLES_H
#define NANOSEG_NFT_TABLES_H

#include <nanoseg/error.h>
#include <nanoseg/plan.h>

struct ns_nft;
struct ns_nft_batch;

/* Calls `each` once for every table of the family whose name begins with `prefix`, when all of them are known, in the
 * order of their names; non-zero ends it and is returned. A name longer than a plan's is left out: it is none of ours.
 */
int ns_nft_list_tables(struct ns_nft *nft, int family, const char *prefix, int (*each)(void *ctx, const char *table),
		       void *ctx, struct ns_error *err);

/* Adds to the batch that the socket becomes the owner of every such table that has outlived its own; returns their
 * number. */
int ns_nft_put_orphans(struct ns_nft *nft, struct ns_nft_batch *batch, int family, const char *prefix,
		       struct ns_error *err);

/* Calls `each`, which must not use the socket, for every chain, without its rules, of such tables: one dump for all.
 * -EINTR: a transaction came under it; some may have come twice or not at all. */
typedef int (*ns_nft_each_chain)(void *ctx, const char *table, const struct ns_plan_chain *chain, struct ns_error *err);
int ns_nft_list_chains(struct ns_nft *nft, int family, const char *prefix, ns_nft_each_chain each, void *ctx,
		       struct ns_error *err);

#endif
