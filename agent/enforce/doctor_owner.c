/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "cleanup.h"
#include "netns.h"

#include "doctor_probes.h"

NS_DEFINE_CLEANUP(struct ns_nft *, ns_nft_close)

/* With owner, another socket must be refused. */
static int expect_refusal(struct ns_scratch *scratch, struct ns_nft *other, struct ns_error *err)
{
	int r = ns_scratch_delete(scratch, other, NFPROTO_INET, NULL);

	return r == -EPERM ? 0 : ns_error_set(err, -EACCES, "another socket could delete the table");
}

int ns_probe_owner(struct ns_scratch *scratch, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_closep) struct ns_nft *owner = NULL;
	struct ns_plan plan;
	int r = ns_nft_open(scratch->netns_fd, &owner, err);

	if (r < 0)
		return r;
	ns_scratch_plan(&plan, NFPROTO_INET);
	r = ns_scratch_put(scratch, owner, &plan, NS_NFT_TABLE_F_OWNER, err);
	if (r == 0)
		r = expect_refusal(scratch, scratch->nft, err);
	/* Without persist the table goes with its owner. */
	return r;
}

int ns_probe_persist(struct ns_scratch *scratch, struct ns_error *err)
{
	const uint32_t flags = NS_NFT_TABLE_F_OWNER | NS_NFT_TABLE_F_PERSIST;
	NS_CLEANUP(ns_nft_closep) struct ns_nft *first = NULL, *second = NULL;
	struct ns_plan plan;
	int r = ns_nft_open(scratch->netns_fd, &first, err);

	if (r == 0)
		r = ns_nft_open(scratch->netns_fd, &second, err);
	if (r < 0)
		return r;
	ns_scratch_plan(&plan, NFPROTO_INET);
	if (!ns_plan_add_counter(&plan, "lasting", err))
		return -ENOMEM;
	r = ns_scratch_put(scratch, first, &plan, flags, err);
	ns_plan_release(&plan);
	if (r < 0)
		return r;
	first = ns_nft_close(first);
	ns_scratch_plan(&plan, NFPROTO_INET); /* with nothing in it: adoption alone */
	r = ns_scratch_put(scratch, second, &plan, flags, err);
	if (r == 0)
		r = expect_refusal(scratch, scratch->nft, err);
	(void)ns_scratch_delete(scratch, r == 0 ? second : scratch->nft, NFPROTO_INET, NULL);
	return r;
}

/* The same socket in another's hands, as out of a service manager's store: the table is owned all the while. */
int ns_probe_owner_handed_on(struct ns_scratch *scratch, struct ns_error *err)
{
	const uint32_t flags = NS_NFT_TABLE_F_OWNER | NS_NFT_TABLE_F_PERSIST;
	NS_CLEANUP(ns_nft_closep) struct ns_nft *first = NULL, *second = NULL;
	NS_CLOSE int fd = -1;
	struct ns_plan plan;
	uint64_t cookie;
	int r = ns_netns_cookie(scratch->netns_fd, &cookie, err);

	if (r == 0)
		r = ns_nft_open(scratch->netns_fd, &first, err);
	if (r < 0)
		return r;
	ns_scratch_plan(&plan, NFPROTO_INET);
	r = ns_scratch_put(scratch, first, &plan, flags, err);
	if (r < 0)
		return r;
	fd = fcntl(ns_nft_fd(first), F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		r = ns_error_set(err, -errno, "cannot duplicate a socket");
	first = ns_nft_close(first);
	if (r == 0)
		r = expect_refusal(scratch, scratch->nft, err);
	if (r == 0)
		r = ns_nft_adopt(fd, cookie, &second, err);
	if (r == 0) {
		NS_TAKE_FD(fd);
		r = ns_scratch_delete(scratch, second, NFPROTO_INET, err);
	}
	if (r < 0) /* where it is still there, it has no owner once the socket is closed */
		(void)ns_scratch_delete(scratch, scratch->nft, NFPROTO_INET, NULL);
	return r;
}

int ns_probe_notifications(struct ns_scratch *scratch, struct ns_error *err)
{
	NS_CLOSE int fd = ns_scratch_socket(scratch, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, err);
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int group = NFNLGRP_NFTABLES, r;
	struct ns_plan plan;

	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return ns_error_set(err, -errno, "cannot bind a netlink socket");
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return ns_error_set(err, -errno, "cannot join the group of nf_tables notifications");
	ns_scratch_plan(&plan, NFPROTO_INET);
	r = ns_scratch_try(scratch, &plan, err);
	if (r < 0)
		return r;
	return ns_scratch_wait(fd, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN, err);
}
