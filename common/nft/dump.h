/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading nf_tables: set elements and counters, by dump. Used by the lock's read-back and by the learner.
 */
#ifndef NANOSEG_NFT_DUMP_H
#define NANOSEG_NFT_DUMP_H

#include <nanoseg/error.h>
#include <nanoseg/plan.h>

struct ns_nft; /* a nfnetlink socket and its sequence numbers; see nft/socket.h */

/* One element, valid during the call. Expired ones are not reported. */
typedef int (*ns_nft_each_element)(void *ctx, const struct ns_plan_element *element, size_t key_length);
/* -ENOENT: no such table or set. -EINTR: transactions, of whatever table, came under the dump more often than we retry
 * (NLM_F_DUMP_INTR); `each` may then have seen some elements twice, so callers must tolerate repetition. A dynamic set
 * is dumped once, whatever comes under it: only the packet path adds to it, behind the dump's place or before. */
int ns_nft_dump_elements(struct ns_nft *nft, int family, const char *table, const char *set, ns_nft_each_element each,
			 void *ctx, struct ns_error *err);
/* The named counter's figures. */
int ns_nft_get_counter(struct ns_nft *nft, int family, const char *table, const char *name, uint64_t *ret_packets,
		       uint64_t *ret_bytes, struct ns_error *err);

#endif
