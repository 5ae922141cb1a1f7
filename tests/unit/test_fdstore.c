/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The FD store against a service manager that stands in for systemd: it keeps what it is sent, up to a limit, lets go
 * what it is told to, answers barriers, and hands everything to the "next" agent at descriptor 3 and on.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/netlink.h>
#include <systemd/sd-daemon.h>

#include <nanoseg/limits.h>

#include "fdstore.h"

#define SLOTS      32
#define FIRST_FREE 100 /* descriptors below are for LISTEN_FDS */

struct slot {
	char name[64];
	int fd;
};

static struct manager {
	pthread_t thread;
	pthread_mutex_t mutex;
	int socket;
	unsigned limit; /* of what is kept */
	bool silent;    /* reads nothing */
	unsigned n, refused;
	struct slot slots[SLOTS];
	bool polled; /* somebody forgot FDPOLL=0 */
} manager = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static int high(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);

	assert_true(fd >= 0 && moved >= 0);
	(void)close(fd);
	return moved;
}

static int netlink(void)
{
	return high(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
}

static uint64_t identity(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof cookie;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* ---- the manager ---- */

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
	pthread_mutex_unlock(&manager.mutex);
	if (fd >= 0)
		(void)close(fd); /* a barrier's */
	return !strstr(state, "END");
}

static void *manager_run(void *arg)
{
	while (manager_turn())
		;
	return arg;
}

static void manager_start(unsigned limit, bool silent)
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

static int manager_stop(void **state)
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

/* Waits until everything said so far was heard. */
static void settle(void)
{
	assert_int_equal(sd_notify_barrier(0, 5000000), 1);
}

static unsigned count(const char *name)
{
	unsigned n = 0;

	settle();
	pthread_mutex_lock(&manager.mutex);
	for (unsigned i = 0; i < manager.n; i++)
		n += strcmp(manager.slots[i].name, name) == 0;
	pthread_mutex_unlock(&manager.mutex);
	return n;
}

static uint64_t identity_of(const char *name)
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

/* Hands descriptors in as systemd does; the originals are closed. */
static void hand_in(const char *names, const int *fds, int n)
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

/* What the manager keeps, to the next agent. */
static void hand_over(void)
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

static struct ns_fdstore *opened(int unknown)
{
	struct ns_fdstore *store = NULL;
	struct ns_error err = NS_ERROR_INIT;

	assert_int_equal(ns_fdstore_open(&store, &err), unknown);
	return store;
}

/* ---- the cases ---- */

static void test_without_a_manager(void **state)
{
	struct ns_fdstore *store = opened(0);
	int fd = netlink();
	const char *why;

	assert_false(ns_fdstore_available(store, &why));
	assert_string_equal(why, "not started by systemd");
	assert_int_equal(ns_fdstore_keep(store, 5, fd, NULL), 0);
	assert_int_equal(ns_fdstore_kept(store), 0);
	assert_int_equal(ns_fdstore_take(store, 5), -1);
	assert_int_equal(ns_fdstore_activated(store), -1);
	assert_int_equal(ns_fdstore_drop_untaken(store), 0);
	assert_false(ns_fdstore_check(store));
	assert_null(ns_fdstore_close(store));
	(void)close(fd);
}

static void test_no_store_at_all(void **state)
{
	const char *why;

	assert_false(ns_fdstore_available(NULL, &why));
	assert_true(*why);
	assert_int_equal(ns_fdstore_take(NULL, 1), -1);
	assert_int_equal(ns_fdstore_keep(NULL, 1, 0, NULL), 0);
	ns_fdstore_drop(NULL, 1);
	assert_int_equal(ns_fdstore_drop_untaken(NULL), 0);
	assert_false(ns_fdstore_check(NULL));
	assert_int_equal(ns_fdstore_kept(NULL), 0);
	assert_int_equal(ns_fdstore_activated(NULL), -1);
	assert_null(ns_fdstore_close(NULL));
}

static void test_keep_and_take_over(void **state)
{
	int first = netlink(), second = netlink(), taken;
	uint64_t was = identity(first);
	struct ns_fdstore *store;
	const char *why;

	manager_start(8, false);
	store = opened(0);
	assert_true(ns_fdstore_available(store, &why));
	assert_string_equal(why, "");
	assert_int_equal(count("ns-trial"), 0);
	assert_int_equal(ns_fdstore_keep(store, 11, first, NULL), 0);
	assert_int_equal(ns_fdstore_keep(store, UINT64_MAX, second, NULL), 0);
	assert_int_equal(ns_fdstore_keep(store, 11, first, NULL), 0); /* once is enough */
	assert_int_equal(count("ns-11"), 1);
	assert_int_equal(count("ns-18446744073709551615"), 1);
	assert_false(manager.polled);
	assert_null(ns_fdstore_close(store));
	assert_true(is_open(first)); /* the caller's */
	(void)close(first);
	(void)close(second);

	hand_over();
	store = opened(0);
	assert_null(getenv("LISTEN_FDS"));
	assert_int_equal(ns_fdstore_kept(store), 2);
	assert_int_equal(ns_fdstore_take(store, 12), -1);
	taken = ns_fdstore_take(store, 11);
	assert_true(taken >= 0);
	assert_true(identity(taken) == was);
	assert_true(fcntl(taken, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(ns_fdstore_take(store, 11), -1); /* it is the caller's now */
	assert_int_equal(ns_fdstore_keep(store, 11, taken, NULL), 0);
	assert_int_equal(count("ns-11"), 1);
	assert_int_equal(ns_fdstore_drop_untaken(store), 1);
	assert_int_equal(ns_fdstore_drop_untaken(store), 0);
	assert_int_equal(count("ns-18446744073709551615"), 0);
	assert_int_equal(count("ns-11"), 1);
	assert_true(is_open(taken));
	assert_null(ns_fdstore_close(store));
	(void)close(taken);
}

static void test_replaced_and_dropped(void **state)
{
	int first = netlink(), second = netlink();
	struct ns_fdstore *store;

	manager_start(8, false);
	store = opened(0);
	assert_int_equal(ns_fdstore_keep(store, 7, first, NULL), 0);
	assert_int_equal(ns_fdstore_keep(store, 7, second, NULL), 0);
	assert_int_equal(count("ns-7"), 1);
	assert_true(identity_of("ns-7") == identity(second));
	ns_fdstore_drop(store, 8);
	assert_int_equal(ns_fdstore_kept(store), 1);
	ns_fdstore_drop(store, 7);
	assert_int_equal(count("ns-7"), 0);
	assert_int_equal(ns_fdstore_kept(store), 0);
	assert_int_equal(ns_fdstore_keep(store, 7, STDIN_FILENO, NULL), -EINVAL);
	assert_int_equal(ns_fdstore_keep(store, 0, first, NULL), -EINVAL);
	assert_null(ns_fdstore_close(store));
	(void)close(first);
	(void)close(second);
}

/* Of two of one name the last one counts; what is not ours is closed, whatever it is called. */
static void test_strange_gifts(void **state)
{
	int fds[8], pipes[2], taken;
	uint64_t last;

	manager_start(8, false);
	for (int i = 0; i < 8; i++)
		fds[i] = netlink();
	assert_int_equal(pipe(pipes), 0);
	(void)close(fds[2]);
	fds[2] = high(pipes[0]); /* our name, and no socket */
	(void)close(fds[7]);
	fds[7] = high(pipes[1]); /* a trial that was never ended */
	last = identity(fds[1]);
	hand_in("ns-3:ns-3:ns-4:ns-05:ns-:stored:ns-99999999999999999999:ns-trial", fds, 8);
	struct ns_fdstore *store = opened(5);
	assert_int_equal(ns_fdstore_kept(store), 1);
	taken = ns_fdstore_take(store, 3);
	assert_true(identity(taken) == last);
	assert_int_equal(ns_fdstore_take(store, 5), -1);
	for (int i = 0; i < 8; i++)
		assert_true(is_open(SD_LISTEN_FDS_START + i) == (SD_LISTEN_FDS_START + i == taken));
	assert_null(ns_fdstore_close(store));
	(void)close(taken);
}

static void test_socket_activation(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "" };
	int fds[2] = { netlink(), high(socket(AF_UNIX, SOCK_STREAM, 0)) };
	struct ns_fdstore *store;

	assert_int_equal(bind(fds[1], (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(fds[1], 1), 0);
	hand_in("ns-3:nanosegd.socket", fds, 2);
	store = opened(0);
	assert_int_equal(ns_fdstore_activated(store), SD_LISTEN_FDS_START + 1);
	assert_null(ns_fdstore_close(store));
	assert_true(is_open(SD_LISTEN_FDS_START + 1)); /* the API's */
	assert_false(is_open(SD_LISTEN_FDS_START));
	(void)close(SD_LISTEN_FDS_START + 1);
}

static void test_manager_without_names(void **state)
{
	int fd = netlink();
	struct ns_fdstore *store;

	hand_in(NULL, &fd, 1);
	store = opened(1);
	assert_int_equal(ns_fdstore_kept(store), 0);
	assert_false(is_open(SD_LISTEN_FDS_START));
	assert_null(ns_fdstore_close(store));
}

/* FileDescriptorStoreMax=0, or another program than systemd behind NOTIFY_SOCKET. */
static void test_refusing_manager(void **state)
{
	int fd = netlink();
	struct ns_fdstore *store;
	const char *why;

	manager_start(0, false);
	store = opened(0);
	assert_false(ns_fdstore_available(store, &why));
	assert_non_null(strstr(why, "FileDescriptorStoreMax="));
	assert_int_equal(ns_fdstore_keep(store, 5, fd, NULL), 0);
	settle();
	assert_int_equal(manager.refused, 1); /* the trial: nothing more was sent */
	assert_null(ns_fdstore_close(store));
	(void)close(fd);
}

static bool changes(struct ns_fdstore *store)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (int i = 0; i < 300; i++) {
		if (ns_fdstore_check(store))
			return true;
		settle();
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static void test_full_store_is_noticed(void **state)
{
	int first = netlink(), second = netlink();
	struct ns_fdstore *store;
	const char *why;

	manager_start(2, false);
	store = opened(0);
	assert_true(ns_fdstore_available(store, &why));
	assert_false(ns_fdstore_check(store)); /* nothing was kept since */
	assert_int_equal(ns_fdstore_keep(store, 1, first, NULL), 0);
	assert_false(ns_fdstore_check(store)); /* tries … */
	settle();
	assert_false(ns_fdstore_check(store)); /* … and it is kept */
	assert_true(ns_fdstore_available(store, &why));
	assert_int_equal(ns_fdstore_keep(store, 2, second, NULL), 0);
	assert_true(changes(store));
	assert_false(ns_fdstore_available(store, &why));
	assert_non_null(strstr(why, "no more"));
	ns_fdstore_drop(store, 1);
	assert_true(changes(store));
	assert_true(ns_fdstore_available(store, &why));
	assert_int_equal(count("ns-trial"), 0);
	assert_null(ns_fdstore_close(store));
	(void)close(first);
	(void)close(second);
}

static void test_manager_tells_its_limit(void **state)
{
	int first = netlink(), second = netlink();
	struct ns_error err = NS_ERROR_INIT;
	struct ns_fdstore *store;

	manager_start(8, false);
	(void)setenv("FDSTORE", "1", 1);
	store = opened(0);
	assert_int_equal(ns_fdstore_keep(store, 1, first, NULL), 0);
	assert_int_equal(ns_fdstore_keep(store, 2, second, &err), -E2BIG);
	assert_true(err.text[0]);
	assert_int_equal(ns_fdstore_keep(store, 1, second, &err), 0); /* instead of the first */
	assert_null(ns_fdstore_close(store));
	(void)close(first);
	(void)close(second);
}

static void test_names_are_bounded(void **state)
{
	/* The longest names: 23 bytes and a colon each. */
	const uint64_t base = UINT64_MAX - NS_FDSTORE_MAX;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_fdstore *store;
	size_t kept = 0;
	int r = 0, fd;

	manager_start(SLOTS, false);
	store = opened(0);
	while (r == 0 && kept < NS_FDSTORE_MAX) {
		fd = netlink();
		r = ns_fdstore_keep(store, base + kept, fd, &err);
		(void)close(fd);
		kept += r == 0;
	}
	assert_int_equal(r, -E2BIG);
	assert_int_equal(kept, NS_FDSTORE_NAMES_BYTES / 24);
	assert_non_null(strstr(err.text, "names"));
	ns_fdstore_drop(store, base);
	fd = netlink();
	assert_int_equal(ns_fdstore_keep(store, base, fd, &err), 0);
	(void)close(fd);
	assert_null(ns_fdstore_close(store));
}

static void test_silent_manager(void **state)
{
	struct ns_fdstore *store;
	struct timespec begin, end;
	const char *why;

	manager_start(8, true);
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	store = opened(0);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - begin.tv_sec <= NS_FDSTORE_WAIT_MS / 1000 + 1);
	assert_false(ns_fdstore_available(store, &why));
	assert_string_equal(why, "the service manager does not answer");
	assert_false(ns_fdstore_check(store));
	/* It answers after all. */
	manager.silent = false;
	assert_int_equal(pthread_create(&manager.thread, NULL, manager_run, NULL), 0);
	settle();
	assert_true(ns_fdstore_check(store));
	assert_true(ns_fdstore_available(store, &why));
	assert_int_equal(count("ns-trial"), 0);
	assert_null(ns_fdstore_close(store));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_manager),
		cmocka_unit_test(test_no_store_at_all),
		cmocka_unit_test_teardown(test_keep_and_take_over, manager_stop),
		cmocka_unit_test_teardown(test_replaced_and_dropped, manager_stop),
		cmocka_unit_test_teardown(test_strange_gifts, manager_stop),
		cmocka_unit_test(test_socket_activation),
		cmocka_unit_test(test_manager_without_names),
		cmocka_unit_test_teardown(test_refusing_manager, manager_stop),
		cmocka_unit_test_teardown(test_full_store_is_noticed, manager_stop),
		cmocka_unit_test_teardown(test_manager_tells_its_limit, manager_stop),
		cmocka_unit_test_teardown(test_names_are_bounded, manager_stop),
		cmocka_unit_test_teardown(test_silent_manager, manager_stop),
	};

	/* Whatever this program was given below FIRST_FREE is none of its business. */
	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + SLOTS; fd++)
		(void)close(fd);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("LISTEN_FDS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
