/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "conmon.h"

#define ID    "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define OTHER "0000000000000000000000000000000000000000000000000000000000000bbb"

static struct ns_conmon_words words;
static char bundle[PATH_MAX], netns[PATH_MAX];

/* The text is put right before a page that must not be touched: a byte too far ends the test. */
static bool parse(const char *text, size_t length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (length / page + 1) * page;
	char *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool found;

	assert_true(map != MAP_FAILED);
	assert_int_equal(mprotect(map + room, page, PROT_NONE), 0);
	memcpy(map + room - length, text, length);
	(void)snprintf(words.name, sizeof words.name, "untouched");
	(void)snprintf(bundle, sizeof bundle, "untouched");
	found = ns_conmon_parse_arguments(map + room - length, length, ID, &words, bundle);
	assert_int_equal(munmap(map, room + page), 0);
	if (!found) {
		assert_string_equal(words.name, "untouched");
		assert_string_equal(bundle, "untouched");
	}
	return found;
}

#define PARSE(text) parse(text, sizeof(text)) /* with the last NUL */

static void test_as_podman_writes(void **state)
{
	static const char whole[] = "/usr/bin/conmon\0--api-version\0001\0-c\0" ID "\0-u\0" ID
				    "\0-r\0/usr/sbin/runc\0-b\0/run/c/userdata\0-p\0/run/p\0-n\0web-1\0--exit-dir\0"
				    "/run/exits\0--full-attach\0-s\0-l\0k8s-file:/run/ctr.log\0--log-level\0warning\0"
				    "--syslog\0-t\0--exit-command\0/usr/bin/podman\0--exit-command-arg\0-n\0"
				    "--exit-command-arg\0other";

	assert_true(PARSE(whole));
	assert_string_equal(words.name, "web-1");
	assert_string_equal(bundle, "/run/c/userdata");
	assert_true(PARSE("conmon\0--cid\0" ID "\0--name\0web\0--bundle\0/b"));
	assert_string_equal(bundle, "/b");
	assert_true(PARSE("conmon\0-c\0" ID "\0-n\0web"));
	assert_string_equal(bundle, "");
	assert_true(PARSE("conmon\0-c\0" ID "\0-n\0web\0-b\0relative"));
	assert_string_equal(bundle, "");
}

static void test_the_first_counts(void **state)
{
	assert_true(PARSE("conmon\0-c\0" ID "\0-n\0web\0--log-tag\0x\0-n\0other\0-c\0" OTHER));
	assert_string_equal(words.name, "web");
	assert_false(PARSE("conmon\0-c\0" OTHER "\0-n\0web\0-c\0" ID));
	/* A value is none of the options, whatever it says, and neither is the program's name. */
	assert_true(PARSE("conmon\0-c\0" ID "\0--log-tag\0name\0-n\0web"));
	assert_string_equal(words.name, "web");
	assert_false(PARSE("-c\0" ID "\0-n\0web"));
	assert_false(PARSE("conmon\0-c\0" ID "\0--exit-command\0x\0-n\0web"));
}

static void test_what_is_none(void **state)
{
	static const char *const bad[] = { "", "-web", "_web", "a b", "a/b", "a\n", "\xc3\xa9", "a:b" };
	char text[2 * NS_NAME_MAX + 128];
	int n;

	assert_false(parse("", 0));
	assert_false(parse("conmon", 6));
	assert_false(PARSE("conmon"));
	assert_false(PARSE("conmon\0-c"));
	assert_false(PARSE("conmon\0-c\0" ID));
	assert_false(PARSE("conmon\0-c\0" ID "\0-n"));
	assert_false(PARSE("conmon\0-n\0web"));
	assert_false(PARSE("conmon\0-c\0" ID "0\0-n\0web"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		n = snprintf(text, sizeof text, "conmon%c-c%c" ID "%c-n%c%s", 0, 0, 0, 0, bad[i]);
		assert_false(parse(text, (size_t)n + 1));
	}
	/* The longest name, one more, and one that was cut off. */
	n = snprintf(text, sizeof text, "conmon%c-c%c" ID "%c-n%c%0*d", 0, 0, 0, 0, NS_NAME_MAX - 1, 7);
	assert_true(parse(text, (size_t)n + 1));
	assert_int_equal(strlen(words.name), NS_NAME_MAX - 1);
	assert_false(parse(text, (size_t)n));
	n = snprintf(text, sizeof text, "conmon%c-c%c" ID "%c-n%c%0*d", 0, 0, 0, 0, NS_NAME_MAX, 7);
	assert_false(parse(text, (size_t)n + 1));
}

static int config(const char *text, char ret_workload[static NS_WORKLOAD_MAX])
{
	struct ns_error err = NS_ERROR_INIT;

	return ns_conmon_parse_config(text, strlen(text), ret_workload, netns, &err);
}

static void test_config(void **state)
{
	char workload[NS_WORKLOAD_MAX] = "untouched";

	assert_int_equal(config("{\"annotations\":{\"a\":\"b\",\"nanoseg.workload\":\"team/web\"}}", workload), 0);
	assert_string_equal(workload, "team/web");
	assert_int_equal(config("{\"annotations\":{\"nanoseg.workload\":\"/no name\"}}", workload), 0);
	assert_string_equal(workload, "");
	assert_int_equal(config("{\"annotations\":{\"nanoseg.workload\":7}}", workload), 0);
	assert_string_equal(workload, "");
	assert_int_equal(config("{\"annotations\":[]}", workload), 0);
	assert_int_equal(config("[]", workload), 0);
	assert_string_equal(netns, "");
	assert_int_equal(config("{\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/"
				"p\"},{\"type\":\"network\",\"path\":\"/n\"}]}}",
				workload),
			 0);
	assert_string_equal(netns, "/n");
	assert_int_equal(config("{\"linux\":{\"namespaces\":[7,{\"type\":\"network\",\"path\":\"n\"}]}}", workload), 0);
	assert_string_equal(netns, "");
	(void)snprintf(workload, sizeof workload, "untouched");
	assert_true(config("{\"annotations\":", workload) < 0);
	assert_true(config("", workload) < 0);
	assert_string_equal(workload, "untouched");
}

/* This test's own ancestors are no conmon of such a container. */
static void test_nobody(void **state)
{
	struct ns_cgroup_identity container = { .runtime = "podman", .id = ID };
	ino_t inode = 0;

	(void)snprintf(words.name, sizeof words.name, "untouched");
	assert_false(ns_conmon_find(getpid(), &container, NULL, 1, 1, &words));
	assert_false(ns_conmon_find(1, &container, NULL, 1, 1, &words));
	assert_false(ns_conmon_is(getpid(), NULL, 1, &words, &inode));
	assert_string_equal(words.name, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_podman_writes), cmocka_unit_test(test_the_first_counts),
		cmocka_unit_test(test_what_is_none),     cmocka_unit_test(test_config),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
