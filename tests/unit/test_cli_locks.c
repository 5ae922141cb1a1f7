/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the command says of locks: verify, what a change cut, and the status of gate, outer locks, findings and drift.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli_daemon.h"
#include "document.h"

#define INNER                                                                                                          \
	"{\"workload\":\"shop/web\",\"cookie\":7,\"container\":\"web-1\",\"lock\":\"inner\",\"equal\":true,"           \
	"\"difference\":\"\",\"protection\":\"owned\"}"
#define GATE                                                                                                           \
	"{\"workload\":\"\",\"cookie\":null,\"container\":\"\",\"lock\":\"gate\",\"equal\":true,\"difference\":\"\","  \
	"\"protection\":\"owned\"}"

static void verify_equal(void **state)
{
	(void)state;
	answer("GET /v1/verify", 200, "{\"locks\":[" INNER "," GATE "]}");
	assert_int_equal(run("verify"), NS_CLI_OK);
	assert_string_equal(got.out, "WORKLOAD  CONTAINER  LOCK   STATE       PROTECTION\n"
				     "shop/web  web-1      inner  as planned  owned\n"
				     "-         -          gate   as planned  owned\n");
	answer("GET /v1/verify", 200, "{\"locks\":[]}");
	assert_int_equal(run("verify"), NS_CLI_OK);
	assert_string_equal(got.out, "no locks: no such container is running\n");
}

static void verify_differs(void **state)
{
	(void)state;
	answer("GET /v1/verify?workload=shop%2Fweb", 200,
	       "{\"locks\":[" INNER
	       ",{\"workload\":\"shop/web\",\"cookie\":7,\"container\":\"web-1\",\"lock\":\"outer\","
	       "\"equal\":false,\"difference\":\"-chain a\\n+chain \\u001b[2J\\n\",\"protection\":\"plain\"}]}");
	assert_int_equal(run("verify shop/web"), NS_CLI_REFUSED);
	assert_string_equal(got.err.text, "");
	assert_string_equal(got.out, "WORKLOAD  CONTAINER  LOCK   STATE       PROTECTION\n"
				     "shop/web  web-1      inner  as planned  owned\n"
				     "shop/web  web-1      outer  DIFFERS     plain\n"
				     "\n"
				     "DIFFERS  outer lock of shop/web\n"
				     "  -chain a\n"
				     "  +chain \\x1b[2J\n");
	assert_int_equal(run("verify shop/web --json"), NS_CLI_REFUSED);
	assert_int_equal(got.out[0], '{');
	(void)fake_forget(NULL);
	answer("GET /v1/verify?workload=x", 404, "{\"error\":\"no workload 'x' is known\"}");
	assert_int_equal(run("verify x"), NS_CLI_REFUSED);
	assert_string_equal(got.err.text, "no workload 'x' is known");
}

