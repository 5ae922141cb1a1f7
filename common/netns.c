/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "netns.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* A bind mount target exists as an ordinary file before the mount lands on it: only nsfs answers NS_GET_NSTYPE. */
static int check_is_netns(int fd, const char *what, struct ns_error *err)
{
	int type = ioctl(fd, NS_GET_NSTYPE);

	if (type != CLONE_NEWNET)
		return ns_error_set(err, -EINVAL, "%s is not a network namespace", what);
	return 0;
}

int ns_netns_open_path(const char *path, struct ns_error *err)
{
	/* O_NONBLOCK: a fifo put in the way must not hang the daemon. */
	NS_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0) {
		r = -errno;
		return ns_error_set(err, r, "cannot open namespace %s: %s", path, strerror(-r));
	}
	r = check_is_netns(fd, path, err);
	if (r < 0)
		return r;
	return NS_TAKE_FD(fd);
}

int ns_netns_open_pid(pid_t pid, struct ns_error *err)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
	return ns_netns_open_path(path, err);
}

/* Of a program whose threads all live where it began. */
static int home = -1;

int ns_netns_settle(struct ns_error *err)
{
	if (home < 0)
		home = ns_netns_open_path("/proc/thread-self/ns/net", err);
	return home < 0 ? home : 0;
}

static int own_netns(struct ns_error *err)
{
	/* The thread's own, not the process's: in a threaded caller the two may differ. */
	return ns_netns_open_path("/proc/thread-self/ns/net", err);
}

int ns_netns_call(int netns_fd, int (*fn)(void *ctx, struct ns_error *err), void *ctx, struct ns_error *err)
{
	NS_CLOSE int found = home < 0 && netns_fd >= 0 ? own_netns(err) : -1;
	int own = home < 0 ? found : home, r;

	if (netns_fd < 0)
		return fn(ctx, err);
	if (own < 0)
		return own;
	if (setns(netns_fd, CLONE_NEWNET) < 0) {
		r = -errno;
		return ns_error_set(err, r, "cannot enter the network namespace: %s", strerror(-r));
	}
	r = fn(ctx, err);
	if (setns(own, CLONE_NEWNET) < 0) {
		static const char last[] = "cannot return to the own network namespace; stopping\n";

		if (write(STDERR_FILENO, last, sizeof last - 1) < 0)
			abort();
		abort();
	}
	return r;
}

struct socket_args {
	int domain, type, protocol;
};

static int open_socket(void *ctx, struct ns_error *err)
{
	const struct socket_args *args = ctx;
	int fd = socket(args->domain, args->type | SOCK_CLOEXEC, args->protocol);
	int r;

	if (fd < 0) {
		r = -errno;
		return ns_error_set(err, r, "cannot open a socket in the namespace: %s", strerror(-r));
	}
	return fd;
}

int ns_netns_socket(int netns_fd, int domain, int type, int protocol, struct ns_error *err)
{
	struct socket_args args = { domain, type, protocol };

	return ns_netns_call(netns_fd, open_socket, &args, err);
}

int ns_netns_cookie(int netns_fd, uint64_t *ret, struct ns_error *err)
{
	NS_CLOSE int fd = ns_netns_socket(netns_fd, AF_UNIX, SOCK_DGRAM, 0, err);
	uint64_t cookie;
	socklen_t length = sizeof cookie;
	int r;

	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) < 0) {
		r = -errno;
		return ns_error_set(err, r, "the kernel tells no namespace cookie (Linux 5.14 and later do): %s",
				    strerror(-r));
	}
	*ret = cookie;
	return 0;
}

int ns_netns_own_cookie(uint64_t *ret, struct ns_error *err)
{
	return ns_netns_cookie(-1, ret, err);
}

/* A line "TCP: inuse 3 …", which is there once in a file; 1 for what is not as expected. */
static int in_use(const char *text, const char *protocol)
{
	char begin[32];
	const char *at;

	(void)snprintf(begin, sizeof begin, "%s: inuse ", protocol);
	at = strstr(text, begin);
	return at && at[strlen(begin)] == '0' ? 0 : 1;
}

static int count_sockets(void *ctx, struct ns_error *err)
{
	static const struct {
		const char *path, *protocols[2];
	} files[] = { { "/proc/thread-self/net/sockstat", { "TCP", "UDP" } },
		      { "/proc/thread-self/net/sockstat6", { "TCP6", "UDP6" } } };
	int n = 0;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		NS_CLOSE int fd = open(files[i].path, O_RDONLY | O_CLOEXEC);
		char text[1024];
		ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

		/* Without IPv6 there is no second file. */
		if (fd < 0 && errno == ENOENT && i == 1)
			continue;
		text[length < 0 ? 0 : length] = '\0';
		n += in_use(text, files[i].protocols[0]) + in_use(text, files[i].protocols[1]);
	}
	return n;
}

bool ns_netns_may_have_sockets(int netns_fd)
{
	return ns_netns_call(netns_fd, count_sockets, NULL, NULL) != 0;
}
