/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
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

#define LOOPBACK_IFINDEX 1 /* in every network namespace */

/* A dump that the kernel marks as interrupted, or that lost messages, is repeated this often at once. */
#define DUMP_ATTEMPTS 4
/* Datagrams that one wake-up drains. */
#define DRAIN_MAX 256
/* Port ids that are tried: a random one is free but for a rare chance. */
#define PORT_ATTEMPTS 4

struct ns_addresses {
	struct nl_sock *socket; /* notifications */
	bool own;               /* of the caller's own namespace */
	sd_event_source *source;
	void (*changed)(void *ctx);
	void *ctx;
};

/* One dump under way. */
struct dump {
	struct nl_sock *socket;
	struct ns_addresses_found *found;
	uint32_t sequence;
	bool done;
	int error;
};

/* First for every message: a forged answer must not even end a dump. */
static int only_kernel(struct nl_msg *msg, void *arg)
{
	const struct sockaddr_nl *source = nlmsg_get_src(msg);

	return source->nl_pid == 0 ? NL_OK : NL_SKIP;
}

/* Notifications carry whatever number their cause had. */
static int any_sequence(struct nl_msg *msg, void *arg)
{
	return NL_OK;
}

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

/* The port is nobody's to guess: a process in the namespace could take it beforehand, or flood it. */
static int bind_random(int fd, struct ns_error *err)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };
	int r = -EADDRINUSE;

	for (int i = 0; i < PORT_ATTEMPTS && r == -EADDRINUSE; i++) {
		if (getrandom(&local.nl_pid, sizeof local.nl_pid, 0) != sizeof local.nl_pid)
			return ns_error_set(err, -EIO, "no random number for an rtnetlink socket");
		r = bind(fd, (struct sockaddr *)&local, sizeof local) < 0 ? -errno : 0;
	}
	if (r < 0)
		return ns_error_set(err, r, "cannot bind an rtnetlink socket: %s", strerror(-r));
	return 0;
}

static int open_socket(int netns_fd, struct nl_sock **ret, struct ns_error *err)
{
	NS_CLOSE int fd = ns_netns_socket(netns_fd, AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE, err);
	struct nl_sock *sock;
	int r;

	if (fd < 0)
		return fd;
	r = bind_random(fd, err);
	if (r < 0)
		return r;
	sock = nl_socket_alloc();
	if (!sock)
		return ns_error_set(err, -ENOMEM, "no memory for an rtnetlink socket");
	r = nl_socket_set_fd(sock, NETLINK_ROUTE, fd);
	if (r < 0) {
		nl_socket_free(sock);
		return ns_error_set(err, -EIO, "cannot use an rtnetlink socket: %s", nl_geterror(r));
	}
	(void)NS_TAKE_FD(fd);
	(void)nl_socket_modify_cb(sock, NL_CB_MSG_IN, NL_CB_CUSTOM, only_kernel, NULL);
	(void)nl_socket_modify_cb(sock, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_sequence, NULL);
	*ret = sock;
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
	r = open_socket(netns_fd, &addresses->socket, err);
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

static bool is_answer(const struct dump *dump, const struct nlmsghdr *header)
{
	return header->nlmsg_seq == dump->sequence && header->nlmsg_pid == nl_socket_get_local_port(dump->socket);
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct dump *dump = arg;
	struct ns_addresses_found *found = dump->found;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct ns_interface interface;
	struct ns_prefix address;

	if (!is_answer(dump, header))
		return NL_OK;
	if (ns_rtnl_address(header, &address)) {
		/* On a container's lo there is nobody to reach, and any address can be claimed without a word on a
		 * link. */
		if (found->max_interfaces == 0 ||
		    ((const struct ifaddrmsg *)nlmsg_data(header))->ifa_index != LOOPBACK_IFINDEX)
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
	struct dump *dump = arg;

	if (is_answer(dump, nlmsg_hdr(msg)))
		dump->done = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct dump *dump = arg;

	if (error->msg.nlmsg_seq == dump->sequence) {
		dump->done = true;
		dump->error = error->error;
	}
	return NL_STOP;
}

static int run_dump(struct dump *dump, int type, struct ns_error *err)
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
	dump->done = false;
	dump->error = 0;
	r = nl_send_auto(dump->socket, msg);
	dump->sequence = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
	if (r < 0)
		return ns_error_set(err, -EIO, "cannot ask for links: %s", nl_geterror(r));
	while (!dump->done) {
		r = nl_recvmsgs_default(dump->socket);
		/* NLE_AGAIN cannot be before the end of an answered dump; NLE_NOMEM is a full buffer. */
		if (r == -NLE_DUMP_INTR || r == -NLE_NOMEM || r == -NLE_AGAIN)
			return ns_error_set(err, -EAGAIN, "the namespace's links change faster than they can be read");
		if (r < 0 && !dump->done)
			return ns_error_set(err, -EIO, "cannot read links: %s", nl_geterror(r));
	}
	if (dump->error != 0)
		return ns_error_set(err, dump->error < 0 ? dump->error : -EIO, "cannot list links: %s",
				    strerror(-dump->error));
	return 0;
}

/* On a socket of its own: what is left in it after an attempt that broke off goes with it, and no flood of
 * notifications stands in its way. */
static int dump_once(const struct ns_addresses *addresses, struct ns_addresses_found *found, struct ns_error *err)
{
	NS_CLOSE int netns_fd = addresses->own ? -1 : ns_addresses_open_netns(addresses, err);
	struct dump dump = { .found = found };
	int r;

	if (netns_fd < 0 && !addresses->own)
		return netns_fd;
	r = open_socket(netns_fd, &dump.socket, err);
	if (r < 0)
		return r;
	(void)nl_socket_modify_cb(dump.socket, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &dump);
	(void)nl_socket_modify_cb(dump.socket, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &dump);
	(void)nl_socket_modify_err_cb(dump.socket, NL_CB_CUSTOM, on_error, &dump);
	found->n_addresses = found->n_interfaces = 0;
	found->truncated = false;
	if (found->max_interfaces > 0)
		r = run_dump(&dump, RTM_GETLINK, err);
	if (r == 0)
		r = run_dump(&dump, RTM_GETADDR, err);
	nl_socket_free(dump.socket);
	return r;
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
