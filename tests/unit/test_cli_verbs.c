/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The verbs: what is asked of the daemon, exit codes, and documents that go through unchanged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>

#include <nanoseg/limits.h>

#include "cli_daemon.h"

/* ---- exit codes ---- */

static void nobody_there(void **state)
{
	char line[160];

	(void)state;
	assert_int_equal(run("status --socket /nonexistent/s"), NS_CLI_UNREACHABLE);
	assert_string_equal(got.err.text,
			    "cannot reach nanosegd at /nonexistent/s: no such socket; start it (systemctl "
			    "start nanosegd) or name its socket with --socket");
	assert_string_equal(got.out, "");

	/* A socket on which nobody listens any more. */
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.90s.stale", fake.socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
	(void)snprintf(line, sizeof(line), "endpoints --socket %s.stale", fake.socket);
	assert_int_equal(run(line), NS_CLI_UNREACHABLE);
	assert_non_null(strstr(got.err.text, "start it: systemctl start nanosegd"));
	assert_int_equal(unlink(address.sun_path), 0);
}

static void somebody_else_there(void **state)
{
	static const struct {
		int status;
		const char *body;
	} strange[] = {
		{ -1, "" },                       /* hangs up */
		{ 0, "SSH-2.0-OpenSSH_9.2\r\n" }, /* is no HTTP server */
		{ 200, "<html>" },                /* is one, of another kind */
		{ 200, "" },
		{ 200, "{\"a\":1,\"a\":2}" },
		{ 200, "[1,2" },
		{ 500, "[]" },
		{ 404, "{\"message\":\"page not found\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		answer("GET /v1/endpoints", strange[i].status, strange[i].body);
		assert_int_equal(run("endpoints"), NS_CLI_UNREACHABLE);
		assert_string_not_equal(got.err.text, "");
		assert_string_equal(got.out, "");
		(void)fake_forget(NULL);
	}
	/* Too deep for anybody's stack. */
	char deep[NS_JSON_DEPTH_MAX + 2];
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	answer("GET /v1/endpoints", 200, deep);
	assert_int_equal(run("endpoints"), NS_CLI_UNREACHABLE);
}

static void the_daemon_refuses(void **state)
{
	static const int statuses[] = { 400, 403, 404, 405, 409, 413, 500, 502 };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		answer("POST /v1/mode", statuses[i], "{\"error\":\"W has no approved policy\"}");
		assert_int_equal(run("mode W enforcing"), NS_CLI_REFUSED);
		assert_string_equal(got.err.text, "W has no approved policy");
		(void)fake_forget(NULL);
	}
}

static void usage(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{ "policy approve W --reason R", "policy approve: pass --digest, shown by: nanoseg policy show W" },
		{ "policy reject W --digest " DIGEST,
		  "policy reject: pass --reason TEXT: why, for those who read it later" },
		{ "policy approve W --digest sha256:abc --reason R",
		  "--digest: 'sha256:abc' is not a digest; copy it from 'nanoseg policy show W'" },
		{ "policy reject W --digest 2c26b46b --reason R",
		  "--digest: '2c26b46b' is not a digest; copy it from 'nanoseg policy show W'" },
		{ "mode W enforce",
		  "mode: 'enforce' is not one of learning, auditing, enforcing; did you mean 'enforcing'?" },
		{ "graph --format svg", "--format: 'svg' is not one of table, json, dot" },
		{ "graph --format jsom", "--format: 'jsom' is not one of table, json, dot; did you mean 'json'?" },
		{ "graph --format dot --json", "--json and --format dot exclude each other" },
		{ "help polisy", "help: there is no command 'polisy'; 'nanoseg help' lists the commands" },
	};
	unsigned before = fake.requests;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(cases[i].line), NS_CLI_USAGE);
		assert_string_equal(got.err.text, cases[i].error);
		assert_string_equal(got.out, "");
	}
	assert_int_equal(fake.requests, before);
}

/* ---- what is asked ---- */

