/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The container's side: forbidden packets before anything else, and the time until the allowed connection is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "first.h"

#define ROUND_US      1000
#define LATE_US       250000 /* from then on a round takes longer */
#define ROUND_LATE_US 20000
#define OPEN_MAX      300 /* attempts on their way; when all are, one of them is awaited */

/* The allowed connection over one family: a new attempt each round, and all earlier ones still may succeed. */
struct reach {
	const struct sockaddr *to;
	socklen_t length;
	int64_t took_us;    /* -1: not yet */
	unsigned tries, by; /* attempts; the one that succeeded, from 1 */
	int error;          /* the last one's */
	unsigned n;
	struct {
		int fd;
		unsigned number;
	} open[OPEN_MAX];
};

static int64_t clock_us(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static void attempt(struct reach *r, int64_t began)
{
	if (r->took_us >= 0 || r->n == OPEN_MAX)
		return;
	int fd = socket(r->to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r->tries++;
	if (connect(fd, r->to, r->length) == 0) {
		r->took_us = now_us() - began;
		r->by = r->tries;
	} else if (errno != EINPROGRESS) {
		r->error = errno;
		close(fd);
	} else {
		r->open[r->n].fd = fd;
		r->open[r->n++].number = r->tries;
	}
}

/* Looks at those that poll(2) has something to say of; what failed leaves its place to the last one. */
static void look(struct reach *r, const struct pollfd *polled, int64_t began)
{
	for (unsigned i = r->took_us < 0 ? r->n : 0; i-- > 0;) {
		int error = 0;
		socklen_t size = sizeof(error);
		if (!polled[i].revents)
			continue;
		if (getsockopt(r->open[i].fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			error = errno;
		if (!error) {
			r->took_us = now_us() - began;
			r->by = r->open[i].number;
			return;
		}
		r->error = error;
		close(r->open[i].fd);
		r->open[i] = r->open[--r->n];
	}
}

static unsigned fill(const struct reach *r, struct pollfd *p)
{
	unsigned n = r->took_us >= 0 ? 0 : r->n;
	for (unsigned i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = r->open[i].fd, .events = POLLOUT };
	return n;
}

/* One round: until something happens or it is over. */
static void wait_round(struct reach *v4, struct reach *v6, int64_t began, int64_t round_end)
{
	struct pollfd p[2 * OPEN_MAX];
	while (v4->took_us < 0 || v6->took_us < 0) {
		int64_t left = round_end - now_us();
		const struct timespec wait = { .tv_nsec = (left > 0 ? left : 0) * 1000 };
		unsigned n4 = fill(v4, p), n6 = fill(v6, p + n4);
		if (ppoll(p, n4 + n6, &wait, NULL) <= 0)
			return;
		look(v4, p, began);
		look(v6, p + n4, began);
	}
}

static void name_part(const char *file, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s.part", file);
}

/* "first COOKIE mac=MAC at=US udp4=N … allowed4=US tries4=N by4=N error4=WORD allowed6=…": US -1: not reached. `at` is
 * the first instruction's time by the wall clock, to be laid beside the daemon's log. */
static int report(const char *file, unsigned cookie, int64_t began, const unsigned sent[WAY_COUNT],
		  const struct reach *v4, const struct reach *v6)
{
	char text[1024], part[PATH_MAX];
	uint8_t mac[6] = { 0 };
	if (!first_mac(mac))
		fputs("first: no link\n", stderr);
	int n = snprintf(text, sizeof(text), "first %u mac=" FIRST_MAC_FORMAT " at=%lld", cookie, mac[0], mac[1],
			 mac[2], mac[3], mac[4], mac[5], (long long)(clock_us(CLOCK_REALTIME) - (now_us() - began)));
	for (int i = 0; i < WAY_COUNT; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %s=%u", first_way_names[i], sent[i]);
	n += snprintf(text + n, sizeof(text) - (size_t)n,
		      " allowed4=%lld tries4=%u by4=%u error4=%d allowed6=%lld tries6=%u by6=%u error6=%d\n",
		      (long long)v4->took_us, v4->tries, v4->by, v4->error, (long long)v6->took_us, v6->tries, v6->by,
		      v6->error);
	name_part(file, part);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, (size_t)n) != n || close(fd) < 0 || rename(part, file) < 0) {
		perror("first: the report");
		return 3;
	}
	return v4->took_us < 0 || v6->took_us < 0;
}

/* The first volley is out. */
static void tell(const char *file)
{
	char part[PATH_MAX];
	name_part(file, part);
	int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		perror("first: the report");
	else
		close(fd);
}

int first_run(int argc, char **argv)
{
	const int64_t began = now_us();
	unsigned sent[WAY_COUNT] = { 0 };
	struct first_peer forbidden, allowed;
	const unsigned cookie = (unsigned)strtoul(argv[0], NULL, 10);
	const bool forbids = argc == 8;
	if ((argc != 6 && argc != 8) || cookie > FIRST_COOKIE_MAX ||
	    (forbids && !first_peer_parse(argv[6], argv[7], (uint16_t)(FIRST_PORT + cookie), &forbidden)))
		return 2;
	if (forbids)
		first_volley(&forbidden, sent);
	tell(argv[1]);
	if (!first_peer_parse(argv[3], argv[4], (uint16_t)strtoul(argv[5], NULL, 10), &allowed))
		return 2;
	static struct reach v4, v6;
	v4 = (struct reach){ .to = (struct sockaddr *)&allowed.v4, .length = sizeof(allowed.v4), .took_us = -1 };
	v6 = (struct reach){ .to = (struct sockaddr *)&allowed.v6, .length = sizeof(allowed.v6), .took_us = -1 };
	const int64_t end = began + strtol(argv[2], NULL, 10) * 1000;
	for (int64_t round = now_us(); round < end && (v4.took_us < 0 || v6.took_us < 0); round = now_us()) {
		attempt(&v4, began);
		attempt(&v6, began);
		wait_round(&v4, &v6, began, round + (round - began < LATE_US ? ROUND_US : ROUND_LATE_US));
		/* Whether the lock lets something out while it is being put in, or because another connection is open.
		 */
		if (forbids)
			first_volley(&forbidden, sent);
	}
	return report(argv[1], cookie, began, sent, &v4, &v6);
}
