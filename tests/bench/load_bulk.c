/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Much at once, and little to and fro: one TCP connection each.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

#define CHUNK       (128 * 1024)
#define UNCOUNTED   50 /* round trips before the first that is: sockets and caches warm up */
#define COUNTED_MIN 50 /* however long they take */

static uint64_t deadline_of(const struct load_options *options)
{
	double seconds = options->seconds > 0 ? options->seconds : LOAD_SECONDS_DEFAULT;

	return load_now() + (uint64_t)(seconds * 1e9);
}

static struct load_received one_connection(const struct load_options *options)
{
	static uint8_t chunk[CHUNK];
	struct load_received received;
	int fd = load_connect_one(options, LOAD_BULK);
	uint64_t deadline = deadline_of(options);

	while (load_now() < deadline) {
		ssize_t n = send(fd, chunk, sizeof chunk, 0);

		if (n < 0 && errno == EAGAIN) {
			if (!load_wait(fd, POLLOUT, LOAD_ANSWER_MS * 1000000ull))
				load_fail("bulk: nothing moves");
		} else if (n < 0) {
			load_fail("bulk: %m");
		}
	}
	if (shutdown(fd, SHUT_WR) < 0)
		load_fail("shutdown: %m");
	load_read(fd, &received, sizeof received);
	(void)close(fd);
	if (received.bytes == 0 || received.nanoseconds == 0)
		load_fail("bulk: nothing arrived");
	return received;
}

/* How fast one connection is, is luck: where its pages are. */
int load_bulk(const struct load_options *options)
{
	uint32_t times = options->times ? options->times : 1;
	struct load_received sum = { 0, 0 };

	for (uint32_t i = 0; i < times; i++) {
		struct load_received received = one_connection(options);

		sum.bytes += received.bytes;
		sum.nanoseconds += received.nanoseconds;
	}
	(void)printf("{\"what\":\"bulk\",\"unit\":\"Gbit/s\",\"value\":%.4f,\"bytes\":%llu,\"seconds\":%.4f}\n",
		     (double)sum.bytes * 8 / (double)sum.nanoseconds, (unsigned long long)sum.bytes,
		     (double)sum.nanoseconds / 1e9);
	return 0;
}

int load_rtt(const struct load_options *options)
{
	struct load_latency latency;
	int fd = load_connect_one(options, LOAD_ECHO);
	uint64_t deadline = deadline_of(options);
	uint64_t n = 0;

	load_latency_init(&latency);
	for (uint64_t began = load_now(), ended; began < deadline || n < UNCOUNTED + COUNTED_MIN; began = ended) {
		uint8_t byte = (uint8_t)n, back;

		if (send(fd, &byte, 1, 0) != 1)
			load_fail("rtt: %m");
		load_read(fd, &back, 1);
		if (back != byte)
			load_fail("rtt: another byte came back");
		ended = load_now();
		if (n++ >= UNCOUNTED && !load_latency_add(&latency, ended - began))
			break;
	}
	(void)close(fd);
	load_latency_print(&latency, "rtt");
	return 0;
}
