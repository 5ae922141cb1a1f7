/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One nfnetlink socket for nf_tables in one namespace: batches out, acknowledgements matched by sequence,
 * dumps in. The socket's port id is what a table's `owner` flag names.
 */
#ifndef NANOSEG_NFT_SOCKET_H
#define NANOSEG_NFT_SOCKET_H

#include <nanoseg/error.h>

struct ns_nft;

int ns_nft_open(int netns_fd, struct ns_nft **ret, struct ns_error *err); /* netns_fd < 0: the caller's own */
struct ns_nft *ns_nft_close(struct ns_nft *nft); /* accepts NULL; returns NULL */
int ns_nft_fd(const struct ns_nft *nft);

#endif
