/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The load generator: many distinct edges at full speed, with a window of attempts in flight on one epoll. A
 * connection that is open is cut with a reset, so that none lingers and the source ports do not run out.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "traffic.h"

#define IN_FLIGHT_MAX 512
#define SILENCE_MS    15000 /* no progress for so long, or */
#define TOTAL_MS      90000 /* so long altogether: the rest has failed */

struct run {
	struct traffic_kind kind;
	struct sockaddr_storage first;
	socklen_t length;
	uint16_t port_lo;
	uint32_t addresses, total;
	int epoll;
	uint32_t next, in_flight, opened, failed;
	int first_error;
	int signal_number;
	pid_t signal_pid;
};

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET)
		((struct sockaddr_in *)address)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
}

static void finish(struct run *run, int fd, int error)
{
	struct linger reset = { 1, 0 };
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	run->in_flight--;
	if (error) {
		run->failed++;
		if (!run->first_error)
			run->first_error = error;
		return;
	}
	if (++run->opened == run->total / 2 && run->signal_pid > 0 && kill(run->signal_pid, run->signal_number) < 0) {
		perror("traffic: kill");
		exit(1);
	}
}

static void start_next(struct run *run)
{
	struct sockaddr_storage to = run->first;
	traffic_address_add(&to, run->next % run->addresses);
	set_port(&to, (uint16_t)(run->port_lo + run->next / run->addresses));
	run->next++;
	bool tcp = run->kind.proto == TRAFFIC_TCP;
	int fd = socket(run->kind.family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		perror("traffic: socket");
		exit(1);
	}
	run->in_flight++;
	struct epoll_event event = { .events = tcp ? EPOLLOUT : EPOLLIN, .data.fd = fd };
	if ((connect(fd, (struct sockaddr *)&to, run->length) < 0 && errno != EINPROGRESS) ||
	    (!tcp && send(fd, "x", 1, 0) != 1) || epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		finish(run, fd, errno);
}

static void opened_or_failed(struct run *run, int fd)
{
	char byte;
	int error = 0;
	socklen_t size = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (!error && run->kind.proto == TRAFFIC_UDP && recv(fd, &byte, 1, 0) != 1)
		error = errno;
	finish(run, fd, error);
}

static void parse_signal(const char *text, struct run *run)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = { { "STOP:", SIGSTOP }, { "CONT:", SIGCONT }, { "KILL:", SIGKILL } };
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		size_t length = strlen(signals[i].name);
		if (strncmp(text, signals[i].name, length) != 0)
			continue;
		run->signal_number = signals[i].number;
		run->signal_pid = (pid_t)traffic_number_parse(text + length, 4194304);
		return;
	}
	fprintf(stderr, "traffic: the signal is STOP:PID, CONT:PID or KILL:PID\n");
	exit(2);
}

int traffic_edges(int argc, char **argv)
{
	struct run run = { .kind = traffic_kind_parse(argv[0]), .epoll = epoll_create1(EPOLL_CLOEXEC) };
	uint16_t port_hi;
	if (run.kind.proto != TRAFFIC_TCP && run.kind.proto != TRAFFIC_UDP) {
		fprintf(stderr, "traffic: edges are tcp or udp\n");
		return 2;
	}
	traffic_range_parse(argv[3], &run.port_lo, &port_hi);
	run.length = traffic_address(&run.kind, argv[1], run.port_lo, &run.first);
	run.addresses = traffic_number_parse(argv[2], 1u << 20);
	run.total = run.addresses * (uint32_t)(port_hi - run.port_lo + 1);
	if (argc > 4)
		parse_signal(argv[4], &run);

	uint64_t began = traffic_now();
	while (run.opened + run.failed < run.total) {
		while (run.in_flight < IN_FLIGHT_MAX && run.next < run.total)
			start_next(&run);
		struct epoll_event events[256];
		int n = epoll_wait(run.epoll, events, 256, SILENCE_MS);
		if (!n || traffic_now() - began > TOTAL_MS) {
			run.failed = run.total - run.opened;
			run.first_error = ETIMEDOUT;
		}
		for (int i = 0; i < n; i++)
			opened_or_failed(&run, events[i].data.fd);
	}
	printf("opened %u of %u in %llu ms%s%s\n", run.opened, run.total, (unsigned long long)(traffic_now() - began),
	       run.failed ? ": " : "", run.failed ? strerror(run.first_error) : "");
	return run.failed ? 1 : 0;
}
