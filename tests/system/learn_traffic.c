/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "learn_traffic.h"

#define LOOKING_MS 300 /* that long a socket stays open for the learner to find */
#define LINGER_MS  20

static void sleep_ms(long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

static socklen_t resolve(const struct flow *flow, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, flow->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof *v4;
	}
	if (inet_pton(AF_INET6, flow->address, &v6->sin6_addr) != 1)
		return 0;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	if (v6->sin6_addr.s6_addr[0] == 0xff) { /* a group is one of a link; whichever end of ours this is */
		unsigned lan = if_nametoindex("lan0");

		v6->sin6_scope_id = lan != 0 ? lan : if_nametoindex("eth0");
	}
	return sizeof *v6;
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int open_to(const struct flow *flow, int type, int protocol, struct sockaddr_storage *to, socklen_t *length)
{
	int one = 1, fd;

	*length = resolve(flow, flow->port, to);
	if (*length == 0)
		return -1;
	fd = socket(to->ss_family, type, protocol);
	if (fd >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	}
	return fd;
}

static int connect_one(const struct flow *flow, long keep_ms)
{
	struct sockaddr_storage to;
	socklen_t length;
	int fd = open_to(flow, SOCK_STREAM, 0, &to, &length);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, length) < 0)
		return fail("connect");
	sleep_ms(keep_ms);
	(void)close(fd);
	return 0;
}

int flow_connect(const void *ctx)
{
	return connect_one(ctx, LOOKING_MS);
}

int flow_connect_hold(const void *ctx)
{
	const struct flow *flow = ctx;
	struct sockaddr_storage to;
	socklen_t length;
	int fd = open_to(flow, SOCK_STREAM, 0, &to, &length);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, length) < 0)
		return fail("connect");
	if (flow->ready >= 0 && write(flow->ready, "", 1) != 1)
		return fail("ready");
	for (;;)
		(void)pause();
}

int flow_connect_try(const void *ctx)
{
	struct sockaddr_storage to;
	socklen_t length;
	int fd = open_to(ctx, SOCK_STREAM | SOCK_NONBLOCK, 0, &to, &length);

	if (fd < 0 || (connect(fd, (struct sockaddr *)&to, length) < 0 && errno != EINPROGRESS))
		return fail("connect");
	sleep_ms(LOOKING_MS);
	(void)close(fd);
	return 0;
}

int flow_datagram(const void *ctx)
{
	struct sockaddr_storage to;
	socklen_t length;
	int fd = open_to(ctx, SOCK_DGRAM, 0, &to, &length);

	if (fd < 0 || sendto(fd, "x", 1, 0, (struct sockaddr *)&to, length) != 1)
		return fail("sendto");
	sleep_ms(LOOKING_MS);
	(void)close(fd);
	return 0;
}

int flow_datagrams(const void *ctx)
{
	const struct flow *flow = ctx;
	struct sockaddr_storage to;
	socklen_t length;
	int fd = open_to(flow, SOCK_DGRAM, 0, &to, &length);

	for (unsigned i = 0; i < flow->count; i++) {
		(void)resolve(flow, (uint16_t)(flow->port + i), &to);
		/* The peer's "port unreachable" comes as an error of a later call; the datagram is then sent again. */
		while (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, length) != 1) {
			if (errno == ENOBUFS || errno == EAGAIN)
				sleep_ms(1);
			else if (errno != ECONNREFUSED)
				return fail("sendto");
		}
	}
	return 0;
}

int flow_syns(const void *ctx)
{
	const struct flow *flow = ctx;

	for (unsigned i = 0; i < flow->count; i++) {
		struct sockaddr_storage to;
		socklen_t length;
		int fd = open_to(flow, SOCK_STREAM | SOCK_NONBLOCK, 0, &to, &length);

		(void)resolve(flow, (uint16_t)(flow->port + i), &to);
		if (fd < 0 ||
		    (connect(fd, (struct sockaddr *)&to, length) < 0 && errno != EINPROGRESS && errno != ECONNREFUSED))
			return fail("connect");
		(void)close(fd);
	}
	return 0;
}

int flow_raw(const void *ctx)
{
	const struct flow *flow = ctx;
	/* INIT of RFC 9260: one chunk of 20 bytes, tag 1, window, streams. */
	const uint8_t init[32] = { 0x9c,
				   0x40,
				   (uint8_t)(flow->port >> 8),
				   (uint8_t)flow->port,
				   [12] = 1,
				   [15] = 20,
				   [19] = 1,
				   [20] = 0,
				   0,
				   0xff,
				   0xff,
				   0,
				   1,
				   0,
				   1 };
	uint8_t echo[16] = { 0 }, zeros[16] = { 0 };
	const uint8_t *bytes = zeros;
	size_t size = sizeof zeros;
	struct sockaddr_storage to;
	socklen_t length;
	int fd = open_to(flow, SOCK_RAW, flow->protocol, &to, &length);

	if (flow->protocol == IPPROTO_ICMP) {
		echo[0] = 8;
		echo[2] = 0xf7; /* the checksum of a header that is otherwise zero */
		echo[3] = 0xff;
		bytes = echo;
	} else if (flow->protocol == IPPROTO_ICMPV6) {
		echo[0] = 128;
		bytes = echo;
	} else if (flow->protocol == IPPROTO_SCTP) {
		bytes = init;
		size = sizeof init;
	}
	if (to.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&to)->sin6_port = 0;
	if (fd < 0 || sendto(fd, bytes, size, 0, (struct sockaddr *)&to, length) != (ssize_t)size)
		return fail("raw");
	(void)close(fd);
	return 0;
}

static int listen_on(const struct flow *flow, int type)
{
	struct sockaddr_storage at;
	socklen_t length;
	int fd = open_to(flow, type, 0, &at, &length);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, length) < 0)
		return -1;
	if (type == SOCK_STREAM && listen(fd, 128) < 0)
		return -1;
	return fd;
}

static bool join(int fd, const char *group)
{
	struct ip_mreqn v4 = { .imr_ifindex = (int)if_nametoindex("lan0") };
	struct ipv6_mreq v6 = { .ipv6mr_interface = if_nametoindex("lan0") };

	if (inet_pton(AF_INET, group, &v4.imr_multiaddr) == 1)
		return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof v4) == 0;
	return inet_pton(AF_INET6, group, &v6.ipv6mr_multiaddr) == 1 &&
	       setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &v6, sizeof v6) == 0;
}

int flow_serve_tcp(const void *ctx)
{
	const struct flow *flow = ctx;
	int fd = listen_on(flow, SOCK_STREAM);

	if (fd < 0 || (flow->ready >= 0 && write(flow->ready, "", 1) != 1))
		return fail("listen");
	for (;;)
		(void)accept(fd, NULL, NULL);
}

int flow_serve_udp(const void *ctx)
{
	const struct flow *flow = ctx;
	int fd = listen_on(flow, SOCK_DGRAM);
	char byte;

	if (fd < 0 || (flow->group != NULL && !join(fd, flow->group)) ||
	    (flow->ready >= 0 && write(flow->ready, "", 1) != 1))
		return fail("bind");
	for (;;)
		(void)recv(fd, &byte, sizeof byte, 0);
}
