/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * change_address PID N OLD/PREFIX NEW/PREFIX: gives eth0 of the namespace /run/netns/c0 the address NEW in place of
 * OLD, and hears from the kernel when the locks of c1 to cN have followed: each one's inner lock, and as many outer
 * locks in the caller's own namespace. PID is the daemon's. Prints, in milliseconds from before the change is asked
 *for:
 *
 *	until the last lock has NEW and not OLD; the last inner one; the last outer one; of the processor's time that
 *	the daemon used until then; that it used until it was at rest
 *
 * One socket hears of all namespaces (NETLINK_LISTEN_ALL_NSID, netlink(7)): with one in each, every transaction of the
 * daemon's would have to look at a thousand listeners.
 *
 * Status 1 when they have not followed in a minute, or the kernel had to drop a notification.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

#include "change_locks.h"
#include "cost_clock.h"

#define N_MAX        8000
#define IDS_MAX      65536 /* the kernel's numbers for other namespaces, which begin at 0 */
#define DATAGRAM     65536
#define ROOM         (1 << 28)
#define DEADLINE_NS  UINT64_C(60000000000)
#define REST_NS      UINT64_C(300000000) /* so long without work: at rest */
#define REST_USED_NS UINT64_C(3000000)   /* no more than this is no work */
#define MS           1e6

__attribute__((noreturn)) static void die(const char *what)
{
	(void)fprintf(stderr, "change_address: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_netns(unsigned i)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof path, "/run/netns/c%u", i);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

static void enter(int netns)
{
	if (setns(netns, CLONE_NEWNET) < 0)
		die("setns");
}

/* Hears of every transaction, in this namespace and in all that have a number here. */
static int listen_everywhere(void)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	const int group = NFNLGRP_NFTABLES, room = ROOM, on = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof any) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
		die("nf_tables notifications");
	return fd;
}

static int take_id(const struct nlattr *attr, void *ret)
{
	if (mnl_attr_get_type(attr) == NETNSA_NSID && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*(int *)ret = (int)mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/* Asks for the number that the namespace has here, or (RTM_NEWNSID) has it given one. -1: it has none. */
static int number_of(int route, int netns, uint16_t type)
{
	char request[128] = { 0 }, answer[1024];
	struct nlmsghdr *message = mnl_nlmsg_put_header(request), *said = (void *)answer;
	int id = -1;
	ssize_t n;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | (type == RTM_NEWNSID ? NLM_F_ACK : 0);
	(void)mnl_nlmsg_put_extra_header(message, sizeof(struct rtgenmsg));
	mnl_attr_put_u32(message, NETNSA_FD, (uint32_t)netns);
	if (type == RTM_NEWNSID)
		mnl_attr_put_u32(message, NETNSA_NSID, UINT32_MAX);
	if (send(route, request, message->nlmsg_len, 0) < 0 || (n = recv(route, answer, sizeof answer, 0)) < 0)
		die("the number of a namespace");
	if (mnl_nlmsg_ok(said, (int)n) && said->nlmsg_type != NLMSG_ERROR)
		(void)mnl_attr_parse(said, sizeof(struct rtgenmsg), take_id, &id);
	return id;
}

/* The kernel passes on what happens in namespaces that have a number. */
static unsigned id_of(int route, int netns)
{
	int id = number_of(route, netns, RTM_GETNSID);

	if (id < 0) {
		(void)number_of(route, netns, RTM_NEWNSID);
		id = number_of(route, netns, RTM_GETNSID);
	}
	if (id < 0 || id >= IDS_MAX)
		die("a namespace has no number");
	return (unsigned)id;
}

static void put_address(void *at, uint16_t type, const struct change_address *address, unsigned index,
			uint32_t sequence)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(at);
	struct ifaddrmsg *info;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0);
	message->nlmsg_seq = sequence;
	info = mnl_nlmsg_put_extra_header(message, sizeof *info);
	*info = (struct ifaddrmsg){ .ifa_family = address->length == 4 ? AF_INET : AF_INET6,
				    .ifa_prefixlen = address->prefix,
				    .ifa_flags = address->length == 4 ? 0 : IFA_F_NODAD,
				    .ifa_index = index };
	mnl_attr_put(message, IFA_LOCAL, address->length, address->bytes);
	mnl_attr_put(message, IFA_ADDRESS, address->length, address->bytes);
}

