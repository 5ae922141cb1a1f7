/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A transaction being written: nf_tables messages in one growing buffer, each with the words for what it is. The
 * builder latches its first error, so that writers need not check; sending reports it. The kernel takes all of it or
 * nothing.
 *
 *	ns_nft_batch_new(&batch, err);
 *	nlh = ns_nft_batch_add(batch, NFT_MSG_NEWTABLE, family, NLM_F_CREATE, "table %s", name);
 *	if (nlh)
 *		mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);     the next add, or send, ends the message
 *	r = ns_nft_batch_send(nft, batch, err);                    "set egress4: No such file or directory"
 */
#ifndef NANOSEG_NFT_BATCH_H
#define NANOSEG_NFT_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include <nanoseg/error.h>

#include "cleanup.h"
#include "nft/socket.h"

struct ns_nft_batch;

/* The most one message may hold: 64 KiB of nested attribute (its length has 16 bits) and its surroundings. */
#define NS_NFT_MESSAGE_BYTES ((size_t)96 * 1024)

int ns_nft_batch_new(struct ns_nft_batch **ret, struct ns_error *err);
/* Empties it, to be written anew in the memory that it has. */
void ns_nft_batch_clear(struct ns_nft_batch *batch);
struct ns_nft_batch *ns_nft_batch_free(struct ns_nft_batch *batch); /* accepts NULL; returns NULL */
NS_DEFINE_CLEANUP(struct ns_nft_batch *, ns_nft_batch_free)

/* Begins a message: there is room for NS_NFT_MESSAGE_BYTES behind the header that comes back, until the next call on
 * the batch. NULL once an error is latched. type is NFT_MSG_*. flags without REQUEST and ACK, which are added. */
struct nlmsghdr *ns_nft_batch_add(struct ns_nft_batch *batch, uint16_t type, int family, uint16_t flags,
				  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Latches an error, unless there is one already. */
void ns_nft_batch_fail(struct ns_nft_batch *batch, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t ns_nft_batch_messages(const struct ns_nft_batch *batch);
/* Calls `each` for every message so far, in order, with the words for it; for tests. Non-zero ends it. */
int ns_nft_batch_walk(struct ns_nft_batch *batch, int (*each)(void *ctx, const struct nlmsghdr *nlh, const char *what),
		      void *ctx);
/* A number that is unique in this batch, for NFTA_SET_ID. */
uint32_t ns_nft_batch_id(struct ns_nft_batch *batch);

/* Sends it as one transaction and waits for every acknowledgement. On failure the kernel changed nothing, and err names
 * what the first refused message was about, with the kernel's reason, and how many more were refused. An empty batch
 * succeeds without a word to the kernel. -ENOBUFS: acknowledgements were lost; only reading back can tell the outcome.
 * A batch may be sent again. */
int ns_nft_batch_send(struct ns_nft *nft, struct ns_nft_batch *batch, struct ns_error *err);
/* The same for a few messages about elements, without an acknowledgement for each: the kernel tells what it has
 * committed, element by element, and the ruleset's new generation, and this is compared with what was sent. generation
 * not 0: only if that is the ruleset's still, else -ERESTART. `elements`: how many are in it, to be told of each;
 * -EBADE when the kernel has told of another number. */
int ns_nft_batch_send_told(struct ns_nft *nft, struct ns_nft_batch *batch, uint32_t generation, size_t elements,
			   uint32_t *ret_generation, struct ns_error *err);
/* After sending: which message was the first refused, from 1. 0: none, or the batch as a whole. */
size_t ns_nft_batch_refused(const struct ns_nft_batch *batch);
/* And its type (NFT_MSG_*), with the words for it; -1: none. */
int ns_nft_batch_refused_type(const struct ns_nft_batch *batch, const char **ret_what);

#endif
