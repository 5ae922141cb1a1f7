/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The echo server: one dual-stack socket a port, so that IPv4 and IPv6 are served alike. UDP answers leave from the
 * address that was asked, which matters where a machine answers for a whole prefix.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "traffic.h"

enum role { LISTENER, CONNECTION, DATAGRAM };

/* Packed into epoll's data: the fd and what it is. */
static uint64_t pack(enum role role, int fd)
{
	return ((uint64_t)role << 32) | (uint32_t)fd;
}

static void watch(int epoll, enum role role, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = pack(role, fd) };
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		perror("traffic: epoll_ctl");
		exit(1);
	}
}

static void listen_on(int epoll, enum role role, uint16_t port)
{
	int fd = socket(AF_INET6, (role == LISTENER ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int off = 0, on = 1;
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || (role == LISTENER && listen(fd, 4096) < 0)) {
		fprintf(stderr, "traffic: port %u: %s\n", port, strerror(errno));
		exit(1);
	}
	watch(epoll, role, fd);
}

static void accept_all(int epoll, int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		watch(epoll, CONNECTION, fd);
	}
}

static void echo_stream(int fd)
{
	char data[4096];
	ssize_t n = read(fd, data, sizeof(data));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Tests send a few bytes at a time: an answer that does not fit the socket's buffer is a client gone wrong. */
	if (n <= 0 || write(fd, data, (size_t)n) != n)
		close(fd);
}

static void echo_datagrams(int fd)
{
	for (;;) {
		static char data[UINT16_MAX];
		struct sockaddr_in6 from;
		union {
			struct cmsghdr align;
			char space[256];
		} control;
		struct iovec iov = { data, sizeof(data) };
		struct msghdr message = { .msg_name = &from,
					  .msg_namelen = sizeof(from),
					  .msg_iov = &iov,
					  .msg_iovlen = 1,
					  .msg_control = &control,
					  .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(fd, &message, 0);
		if (n < 0)
			return;
		iov.iov_len = (size_t)n;
		message.msg_flags = 0;
		/* The packet information that came is the one that goes: the answer's source is what was asked. */
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
			if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
				((struct in6_pktinfo *)(void *)CMSG_DATA(c))->ipi6_ifindex = 0;
		(void)sendmsg(fd, &message, MSG_DONTWAIT);
	}
}

int traffic_serve(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	(void)setrlimit(RLIMIT_NOFILE, &files);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned listeners = 0;
	for (int i = 0; i < argc; i++) {
		bool tcp = !strncmp(argv[i], "tcp:", 4);
		if (!tcp && strncmp(argv[i], "udp:", 4) != 0) {
			fprintf(stderr, "traffic: serve takes tcp:PORT and udp:PORT\n");
			return 2;
		}
		uint16_t lo, hi;
		traffic_range_parse(argv[i] + 4, &lo, &hi);
		for (unsigned port = lo; port <= hi; port++) {
			if (++listeners > TRAFFIC_LISTENERS_MAX) {
				fprintf(stderr, "traffic: at most %d ports\n", TRAFFIC_LISTENERS_MAX);
				return 2;
			}
			listen_on(epoll, tcp ? LISTENER : DATAGRAM, (uint16_t)port);
		}
	}
	puts("ready");
	for (;;) {
		struct epoll_event events[256];
		int n = epoll_wait(epoll, events, 256, -1);
		for (int i = 0; i < n; i++) {
			int fd = (int)(uint32_t)events[i].data.u64;
			switch ((enum role)(events[i].data.u64 >> 32)) {
			case LISTENER:
				accept_all(epoll, fd);
				break;
			case CONNECTION:
				echo_stream(fd);
				break;
			case DATAGRAM:
				echo_datagrams(fd);
				break;
			}
		}
	}
}