/* Both in one request: one after the other, with nothing between. Returns when that was asked for. */
static uint64_t change(int route, unsigned index, const struct change_address *old, const struct change_address *new)
{
	char request[512] = { 0 }, answer[8192];
	struct nlmsghdr *first = (void *)request, *second;
	uint64_t from;
	size_t length;

	put_address(first, RTM_DELADDR, old, index, 1);
	second = (void *)(request + first->nlmsg_len);
	put_address(second, RTM_NEWADDR, new, index, 2);
	length = first->nlmsg_len + second->nlmsg_len;
	from = cost_now();
	if (send(route, request, length, 0) < 0)
		die("the change");
	for (unsigned acks = 0; acks < 2;) {
		ssize_t n = recv(route, answer, sizeof answer, 0);
		int left = (int)n;

		if (n < 0)
			die("the change");
		for (struct nlmsghdr *m = (void *)answer; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			const struct nlmsgerr *error = mnl_nlmsg_get_payload(m);

			if (m->nlmsg_type != NLMSG_ERROR)
				continue;
			errno = -error->error;
			if (errno)
				die("the change is refused");
			acks++;
		}
	}
	return from;
}

/* The endpoint whose namespace a datagram is of; 0: the host's. */
static unsigned sender(struct msghdr *header, const unsigned *number_of_id)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		int id;

		if (c->cmsg_level != SOL_NETLINK || c->cmsg_type != NETLINK_LISTEN_ALL_NSID)
			continue;
		memcpy(&id, CMSG_DATA(c), sizeof id);
		return id >= 0 && id < IDS_MAX ? number_of_id[id] : UINT_MAX;
	}
	return 0;
}

static void read_all(struct change_locks *locks, const unsigned *number_of_id, int fd)
{
	static char buf[DATAGRAM];
	char control[256];
	ssize_t n;

	for (;;) {
		struct iovec iov = { buf, sizeof buf };
		struct msghdr header = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
		};
		uint64_t now;
		unsigned number;
		int left;

		n = recvmsg(fd, &header, 0);
		if (n < 0)
			break;
		now = cost_now();
		left = (int)n;
		number = sender(&header, number_of_id);
		if (number > locks->n)
			continue;
		for (struct nlmsghdr *m = (void *)buf; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			change_locks_take(locks, number, m, now);
	}
	if (errno != EAGAIN)
		die("a notification was lost");
}

static void wait_for_all(struct change_locks *locks, const unsigned *number_of_id, int fd, uint64_t from)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	while (!change_locks_done(locks)) {
		(void)poll(&readable, 1, 100);
		read_all(locks, number_of_id, fd);
		if (cost_now() - from > DEADLINE_NS) {
			(void)fprintf(stderr, "change_address: %u inner and %u outer locks have followed\n",
				      locks->n_inner, locks->n_outer);
			exit(1);
		}
	}
}

/* Processor time of the daemon from `before` until it does nothing more. */
static uint64_t used_until_rest(pid_t daemon, uint64_t before)
{
	uint64_t last = cost_cpu_of(daemon), now;

	for (unsigned i = 0; i < 100; i++) {
		(void)usleep((useconds_t)(REST_NS / 1000));
		now = cost_cpu_of(daemon);
		if (now - last <= REST_USED_NS)
			return now - before;
		last = now;
	}
	(void)fputs("change_address: the daemon does not come to rest\n", stderr);
	exit(1);
}

int main(int argc, char **argv)
{
	static unsigned number_of_id[IDS_MAX];
	const struct rlimit files = { N_MAX + 64, N_MAX + 64 };
	struct change_locks locks = { 0 };
	int host, heard, route, moved;
	uint64_t before, from, used;
	unsigned index;
	pid_t daemon;

	if (argc != 5 || change_address_parse(argv[3], &locks.old) < 0 ||
	    change_address_parse(argv[4], &locks.new) < 0 || (locks.n = (unsigned)strtoul(argv[2], NULL, 10)) == 0 ||
	    locks.n > N_MAX) {
		(void)fputs("usage: change_address PID N OLD/PREFIX NEW/PREFIX\n", stderr);
		return 2;
	}
	daemon = (pid_t)strtol(argv[1], NULL, 10);
	host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (host < 0 || route < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0 || !change_locks_init(&locks))
		die("start");
	memset(number_of_id, 0xff, sizeof number_of_id);
	for (unsigned i = 1; i <= locks.n; i++) {
		int netns = open_netns(i);

		number_of_id[id_of(route, netns)] = i;
		(void)close(netns);
	}
	(void)close(route);
	heard = listen_everywhere();
	moved = open_netns(0);
	enter(moved);
	route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	index = if_nametoindex("eth0");
	if (route < 0 || index == 0)
		die("c0");
	enter(host);

	before = cost_cpu_of(daemon);
	from = change(route, index, &locks.old, &locks.new);
	wait_for_all(&locks, number_of_id, heard, from);
	used = cost_cpu_of(daemon) - before;
	(void)printf("%.3f %.3f %.3f %.3f %.3f\n",
		     (double)((locks.last_inner > locks.last_outer ? locks.last_inner : locks.last_outer) - from) / MS,
		     (double)(locks.last_inner - from) / MS, (double)(locks.last_outer - from) / MS, (double)used / MS,
		     (double)used_until_rest(daemon, before) / MS);
	return 0;
}
