/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Intervals over one field. The kernel keeps them in a tree of bounds (net/netfilter/nft_set_rbtree.c): a range is an
 * element at its first key and an element flagged INTERVAL_END at the first key behind it. A range that goes up to
 * the last key there is has no end. Here bounds become ranges again.
 */
#ifndef NANOSEG_NFT_TREE_H
#define NANOSEG_NFT_TREE_H

#include <stdbool.h>

#include <nanoseg/plan.h>

/* One up in network order; false, and the key is unchanged, at the last key. */
bool ns_nft_key_increment(uint8_t *key, size_t length);
bool ns_nft_key_decrement(uint8_t *key, size_t length);

struct ns_nft_bound {
	struct ns_plan_element element; /* its key_end is of no interest */
	bool end;
};

struct ns_nft_bounds {
	struct ns_nft_bound *bounds;
	size_t n, allocated;
};

void ns_nft_bounds_release(struct ns_nft_bounds *bounds);
int ns_nft_bounds_add(struct ns_nft_bounds *bounds, const struct ns_plan_element *element, bool end,
		      struct ns_error *err);
/* Sorts the bounds and leaves one range for each start in bounds->bounds[0 … n), `end` false. Bounds that a dump gave
 * twice count once; ends without a start (nft(8) writes one at key 0) are dropped. length: of the bare key. */
void ns_nft_bounds_pair(struct ns_nft_bounds *bounds, size_t length);

#endif
