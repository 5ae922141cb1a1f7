/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Datagrams. What counts is what arrived: the server is asked, over a connection of its own.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define BATCH        32
#define ASKS         10
#define ASK_NS       200000000u
#define DRAIN_NS     20000000 /* for the server to read what has arrived */
#define LOOK_AT_TIME 64       /* datagrams between two looks at the clock */

static void drain(void)
{
	struct timespec time = { 0, DRAIN_NS };

	(void)nanosleep(&time, NULL);
}

static double seconds_of(const struct load_options *options)
{
	return options->seconds > 0 ? options->seconds : LOAD_SECONDS_DEFAULT;
}

static int print_received(const char *what, uint64_t sent, uint64_t received, uint64_t began, uint64_t ended,
			  double cpu)
{
	double seconds = (double)(ended - began) / 1e9;

	if (received == 0)
		load_fail("%s: none arrived", what);
	(void)printf("{\"what\":\"%s\",\"unit\":\"1/"
		     "s\",\"value\":%.1f,\"sent\":%llu,\"received\":%llu,\"seconds\":%.4f,\"cpu_us\":%.4f}\n",
		     what, (double)received / seconds, (unsigned long long)sent, (unsigned long long)received, seconds,
		     cpu / (double)sent);
	return 0;
}

/* A flow that was answered is one that is established, to whoever tracks flows. */
static int answered_flow(const struct load_options *options)
{
	int fd = socket(options->to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	uint8_t byte = LOAD_ECHO;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&options->to, options->length) < 0)
		load_fail("udp: %m");
	for (int i = 0; i < ASKS; i++) {
		if (send(fd, &byte, 1, 0) != 1)
			load_fail("udp: %m");
		if (load_wait(fd, POLLIN, ASK_NS) && recv(fd, &byte, 1, 0) == 1)
			return fd;
	}
	load_fail("udp: nobody answers");
}

static void await_room(int fd)
{
	if (errno != EAGAIN && errno != ENOBUFS)
		load_fail("udp: %m");
	(void)load_wait(fd, POLLOUT, 1000000);
}

int load_udp(const struct load_options *options)
{
	static uint8_t payload[LOAD_BYTES_MAX] = { LOAD_SINK };
	struct iovec vector = { payload, options->bytes };
	struct mmsghdr messages[BATCH];
	int control = load_connect_one(options, LOAD_COUNT), fd = answered_flow(options);
	uint64_t before = load_count(control, false), sent = 0, began = load_now(), ended;
	uint64_t deadline = began + (uint64_t)(seconds_of(options) * 1e9);
	double cpu;

	memset(messages, 0, sizeof messages);
	for (size_t i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vector, .msg_iovlen = 1 };
	cpu = load_cpu();
	while ((ended = load_now()) < deadline) {
		int n = sendmmsg(fd, messages, BATCH, 0);

		if (n < 0)
			await_room(fd);
		else
			sent += (uint64_t)n;
	}
	cpu = load_cpu() - cpu;
	drain();
	return print_received("udp", sent, load_count(control, true) - before, began, ended, cpu);
}

/* Each with a port of its own, given by the kernel. */
static void make_sockets(const struct load_options *options, int *ret, size_t n)
{
	struct sockaddr_storage any = { .ss_family = options->to.ss_family };

	for (size_t i = 0; i < n; i++) {
		ret[i] = socket(any.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (ret[i] < 0 || bind(ret[i], (struct sockaddr *)&any, options->length) < 0)
			load_fail("udp-new: socket %zu: %m", i);
	}
}

int load_udp_new(const struct load_options *options)
{
	static int sockets[LOAD_FLOW_SOCKETS];
	const uint8_t byte = LOAD_SINK;
	int control = load_connect_one(options, LOAD_COUNT);
	uint64_t before = load_count(control, false), sent = 0, began, deadline, ended;
	double cpu;
	struct sockaddr_storage to = options->to;
	size_t limit = load_raise_limit(), n = LOAD_FLOW_SOCKETS < limit / 2 ? LOAD_FLOW_SOCKETS : limit / 2;
	uint64_t most = ((uint64_t)(options->port_hi - options->port_lo) + 1) * n;

	make_sockets(options, sockets, n);
	cpu = load_cpu();
	began = load_now();
	deadline = began + (uint64_t)(seconds_of(options) * 1e9);
	for (; sent < most; sent++) {
		int fd = sockets[sent % n];

		if (sent % n == 0)
			load_destination(options, 0, (uint16_t)(options->port_lo + sent / n), &to);
		if (sent % LOOK_AT_TIME == 0 && load_now() >= deadline)
			break;
		while (sendto(fd, &byte, 1, 0, (struct sockaddr *)&to, options->length) != 1)
			await_room(fd);
	}
	ended = load_now();
	cpu = load_cpu() - cpu;
	drain();
	return print_received("udp-new", sent, load_count(control, true) - before, began, ended, cpu);
}

/* From one socket, each datagram an edge of its own; whether they arrive is not known here. */
int load_udp_edges(const struct load_options *options)
{
	uint32_t n_ports = (uint32_t)(options->port_hi - options->port_lo) + 1;
	uint64_t edges = (uint64_t)options->addresses * n_ports, sent = 0, began = load_now(), now = began;
	uint64_t deadline = began + (uint64_t)((options->seconds > 0 ? options->seconds : LOAD_EDGES_SECONDS) * 1e9);
	const uint8_t byte = LOAD_SINK;
	int fd = socket(options->to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		load_fail("socket: %m");
	for (; options->seconds > 0 || sent < edges; sent++) {
		struct sockaddr_storage to;
		uint64_t due = options->rate ? began + sent * 1000000000u / options->rate : 0;

		load_destination(options, (uint32_t)(sent % edges / n_ports),
				 (uint16_t)(options->port_lo + sent % edges % n_ports), &to);
		if (due || sent % LOOK_AT_TIME == 0)
			now = load_now();
		if (now >= deadline)
			break;
		if (due > now) {
			struct timespec pause = { (time_t)((due - now) / 1000000000u),
						  (long)((due - now) % 1000000000u) };

			(void)nanosleep(&pause, NULL);
		}
		while (sendto(fd, &byte, 1, 0, (struct sockaddr *)&to, options->length) != 1)
			await_room(fd);
	}
	(void)close(fd);
	(void)printf("{\"what\":\"edges\",\"edges\":%llu,\"opened\":%llu,\"failed\":%llu,\"seconds\":%.4f}\n",
		     (unsigned long long)edges, (unsigned long long)sent,
		     (unsigned long long)(options->seconds > 0 || sent == edges ? 0 : edges - sent),
		     (double)(load_now() - began) / 1e9);
	return options->seconds > 0 || sent == edges ? 0 : 1;
}
