/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"

/* Splits at blanks: "policy show W". */
static int parse(const char *line, struct ns_cli_request *ret, struct ns_error *err)
{
	static char text[512];
	char *argv[32], *rest = text;
	size_t argc = 0;

	(void)snprintf(text, sizeof(text), "%s", line);
	for (char *word; (word = strtok_r(rest, " ", &rest));)
		argv[argc++] = strcmp(word, "EMPTY") == 0 ? word + 5 : word;
	return ns_cli_parse(argc, argv, "/env.sock", ret, err);
}

static void every_verb(void **state)
{
	static const struct {
		const char *line, *verb;
		size_t n_args;
	} good[] = {
		{ "status", "status", 0 },
		{ "endpoints", "endpoints", 0 },
		{ "endpoints --explain", "endpoints", 0 },
		{ "graph", "graph", 0 },
		{ "graph W --format dot", "graph", 1 },
		{ "learn start W", "learn start", 1 },
		{ "learn stop W", "learn stop", 1 },
		{ "policy list", "policy list", 0 },
		{ "policy show W", "policy show", 1 },
		{ "policy propose W", "policy propose", 1 },
		{ "policy diff W --from 1 --to=2", "policy diff", 1 },
		{ "policy edit W --file -", "policy edit", 1 },
		{ "policy approve W --digest D --reason R", "policy approve", 1 },
		{ "policy reject W --digest D --reason R", "policy reject", 1 },
		{ "policy history W", "policy history", 1 },
		{ "mode W enforcing", "mode", 2 },
		{ "denies --follow", "denies", 0 },
		{ "denies W", "denies", 1 },
		{ "verify", "verify", 0 },
		{ "verify W", "verify", 1 },
		{ "evidence export", "evidence export", 0 },
		{ "evidence export W --output F", "evidence export", 1 },
		{ "doctor", "doctor", 0 },
		{ "version", "version", 0 },
		{ "--version", "version", 0 },
		{ "help", "help", 0 },
		{ "-h", "help", 0 },
		{ "policy show W --help", "help", 2 },
		{ "policy --help", "help", 1 },
		{ "policy show -- --strange", "policy show", 1 },
	};
	size_t n_verbs, seen = 0;
	const struct ns_cli_verb *verbs = ns_cli_verbs(&n_verbs);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ns_cli_request request;
		struct ns_error err = NS_ERROR_INIT;

		if (parse(good[i].line, &request, &err) < 0)
			fail_msg("%s: %s", good[i].line, err.text);
		assert_string_equal(request.verb->name, good[i].verb);
		assert_int_equal(request.n_args, good[i].n_args);
	}
	for (size_t v = 0; v < n_verbs; v++) {
		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
			if (strcmp(good[i].verb, verbs[v].name) == 0) {
				seen++;
				break;
			}
		}
	}
	assert_int_equal(seen, n_verbs);
}

static void options_stand_anywhere(void **state)
{
	static const char *const lines[] = {
		"--json --socket /s policy diff W --from 3 --to 7",
		"policy --json diff --from=3 W --to=7 --socket=/s",
		"policy diff W --to 7 --from 3 --socket /s --json --json",
	};
	struct ns_cli_request request;
	struct ns_error err = NS_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(parse(lines[i], &request, &err), 0);
		assert_true(request.json);
		assert_string_equal(request.socket, "/s");
		assert_string_equal(request.args[0], "W");
		assert_int_equal(request.from, 3);
		assert_int_equal(request.to, 7);
		assert_int_equal(request.revision, 0);
	}
	assert_int_equal(parse("status", &request, &err), 0);
	assert_string_equal(request.socket, "/env.sock");
	assert_false(request.json);

	char *argv[] = { (char[]){ "status" } };
	assert_int_equal(ns_cli_parse(1, argv, NULL, &request, &err), 0);
	assert_string_equal(request.socket, NS_CLI_SOCKET_DEFAULT);
	assert_int_equal(ns_cli_parse(1, argv, "", &request, &err), 0);
	assert_string_equal(request.socket, NS_CLI_SOCKET_DEFAULT);
}

static const struct {
	const char *line, *error;
} refused[] = {
	{ "", "say what to do; 'nanoseg help' lists the commands" },
	{ "--json", "say what to do; 'nanoseg help' lists the commands" },
	{ "statsu", "unknown command 'statsu'; did you mean 'status'?" },
	{ "frobnicate", "unknown command 'frobnicate'; 'nanoseg help' lists the commands" },
	{ "policy", "policy: say what to do: list, show, propose, diff, edit, approve, reject, history" },
	{ "policy aprove W", "policy: unknown command 'aprove'; did you mean 'policy approve'?" },
	{ "learn W", "learn: unknown command 'W'; there is: start, stop" },
	{ "evidence", "evidence: say what to do: export" },
	{ "status W", "status: too many arguments; usage: nanoseg status" },
	{ "learn start", "learn start: too few arguments; usage: nanoseg learn start WORKLOAD" },
	{ "mode W",
	  "mode: too few arguments; usage: nanoseg mode WORKLOAD learning|auditing|enforcing [--reason TEXT]" },
	{ "policy show a b c d e", "too many arguments; 'nanoseg help' lists the commands" },
	{ "policy show EMPTY", "policy show: an empty argument; usage: nanoseg policy show WORKLOAD [--revision N]" },
	{ "policy show \xff", "policy show: '\xff' is not UTF-8" },
	{ "policy reject W --digest D --reason \xc0\xaf", "policy reject: --reason and --digest must be UTF-8" },
	{ "status --jsn", "unknown option '--jsn'; did you mean '--json'?" },
	{ "status --frobnicate=1", "unknown option '--frobnicate'; 'nanoseg help' lists the options of each command" },
	{ "status -x", "unknown option '-x'; 'nanoseg help' lists the options of each command" },
	{ "status --socket", "--socket needs a value" },
	{ "status --socket=", "--socket: the value is empty" },
	{ "status --socket /a --socket /b", "--socket is given twice" },
	{ "status --json=yes", "--json takes no value" },
	{ "status --follow", "status does not take --follow; usage: nanoseg status" },
	{ "graph --reason x",
	  "graph does not take --reason; usage: nanoseg graph [WORKLOAD] [--format table|json|dot]" },
	{ "policy show W --revision 0", "--revision: revisions count from 1" },
	{ "policy show W --revision -1", "--revision: '-1' is not a revision; use a whole number from 1" },
	{ "policy show W --revision 1x", "--revision: '1x' is not a revision; use a whole number from 1" },
	{ "policy diff W --to 9999999999999999999",
	  "--to: '9999999999999999999' is not a revision; use a whole number from 1" },
	{ "status --socket "
	  "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "a",
	  "--socket: a path of 108 bytes; at most 107 are possible" },
};

static void wrong_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct ns_cli_request request, untouched;
		struct ns_error err = NS_ERROR_INIT;

		memset(&request, 0x5a, sizeof(request));
		memset(&untouched, 0x5a, sizeof(untouched));
		assert_int_equal(parse(refused[i].line, &request, &err), -EINVAL);
		assert_string_equal(err.text, refused[i].error);
		assert_memory_equal(&request, &untouched, sizeof(request));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb),
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(wrong_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
