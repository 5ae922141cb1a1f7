/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "reuse.h"

#define CONNECTIONS_MAX 64
#define TICK_US         2000
#define CONNECT_US      20000  /* so long an attempt to connect lasts */
#define REST_US         150000 /* one that was answered is followed by the next after this */
#define STALLED_US      300000 /* a kept connection without an answer for so long is given up */

static struct sockaddr_storage address_of(bool six, unsigned number, socklen_t *ret_length)
{
	struct sockaddr_storage storage = { 0 };
	unsigned char last = (unsigned char)(REUSE_FIRST + number);

	if (six) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;

		*in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					      .sin6_port = htons(REUSE_PORT),
					      .sin6_addr.s6_addr = { 0xfd, 0x77, [15] = last } };
		*ret_length = sizeof *in6;
	} else {
		struct sockaddr_in *in = (struct sockaddr_in *)&storage;

		*in = (struct sockaddr_in){ .sin_family = AF_INET,
					    .sin_port = htons(REUSE_PORT),
					    .sin_addr.s_addr = htonl(0x0a4d0000u + last) };
		*ret_length = sizeof *in;
	}
	return storage;
}

/* ---- who has the address ---- */

/* TCP and UDP to the pair's address: the last byte of source and destination tells who is who. */
static void count_frame(struct reuse_pair *pair, unsigned number, const unsigned char *frame, size_t length)
{
	bool four = length >= 34 && frame[12] == 0x08 && frame[13] == 0x00;
	bool six = length >= 54 && frame[12] == 0x86 && frame[13] == 0xdd;
	unsigned char protocol = four ? frame[14 + 9] : six ? frame[14 + 6] : 0;
	unsigned char from = four ? frame[14 + 15] : six ? frame[14 + 23] : 0;
	unsigned char to = four ? frame[14 + 19] : six ? frame[14 + 39] : 0;

	if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || to != REUSE_FIRST + number)
		return;
	if (from == 2)
		atomic_fetch_add(&pair->counters[REUSE_LEAKED], 1);
	else if (from == 3)
		atomic_fetch_add(&pair->counters[REUSE_WITNESS + six], 1);
}

static void read_tap(struct reuse_pair *pair, unsigned number, int tap)
{
	unsigned char frame[256];
	struct sockaddr_ll from;
	socklen_t size = sizeof from;
	ssize_t n;

	while ((n = recvfrom(tap, frame, sizeof frame, MSG_DONTWAIT, (struct sockaddr *)&from, &size)) >= 0) {
		if (from.sll_pkttype != PACKET_OUTGOING)
			count_frame(pair, number, frame, (size_t)n);
		size = sizeof from;
	}
}

static int server(int type)
{
	const struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(REUSE_PORT) };
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    bind(fd, (const struct sockaddr *)&any, sizeof any) < 0 || (type == SOCK_STREAM && listen(fd, 64) < 0))
		reuse_die("a server");
	return fd;
}

static void echo_datagrams(int fd)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof from;
	char byte[16];
	ssize_t n;

	while ((n = recvfrom(fd, byte, sizeof byte, 0, (struct sockaddr *)&from, &size)) >= 0) {
		(void)sendto(fd, byte, (size_t)n, 0, (struct sockaddr *)&from, size);
		size = sizeof from;
	}
}

/* True: the connection is over. */
static bool echo_stream(int fd)
{
	char bytes[256];
	ssize_t n = recv(fd, bytes, sizeof bytes, 0);

	if (n > 0)
		return send(fd, bytes, (size_t)n, MSG_NOSIGNAL) < 0;
	return n == 0 || errno != EAGAIN;
}

