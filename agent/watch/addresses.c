/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "addresses.h"
#include "cleanup.h"
#include "netns.h"
#include "rtnl.h"

/* A dump that the kernel marks as interrupted, or that lost messages, is repeated this often at once. */
#define DUMP_ATTEMPTS 4
/* Datagrams that one wake-up drains: a container that changes its links without end gets its turn and no more. */
#define DRAIN_MAX 256

struct ns_addresses {
	struct nl_sock *socket;
	sd_event_source *source;
	void (*changed)(void *ctx);
	void *ctx;
	/* The dump under way; NULL between dumps. */
	struct ns_addresses_found *found;
	uint32_t sequence;
	bool done;
	int dump_error;
};

/* First for every message: a forged answer must not even end a dump. */
static int only_kernel(struct nl_msg *msg, void *arg)
{
	const struct sockaddr_nl *source = nlmsg_get_src(msg);

	return source->nl_pid == 0 ? NL_OK : NL_SKIP;
}

/* Notifications carry whatever number their cause had; ours are told apart where they are used. */
static int any_sequence(struct nl_msg *msg, void *arg)
{
	return NL_OK;
}

static void add_address(struct ns_addresses_found *found, const struct ns_prefix *address)
{
	if (found->without_link_local && ns_addr_scope(&address->addr) == NS_ADDR_LINK_LOCAL)
		return;
	for (size_t i = 0; i < found->n_addresses; i++)
		if (ns_addr_equal(&found->addresses[i].addr, &address->addr) &&
		    found->addresses[i].length == address->length)
			return;
	if (found->n_addresses == found->max_addresses)
		found->truncated = true;
	else
		found->addresses[found->n_addresses++] = *address;
}

static bool is_answer(const struct ns_addresses *addresses, const struct nlmsghdr *header)
{
	return addresses->found && header->nlmsg_seq == addresses->sequence &&
	       header->nlmsg_pid == nl_socket_get_local_port(addresses->socket);
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct ns_addresses *addresses = arg;
	struct ns_addresses_found *found = addresses->found;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct ns_interface interface;
	struct ns_prefix address;

	if (!is_answer(addresses, header)) {
		if (found)
			found->stale = true;
		return NL_OK;
	}
	if (ns_rtnl_address(header, &address)) {
		add_address(found, &address);
	} else if (found->max_interfaces > 0 && ns_rtnl_link(header, &interface)) {
		if (found->n_interfaces == found->max_interfaces)
			found->truncated = true;
		else
			found->interfaces[found->n_interfaces++] = interface;
	}
	return NL_OK;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct ns_addresses *addresses = arg;

	if (is_answer(addresses, nlmsg_hdr(msg)))
		addresses->done = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct ns_addresses *addresses = arg;

	if (addresses->found && error->msg.nlmsg_seq == addresses->sequence) {
		addresses->done = true;
		addresses->dump_error = error->error;
	}
	return NL_STOP;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct ns_addresses *addresses = ctx;

	/* Lost messages (-NLE_NOMEM is ENOBUFS) are no loss: the dump tells all. */
	for (int i = 0; i < DRAIN_MAX; i++)
		if (nl_recvmsgs_default(addresses->socket) == -NLE_AGAIN)
			break;
	addresses->changed(addresses->ctx);
	return 0;
}

