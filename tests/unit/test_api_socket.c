/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The socket the API listens on: whose it is, what may lie in its way, and one that is handed over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listen.h"
#include "test_api_steps.h"

static void test_socket_file(void **state)
{
	struct test_api *test = *state;
	struct ns_error error = NS_ERROR_INIT;
	gid_t group = ns_group_find(NS_GROUP_SOCKET);
	struct stat st;

	assert_int_equal(stat(test->socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, group == NS_GID_NONE ? getgid() : group);
	/* Somebody answers there. */
	assert_int_equal(ns_listen_open(test->socket, &error), -EADDRINUSE);
	test_get_expect(test, "/v1/status", 200, NULL);
	assert_int_equal(ns_listen_open("relative", &error), -EINVAL);
	assert_int_equal(ns_listen_open(test->data.dir, &error), -EEXIST);
	assert_int_equal(ns_listen_open("/proc/none/x", &error), -ENOENT);
}

static void test_stale_socket(void **state)
{
	char dir[] = "/tmp/nanoseg-listen-XXXXXX", path[64], long_path[200];
	struct ns_error error = NS_ERROR_INIT;
	int first, second;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/s", dir);
	first = ns_listen_open(path, &error);
	assert_true(first >= 0);
	assert_int_equal(ns_listen_check(first, NULL), 0);
	(void)close(first);
	/* Nobody listens any more, the file is still there. */
	second = ns_listen_open(path, &error);
	assert_true(second >= 0);
	(void)close(second);
	assert_int_equal(unlink(path), 0);
	/* A file is not ours to remove. */
	first = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(first >= 0);
	assert_int_equal(ns_listen_open(path, &error), -EEXIST);
	assert_int_equal(ns_listen_check(first, &error), -EINVAL);
	(void)close(first);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	memset(long_path, 'x', sizeof long_path);
	long_path[0] = '/';
	long_path[sizeof long_path - 1] = '\0';
	assert_int_equal(ns_listen_open(long_path, &error), -EINVAL);
}

/* As with systemd's socket activation: the file is not the daemon's, and stays. */
static void test_handed_over(void **state)
{
	struct test_api *test = *state;
	struct ns_error error = NS_ERROR_INIT;
	sd_event *event = NULL;
	struct ns_api *api = NULL;
	char path[128];
	int fd;

	(void)snprintf(path, sizeof path, "%s/other.sock", test->data.dir);
	fd = ns_listen_open(path, &error);
	assert_true(fd >= 0);
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(ns_api_new(event, &test->data.engine, "/nowhere/at/all", fd, &api, &error), 0);
	assert_null(ns_api_free(api));
	assert_null(ns_api_free(NULL));
	assert_int_equal(unlink(path), 0);
	api = NULL;
	assert_int_equal(ns_api_new(event, &test->data.engine, "", STDIN_FILENO, &api, &error), -EINVAL);
	assert_int_equal(ns_api_new(event, &test->data.engine, test->socket, -1, &api, &error), -EADDRINUSE);
	assert_null(api);
	sd_event_unref(event);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_socket_file),
		cmocka_unit_test(test_stale_socket),
		TEST(test_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
