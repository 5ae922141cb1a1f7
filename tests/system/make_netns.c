/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "make_netns.h"

#define ROOM      1024
#define MAC_BYTES 6

struct request {
	struct nlmsghdr header;
	char room[ROOM];
};

__attribute__((noreturn)) static void die(const char *what)
{
	(void)fprintf(stderr, "FAILED: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *tail(struct request *request)
{
	return (char *)request + NLMSG_ALIGN(request->header.nlmsg_len);
}

static void put(struct request *request, const void *data, size_t length)
{
	if (NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(length) > sizeof *request) {
		errno = EMSGSIZE;
		die("a request");
	}
	memcpy(tail(request), data, length);
	request->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + length);
}

static struct rtattr *attribute(struct request *request, unsigned short type, const void *data, size_t length)
{
	struct rtattr head = { .rta_len = (unsigned short)RTA_LENGTH(length), .rta_type = type };
	struct rtattr *at = tail(request);

	put(request, &head, sizeof head);
	if (length)
		put(request, data, length);
	return at;
}

static void end(const struct request *request, struct rtattr *at)
{
	at->rta_len = (unsigned short)((const char *)request + request->header.nlmsg_len - (const char *)at);
}

static void ask(int fd, struct request *request)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char more[ROOM];
	} answer;

	request->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, request, request->header.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0)
		die("netlink");
	errno = -answer.error.error;
	if (answer.header.nlmsg_type != NLMSG_ERROR || errno)
		die("the kernel refused");
}

static struct request link_request(int index, bool up)
{
	struct request request = { .header = { .nlmsg_len = NLMSG_LENGTH(0), .nlmsg_type = RTM_NEWLINK } };
	struct ifinfomsg info = { .ifi_index = index, .ifi_flags = up ? IFF_UP : 0, .ifi_change = up ? IFF_UP : 0 };

	put(&request, &info, sizeof info);
	return request;
}

void make_pair(int netlink, int host, const char *outside, const void *mac)
{
	struct request request = link_request(0, false); /* a veth whose other end is not there yet cannot be up */
	const struct ifinfomsg info = { 0 };
	struct rtattr *link, *data, *peer;

	request.header.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	attribute(&request, IFLA_IFNAME, "eth0", sizeof "eth0");
	if (mac)
		attribute(&request, IFLA_ADDRESS, mac, MAC_BYTES);
	link = attribute(&request, IFLA_LINKINFO, NULL, 0);
	attribute(&request, IFLA_INFO_KIND, "veth", sizeof "veth");
	data = attribute(&request, IFLA_INFO_DATA, NULL, 0);
	peer = attribute(&request, VETH_INFO_PEER, NULL, 0);
	put(&request, &info, sizeof info);
	attribute(&request, IFLA_IFNAME, outside, strlen(outside) + 1);
	attribute(&request, IFLA_NET_NS_FD, &host, sizeof host);
	end(&request, peer);
	end(&request, data);
	end(&request, link);
	ask(netlink, &request);
}

void set_up(int netlink, const char *link, const char *bridge)
{
	struct request request = link_request((int)if_nametoindex(link), true);
	unsigned master = bridge ? if_nametoindex(bridge) : 0;

	if (bridge)
		attribute(&request, IFLA_MASTER, &master, sizeof master);
	ask(netlink, &request);
}

void delete_link(int netlink, const char *link)
{
	struct request request = link_request((int)if_nametoindex(link), false);

	request.header.nlmsg_type = RTM_DELLINK;
	ask(netlink, &request);
}

int make_netlink(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		die("socket");
	return fd;
}

void enter_netns(int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		die("setns");
}

static const char *path_of(const char *name)
{
	static char path[64];

	(void)snprintf(path, sizeof path, "/run/netns/%s", name);
	return path;
}

int make_netns(const char *name)
{
	int before = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	if (before < 0 || unshare(CLONE_NEWNET) < 0)
		die("unshare");
	fd = open(path_of(name), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (fd < 0 || mount("/proc/thread-self/ns/net", path_of(name), "none", MS_BIND, NULL) < 0)
		die(name);
	(void)close(fd);
	fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(name);
	enter_netns(before);
	(void)close(before);
	return fd;
}

void delete_netns(const char *name)
{
	if (umount2(path_of(name), MNT_DETACH) < 0 || unlink(path_of(name)) < 0)
		die(name);
}

void add_address(int netlink, unsigned char family, const void *address, size_t length, unsigned char prefix)
{
	struct request request = { .header = { .nlmsg_len = NLMSG_LENGTH(0), .nlmsg_type = RTM_NEWADDR } };
	struct ifaddrmsg info = { .ifa_family = family,
				  .ifa_prefixlen = prefix,
				  .ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
				  .ifa_index = if_nametoindex("eth0") };

	request.header.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	put(&request, &info, sizeof info);
	attribute(&request, IFA_LOCAL, address, length);
	attribute(&request, IFA_ADDRESS, address, length);
	ask(netlink, &request);
}
