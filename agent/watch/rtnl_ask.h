/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rtnetlink sockets that hear the kernel alone, and one question with all of its answers. Whoever may send to such a
 * socket (a container, in its own namespace) is not heard (port id 0 is the kernel's), and cannot know its port.
 */
#ifndef NANOSEG_RTNL_ASK_H
#define NANOSEG_RTNL_ASK_H

#include <linux/netlink.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include <nanoseg/error.h>

/* Non-blocking, with a random port. netns_fd < 0: the caller's own namespace. Freed with nl_socket_free(). */
int ns_rtnl_open(int netns_fd, struct nl_sock **ret, struct ns_error *err);

/* Sends `message`, which is freed in any case (NULL: -ENOMEM), and calls `each` (may be NULL) with every answer until
 * the last. Never waits: the kernel answers within the call. -EAGAIN: what was listed changed meanwhile, or there was
 * no room for the answers; then the socket is of no more use. Otherwise the kernel's own error. */
int ns_rtnl_ask(struct nl_sock *socket, struct nl_msg *message, void (*each)(void *ctx, struct nlmsghdr *header),
		void *ctx, struct ns_error *err);

#endif
