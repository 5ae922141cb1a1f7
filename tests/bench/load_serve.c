/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The server: one process, one epoll, each port by TCP and UDP, IPv4 and IPv6, with a socket of its own each, so that
 * no packet takes the way of the other family.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

#define EVENTS_MAX     256
#define BACKLOG        4096
#define ACCEPTS        64 /* of one listener in a turn */
#define READ_BYTES     (1024 * 1024)
#define DATAGRAMS      64
#define DATAGRAM_BYTES 2048
#define RECEIVE_BUFFER (8 * 1024 * 1024)

enum purpose { NOTHING, LISTENER, DATAGRAM, FRESH, BULK, ECHO, COUNT };

struct connection {
	enum purpose purpose;
	uint64_t bytes, began;
};

struct server {
	int epoll;
	uint64_t datagrams;
	struct connection connections[LOAD_FDS_MAX]; /* by descriptor */
	uint8_t buffer[READ_BYTES];
	struct mmsghdr messages[DATAGRAMS];
	struct iovec vectors[DATAGRAMS];
	struct sockaddr_storage from[DATAGRAMS];
	uint8_t data[DATAGRAMS][DATAGRAM_BYTES];
};

static void watch(struct server *s, int fd, enum purpose purpose)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd >= LOAD_FDS_MAX || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		load_fail("epoll: %m");
	s->connections[fd] = (struct connection){ .purpose = purpose };
}

static void serve_port(struct server *s, int family, uint16_t port, bool udp)
{
	struct sockaddr_storage any = { .ss_family = (sa_family_t)family };
	int fd = socket(family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	int size = RECEIVE_BUFFER;

	if (fd < 0)
		load_fail("socket: %m");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (family == AF_INET6) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
		((struct sockaddr_in6 *)&any)->sin6_port = htons(port);
	} else {
		((struct sockaddr_in *)&any)->sin_port = htons(port);
	}
	if (udp && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		load_fail("receive buffer: %m");
	if (bind(fd, (struct sockaddr *)&any,
		 family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) < 0 ||
	    (!udp && listen(fd, BACKLOG) < 0))
		load_fail("port %u: %m", port);
	watch(s, fd, udp ? DATAGRAM : LISTENER);
}

static void end(struct server *s, int fd)
{
	s->connections[fd].purpose = NOTHING;
	(void)close(fd);
}

static bool answer(struct server *s, int fd, const void *data, size_t length)
{
	if (send(fd, data, length, 0) == (ssize_t)length)
		return true;
	end(s, fd);
	return false;
}

static void ended(struct server *s, int fd)
{
	const struct connection *c = &s->connections[fd];
	struct load_received received = { c->bytes, load_now() - c->began };

	if (c->purpose != BULK || answer(s, fd, &received, sizeof received))
		end(s, fd);
}

/* What was read of a connection. */
static void take(struct server *s, int fd, const uint8_t *data, size_t length)
{
	struct connection *c = &s->connections[fd];

	if (c->purpose == FRESH) {
		c->began = load_now();
		c->purpose = *data == LOAD_BULK    ? BULK
			     : *data == LOAD_ECHO  ? ECHO
			     : *data == LOAD_COUNT ? COUNT
						   : FRESH;
		if (c->purpose == FRESH) {
			end(s, fd);
			return;
		}
		if (c->purpose != COUNT) {
			data++;
			length--;
		}
	}
	c->bytes += length;
	if (c->purpose == ECHO && length > 0)
		(void)answer(s, fd, data, length);
	for (; c->purpose == COUNT && length > 0; length--)
		(void)answer(s, fd, &s->datagrams, sizeof s->datagrams);
}

static void read_connection(struct server *s, int fd)
{
	ssize_t n = recv(fd, s->buffer, sizeof s->buffer, 0);

	if (n > 0)
		take(s, fd, s->buffer, (size_t)n);
	else if (n == 0)
		ended(s, fd);
	else if (errno != EAGAIN)
		end(s, fd);
}

static void accept_all(struct server *s, int listener)
{
	int on = 1;

	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		uint8_t byte;
		ssize_t n;

		if (fd < 0)
			return;
		/* Most are cut already: those need not be watched. */
		n = recv(fd, &byte, 1, MSG_PEEK);
		if (fd >= LOAD_FDS_MAX || n == 0 || (n < 0 && errno != EAGAIN)) {
			(void)close(fd);
			continue;
		}
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		watch(s, fd, FRESH);
	}
}

static void read_datagrams(struct server *s, int fd)
{
	int n;

	for (size_t i = 0; i < DATAGRAMS; i++) {
		s->vectors[i] = (struct iovec){ s->data[i], DATAGRAM_BYTES };
		s->messages[i].msg_hdr = (struct msghdr){ .msg_name = &s->from[i],
							  .msg_namelen = sizeof s->from[i],
							  .msg_iov = &s->vectors[i],
							  .msg_iovlen = 1 };
	}
	n = recvmmsg(fd, s->messages, DATAGRAMS, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		const struct msghdr *header = &s->messages[i].msg_hdr;

		if (s->messages[i].msg_len > 0 && s->data[i][0] == LOAD_ECHO)
			(void)sendto(fd, s->data[i], s->messages[i].msg_len, 0, header->msg_name, header->msg_namelen);
		else
			s->datagrams++;
	}
}

int load_serve(const struct load_options *options)
{
	static struct server server = { .epoll = -1 };
	struct server *s = &server;

	(void)load_raise_limit();
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (uint32_t port = options->port_lo; port <= options->port_hi; port++)
		for (int i = 0; i < 4; i++)
			serve_port(s, i & 1 ? AF_INET6 : AF_INET, (uint16_t)port, i & 2);
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;) {
		struct epoll_event events[EVENTS_MAX];
		int n = epoll_wait(s->epoll, events, EVENTS_MAX, -1);

		if (n < 0 && errno != EINTR)
			load_fail("epoll: %m");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (s->connections[fd].purpose == LISTENER)
				accept_all(s, fd);
			else if (s->connections[fd].purpose == DATAGRAM)
				read_datagrams(s, fd);
			else
				read_connection(s, fd);
		}
	}
}
