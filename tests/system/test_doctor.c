/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The doctor on a real kernel: it finds what it needs, says what it does not find, and leaves its caller where it was.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enforce_lab.h"

#include "doctor.h"
#include "netns.h"

static unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3; /* ".", "..", and the directory itself */
}

static void test_report(void **state)
{
	static const char *const members[] = { "feature", "needed_for", "fallback", "detail" };
	struct ns_error err = NS_ERROR_INIT;
	uint64_t before, after;
	json_t *report = NULL, *row;
	unsigned fds = open_fds(), fib = 0;
	size_t i;

	assert_int_equal(ns_netns_own_cookie(&before, NULL), 0);
	if (ns_doctor_run(&report, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(ns_netns_own_cookie(&after, NULL), 0);
	assert_int_equal(before, after);
	assert_int_equal(open_fds(), fds);
	assert_true(json_array_size(report) >= 20);
	json_array_foreach (report, i, row) {
		bool available = json_is_true(json_object_get(row, "available"));
		const char *detail = json_string_value(json_object_get(row, "detail"));

		for (size_t j = 0; j < sizeof(members) / sizeof(members[0]); j++)
			assert_true(json_is_string(json_object_get(row, members[j])));
		assert_true(json_is_boolean(json_object_get(row, "required")));
		if (!available && json_is_true(json_object_get(row, "required")))
			fail_msg("%s: %s", json_string_value(json_object_get(row, "feature")), detail);
		assert_true(available == (detail[0] == '\0'));
		if (strcmp(json_string_value(json_object_get(row, "feature")), "fib expression") == 0)
			fib += available && json_is_true(json_object_get(row, "required"));
	}
	assert_int_equal(fib, 1);
	json_decref(report);
}

/* Nothing of the trial is in the caller's namespace. */
static void test_leaves_nothing(void **state)
{
	json_t *report = NULL;
	char *before, *after;

	lab_enter();
	assert_int_equal(lab_run("nft 'table inet scratch { counter c { }; }'", NULL), 0);
	assert_int_equal(lab_run("nft list ruleset; ip -o link; ip -o addr", &before), 0);
	assert_int_equal(ns_doctor_run(&report, NULL), 0);
	assert_int_equal(lab_run("nft list ruleset; ip -o link; ip -o addr", &after), 0);
	assert_string_equal(before, after);
	free(before);
	free(after);
	json_decref(report);
}

static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int without_permission(void)
{
	struct ns_error err = NS_ERROR_INIT;
	json_t *report = NULL;

	if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	if (ns_doctor_run(&report, &err) != -EPERM || report)
		return 2;
	return strstr(err.text, "CAP_NET_ADMIN") ? 0 : 3;
}

static void test_without_permission(void **state)
{
	assert_int_equal(in_child(without_permission), 0);
}

/* Leaves room for n more descriptors, wherever there are gaps. */
static bool limit_descriptors(unsigned n)
{
	int fds[8], last = -1;
	struct rlimit limit;

	for (unsigned i = 0; i < n; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		last = fds[i] > last ? fds[i] : last;
	}
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	limit.rlim_cur = limit.rlim_max = (rlim_t)last + 1;
	return last >= 0 && setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* What cannot be tried is not called available: with few descriptors left, sockets cannot be opened. */
static int with_few_descriptors(void)
{
	json_t *report = NULL, *row;
	unsigned missing = 0;
	size_t i;

	/* Four are needed to make the namespace, two stay: the second socket of a trial finds no room. */
	if (!limit_descriptors(4))
		return 1;
	if (ns_doctor_run(&report, NULL) < 0)
		return 2;
	json_array_foreach (report, i, row) {
		if (json_is_true(json_object_get(row, "available")))
			continue;
		missing++;
		if (!json_string_value(json_object_get(row, "detail"))[0])
			return 3;
	}
	return missing > 0 ? 0 : 4;
}

static void test_says_no(void **state)
{
	assert_int_equal(in_child(with_few_descriptors), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_leaves_nothing),
		cmocka_unit_test(test_without_permission),
		cmocka_unit_test(test_says_no),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
