/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The observer: one thread on a processor of its own accord and before others there, so that what it hears is timed
 * when it happens. It hears the host's links, what is committed to nf_tables in the host's namespace (the gate), and
 * what is committed in the namespace of the sample under way.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

#include "attach.h"

#define RECEIVE_BYTES (64 * 1024)
#define ROOM_BYTES    (16 * 1024 * 1024)
#define GATE_TABLE    "nanoseg"
#define OPEN_PORTS    "open_ports"

#define TYPE(attribute) ((attribute)->rta_type & NLA_TYPE_MASK)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;
static struct attach_times times; /* under the mutex, as is what follows */
static char link_name[IFNAMSIZ];
static int link_index, netns_fd = -1;
static bool has_table;
static unsigned n_elements;

static int epoll, links_fd, host_fd;

__attribute__((noreturn)) static void die(const char *what)
{
	(void)fprintf(stderr, "attach: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t attach_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct rtattr *find(void *data, size_t length, unsigned short type)
{
	struct rtattr *at = data;

	for (; RTA_OK(at, length); at = RTA_NEXT(at, length))
		if (TYPE(at) == type)
			return at;
	return NULL;
}

static struct rtattr *inside(struct rtattr *outer, unsigned short type)
{
	return outer ? find(RTA_DATA(outer), RTA_PAYLOAD(outer), type) : NULL;
}

static bool says(struct rtattr *attribute, const char *text)
{
	size_t length = strlen(text) + 1;

	return attribute && RTA_PAYLOAD(attribute) >= length && memcmp(RTA_DATA(attribute), text, length) == 0;
}

/* ---- the host's links ---- */

static void take_link(struct nlmsghdr *message, uint64_t now)
{
	struct ifinfomsg *info = NLMSG_DATA(message);

	if (message->nlmsg_type != RTM_NEWLINK || times.link ||
	    !says(find(IFLA_RTA(info), IFLA_PAYLOAD(message), IFLA_IFNAME), link_name))
		return;
	times.link = now;
	link_index = info->ifi_index;
}

/* ---- nf_tables ---- */

static void *attributes_of(struct nlmsghdr *message, size_t *ret_length)
{
	size_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));

	*ret_length = message->nlmsg_len > head ? message->nlmsg_len - head : 0;
	return (char *)message + head;
}

/* A chain may name one device or several. */
static bool is_on_link(struct rtattr *hook)
{
	struct rtattr *devices = inside(hook, NFTA_HOOK_DEVS);
	struct rtattr *device = devices ? RTA_DATA(devices) : NULL;
	size_t length = devices ? RTA_PAYLOAD(devices) : 0;

	if (says(inside(hook, NFTA_HOOK_DEV), link_name))
		return true;
	for (; device && RTA_OK(device, length); device = RTA_NEXT(device, length))
		if (says(device, link_name))
			return true;
	return false;
}

