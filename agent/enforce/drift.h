/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who changes the rules of a namespace besides us: nf_tables' own notifications (NFNLGRP_NFTABLES), each transaction
 * with its committer (NFTA_GEN_PROC_PID, NFTA_GEN_PROC_NAME of NFT_MSG_NEWGEN).
 *
 * Notifications are a hint of what to look at, never the truth: each element of a transaction is a message of its own,
 * the receive buffer has a bound (NS_DRIFT_RCVBUF), and whoever may commit may also fill it. What does not fit is told
 * as `lost`, once a turn of the loop; the answer to it is to read the tables back. So that transactions of ours do not
 * fill it, ns_drift_skip has the kernel leave them out.
 */
#ifndef NANOSEG_DRIFT_H
#define NANOSEG_DRIFT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include <nanoseg/error.h>
#include <nanoseg/limits.h>

struct ns_drift;

struct ns_drift_event {
	bool ours;  /* one of our tables (inet or netdev nanoseg, nanoseg-…) was changed; false: another */
	bool lost;  /* notifications were lost: anything may have been changed, by whomever */
	int family; /* NFPROTO_*; of the first table concerned; 0 with `lost` */
	char table[NS_NFT_NAME_MAX];        /* likewise; cut when longer */
	unsigned changes;                   /* messages of the transaction about such tables */
	pid_t pid;                          /* 0: not told. As the kernel numbers it, in the first pid namespace */
	char command[NS_DRIFT_COMMAND_MAX]; /* its command line if /proc has it, else the kernel's name of the task */
};

/* Whether a netlink port, in that namespace, is one of ours; asked for every transaction that is not skipped. */
typedef bool (*ns_drift_is_ours)(void *ctx, uint32_t port);
/* Once a transaction of somebody else, from the event loop. A storm is thinned: at most NS_DRIFT_BURST calls a turn of
 * the loop, then one with `lost`; and at most NS_DRIFT_TURNS turns in NS_DRIFT_INTERVAL_US. The callee may not free the
 * drift. */
typedef void (*ns_drift_seen)(void *ctx, const struct ns_drift_event *event);

/* netns_fd < 0: the caller's own namespace. The namespace is pinned until it is closed. */
int ns_drift_open(sd_event *event, int netns_fd, ns_drift_is_ours is_ours, ns_drift_seen seen, void *ctx,
		  struct ns_drift **ret, struct ns_error *err);
/* Leaves the transactions of one port out in the kernel already: they take no room in the buffer, and no turn of the
 * loop. For the port of the lock of that namespace; to be told again when the lock gets another socket, since anybody
 * may have the port of one that was closed. 0: none is left out. */
int ns_drift_skip(struct ns_drift *drift, uint32_t port, struct ns_error *err);
/* Reads what is there now, with the calls of `seen` that follow: before a port of ours is given up, while what it did
 * can still be told to be ours. */
void ns_drift_read(struct ns_drift *drift);              /* accepts NULL */
struct ns_drift *ns_drift_close(struct ns_drift *drift); /* accepts NULL; returns NULL */

#endif
