/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/netlink.h>

#include "cleanup.h"
#include "links.h"
#include "rtnl_ask.h"

#define DRAIN_MAX    256 /* datagrams a reading */
#define LIST_TRIES   4   /* of a listing that links came and went under */
#define ASKED_MAX    64  /* ports asked for in one reading */
#define RCVBUF_BYTES (4 * 1024 * 1024)

struct ns_links {
	struct nl_sock *socket;
	sd_event_source *source;
	struct ns_ports *ports;
	void (*readable)(void *ctx);
	void *ctx;
	unsigned seen; /* enum ns_links_seen */
	bool list;     /* is due */
};

static void take(void *ctx, struct nlmsghdr *header)
{
	struct ns_links *links = ctx;
	struct ns_link_news news;
	int nsid;

	if (ns_rtnl_link_news(header, &news)) {
		ns_ports_take(links->ports, &news);
	} else if (header->nlmsg_type == RTM_NEWNSID) {
		links->seen |= NS_LINKS_NSID;
	} else if (header->nlmsg_type == RTM_DELNSID && ns_rtnl_nsid(header, &nsid)) {
		ns_ports_forget(links->ports, nsid);
	}
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct ns_links *links = arg;

	links->seen |= NS_LINKS_SOMETHING;
	take(links, nlmsg_hdr(msg));
	return NL_OK;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct ns_links *links = ctx;

	links->readable(links->ctx);
	return 0;
}

static struct nl_msg *link_request(int index)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, index ? NLM_F_REQUEST : NLM_F_REQUEST | NLM_F_DUMP);
	struct ifinfomsg info = { .ifi_index = index };

	if (msg && (nlmsg_append(msg, &info, sizeof info, NLMSG_ALIGNTO) < 0 ||
		    nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* One link, or all of them (index 0), on a socket of its own: what an attempt that broke off left goes with it. */
static int ask_links(struct ns_links *links, int index, struct ns_error *err)
{
	struct nl_sock *socket;
	int r = ns_rtnl_open(-1, &socket, err);

	if (r < 0)
		return r;
	r = ns_rtnl_ask(socket, link_request(index), take, links, err);
	nl_socket_free(socket);
	return r;
}

static int list(struct ns_links *links, struct ns_error *err)
{
	int r = -EAGAIN;

	for (int i = 0; i < LIST_TRIES && r == -EAGAIN; i++) {
		ns_ports_begin(links->ports);
		r = ask_links(links, 0, err);
	}
	/* What was told is true; who is missing is known only after a whole listing. */
	if (r == 0)
		ns_ports_end(links->ports);
	return r;
}

static void drain(struct ns_links *links)
{
	for (int i = 0; i < DRAIN_MAX; i++) {
		int r = nl_recvmsgs_default(links->socket);

		if (r == -NLE_AGAIN)
			return;
		if (r < 0) { /* ENOBUFS: messages were lost, so anything may have happened */
			links->seen |= NS_LINKS_SOMETHING | NS_LINKS_NSID;
			links->list = true;
		}
	}
	links->seen |= NS_LINKS_MORE;
}

void ns_links_relist(struct ns_links *links)
{
	links->list = true;
}

unsigned ns_links_read(struct ns_links *links, struct ns_error *err)
{
	unsigned seen;
	int index;

	drain(links);
	if (links->list) {
		links->list = list(links, err) < 0;
		if (links->list)
			links->seen |= NS_LINKS_FAILED;
	}
	/* The kernel answers when whoever makes the pair has done with it. */
	for (int i = 0; i < ASKED_MAX && (index = ns_ports_next_to_ask(links->ports)); i++)
		if (ask_links(links, index, NULL) == 0)
			links->seen |= NS_LINKS_NSID; /* being asked is a reason to give one */
	seen = links->seen;
	links->seen = 0;
	return seen;
}

NS_DEFINE_CLEANUP(struct ns_links *, ns_links_free)

int ns_links_new(sd_event *event, struct ns_ports *ports, void (*readable)(void *ctx), void *ctx, struct ns_links **ret,
		 struct ns_error *err)
{
	NS_CLEANUP(ns_links_freep) struct ns_links *links = calloc(1, sizeof *links);
	const int bytes = RCVBUF_BYTES;
	int r;

	if (!links)
		return ns_error_set(err, -ENOMEM, "no memory for watching links");
	links->ports = ports;
	links->readable = readable;
	links->ctx = ctx;
	r = ns_rtnl_open(-1, &links->socket, err);
	if (r < 0)
		return r;
	(void)nl_socket_modify_cb(links->socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, links);
	/* Without the right to force it there is less room, and a listing is due more often. */
	if (setsockopt(nl_socket_get_fd(links->socket), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
		(void)nl_socket_set_buffer_size(links->socket, bytes, 0);
	r = nl_socket_add_memberships(links->socket, RTNLGRP_LINK, RTNLGRP_NSID, 0);
	if (r < 0)
		return ns_error_set(err, -EIO, "cannot watch links: %s", nl_geterror(r));
	r = sd_event_add_io(event, &links->source, nl_socket_get_fd(links->socket), EPOLLIN, on_readable, links);
	if (r >= 0)
		r = sd_event_source_set_priority(links->source, NS_LINKS_PRIORITY);
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

static void take_nsid(void *ctx, struct nlmsghdr *header)
{
	int *nsid = ctx;

	(void)ns_rtnl_nsid(header, nsid);
}

int ns_links_nsid(int netns_fd, int *ret, struct ns_error *err)
{
	struct rtgenmsg request = { .rtgen_family = AF_UNSPEC };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNSID, NLM_F_REQUEST);
	struct nl_sock *socket;
	int nsid = NS_NSID_UNKNOWN, r;

	if (msg && (nlmsg_append(msg, &request, sizeof request, NLMSG_ALIGNTO) < 0 ||
		    nla_put_u32(msg, NETNSA_FD, (uint32_t)netns_fd) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	r = ns_rtnl_open(-1, &socket, err);
	if (r < 0) {
		nlmsg_free(msg);
		return r;
	}
	r = ns_rtnl_ask(socket, msg, take_nsid, &nsid, err);
	nl_socket_free(socket);
	if (r == 0)
		*ret = nsid;
	return r;
}