void reuse_serve(struct reuse_pair *pair, unsigned number, bool tapped)
{
	struct pollfd fds[3 + CONNECTIONS_MAX] = { { .fd = server(SOCK_DGRAM), .events = POLLIN },
						   { .fd = server(SOCK_STREAM), .events = POLLIN },
						   { .fd = -1, .events = POLLIN } };
	nfds_t n = 3;

	if (tapped) {
		fds[2].fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
		if (fds[2].fd < 0)
			reuse_die("a tap");
	}
	for (atomic_store(&pair->serves, true);;) {
		if (poll(fds, n, -1) < 0)
			reuse_die("poll");
		if (tapped)
			read_tap(pair, number, fds[2].fd);
		echo_datagrams(fds[0].fd);
		for (nfds_t i = 3; i < n; i++) {
			if (!fds[i].revents || !echo_stream(fds[i].fd))
				continue;
			(void)close(fds[i].fd);
			fds[i--] = fds[--n];
		}
		for (int fd; (fd = accept4(fds[1].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
			if (n == 3 + CONNECTIONS_MAX) /* those of a life before: the oldest goes */
				(void)close(fds[3].fd), memmove(fds + 3, fds + 4, (--n - 3) * sizeof *fds);
			fds[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		}
	}
}

/* ---- who sends ---- */

struct flow {
	int datagrams, attempt, kept;
	int64_t attempt_since, kept_since;
	bool done; /* the attempt was answered */
};

static int open_to(int type, bool six, unsigned number)
{
	const struct linger reset = { 1, 0 };
	socklen_t length;
	struct sockaddr_storage to = address_of(six, number, &length);
	int fd = socket(six ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		reuse_die("a socket");
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	(void)connect(fd, (const struct sockaddr *)&to, length);
	return fd;
}

static unsigned drain(int fd, bool *ret_over)
{
	unsigned total = 0;
	char bytes[256];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
		total += (unsigned)n;
	*ret_over = n == 0 || (errno != EAGAIN && errno != ENOTCONN);
	return total;
}

static void reopen(int *fd, int64_t *since, bool six, unsigned number)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = open_to(SOCK_STREAM, six, number);
	*since = reuse_now();
}

static void tick(struct flow *flow, struct reuse_pair *pair, bool six, unsigned number)
{
	int64_t now = reuse_now();
	bool over, lost;
	unsigned n;

	lost = send(flow->datagrams, "x", 1, MSG_NOSIGNAL) < 0 && (errno == ECONNABORTED || errno == EDESTADDRREQ);
	atomic_fetch_add(&pair->counters[REUSE_ANSWERS + six], drain(flow->datagrams, &over));
	if (over || lost) { /* a cut takes the peer away from a socket */
		(void)close(flow->datagrams);
		flow->datagrams = open_to(SOCK_DGRAM, six, number);
	}

	if (!flow->done)
		(void)send(flow->attempt, "x", 1, MSG_NOSIGNAL);
	n = drain(flow->attempt, &over);
	if (n)
		atomic_fetch_add(&pair->counters[REUSE_CONNECTS + six], 1);
	flow->done = flow->done || n;
	if (over || now - flow->attempt_since > (flow->done ? REST_US : CONNECT_US)) {
		reopen(&flow->attempt, &flow->attempt_since, six, number);
		flow->done = false;
	}

	(void)send(flow->kept, "x", 1, MSG_NOSIGNAL);
	n = drain(flow->kept, &over);
	if (n) {
		atomic_fetch_add(&pair->counters[REUSE_KEPT + six], n);
		flow->kept_since = now;
	}
	if (over || now - flow->kept_since > STALLED_US)
		reopen(&flow->kept, &flow->kept_since, six, number);
}

void reuse_hammer(struct reuse_shared *shared)
{
	static struct flow flows[REUSE_PAIRS][2];

	for (unsigned i = 0; i < REUSE_PAIRS; i++)
		for (int six = 0; six < 2; six++) {
			struct flow *flow = &flows[i][six];

			flow->datagrams = open_to(SOCK_DGRAM, six, i);
			flow->attempt = flow->kept = -1;
			reopen(&flow->attempt, &flow->attempt_since, six, i);
			reopen(&flow->kept, &flow->kept_since, six, i);
		}
	for (;;) {
		for (unsigned i = 0; i < REUSE_PAIRS; i++)
			for (int six = 0; six < 2; six++)
				tick(&flows[i][six], &shared->pairs[i], six, i);
		reuse_pause(TICK_US);
	}
}

void reuse_witness(void)
{
	int fds[REUSE_PAIRS][2];

	for (unsigned i = 0; i < REUSE_PAIRS; i++)
		for (int six = 0; six < 2; six++)
			fds[i][six] = open_to(SOCK_DGRAM, six, i);
	for (;;) {
		for (unsigned i = 0; i < REUSE_PAIRS; i++)
			for (int six = 0; six < 2; six++) {
				bool over;

				(void)send(fds[i][six], "w", 1, MSG_NOSIGNAL);
				(void)drain(fds[i][six], &over);
			}
		reuse_pause(TICK_US);
	}
}
