/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "cleanup.h"
#include "links.h"

#define DRAIN_MAX 256 /* datagrams a wake-up */

struct ns_links {
	struct nl_sock *socket;
	sd_event_source *source;
	void (*changed)(void *ctx);
	void *ctx;
	bool seen;
};

static int on_message(struct nl_msg *msg, void *arg)
{
	struct ns_links *links = arg;

	if (nlmsg_get_src(msg)->nl_pid != 0)
		return NL_SKIP;
	switch (nlmsg_hdr(msg)->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
	case RTM_NEWNSID:
	case RTM_DELNSID:
		links->seen = true;
		break;
	default:
		break;
	}
	return NL_OK;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct ns_links *links = ctx;

	links->seen = false;
	for (int i = 0; i < DRAIN_MAX; i++) {
		int r = nl_recvmsgs_default(links->socket);

		if (r == -NLE_AGAIN)
			break;
		if (r < 0) /* ENOBUFS: messages were lost, so something happened */
			links->seen = true;
	}
	if (links->seen)
		links->changed(links->ctx);
	return 0;
}

NS_DEFINE_CLEANUP(struct ns_links *, ns_links_free)

int ns_links_new(sd_event *event, void (*changed)(void *ctx), void *ctx, struct ns_links **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_links_freep) struct ns_links *links = calloc(1, sizeof *links);
	int r;

	if (!links)
		return ns_error_set(err, -ENOMEM, "no memory for watching links");
	links->changed = changed;
	links->ctx = ctx;
	links->socket = nl_socket_alloc();
	if (!links->socket)
		return ns_error_set(err, -ENOMEM, "no memory for watching links");
	nl_socket_disable_seq_check(links->socket);
	(void)nl_socket_modify_cb(links->socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, links);
	r = nl_connect(links->socket, NETLINK_ROUTE);
	if (r >= 0)
		r = nl_socket_set_nonblocking(links->socket);
	if (r >= 0)
		r = nl_socket_add_memberships(links->socket, RTNLGRP_LINK, RTNLGRP_NSID, 0);
	if (r < 0)
		return ns_error_set(err, -EIO, "cannot watch links: %s", nl_geterror(r));
	r = sd_event_add_io(event, &links->source, nl_socket_get_fd(links->socket), EPOLLIN, on_readable, links);
	if (r < 0)
		return ns_error_set(err, r, "cannot watch links: %s", strerror(-r));
	*ret = NS_TAKE(links);
	return 0;
}

struct ns_links *ns_links_free(struct ns_links *links)
{
	if (!links)
		return NULL;
	sd_event_source_disable_unref(links->source);
	nl_socket_free(links->socket);
	free(links);
	return NULL;
}