/* What is not said to be equal is not. */
static void verify_is_not_told(void **state)
{
	static const char *const strange[] = {
		"{}",
		"[]",
		"{\"locks\":{}}",
		"{\"locks\":[{}]}",
		"{\"locks\":[7]}",
		"{\"locks\":[{\"equal\":1}]}",
		("{\"locks\":[" INNER ",{\"equal\":\"true\"}]}"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
		(void)fake_forget(NULL);
		answer("GET /v1/verify", 200, strange[i]);
		assert_int_equal(run("verify"), NS_CLI_REFUSED);
		assert_int_equal(run("verify --json"), NS_CLI_REFUSED);
	}
}

static void cuts(void **state)
{
	(void)state;
	answer("POST /v1/mode", 200,
	       "{\"workload\":\"W\",\"mode\":\"enforcing\",\"previous_mode\":\"auditing\",\"revision\":3,"
	       "\"cut\":{\"connections\":1,\"sockets\":2,\"kept\":100}}");
	assert_int_equal(run("mode W enforcing"), NS_CLI_OK);
	assert_string_equal(got.out, "W: enforcing revision 3, was auditing\n"
				     "1 connection cut, 2 sockets closed\n");
	(void)fake_forget(NULL);
	answer("POST /v1/mode", 200,
	       "{\"workload\":\"W\",\"mode\":\"enforcing\",\"previous_mode\":\"auditing\",\"revision\":3,"
	       "\"cut\":{\"connections\":0,\"sockets\":0,\"kept\":100}}");
	assert_int_equal(run("mode W enforcing"), NS_CLI_OK);
	assert_non_null(strstr(got.out, "0 connections cut, 0 sockets closed\n"));
	/* Where nothing is refused nothing is to be said, and an older daemon does not tell. */
	(void)fake_forget(NULL);
	answer("POST /v1/mode", 200,
	       "{\"workload\":\"W\",\"mode\":\"learning\",\"previous_mode\":\"auditing\","
	       "\"cut\":{\"connections\":0,\"sockets\":0,\"kept\":0}}");
	assert_int_equal(run("mode W learning"), NS_CLI_OK);
	assert_null(strstr(got.out, "cut"));
	(void)fake_forget(NULL);
	answer("POST /v1/mode", 200,
	       "{\"workload\":\"W\",\"mode\":\"enforcing\",\"previous_mode\":\"auditing\",\"cut\":null}");
	assert_int_equal(run("mode W enforcing"), NS_CLI_OK);
	assert_null(strstr(got.out, "cut"));

	answer("POST /v1/policy/approve", 200,
	       "{\"workload\":\"W\",\"revision\":4,\"digest\":\"sha256:0\",\"decision\":\"approve\",\"mode\":"
	       "\"enforcing\","
	       "\"cut\":{\"connections\":2,\"sockets\":1,\"kept\":0}}");
	assert_int_equal(run("policy approve W --digest " DIGEST " --reason x"), NS_CLI_OK);
	assert_non_null(strstr(got.out, "2 connections cut, 1 socket closed\n"));
}

static const char well[] =
	"{\"version\":\"0.1.0\",\"uptime\":5,\"endpoints\":3,\"modes\":{\"enforcing\":1},\"kernel\":\"6.18.0\","
	"\"outer\":{\"enforcing\":2,\"none\":1},\"ownership\":\"kept by systemd\","
	"\"gate\":{\"state\":\"standing\",\"closed\":[{\"port\":\"veth1\",\"why\":\"its rules are not in\"}],"
	"\"unmanaged\":[\"veth\\u001b9\"]},"
	"\"findings\":[{\"workload\":\"a\",\"finding\":\"NET_RAW\",\"means\":\"sends below\"},"
	"{\"workload\":\"b\",\"finding\":\"odd\",\"means\":null},"
	"{\"workload\":\"c\",\"finding\":\"NET_RAW\",\"means\":\"sends below\"}],"
	"\"drift\":[{\"workload\":\"a\",\"cookie\":7,\"container\":\"a-1\",\"count\":3,\"last\":\"2026-11-23T11:55:"
	"00Z\","
	"\"pid\":4711,\"command\":\"nft flush \\u001bruleset\",\"what\":\"table inet nanoseg\"},"
	"{\"workload\":\"b\",\"count\":1,\"last\":null,\"pid\":0,\"command\":null}]}";

static void status(void **state)
{
	(void)state;
	answer("GET /v1/status", 200, well);
	assert_int_equal(run("status"), NS_CLI_OK);
	assert_string_equal(got.out, "nanosegd     0.1.0, up for 5s\n"
				     "kernel       6.18.0\n"
				     "endpoints    3\n"
				     "workloads    1 enforcing\n"
				     "outer locks  2 enforcing, 1 none\n"
				     "gate         standing\n"
				     "ownership    kept by systemd\n"
				     "\n"
				     "LINK       GATE    WHY\n"
				     "veth1      closed  its rules are not in\n"
				     "veth\\x1b9  open    leads to no container that is known\n"
				     "\n"
				     "FINDING  OF            MEANS\n"
				     "NET_RAW  a and 1 more  sends below\n"
				     "odd      b             -\n"
				     "\n"
				     "CHANGED BY OTHERS  a\n"
				     "  container  a-1\n"
				     "  how often  3 times, the last 5min ago\n"
				     "  by         nft flush \\x1bruleset (pid 4711)\n"
				     "  what       table inet nanoseg\n"
				     "\n"
				     "CHANGED BY OTHERS  b\n"
				     "  how often  1 time\n");
	(void)fake_forget(NULL);
	/* A gate that does not hold is nothing that is well. */
	answer("GET /v1/status", 200, "{\"gate\":{\"state\":\"failed: no such device\"}}");
	assert_int_equal(run("status"), NS_CLI_REFUSED);
	(void)fake_forget(NULL);
	answer("GET /v1/status", 200,
	       "{\"gate\":7,\"outer\":[],\"ownership\":null,\"findings\":{},\"drift\":[7,null],\"modes\":3}");
	assert_int_equal(run("status"), NS_CLI_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(verify_equal, fake_forget),
		cmocka_unit_test_teardown(verify_differs, fake_forget),
		cmocka_unit_test_teardown(verify_is_not_told, fake_forget),
		cmocka_unit_test_teardown(cuts, fake_forget),
		cmocka_unit_test_teardown(status, fake_forget),
	};

	return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
