/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside a batch; for common/nft/batch*.c.
 */
#ifndef NANOSEG_NFT_BATCH_PRIVATE_H
#define NANOSEG_NFT_BATCH_PRIVATE_H

#include "nft/batch.h"

struct ns_nft_label { /* what a message is about, for a person */
	char text[96];
};

struct ns_nft_batch {
	char *data; /* begins with the message that opens the batch */
	size_t length, allocated;
	size_t open; /* offset of the message being written; 0: none */
	struct ns_nft_label *labels;
	size_t n, labels_allocated;
	size_t refused; /* of the last sending: the first refused message, from 1 */
	size_t start;   /* offset of the first message */
	uint32_t ids;
	struct ns_error error;
};

/* Nothing more is written: 1 when there is something to send, 0 when there is not, or the latched error. */
int ns_nft_batch_close(struct ns_nft_batch *batch, struct ns_error *err);
/* Ends the batch, for the ruleset of that generation (0: any), with these flags on each of its messages, and sends it.
 * Its messages' sequences follow *ret_first, which is that of the message that opens the batch. */
int ns_nft_batch_dispatch(struct ns_nft *nft, struct ns_nft_batch *batch, uint16_t flags, uint32_t generation,
			  uint32_t *ret_first, struct ns_error *err);

#endif
