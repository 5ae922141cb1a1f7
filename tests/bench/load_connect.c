/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * New TCP connections: opened without waiting, several in flight, and cut with a reset as soon as they are open, so
 * that none lingers and the source ports do not run out.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define EVENTS_MAX 256

struct flight {
	const struct load_options *options;
	struct load_latency *latency; /* NULL: not measured */
	int epoll;
	uint64_t total; /* 0: until the time is over */
	uint64_t started, opened, failed;
	uint32_t in_flight;
	int first_error;
	uint64_t began, deadline;
	uint64_t last_began; /* of the latency, which has one in flight only */
};

static void finish(struct flight *f, int fd, int error)
{
	struct linger reset = { 1, 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	(void)close(fd);
	f->in_flight--;
	if (!error) {
		f->opened++;
		return;
	}
	f->failed++;
	if (!f->first_error)
		f->first_error = error;
}

static void start(struct flight *f)
{
	const struct load_options *options = f->options;
	uint32_t n_ports = (uint32_t)(options->port_hi - options->port_lo) + 1;
	uint64_t n = f->started++ % ((uint64_t)n_ports * options->addresses);
	struct sockaddr_storage to;
	struct epoll_event event = { .events = EPOLLOUT };
	int fd = socket(options->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		load_fail("socket: %m");
	load_destination(options, (uint32_t)(n / n_ports), (uint16_t)(options->port_lo + n % n_ports), &to);
	f->in_flight++;
	event.data.fd = fd;
	if (f->latency)
		f->last_began = load_now();
	if ((connect(fd, (struct sockaddr *)&to, options->length) < 0 && errno != EINPROGRESS) ||
	    epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		finish(f, fd, errno);
}

static void connected(struct flight *f, int fd)
{
	int error = 0;
	socklen_t size = sizeof error;

	if (f->latency && !load_latency_add(f->latency, load_now() - f->last_began))
		f->deadline = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	finish(f, fd, error);
}

/* How long until the next may be started: 0 now. */
static uint64_t pause_of(const struct flight *f, uint64_t now)
{
	uint64_t due;

	if (!f->options->rate)
		return 0;
	due = f->began + f->started * 1000000000u / f->options->rate;
	return due > now ? due - now : 0;
}

static bool may_start(const struct flight *f)
{
	return f->in_flight < f->options->in_flight && (f->total == 0 || f->started < f->total);
}

static void run(struct flight *f, double seconds)
{
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f->epoll < 0)
		load_fail("epoll: %m");
	(void)load_raise_limit();
	f->began = load_now();
	f->deadline = f->began + (uint64_t)(seconds * 1e9);
	while (f->total == 0 || f->opened + f->failed < f->total) {
		struct epoll_event events[EVENTS_MAX];
		uint64_t now = load_now(), wait;
		struct timespec timeout;
		int n;

		if (now >= f->deadline)
			break;
		wait = f->deadline - now;
		while (may_start(f)) {
			uint64_t pause = pause_of(f, now);

			if (pause > 0) {
				wait = pause < wait ? pause : wait;
				break;
			}
			start(f);
		}
		timeout = (struct timespec){ (time_t)(wait / 1000000000u), (long)(wait % 1000000000u) };
		n = epoll_pwait2(f->epoll, events, EVENTS_MAX, &timeout, NULL);
		if (n < 0 && errno != EINTR)
			load_fail("epoll: %m");
		for (int i = 0; i < n; i++)
			connected(f, events[i].data.fd);
	}
	(void)close(f->epoll);
}

static double elapsed(const struct flight *f)
{
	return (double)(load_now() - f->began) / 1e9;
}

static double seconds_of(const struct load_options *options)
{
	return options->seconds > 0 ? options->seconds : LOAD_SECONDS_DEFAULT;
}

static void all_must_open(const char *what, const struct flight *f)
{
	if (f->failed)
		load_fail("%s: %llu failed: %s", what, (unsigned long long)f->failed, strerror(f->first_error));
	if (!f->opened)
		load_fail("%s: none was opened", what);
}

int load_connect(const struct load_options *options)
{
	struct flight f = { .options = options };
	double seconds, cpu = load_cpu();

	run(&f, seconds_of(options));
	seconds = elapsed(&f);
	cpu = load_cpu() - cpu;
	all_must_open("connect", &f);
	(void)printf("{\"what\":\"connect\",\"unit\":\"1/"
		     "s\",\"value\":%.1f,\"count\":%llu,\"seconds\":%.4f,\"cpu_us\":%.4f}\n",
		     (double)f.opened / seconds, (unsigned long long)f.opened, seconds, cpu / (double)f.opened);
	return 0;
}

int load_connect_latency(const struct load_options *options)
{
	struct load_options one = *options;
	struct load_latency latency;
	struct flight f = { .options = &one, .latency = &latency };

	one.in_flight = 1;
	load_latency_init(&latency);
	run(&f, seconds_of(options));
	all_must_open("connect-latency", &f);
	load_latency_print(&latency, "connect-latency");
	return 0;
}

int load_edges(const struct load_options *options)
{
	struct flight f = { .options = options };
	uint64_t edges = (uint64_t)options->addresses * ((uint32_t)(options->port_hi - options->port_lo) + 1);
	double seconds;

	if (options->udp)
		return load_udp_edges(options);
	if (options->seconds <= 0)
		f.total = edges;
	run(&f, options->seconds > 0 ? options->seconds : LOAD_EDGES_SECONDS);
	seconds = elapsed(&f);
	/* With a time, those in flight at its end are neither. */
	if (f.total)
		f.failed = f.total - f.opened;
	(void)printf("{\"what\":\"edges\",\"edges\":%llu,\"opened\":%llu,\"failed\":%llu,\"seconds\":%.4f}\n",
		     (unsigned long long)edges, (unsigned long long)f.opened, (unsigned long long)f.failed, seconds);
	if (f.failed || !f.opened)
		load_fail("edges: %llu failed: %s", (unsigned long long)f.failed,
			  f.first_error ? strerror(f.first_error) : "no answer");
	return 0;
}
