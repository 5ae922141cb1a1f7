/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The sockets of one namespace, by inet_diag: all of a kind, or the one that a packet belongs to; and the end of one.
 * Answers are there when the request returns, so nothing here waits.
 */
#ifndef NANOSEG_SOCKDIAG_H
#define NANOSEG_SOCKDIAG_H

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include <nanoseg/addr.h>

struct ns_diag_socket {
	uint8_t state;                /* TCP_ESTABLISHED …; an unconnected UDP socket is TCP_CLOSE */
	struct ns_addr local, remote; /* an IPv4-mapped pair comes as IPv4; "any" has its family and zero bytes */
	uint16_t local_port, remote_port;
	uint32_t interface; /* bound to; 0: none */
	uint32_t inode;     /* of sockfs; 0: no file (not accepted yet, or closed by its program) */
	int64_t uid;        /* -1 when inode is 0 */
	uint64_t cgroup;    /* id of the cgroup (v2) it was made in; 0: not told (before Linux 5.7) */
	bool v6only;        /* IPv6 and not for IPv4-mapped peers; told for unconnected sockets */
	/* As the kernel told it, to name the socket again: */
	uint8_t family; /* AF_INET6 for one with IPv4-mapped ends, too */
	struct inet_diag_sockid id;
};

struct ns_diag;

int ns_diag_open(int netns_fd, struct ns_diag **ret, struct ns_error *err);
struct ns_diag *ns_diag_close(struct ns_diag *diag); /* accepts NULL; returns NULL */

/* All sockets of AF_INET or AF_INET6 with a state in the mask (1 << TCP_…). Stops at the first non-zero value of each
 * and returns it. -EPROTONOSUPPORT: the kernel cannot list that protocol. */
typedef int (*ns_diag_each)(void *ctx, const struct ns_diag_socket *socket);
int ns_diag_dump(struct ns_diag *diag, int family, uint8_t protocol, uint32_t states, ns_diag_each each, void *ctx,
		 struct ns_error *err);

/* The socket that a packet between these ends belongs to: the connected one, else the one that listens or is bound.
 * TCP, UDP and UDP-Lite. interface: the one the packet came in or goes out by; 0: unknown. -ENOENT: none;
 * -EPROTONOSUPPORT: the kernel cannot tell. */
int ns_diag_find(struct ns_diag *diag, uint8_t protocol, const struct ns_addr *local, uint16_t local_port,
		 const struct ns_addr *remote, uint16_t remote_port, uint32_t interface, struct ns_diag_socket *ret,
		 struct ns_error *err);

/* Ends a socket of ns_diag_dump, and no other that has its ends by now: its program sees ECONNABORTED (SOCK_DESTROY,
 * Linux 4.5). Needs CAP_NET_ADMIN over the namespace. -ENOENT: it has ended by itself; -EOPNOTSUPP: the kernel cannot
 * (CONFIG_INET_DIAG_DESTROY, or not for that protocol). */
int ns_diag_destroy(struct ns_diag *diag, uint8_t protocol, uint8_t family, const struct inet_diag_sockid *id,
		    struct ns_error *err);

/* One answer, nlh->nlmsg_len bytes long. Pure. -EBADMSG: not such an answer. */
int ns_diag_parse(const struct nlmsghdr *nlh, struct ns_diag_socket *ret);

#endif