static bool lists_link(struct rtattr *elements)
{
	struct rtattr *element = elements ? RTA_DATA(elements) : NULL;
	size_t length = elements ? RTA_PAYLOAD(elements) : 0;

	for (; element && RTA_OK(element, length); element = RTA_NEXT(element, length)) {
		struct rtattr *value = inside(inside(element, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);

		/* The index, and the name. */
		if (value && RTA_PAYLOAD(value) > sizeof(uint32_t) + strlen(link_name) &&
		    strncmp((const char *)RTA_DATA(value) + sizeof(uint32_t), link_name, IFNAMSIZ) == 0)
			return true;
	}
	return false;
}

static void take_gate(unsigned type, void *attributes, size_t length, uint64_t now)
{
	char chain[32];

	if (!link_index)
		return;
	(void)snprintf(chain, sizeof chain, "from_%d", link_index);
	if (type == NFT_MSG_NEWCHAIN && says(find(attributes, length, NFTA_CHAIN_TABLE), GATE_TABLE) &&
	    is_on_link(find(attributes, length, NFTA_CHAIN_HOOK)))
		times.closed = times.closed ? times.closed : now;
	else if ((type == NFT_MSG_DELCHAIN && says(find(attributes, length, NFTA_CHAIN_TABLE), GATE_TABLE) &&
		  says(find(attributes, length, NFTA_CHAIN_NAME), chain)) ||
		 (type == NFT_MSG_NEWSETELEM && says(find(attributes, length, NFTA_SET_ELEM_LIST_SET), OPEN_PORTS) &&
		  lists_link(find(attributes, length, NFTA_SET_ELEM_LIST_ELEMENTS))))
		times.opened = times.opened ? times.opened : now;
}

static unsigned count(struct rtattr *elements)
{
	struct rtattr *element = elements ? RTA_DATA(elements) : NULL;
	size_t length = elements ? RTA_PAYLOAD(elements) : 0;
	unsigned n = 0;

	for (; element && RTA_OK(element, length); element = RTA_NEXT(element, length))
		n++;
	return n;
}

static void take_plan(unsigned type, void *attributes, size_t length, uint64_t now)
{
	if (type == NFT_MSG_NEWTABLE && says(find(attributes, length, NFTA_TABLE_NAME), GATE_TABLE))
		has_table = true;
	else if (type == NFT_MSG_NEWSETELEM)
		n_elements += count(find(attributes, length, NFTA_SET_ELEM_LIST_ELEMENTS));
	else if (type == NFT_MSG_NEWGEN && has_table && !times.planned) {
		times.planned = now;
		times.elements = n_elements;
	}
}

static void take_rules(struct nlmsghdr *message, uint64_t now, bool host)
{
	struct nfgenmsg *general = NLMSG_DATA(message);
	unsigned type = message->nlmsg_type & 0xff;
	size_t length;
	void *attributes = attributes_of(message, &length);

	if (message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return;
	if (!host)
		take_plan(type, attributes, length, now);
	else if (general->nfgen_family == NFPROTO_NETDEV)
		take_gate(type, attributes, length, now);
}

/* ---- the thread ---- */

static void read_all(int fd)
{
	static char data[RECEIVE_BYTES];
	ssize_t n;

	while ((n = recv(fd, data, sizeof data, MSG_DONTWAIT | MSG_TRUNC)) > 0) {
		uint64_t now = attach_now();
		struct nlmsghdr *message = (struct nlmsghdr *)(void *)data;
		size_t left = (size_t)n;

		if (left > sizeof data) {
			errno = EMSGSIZE;
			die("a notification");
		}
		for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
			if (fd == links_fd)
				take_link(message, now);
			else
				take_rules(message, now, fd == host_fd);
	}
	/* What was lost would be a sample that is too good, or none. */
	if (n < 0 && errno != EAGAIN && errno != EBADF)
		die("notifications were lost");
}

static void *listen_on(void *unused)
{
	for (;;) {
		struct epoll_event events[3];
		int n = epoll_wait(epoll, events, 3, -1);

		(void)pthread_mutex_lock(&mutex);
		for (int i = 0; i < n; i++)
			if (events[i].data.fd == links_fd || events[i].data.fd == host_fd ||
			    events[i].data.fd == netns_fd)
				read_all(events[i].data.fd);
		(void)pthread_cond_broadcast(&told);
		(void)pthread_mutex_unlock(&mutex);
	}
	return unused;
}

static int open_socket(int protocol, int group)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	const int room = ROOM_BYTES;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0 ||
	    bind(fd, (const struct sockaddr *)&any, sizeof any) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
		die("a netlink socket");
	return fd;
}

static void hear(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
}

/* Before everybody else on the last processor. */
static void make_prompt(pthread_attr_t *attributes)
{
	const struct sched_param first = { .sched_priority = 1 };
	cpu_set_t last;

	CPU_ZERO(&last);
	CPU_SET((size_t)(sysconf(_SC_NPROCESSORS_ONLN) - 1), &last);
	(void)pthread_attr_init(attributes);
	(void)pthread_attr_setaffinity_np(attributes, sizeof last, &last);
	(void)pthread_attr_setinheritsched(attributes, PTHREAD_EXPLICIT_SCHED);
	(void)pthread_attr_setschedpolicy(attributes, SCHED_FIFO);
	(void)pthread_attr_setschedparam(attributes, &first);
}

void attach_listen_start(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	epoll = epoll_create1(EPOLL_CLOEXEC);
	links_fd = open_socket(NETLINK_ROUTE, RTNLGRP_LINK);
	host_fd = attach_listen_socket();
	hear(links_fd);
	hear(host_fd);
	make_prompt(&attributes);
	errno = pthread_create(&thread, &attributes, listen_on, NULL);
	if (errno)
		die("a thread that is first on its processor");
	(void)pthread_attr_destroy(&attributes);
	(void)pthread_detach(thread);
}

int attach_listen_socket(void)
{
	return open_socket(NETLINK_NETFILTER, NFNLGRP_NFTABLES);
}

void attach_listen_begin(int fd, const char *name)
{
	(void)pthread_mutex_lock(&mutex);
	times = (struct attach_times){ 0 };
	(void)snprintf(link_name, sizeof link_name, "%s", name);
	link_index = 0;
	has_table = false;
	n_elements = 0;
	netns_fd = fd;
	(void)pthread_mutex_unlock(&mutex);
	hear(fd);
}

bool attach_listen_wait(bool (*done)(const struct attach_times *times), unsigned ms, struct attach_times *ret)
{
	struct timespec until;
	bool is_done;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_mutex_lock(&mutex);
	while (!(is_done = done(&times)) && pthread_cond_timedwait(&told, &mutex, &until) == 0)
		;
	*ret = times;
	(void)pthread_mutex_unlock(&mutex);
	return is_done;
}

void attach_listen_end(int fd)
{
	(void)pthread_mutex_lock(&mutex);
	netns_fd = -1;
	(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	(void)pthread_mutex_unlock(&mutex);
}
