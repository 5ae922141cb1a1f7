/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

void load_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("load: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

uint64_t load_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double load_cpu(void)
{
	struct timespec used;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

void load_destination(const struct load_options *options, uint32_t address, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	uint32_t low;

	if (ret != &options->to)
		memcpy(ret, &options->to, sizeof *ret);
	if (options->to.ss_family == AF_INET) {
		v4->sin_port = htons(port);
		v4->sin_addr.s_addr = htonl(ntohl(v4->sin_addr.s_addr) + address);
		return;
	}
	v6->sin6_port = htons(port);
	memcpy(&low, v6->sin6_addr.s6_addr + 12, sizeof low);
	low = htonl(ntohl(low) + address);
	memcpy(v6->sin6_addr.s6_addr + 12, &low, sizeof low);
}

bool load_wait(int fd, short events, uint64_t nanoseconds)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	struct timespec timeout = { (time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u) };

	return ppoll(&poll_fd, 1, &timeout, NULL) > 0;
}

int load_connect_one(const struct load_options *options, uint8_t purpose)
{
	int fd = socket(options->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0, on = 1;
	socklen_t size = sizeof error;

	if (fd < 0)
		load_fail("socket: %m");
	if (connect(fd, (const struct sockaddr *)&options->to, options->length) < 0 && errno != EINPROGRESS)
		load_fail("connect: %m");
	if (!load_wait(fd, POLLOUT, LOAD_ANSWER_MS * 1000000ull))
		load_fail("connect: nobody answers");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
		load_fail("connect: %s", strerror(error));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (send(fd, &purpose, 1, 0) != 1)
		load_fail("send: %m");
	return fd;
}

void load_read(int fd, void *data, size_t length)
{
	uint8_t *to = data;

	while (length > 0) {
		ssize_t n = recv(fd, to, length, 0);

		if (n < 0 && errno == EAGAIN) {
			if (!load_wait(fd, POLLIN, LOAD_ANSWER_MS * 1000000ull))
				load_fail("the server does not answer");
			continue;
		}
		if (n <= 0)
			load_fail("the server: %s", n < 0 ? strerror(errno) : "ended the connection");
		to += n;
		length -= (size_t)n;
	}
}

uint64_t load_count(int fd, bool ask)
{
	uint64_t count;

	if (ask && send(fd, "c", 1, 0) != 1)
		load_fail("send: %m");
	load_read(fd, &count, sizeof count);
	return count;
}

size_t load_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		load_fail("limit of descriptors: %m");
	limit.rlim_cur = limit.rlim_max < LOAD_FDS_MAX ? limit.rlim_max : LOAD_FDS_MAX;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		load_fail("limit of descriptors: %m");
	return limit.rlim_cur;
}