static void requests(void **state)
{
	static const struct {
		const char *line, *request, *body;
	} cases[] = {
		{ "status", "GET /v1/status HTTP/1.1", "" },
		{ "endpoints", "GET /v1/endpoints HTTP/1.1", "" },
		{ "graph", "GET /v1/graph HTTP/1.1", "" },
		{ "graph a/b_c&d?", "GET /v1/graph?workload=a%2Fb%20c%26d%3F HTTP/1.1", "" },
		{ "learn start W", "POST /v1/learn HTTP/1.1", "{\"workload\":\"W\",\"action\":\"start\"}" },
		{ "learn stop W", "POST /v1/learn HTTP/1.1", "{\"workload\":\"W\",\"action\":\"stop\"}" },
		{ "policy list", "GET /v1/policies HTTP/1.1", "" },
		{ "policy show W", "GET /v1/policy?workload=W HTTP/1.1", "" },
		{ "policy show W --revision 12", "GET /v1/policy?workload=W&revision=12 HTTP/1.1", "" },
		{ "policy propose W", "POST /v1/policy/propose HTTP/1.1", "{\"workload\":\"W\"}" },
		{ "policy diff W", "GET /v1/policy/diff?workload=W HTTP/1.1", "" },
		{ "policy diff W --from 1 --to 3", "GET /v1/policy/diff?workload=W&from=1&to=3 HTTP/1.1", "" },
		{ "policy diff W --to 3", "GET /v1/policy/diff?workload=W&to=3 HTTP/1.1", "" },
		{ "policy history W", "GET /v1/policy/history?workload=W HTTP/1.1", "" },
		{ "policy approve W --digest " DIGEST " --reason looks_\"fine\"", "POST /v1/policy/approve HTTP/1.1",
		  "{\"workload\":\"W\",\"digest\":\"" DIGEST "\",\"reason\":\"looks \\\"fine\\\"\"}" },
		{ "policy reject W --digest " DIGEST " --reason no", "POST /v1/policy/reject HTTP/1.1",
		  "{\"workload\":\"W\",\"digest\":\"" DIGEST "\",\"reason\":\"no\"}" },
		{ "mode W auditing", "POST /v1/mode HTTP/1.1", "{\"workload\":\"W\",\"mode\":\"auditing\"}" },
		{ "mode W enforcing --reason go", "POST /v1/mode HTTP/1.1",
		  "{\"workload\":\"W\",\"mode\":\"enforcing\",\"reason\":\"go\"}" },
		{ "denies", "GET /v1/denies HTTP/1.1", "" },
		{ "denies W", "GET /v1/denies?workload=W HTTP/1.1", "" },
		{ "verify", "GET /v1/verify HTTP/1.1", "" },
		{ "verify a/b", "GET /v1/verify?workload=a%2Fb HTTP/1.1", "" },
		{ "evidence export", "GET /v1/evidence HTTP/1.1", "" },
		{ "evidence export W", "GET /v1/evidence?workload=W HTTP/1.1", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(cases[i].line), NS_CLI_REFUSED); /* the script is empty: 404 */
		assert_string_equal(got.err.text, "the test said nothing of this path");
		assert_string_equal(fake.request_line, cases[i].request);
		assert_string_equal(fake.request_body, cases[i].body);
	}
}

/* ---- documents ---- */

static void documents_go_through_unchanged(void **state)
{
	static const char odd[] = " { \"z\":1.50, \"a\" : [\"\\u00e9\", \"\xc2\x9b\"],\t\"n\":null}\n";
	static const struct {
		const char *path, *line;
	} cases[] = {
		{ "GET /v1/endpoints", "endpoints --json" },
		{ "GET /v1/graph", "graph --json" },
		{ "GET /v1/graph", "graph --format json" },
		{ "GET /v1/policies", "policy list --json" },
		{ "GET /v1/denies", "denies --json" },
		{ "GET /v1/status", "status --json" },
		{ "GET /v1/evidence", "evidence export" },
		{ "GET /v1/evidence", "evidence export --json" },
		{ "POST /v1/learn", "learn start W --json" },
		{ "POST /v1/learn", "learn stop W --json" },
		{ "POST /v1/mode", "mode W learning --json" },
		{ "POST /v1/policy/propose", "policy propose W --json" },
		{ "POST /v1/policy/approve", "policy approve W --digest " DIGEST " --reason R --json" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answer(cases[i].path, 200, odd);
		assert_int_equal(run(cases[i].line), NS_CLI_OK);
		assert_string_equal(got.out, odd);
		/* On a terminal the same document, indented, with nothing in it that a terminal obeys. */
		assert_int_equal(run_as(true, 80, cases[i].line), NS_CLI_OK);
		assert_string_equal(got.out, "{\n  \"z\": 1.5,\n  \"a\": [\n    \"é\",\n    \"\\u009b\"\n  ],\n"
					     "  \"n\": null\n}\n");
		(void)fake_forget(NULL);
	}
}

static void alone(void **state)
{
	(void)state;
	assert_int_equal(run("version"), NS_CLI_OK);
	assert_string_equal(got.out, "nanoseg " NANOSEG_VERSION "\n");
	assert_int_equal(run("version --json"), NS_CLI_OK);
	assert_string_equal(got.out, "{\"version\":\"" NANOSEG_VERSION "\"}\n");
	assert_int_equal(run("help policy reject"), NS_CLI_OK);
	assert_string_equal(got.out,
			    "COMMAND                                               WHAT IT DOES\n"
			    "policy reject WORKLOAD --digest DIGEST --reason TEXT  turn the proposed revision down\n");
	assert_int_equal(run("help --json"), NS_CLI_OK);
	json_t *verbs = json_loads(got.out, 0, NULL);
	size_t n;
	(void)ns_cli_verbs(&n);
	assert_int_equal(json_array_size(verbs), n);
	json_decref(verbs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nobody_there, fake_forget),
		cmocka_unit_test_teardown(somebody_else_there, fake_forget),
		cmocka_unit_test_teardown(the_daemon_refuses, fake_forget),
		cmocka_unit_test_teardown(usage, fake_forget),
		cmocka_unit_test_teardown(requests, fake_forget),
		cmocka_unit_test_teardown(documents_go_through_unchanged, fake_forget),
		cmocka_unit_test_teardown(alone, fake_forget),
	};

	return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
