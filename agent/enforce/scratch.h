/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The place where a kernel's features are tried: a network namespace nobody else has seen, gone when its last socket
 * is closed. The caller's thread never stays in it.
 */
#ifndef NANOSEG_SCRATCH_H
#define NANOSEG_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <nanoseg/plan.h>

#include "nft/encode.h"
#include "nft/socket.h"

struct nlmsghdr;

struct ns_scratch {
	int netns_fd;
	struct ns_nft *nft;
};

#define NS_SCRATCH_INIT                                                                                                \
	{                                                                                                              \
		.netns_fd = -1                                                                                         \
	}

/* With lo up. -EPERM says which capabilities are needed. */
int ns_scratch_open(struct ns_scratch *ret, struct ns_error *err);
void ns_scratch_close(struct ns_scratch *scratch); /* accepts NS_SCRATCH_INIT */

/* Table `scratch` of the plan's family, made with these flags and all of the plan's contents. */
int ns_scratch_put(struct ns_scratch *scratch, struct ns_nft *nft, struct ns_plan *plan, uint32_t flags,
		   struct ns_error *err);
int ns_scratch_delete(struct ns_scratch *scratch, struct ns_nft *nft, int family, struct ns_error *err);
/* Puts it and deletes it again. Releases the plan. */
int ns_scratch_try(struct ns_scratch *scratch, struct ns_plan *plan, struct ns_error *err);
void ns_scratch_plan(struct ns_plan *ret, int family);

/* A socket in the namespace: fd, or -errno with the text. */
int ns_scratch_socket(const struct ns_scratch *scratch, int domain, int type, int protocol, struct ns_error *err);
/* A datagram over lo in that family. */
int ns_scratch_send_udp(const struct ns_scratch *scratch, int family, struct ns_error *err);
/* Waits for a netlink message of that type on the socket, at most a second: 0, or -ETIMEDOUT. */
int ns_scratch_wait(int fd, uint16_t type, struct ns_error *err);
/* Sends a netlink request and takes its answer: each message to `each` (may be NULL), up to the acknowledgement or the
 * end of the dump. */
int ns_scratch_ask(int fd, struct nlmsghdr *request, int (*each)(void *ctx, const struct nlmsghdr *message), void *ctx,
		   struct ns_error *err);

#endif
