/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Errors, times, words, interned strings, the graph in memory, namespaces.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <nanoseg/edge.h>

#include "clock.h"
#include "digest.h"
#include "intern.h"
#include "netns.h"

static void test_errors(void **state)
{
	struct ns_error err = NS_ERROR_INIT;
	char big[2000];

	assert_int_equal(ns_error_set(&err, -EINVAL, "line one\nline two\x1b[31m"), -EINVAL);
	assert_string_equal(err.text, "line one?line two?[31m");
	ns_error_context(&err, "%s", "file.conf");
	assert_string_equal(err.text, "file.conf: line one?line two?[31m");
	assert_int_equal(err.code, -EINVAL);
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	(void)ns_error_set(&err, -EINVAL, "%s", big);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	ns_error_context(&err, "%s", big);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	assert_int_equal(ns_error_set(NULL, -EIO, "nobody listens"), -EIO);
}

static void test_times(void **state)
{
	static const char *const bad[] = { "",
					   "2026-11-23",
					   "2026-11-23T18:56:29",
					   "2026-02-30T00:00:00Z",
					   "2026-11-23T25:00:00Z",
					   "2026-11-23T18:56:29.Z",
					   "2026-11-23T18:56:29.1234567Z",
					   "2026-11-23 18:56:29Z",
					   "2026-11-23T18:56:29+01:00" };
	char buf[NS_TIME_TEXT_MAX];
	int64_t us = 0;

	assert_string_equal(ns_time_format(INT64_C(1795460189123456), buf), "2026-11-23T18:56:29.123456Z");
	assert_int_equal(ns_time_parse("2026-11-23T18:56:29.123456Z", &us), 0);
	assert_true(us == INT64_C(1795460189123456));
	assert_int_equal(ns_time_parse("2026-11-23T18:56:29Z", &us), 0);
	assert_int_equal(ns_time_parse("2026-11-23T18:56:29.5Z", &us), 0);
	assert_true(us % 1000000 == 500000);
	assert_string_equal(ns_time_format(-1, buf), "1969-12-31T23:59:59.999999Z");
	(void)ns_time_format(INT64_MAX, buf);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (ns_time_parse(bad[i], &us) == 0)
			fail_msg("'%s' was taken", bad[i]);
}

/* Of all that looks like a day in these years exactly the days are taken, each as itself. */
static void test_days(void **state)
{
	static const int years[][2] = { { 0, 5 }, { 1896, 2104 }, { 2396, 2404 }, { 9996, 9999 } };
	char text[NS_TIME_TEXT_MAX], back[NS_TIME_TEXT_MAX];
	int64_t us, before;

	for (size_t i = 0; i < sizeof years / sizeof years[0]; i++) {
		before = INT64_MIN;
		for (int n = years[i][0] * 12 * 32; n < (years[i][1] + 1) * 12 * 32; n++) {
			(void)snprintf(text, sizeof text, "%04u-%02u-%02uT23:59:58.000001Z", (unsigned)n / 384,
				       (unsigned)n / 32 % 12 + 1, (unsigned)n % 32);
			if (ns_time_parse(text, &us) < 0)
				continue;
			assert_string_equal(ns_time_format(us, back), text);
			assert_true(before == INT64_MIN || us == before + INT64_C(86400000000));
			before = us;
		}
	}
	assert_int_equal(ns_time_parse("0000-01-01T00:00:00Z", &us), 0);
	assert_string_equal(ns_time_format(us, back), "0000-01-01T00:00:00.000000Z");
	assert_string_equal(ns_time_format(us - 1, back), "1970-01-01T00:00:00.000000Z");
	assert_true(ns_time_parse("2026-13-01T00:00:00Z", &us) < 0);
	assert_true(ns_time_parse("2026-00-01T00:00:00Z", &us) < 0);
}

static void test_words(void **state)
{
	uint8_t protocol = 0;
	char buf[4];

	assert_int_equal(ns_direction_parse("egress"), NS_EGRESS);
	assert_int_equal(ns_direction_parse("sideways"), NS_DIRECTION_INVALID);
	assert_string_equal(ns_peer_class_format(NS_PEER_INTERNET), "internet");
	assert_int_equal(ns_peer_class_parse(""), NS_PEER_INVALID);
	for (int i = 0; i < 256; i++) {
		assert_int_equal(ns_protocol_parse(ns_protocol_format((uint8_t)i, buf), &protocol), 0);
		assert_int_equal(protocol, i);
	}
	assert_true(ns_protocol_parse("256", &protocol) < 0);
	assert_true(ns_protocol_parse("007", &protocol) < 0);
	assert_true(ns_protocol_parse("-1", &protocol) < 0);
	assert_true(ns_protocol_parse("TCP", &protocol) < 0);
}

static void test_interned_and_graph(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_edge edge = { .workload = "a", .tuple = { .direction = NS_EGRESS }, .peer_class = NS_PEER_HOST };

	for (int i = 0; i < 5000; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "/bin/p%d", i % 100);
		edge.process = name;
		assert_int_equal(ns_graph_add_edge(&graph, &edge, NULL), 0);
	}
	assert_int_equal(graph.n_edges, 5000);
	assert_ptr_equal(graph.edges[0].process, graph.edges[4900].process);
	assert_string_equal(graph.edges[4999].process, "/bin/p99");
	assert_string_equal(graph.edges[0].peer_name, "");
	ns_graph_release(&graph);
	assert_null(graph.edges);
}

static void test_digest(void **state)
{
	char digest[NS_DIGEST_SIZE];
	json_t *a = json_pack("{s:i s:[i,i]}", "b", 1, "a", 2, 3), *b = json_pack("{s:[i,i] s:i}", "a", 2, 3, "b", 1);
	json_t *real = json_pack("{s:[f]}", "x", 1.5);
	char other[NS_DIGEST_SIZE];

	/* FIPS 180-4's own example. */
	assert_int_equal(ns_digest_bytes("abc", 3, digest, NULL), 0);
	assert_string_equal(digest, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(ns_digest_json(a, digest, NULL), 0);
	assert_int_equal(ns_digest_json(b, other, NULL), 0);
	assert_string_equal(digest, other);
	assert_int_equal(ns_digest_json(real, digest, NULL), -EINVAL);
	json_decref(a);
	json_decref(b);
	json_decref(real);
}

static void test_namespaces(void **state)
{
	struct ns_error err = NS_ERROR_INIT;
	uint64_t own = 0, again = 0, inside = 0;
	int own_fd, new_fd;

	assert_int_equal(ns_netns_own_cookie(&own, NULL), 0);
	assert_int_equal(ns_netns_open_path("/proc/self/status", &err), -EINVAL);
	assert_int_equal(ns_netns_open_path("/nowhere", &err), -ENOENT);
	own_fd = ns_netns_open_pid(getpid(), NULL);
	assert_true(own_fd >= 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	new_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(setns(own_fd, CLONE_NEWNET), 0);
	assert_int_equal(ns_netns_cookie(new_fd, &inside, NULL), 0);
	assert_true(inside != own);
	assert_int_equal(ns_netns_own_cookie(&again, NULL), 0); /* back where it was */
	assert_true(again == own);
	(void)close(own_fd);
	(void)close(new_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_interned_and_graph),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_namespaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