static int open_socket(struct ns_addresses *addresses, int netns_fd, struct ns_error *err)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR };
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };
	NS_CLOSE int fd = ns_netns_socket(netns_fd, AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE, err);
	int r;

	if (fd < 0)
		return fd;
	/* The kernel picks the port: one of libnl's own choosing could be taken by the container beforehand. */
	if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0)
		return ns_error_set(err, -errno, "cannot bind an rtnetlink socket: %s", strerror(errno));
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]) < 0)
			return ns_error_set(err, -errno, "cannot subscribe to link changes: %s", strerror(errno));
	addresses->socket = nl_socket_alloc();
	if (!addresses->socket)
		return ns_error_set(err, -ENOMEM, "no memory for an rtnetlink socket");
	r = nl_socket_set_fd(addresses->socket, NETLINK_ROUTE, fd);
	if (r < 0)
		return ns_error_set(err, -EIO, "cannot use an rtnetlink socket: %s", nl_geterror(r));
	(void)NS_TAKE_FD(fd);
	(void)nl_socket_modify_cb(addresses->socket, NL_CB_MSG_IN, NL_CB_CUSTOM, only_kernel, NULL);
	(void)nl_socket_modify_cb(addresses->socket, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_sequence, NULL);
	(void)nl_socket_modify_cb(addresses->socket, NL_CB_VALID, NL_CB_CUSTOM, on_valid, addresses);
	(void)nl_socket_modify_cb(addresses->socket, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, addresses);
	(void)nl_socket_modify_err_cb(addresses->socket, NL_CB_CUSTOM, on_error, addresses);
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
	r = open_socket(addresses, netns_fd, err);
	if (r < 0)
		return r;
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

static int dump(struct ns_addresses *addresses, int type, struct ns_error *err)
{
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	} request = { 0 };
	size_t length = type == RTM_GETLINK ? sizeof request.link : sizeof request.address;
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
	int r;

	if (!msg || nlmsg_append(msg, &request, length, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return ns_error_set(err, -ENOMEM, "no memory for an rtnetlink request");
	}
	addresses->done = false;
	addresses->dump_error = 0;
	r = nl_send_auto(addresses->socket, msg);
	addresses->sequence = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
	if (r < 0)
		return ns_error_set(err, -EIO, "cannot ask for links: %s", nl_geterror(r));
	while (!addresses->done) {
		r = nl_recvmsgs_default(addresses->socket);
		/* NLE_AGAIN cannot be before the end of an answered dump; NLE_NOMEM is a full buffer. */
		if (r == -NLE_DUMP_INTR || r == -NLE_NOMEM || r == -NLE_AGAIN)
			return -EAGAIN;
		if (r < 0 && !addresses->done)
			return ns_error_set(err, -EIO, "cannot read links: %s", nl_geterror(r));
	}
	if (addresses->dump_error != 0)
		return ns_error_set(err, addresses->dump_error < 0 ? addresses->dump_error : -EIO,
				    "cannot list links: %s", strerror(-addresses->dump_error));
	return 0;
}

/* What an attempt that broke off left in the socket would be taken for notifications; it is only slower. */
static void drain(struct ns_addresses *addresses)
{
	addresses->found = NULL;
	for (int i = 0; i < DRAIN_MAX; i++)
		if (nl_recvmsgs_default(addresses->socket) == -NLE_AGAIN)
			break;
}

static int compare_addresses(const void *pa, const void *pb)
{
	const struct ns_prefix *a = pa, *b = pb;
	int order = ns_addr_compare(&a->addr, &b->addr);

	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare_interfaces(const void *pa, const void *pb)
{
	const struct ns_interface *a = pa, *b = pb;

	return (a->index > b->index) - (a->index < b->index);
}

int ns_addresses_read(struct ns_addresses *addresses, struct ns_addresses_found *found, struct ns_error *err)
{
	int r = -EAGAIN;

	for (int attempt = 0; attempt < DUMP_ATTEMPTS && r == -EAGAIN; attempt++) {
		found->n_addresses = found->n_interfaces = 0;
		found->truncated = found->stale = false;
		addresses->found = found;
		r = found->max_interfaces > 0 ? dump(addresses, RTM_GETLINK, err) : 0;
		if (r == 0)
			r = dump(addresses, RTM_GETADDR, err);
		if (r < 0)
			drain(addresses);
	}
	addresses->found = NULL;
	if (r == -EAGAIN)
		return ns_error_set(err, r, "the namespace's links change faster than they can be read");
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
