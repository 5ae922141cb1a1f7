/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connections that are kept busy, and that miss nothing: on each a numbered record goes to and fro at a steady pace. A
 * record that does not come back is counted as lost; one that comes back wrong breaks its connection.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

#define PAUSE_MS_DEFAULT 10
#define DRAIN_MS         2000 /* answers that are still on their way at the end */

struct connection {
	int fd;
	uint64_t sent, received; /* records */
	size_t partial;          /* bytes of the next record */
	uint8_t data[sizeof(uint64_t)];
};

struct load {
	struct traffic_kind kind;
	struct connection connections[TRAFFIC_LOAD_MAX];
	struct pollfd polls[TRAFFIC_LOAD_MAX + 1];
	size_t count, open;
	unsigned broken;
	int error;
	uint64_t last_us;
};

static uint64_t real_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void break_off(struct load *load, size_t i, int error)
{
	close(load->connections[i].fd);
	load->connections[i].fd = load->polls[i].fd = -1;
	load->open--;
	load->broken++;
	load->error = error;
}

static void send_record(struct load *load, size_t i)
{
	struct connection *c = &load->connections[i];
	uint64_t record = c->sent;
	if (c->fd < 0)
		return;
	ssize_t n = send(c->fd, &record, sizeof(record), MSG_DONTWAIT | MSG_NOSIGNAL);
	/* EPERM: dropped on the way out, so sent, and lost. */
	if (n == (ssize_t)sizeof(record) || (n < 0 && errno == EPERM))
		c->sent++;
	else if (n >= 0 || errno != EAGAIN) /* a full buffer is slow, not lost */
		break_off(load, i, n < 0 ? errno : EMSGSIZE);
}

static void receive(struct load *load, size_t i)
{
	struct connection *c = &load->connections[i];
	while (c->fd >= 0) {
		uint64_t record;
		ssize_t n = recv(c->fd, c->data + c->partial, sizeof(c->data) - c->partial, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			break_off(load, i, n < 0 ? errno : ECONNRESET);
			return;
		}
		load->last_us = real_us();
		c->partial += (size_t)n;
		if (c->partial < sizeof(c->data))
			continue;
		c->partial = 0;
		memcpy(&record, c->data, sizeof(record));
		/* Datagrams can be lost; then a later number comes. */
		if (record < c->received || record >= c->sent ||
		    (load->kind.proto == TRAFFIC_TCP && record != c->received)) {
			break_off(load, i, EBADMSG);
			return;
		}
		c->received++;
	}
}

static bool all_back(const struct load *load)
{
	for (size_t i = 0; i < load->count; i++)
		if (load->connections[i].fd >= 0 && load->connections[i].received < load->connections[i].sent)
			return false;
	return true;
}

/* Until the deadline, or the end; true: it is to end. */
static bool take_answers(struct load *load, uint64_t deadline, bool draining)
{
	for (uint64_t now = traffic_now(); now < deadline && load->open; now = traffic_now()) {
		if (draining && all_back(load))
			return true;
		if (poll(load->polls, load->count + !draining, (int)(deadline - now)) < 0 && errno != EINTR)
			return true;
		for (size_t i = 0; i < load->count; i++)
			if (load->polls[i].fd >= 0 && load->polls[i].revents)
				receive(load, i);
		if (!draining && load->polls[load->count].revents)
			return true;
	}
	return !load->open;
}

static int open_all(struct load *load, const struct sockaddr_storage *to, socklen_t length)
{
	bool tcp = load->kind.proto == TRAFFIC_TCP;
	int on = 1;
	for (size_t i = 0; i < load->count; i++) {
		int fd = socket(load->kind.family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, (const struct sockaddr *)to, length) < 0)
			return errno;
		if (tcp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
			return errno;
		load->connections[i].fd = fd;
		load->polls[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	load->open = load->count;
	return 0;
}

int traffic_load(int argc, char **argv)
{
	static struct load load;
	load.kind = traffic_kind_parse(argv[0]);
	load.count = traffic_number_parse(argv[3], TRAFFIC_LOAD_MAX);
	unsigned pause_ms = argc > 4 ? traffic_number_parse(argv[4], 60000) : PAUSE_MS_DEFAULT;
	struct sockaddr_storage to;
	socklen_t length =
		traffic_address(&load.kind, argv[1], (uint16_t)traffic_number_parse(argv[2], UINT16_MAX), &to);
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	load.polls[load.count] = (struct pollfd){ .fd = signalfd(-1, &term, SFD_CLOEXEC), .events = POLLIN };
	int error = open_all(&load, &to, length);
	if (error) {
		puts(traffic_outcome(error));
		return 1;
	}
	puts("ready");
	bool ended = false;
	for (uint64_t next = traffic_now(); !ended; next += pause_ms) {
		for (size_t i = 0; i < load.count; i++)
			send_record(&load, i);
		ended = take_answers(&load, next + pause_ms, false);
	}
	take_answers(&load, traffic_now() + DRAIN_MS, true);
	uint64_t sent = 0, received = 0;
	for (size_t i = 0; i < load.count; i++) {
		sent += load.connections[i].sent;
		received += load.connections[i].received;
	}
	printf("sent %llu received %llu broken %u last %llu%s%s\n", (unsigned long long)sent,
	       (unsigned long long)received, load.broken, (unsigned long long)load.last_us, load.error ? ": " : "",
	       load.error ? strerror(load.error) : "");
	return sent != received || load.broken ? 1 : 0;
}
