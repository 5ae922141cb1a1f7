/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The log of one namespace: a nfnetlink_log socket bound to a group. Non-blocking.
 *
 * A namespace's group has one reader. The kernel drops what does not fit into the reader's buffer; both signs of that
 * (ENOBUFS, a hole in the sequence) come out as NS_NFLOG_LOST.
 */
#ifndef NANOSEG_LEARN_NFLOG_H
#define NANOSEG_LEARN_NFLOG_H

#include "nflog_parse.h"

struct ns_nflog;

/* Opens the socket, but does not bind it. */
int ns_nflog_open(int netns_fd, uint16_t group, struct ns_nflog **ret, struct ns_error *err);
struct ns_nflog *ns_nflog_close(struct ns_nflog *log); /* accepts NULL; returns NULL */
int ns_nflog_fd(const struct ns_nflog *log);

/* -EBUSY: another program reads the group. May be called again later. Bound already: 0. */
int ns_nflog_bind(struct ns_nflog *log, struct ns_error *err);
bool ns_nflog_is_bound(const struct ns_nflog *log);

enum ns_nflog_event {
	NS_NFLOG_NOTHING = 0, /* nothing more to read now */
	NS_NFLOG_MESSAGE,     /* *ret is filled; its payload is valid until the next call */
	NS_NFLOG_OTHER,       /* read something that is not for us, or broken */
	NS_NFLOG_LOST,        /* messages were lost before this point */
};
/* Each call reads at most one message. -errno: the socket is of no use any more. */
int ns_nflog_next(struct ns_nflog *log, struct ns_nflog_message *ret, struct ns_error *err);

#endif
