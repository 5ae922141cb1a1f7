/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The FD store against a service manager that is honest, slow, silent, full, or no systemd at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <systemd/sd-daemon.h>

#include <nanoseg/limits.h>

#include "fdstore.h"
#include "test_fdstore_manager.h"

static struct ns_fdstore *opened(int unknown)
{
	struct ns_fdstore *store = NULL;
	struct ns_error err = NS_ERROR_INIT;

	assert_int_equal(ns_fdstore_open(&store, &err), unknown);
	return store;
}

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

/* A manager that is slow gets no more than a burst, and nobody waits for it. */
static void test_slow_manager(void **state)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	const unsigned all = NS_FDSTORE_BURST + 16;
	struct ns_fdstore *store;
	const char *why;
	unsigned n = 0;

	assert_true(all < SLOTS);
	manager_start(SLOTS, false);
	store = opened(0);
	assert_false(ns_fdstore_busy(store));
	settle();
	manager.hold = true;
	for (unsigned i = 1; i <= all; i++) {
		int fd = netlink();

		assert_int_equal(ns_fdstore_keep(store, i, fd, NULL), 0);
		(void)close(fd); /* what waits is a duplicate */
	}
	while (n < NS_FDSTORE_BURST + 1) { /* and the trial */
		(void)nanosleep(&pause, NULL);
		pthread_mutex_lock(&manager.mutex);
		n = manager.n;
		pthread_mutex_unlock(&manager.mutex);
	}
	assert_true(ns_fdstore_busy(store));
	assert_true(ns_fdstore_check(store));
	assert_false(ns_fdstore_available(store, &why));
	assert_non_null(strstr(why, "still"));
	assert_int_equal(ns_fdstore_kept(store), all);
	ns_fdstore_drop(store, all); /* was never sent */
	ns_fdstore_drop(store, 1);
	while (manager.held < 0)
		(void)nanosleep(&pause, NULL);
	pthread_mutex_lock(&manager.mutex);
	manager.hold = false;
	(void)close(manager.held);
	manager.held = -1;
	pthread_mutex_unlock(&manager.mutex);
	while (ns_fdstore_busy(store)) {
		(void)ns_fdstore_check(store);
		(void)nanosleep(&pause, NULL);
	}
	assert_true(ns_fdstore_available(store, &why));
	assert_int_equal(count("ns-1"), 0);
	assert_int_equal(count("ns-2"), 1);
	assert_int_equal(count("ns-79"), 1);
	assert_int_equal(count("ns-80"), 0);
	assert_int_equal(count("ns-trial"), 0);
	assert_int_equal(manager.n, all - 2);
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
		cmocka_unit_test_teardown(test_slow_manager, manager_stop),
		cmocka_unit_test_teardown(test_silent_manager, manager_stop),
	};

	/* Whatever this program was given below FIRST_FREE is none of its business. */
	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + SLOTS; fd++)
		(void)close(fd);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("LISTEN_FDS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
