/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/netlink.h>
#include <systemd/sd-daemon.h>

#include "test_fdstore_manager.h"

struct manager manager = { .mutex = PTHREAD_MUTEX_INITIALIZER, .held = -1 };

int high(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);

	assert_true(fd >= 0 && moved >= 0);
	(void)close(fd);
	return moved;
}

int netlink(void)
{
	return high(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
}

uint64_t identity(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof cookie;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void field(const char *state, const char *key, char *ret, size_t size)
{
	const char *at = strstr(state, key);
	size_t n = at ? strcspn(at + strlen(key), "\n") : 0;

	(void)snprintf(ret, size, "%.*s", (int)n, at ? at + strlen(key) : "");
}

static void manager_keep(const char *name, int fd)
{
	if (manager.n >= manager.limit) {
		manager.refused++;
		(void)close(fd);
		return;
	}
	(void)snprintf(manager.slots[manager.n].name, sizeof manager.slots[0].name, "%s", name);
	manager.slots[manager.n++].fd = fd;
}

static void manager_remove(const char *name)
{
	for (unsigned i = 0; i < manager.n;) {
		if (strcmp(manager.slots[i].name, name) != 0) {
			i++;
			continue;
		}
		(void)close(manager.slots[i].fd);
		manager.slots[i] = manager.slots[--manager.n];
	}
}

/* false: it was told to end. */
static bool manager_turn(void)
{
	char state[512], control[CMSG_SPACE(sizeof(int))], name[64];
	struct iovec iov = { .iov_base = state, .iov_len = sizeof state - 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
	};
	ssize_t n = recvmsg(manager.socket, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *cmsg = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
	int fd = -1;

	if (n < 0)
		return false;
	state[n] = '\0';
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof fd);
	if (fd >= 0)
		fd = high(fd);
	field(state, "FDNAME=", name, sizeof name);
	pthread_mutex_lock(&manager.mutex);
	if (strstr(state, "FDSTOREREMOVE=1"))
		manager_remove(name);
	else if (strstr(state, "FDSTORE=1")) {
		manager.polled |= !strstr(state, "FDPOLL=0");
		manager_keep(name, fd);
		fd = -1;
	}
	if (manager.hold && strstr(state, "BARRIER=1")) {
		manager.held = fd;
		fd = -1;
	}
	pthread_mutex_unlock(&manager.mutex);
	if (fd >= 0)
		(void)close(fd); /* a barrier's */
	return !strstr(state, "END");
}

void *manager_run(void *arg)
{
	while (manager_turn())
		;
	return arg;
}

void manager_start(unsigned limit, bool silent)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[64];

	(void)snprintf(name, sizeof name, "@nanoseg-test-%d", (int)getpid());
	memcpy(address.sun_path, name, strlen(name));
	address.sun_path[0] = '\0';
	manager.limit = limit;
	manager.silent = silent;
	manager.n = manager.refused = 0;
	manager.polled = false;
	manager.socket = high(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	assert_int_equal(bind(manager.socket, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	if (!silent)
		assert_int_equal(pthread_create(&manager.thread, NULL, manager_run, NULL), 0);
}

int manager_stop(void **state)
{
	if (manager.socket <= 0)
		return 0;
	if (!manager.silent) {
		assert_int_equal(sd_notify(0, "END"), 1);
		assert_int_equal(pthread_join(manager.thread, NULL), 0);
	}
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("FDSTORE");
	(void)close(manager.socket);
	manager.socket = 0;
	while (manager.n > 0)
		(void)close(manager.slots[--manager.n].fd);
	return 0;
}

void settle(void)
{
	assert_int_equal(sd_notify_barrier(0, 5000000), 1);
}

unsigned count(const char *name)
{
	unsigned n = 0;

	settle();
	pthread_mutex_lock(&manager.mutex);
	for (unsigned i = 0; i < manager.n; i++)
		n += strcmp(manager.slots[i].name, name) == 0;
	pthread_mutex_unlock(&manager.mutex);
	return n;
}

uint64_t identity_of(const char *name)
{
	uint64_t found = 0;

	settle();
	pthread_mutex_lock(&manager.mutex);
	for (unsigned i = 0; i < manager.n; i++)
		if (strcmp(manager.slots[i].name, name) == 0)
			found = identity(manager.slots[i].fd);
	pthread_mutex_unlock(&manager.mutex);
	return found;
}

void hand_in(const char *names, const int *fds, int n)
{
	char number[16];

	for (int i = 0; i < n; i++) {
		assert_false(is_open(SD_LISTEN_FDS_START + i));
		assert_int_equal(dup2(fds[i], SD_LISTEN_FDS_START + i), SD_LISTEN_FDS_START + i);
		(void)close(fds[i]);
	}
	(void)snprintf(number, sizeof number, "%d", n);
	(void)setenv("LISTEN_FDS", number, 1);
	(void)snprintf(number, sizeof number, "%d", (int)getpid());
	(void)setenv("LISTEN_PID", number, 1);
	if (names)
		(void)setenv("LISTEN_FDNAMES", names, 1);
}

void hand_over(void)
{
	char names[SLOTS * 64] = "";
	int fds[SLOTS];
	size_t length = 0;

	settle();
	pthread_mutex_lock(&manager.mutex);
	for (unsigned i = 0; i < manager.n; i++) {
		length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ":" : "",
					   manager.slots[i].name);
		fds[i] = high(dup(manager.slots[i].fd));
	}
	hand_in(names, fds, (int)manager.n);
	pthread_mutex_unlock(&manager.mutex);
}
