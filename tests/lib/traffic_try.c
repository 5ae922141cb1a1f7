/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Single attempts. An attempt has passed only when bytes came back from the other side: a connection that opens and
 * carries nothing has not passed.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

#define BULK_TRY_MS 200

/* Connects (UDP: sets the peer); fd, or -1 with errno. */
static int open_towards(const struct traffic_kind *kind, const struct sockaddr_storage *to, socklen_t length,
			uint64_t deadline)
{
	int type = kind->proto == TRAFFIC_TCP ? SOCK_STREAM : SOCK_DGRAM;
	int fd = socket(kind->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int error = 0;
	if (connect(fd, (const struct sockaddr *)to, length) < 0)
		error = errno;
	if (error == EINPROGRESS) {
		socklen_t size = sizeof(error);
		if (!traffic_wait(fd, POLLOUT, deadline))
			error = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			error = errno;
	}
	if (!error)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

/* Sends a line and wants it back; 0 or an errno. */
static int to_and_fro(int fd, uint64_t deadline)
{
	static const char line[] = "hello\n";
	char answer[sizeof(line)];
	if (send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL) != sizeof(line) - 1)
		return errno;
	if (!traffic_wait(fd, POLLIN, deadline))
		return ETIMEDOUT;
	ssize_t n = recv(fd, answer, sizeof(answer), 0);
	if (n < 0)
		return errno;
	return n == sizeof(line) - 1 && !memcmp(line, answer, (size_t)n) ? 0 : ECONNRESET;
}

const char *traffic_attempt(const struct traffic_kind *kind, const struct sockaddr_storage *to, socklen_t length,
			    unsigned icmp_type, unsigned timeout_ms)
{
	if (kind->proto == TRAFFIC_PING || kind->proto == TRAFFIC_ICMP)
		return traffic_echo_attempt(kind, to, length, icmp_type, timeout_ms);
	uint64_t deadline = traffic_now() + timeout_ms;
	int fd = open_towards(kind, to, length, deadline);
	if (fd < 0)
		return traffic_outcome(errno);
	int error = to_and_fro(fd, deadline);
	close(fd);
	return error ? traffic_outcome(error) : NULL;
}

int traffic_try(int argc, char **argv)
{
	struct traffic_kind kind = traffic_kind_parse(argv[0]);
	bool has_number = kind.proto != TRAFFIC_PING;
	if (argc < (has_number ? 3 : 2)) {
		fprintf(stderr, "traffic: this kind needs a port or a type\n");
		return 2;
	}
	unsigned number = has_number ? traffic_number_parse(argv[2], kind.proto == TRAFFIC_ICMP ? 255 : UINT16_MAX) : 0;
	int next = has_number ? 3 : 2;
	unsigned timeout = argc > next ? traffic_number_parse(argv[next], 60000) : TRAFFIC_MS_DEFAULT;
	struct sockaddr_storage to;
	socklen_t length = traffic_address(&kind, argv[1], kind.proto == TRAFFIC_ICMP ? 0 : (uint16_t)number, &to);
	const char *failure = traffic_attempt(&kind, &to, length, number, timeout);
	puts(failure ? failure : "passed");
	return failure ? 1 : 0;
}

/* One datagram or a burst of bytes to and fro; 0 or an errno. */
static int bulk_to_and_fro(const struct traffic_kind *kind, int fd, size_t size, uint64_t deadline)
{
	static uint8_t data[UINT16_MAX], answer[UINT16_MAX];
	size_t got = 0;
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 31 + size);
	if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		return errno;
	while (got < size) {
		if (!traffic_wait(fd, POLLIN, deadline))
			return ETIMEDOUT;
		ssize_t n = recv(fd, answer + got, size - got, 0);
		if (n <= 0)
			return n < 0 ? errno : ECONNRESET;
		got += (size_t)n;
		if (kind->proto == TRAFFIC_UDP)
			break;
	}
	return got == size && !memcmp(data, answer, size) ? 0 : EBADMSG;
}

/* The first one may be what finds out how much fits on the way: tried again until the time is over. */
int traffic_bulk(int argc, char **argv)
{
	struct traffic_kind kind = traffic_kind_parse(argv[0]);
	size_t size = traffic_number_parse(argv[3], UINT16_MAX);
	uint64_t deadline = traffic_now() + (argc > 4 ? traffic_number_parse(argv[4], 60000) : TRAFFIC_MS_DEFAULT);
	struct sockaddr_storage to;
	socklen_t length = traffic_address(&kind, argv[1], (uint16_t)traffic_number_parse(argv[2], UINT16_MAX), &to);
	int fd = open_towards(&kind, &to, length, deadline), error = fd < 0 ? errno : ETIMEDOUT;
	while (fd >= 0 && traffic_now() < deadline) {
		uint64_t now = traffic_now(), try = kind.proto == TRAFFIC_UDP ? now + BULK_TRY_MS : deadline;
		error = bulk_to_and_fro(&kind, fd, size, try < deadline ? try : deadline);
		if (error != ETIMEDOUT && error != EMSGSIZE)
			break;
	}
	puts(error ? traffic_outcome(error) : "passed");
	return error ? 1 : 0;
}

int traffic_hold(int argc, char **argv)
{
	struct traffic_kind kind = traffic_kind_parse(argv[0]);
	unsigned pause_ms = argc > 3 ? traffic_number_parse(argv[3], 60000) : 50;
	struct sockaddr_storage to;
	socklen_t length = traffic_address(&kind, argv[1], (uint16_t)traffic_number_parse(argv[2], UINT16_MAX), &to);
	int fd = open_towards(&kind, &to, length, traffic_now() + TRAFFIC_MS_DEFAULT);
	if (fd < 0) {
		printf("%s\n", traffic_outcome(errno));
		return 1;
	}
	for (unsigned n = 1;; n++) {
		int error = to_and_fro(fd, traffic_now() + 3ULL * TRAFFIC_MS_DEFAULT);
		if (error) {
			printf("broken after %u: %s\n", n - 1, traffic_outcome(error));
			return 1;
		}
		printf("alive %u\n", n);
		usleep(pause_ms * 1000);
	}
}

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

int traffic_knock(int argc, char **argv)
{
	struct traffic_kind kind = traffic_kind_parse(argv[0]);
	unsigned timeout = argc > 3 ? traffic_number_parse(argv[3], 60000) : 100;
	unsigned port = traffic_number_parse(argv[2], UINT16_MAX);
	struct sockaddr_storage to;
	socklen_t length = traffic_address(&kind, argv[1], (uint16_t)port, &to);
	unsigned tries = 0, passed = 0;
	signal(SIGTERM, end);
	signal(SIGINT, end);
	while (!ended) {
		if (!traffic_attempt(&kind, &to, length, port, timeout))
			passed++;
		tries++;
		usleep(1000);
	}
	printf("passed %u of %u\n", passed, tries);
	return passed ? 1 : 0;
}
