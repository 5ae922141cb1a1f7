/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which tables there are.
 */
#ifndef NANOSEG_NFT_TABLES_H
#define NANOSEG_NFT_TABLES_H

#include <nanoseg/error.h>

struct ns_nft;

/* Calls `each` once for every table of the family whose name begins with `prefix`, when all of them are known, in the
 * order of their names; non-zero ends it and is returned. A name longer than a plan's is left out: it is none of ours.
 */
int ns_nft_list_tables(struct ns_nft *nft, int family, const char *prefix, int (*each)(void *ctx, const char *table),
		       void *ctx, struct ns_error *err);

#endif
