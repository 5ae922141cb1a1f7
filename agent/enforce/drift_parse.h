/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * nf_tables notifications as transactions. The messages of one come in a row, NFT_MSG_NEWGEN last (nf_tables_commit in
 * net/netfilter/nf_tables_api.c, under the namespace's commit mutex); the header of each has the committer's port.
 * What the kernel says of its own (a hook that follows a device, a quota that is used up) has port 0, and is no
 * transaction.
 */
#ifndef NANOSEG_DRIFT_PARSE_H
#define NANOSEG_DRIFT_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include <nanoseg/limits.h>

struct nlmsghdr;

#define NS_TASK_NAME_MAX 16 /* TASK_COMM_LEN */

/* The messages so far about one kind of tables. */
struct ns_drift_tally {
	unsigned changes;
	int family;                  /* of the first of them */
	char table[NS_NFT_NAME_MAX]; /* likewise; printable, cut when longer */
};

struct ns_drift_transaction {
	uint32_t port; /* 0: nothing yet */
	struct ns_drift_tally ours, others;
	bool complete;
	/* Then: */
	uint32_t pid;
	char name[NS_TASK_NAME_MAX]; /* printable; "" when not told */
};

/* 1: *transaction is complete, and begins anew with the next message. 0: more is to come, or the message is about
 * something else. -EBADMSG: not as the kernel writes it. *transaction begins as zeros. */
int ns_drift_parse(struct ns_drift_transaction *transaction, const struct nlmsghdr *message);

/* Every byte that is not printable ASCII becomes '?'. */
void ns_drift_clean(char *text);

#endif
