/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "addresses.h"
#include "cleanup.h"
#include "rtnl.h"
#include "rtnl_ask.h"

#define LOOPBACK_IFINDEX 1 /* in every network namespace */

/* A dump that the kernel marks as interrupted, or that lost messages, is repeated this often at once. */
#define DUMP_ATTEMPTS 4
/* Datagrams that one wake-up drains. */
#define DRAIN_MAX 256

struct ns_addresses {
	struct nl_sock *socket; /* notifications */
	bool own;               /* of the caller's own namespace */
	sd_event_source *source;
	void (*changed)(void *ctx);
	void *ctx;
};

/* What changes without end gets its turn and no more: the source rests until the next reading. */
static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct ns_addresses *addresses = ctx;

	/* Lost messages (-NLE_NOMEM is ENOBUFS) are no loss: the dump tells all. */
	for (int i = 0; i < DRAIN_MAX; i++)
		if (nl_recvmsgs_default(addresses->socket) == -NLE_AGAIN)
			break;
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	addresses->changed(addresses->ctx);
	return 0;
}

NS_DEFINE_CLEANUP(struct ns_addresses *, ns_addresses_free)

int ns_addresses_open(sd_event *event, int netns_fd, void (*changed)(void *ctx), void *ctx, struct ns_addresses **ret,
		      struct ns_error *err)
{
	NS_CLEANUP(ns_addresses_freep) struct ns_addresses *addresses = calloc(1, sizeof *addresses);
	int r;

	if (!addresses)
		return ns_error_set(err, -ENOMEM, "no memory for a namespace's addresses");
	addresses->changed = changed;
	addresses->ctx = ctx;
	addresses->own = netns_fd < 0;
	r = ns_rtnl_open(netns_fd, &addresses->socket, err);
	if (r < 0)
		return r;
	r = nl_socket_add_memberships(addresses->socket, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0);
	if (r < 0)
		return ns_error_set(err, -EIO, "cannot subscribe to link changes: %s", nl_geterror(r));
	r = sd_event_add_io(event, &addresses->source, nl_socket_get_fd(addresses->socket), EPOLLIN, on_readable,
			    addresses);
	if (r < 0)
		return ns_error_set(err, r, "cannot watch an rtnetlink socket: %s", strerror(-r));
	*ret = NS_TAKE(addresses);
	return 0;
}

struct ns_addresses *ns_addresses_free(struct ns_addresses *addresses)
{
	if (!addresses)
		return NULL;
	sd_event_source_disable_unref(addresses->source);
	nl_socket_free(addresses->socket);
	free(addresses);
	return NULL;
}

static void add_address(struct ns_addresses_found *found, const struct ns_prefix *address, int index)
{
	if (found->without_link_local && ns_addr_scope(&address->addr) == NS_ADDR_LINK_LOCAL)
		return;
	for (size_t i = 0; i < found->n_addresses; i++)
		if (ns_addr_equal(&found->addresses[i].prefix.addr, &address->addr) &&
		    found->addresses[i].prefix.length == address->length && found->addresses[i].index == index)
			return;
	if (found->n_addresses == found->max_addresses)
		found->truncated = true;
	else
		found->addresses[found->n_addresses++] = (struct ns_found_address){ *address, index };
}

static void on_answer(void *ctx, struct nlmsghdr *header)
{
	struct ns_addresses_found *found = ctx;
	struct ns_interface interface;
	struct ns_prefix address;
	int index;

	if (ns_rtnl_address(header, &address, &index)) {
		/* On a container's lo there is nobody to reach, and any address can be claimed without a word on a
		 * link. */
		if (found->max_interfaces == 0 || index != LOOPBACK_IFINDEX)
			add_address(found, &address, index);
	} else if (found->max_interfaces > 0 && ns_rtnl_link(header, &interface)) {
		if (found->n_interfaces == found->max_interfaces)
			found->truncated = true;
		else
			found->interfaces[found->n_interfaces++] = interface;
	}
}

static int run_dump(struct nl_sock *socket, int type, struct ns_addresses_found *found, struct ns_error *err)
{
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	} request = { 0 };
	size_t length = type == RTM_GETLINK ? sizeof request.link : sizeof request.address;
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);

	if (msg && nlmsg_append(msg, &request, length, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return ns_rtnl_ask(socket, msg, on_answer, found, err);
}

/* On a socket of its own: what is left in it after an attempt that broke off goes with it, and no flood of
 * notifications stands in its way. */
static int dump_once(const struct ns_addresses *addresses, struct ns_addresses_found *found, struct ns_error *err)
{
	NS_CLOSE int netns_fd = addresses->own ? -1 : ns_addresses_open_netns(addresses, err);
	struct nl_sock *socket;
	int r;

	if (netns_fd < 0 && !addresses->own)
		return netns_fd;
	r = ns_rtnl_open(netns_fd, &socket, err);
	if (r < 0)
		return r;
	found->n_addresses = found->n_interfaces = 0;
	found->truncated = false;
	if (found->max_interfaces > 0)
		r = run_dump(socket, RTM_GETLINK, found, err);
	if (r == 0)
		r = run_dump(socket, RTM_GETADDR, found, err);
	nl_socket_free(socket);
	return r;
}

static int compare_addresses(const void *pa, const void *pb)
{
	const struct ns_found_address *a = pa, *b = pb;
	int order = ns_addr_compare(&a->prefix.addr, &b->prefix.addr);

	if (order == 0)
		order = (a->prefix.length > b->prefix.length) - (a->prefix.length < b->prefix.length);
	return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

static int compare_interfaces(const void *pa, const void *pb)
{
	const struct ns_interface *a = pa, *b = pb;

	return (a->index > b->index) - (a->index < b->index);
}

int ns_addresses_read(struct ns_addresses *addresses, struct ns_addresses_found *found, struct ns_error *err)
{
	int r = -EAGAIN;

	/* From here on a change wakes us again. */
	(void)sd_event_source_set_enabled(addresses->source, SD_EVENT_ON);
	for (int attempt = 0; attempt < DUMP_ATTEMPTS && r == -EAGAIN; attempt++)
		r = dump_once(addresses, found, err);
	if (r < 0)
		return r;
	if (found->n_addresses > 0)
		qsort(found->addresses, found->n_addresses, sizeof *found->addresses, compare_addresses);
	if (found->n_interfaces > 0)
		qsort(found->interfaces, found->n_interfaces, sizeof *found->interfaces, compare_interfaces);
	return 0;
}

int ns_addresses_open_netns(const struct ns_addresses *addresses, struct ns_error *err)
{
	int fd = ioctl(nl_socket_get_fd(addresses->socket), SIOCGSKNS); /* Linux 4.10; close-on-exec by itself */

	if (fd < 0)
		return ns_error_set(err, -errno, "cannot open the endpoint's namespace: %s", strerror(errno));
	return fd;
}
