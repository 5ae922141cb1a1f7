/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One nfnetlink socket for nf_tables in one namespace: batches out, acknowledgements matched by sequence,
 * dumps in. The socket's port id is what a table's `owner` flag names.
 *
 * Replies are taken only from the kernel (port id 0), for this socket and for the sequence that was asked for. A
 * request waits at most NS_NFT_TIMEOUT_MS for each part of its answer.
 */
#ifndef NANOSEG_NFT_SOCKET_H
#define NANOSEG_NFT_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include <nanoseg/error.h>

struct nlmsghdr;
struct ns_nft;

int ns_nft_open(int netns_fd, struct ns_nft **ret, struct ns_error *err); /* netns_fd < 0: the caller's own */
/* A socket that was opened before, by this process or by one it replaces: takes the fd on success. Unread answers to
 * the former owner's requests are thrown away. -EINVAL: not a netlink socket of nfnetlink; -ESTALE: not of the
 * namespace with that cookie. */
int ns_nft_adopt(int fd, uint64_t netns_cookie, struct ns_nft **ret, struct ns_error *err);
struct ns_nft *ns_nft_close(struct ns_nft *nft); /* accepts NULL; returns NULL */
int ns_nft_fd(const struct ns_nft *nft);
uint32_t ns_nft_port(const struct ns_nft *nft); /* what NFTA_TABLE_OWNER says of a table we own */

/* Called for each message of an answer; non-zero stops calling (the rest of the answer is still taken in) and becomes
 * the request's result. */
typedef int (*ns_nft_each_message)(void *ctx, const struct nlmsghdr *message, struct ns_error *err);

/* Sends one request and takes in its answer. Sequence and port id of the header are filled here; so is NLM_F_ACK where
 * it is not a dump. -EINTR: the ruleset changed under the dump (NLM_F_DUMP_INTR), after all of it was given to
 * `each`. -ENOBUFS: the kernel could not queue the answer. -ETIMEDOUT. */
int ns_nft_request(struct ns_nft *nft, struct nlmsghdr *request, ns_nft_each_message each, void *ctx,
		   struct ns_error *err);

/* The number of the ruleset's generation in this namespace: changes with every commit, of any table. */
int ns_nft_generation(struct ns_nft *nft, uint32_t *ret, struct ns_error *err);

/* The floor below, for the batch: */

/* Reserves n consecutive sequence numbers and returns the first; never 0. */
uint32_t ns_nft_take_sequences(struct ns_nft *nft, uint32_t n);
/* One sendmsg, whatever the length: the send buffer grows with it. */
int ns_nft_send(struct ns_nft *nft, const void *data, size_t length, struct ns_error *err);
/* The next datagram from the kernel: its length, at most `size`. */
int ns_nft_receive(struct ns_nft *nft, void *buf, size_t size, struct ns_error *err);
/* Appends the kernel's own explanation (NLMSGERR_ATTR_MSG) of an NLMSG_ERROR message to buf as " (…)", if there is
 * one. */
void ns_nft_error_explain(const struct nlmsghdr *message, char *buf, size_t size);

#endif
