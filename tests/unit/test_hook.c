/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The OCI hook: what it understands of a container, what it asks the daemon, and when it lets a container start.
 */
#include "hook_run.h"

#include <errno.h>
#include <sys/stat.h>

#include <jansson.h>

#include "clock.h"
#include "hook.h"
#include "hook_state.h"

/* Runs the hook on the fake daemon, with more arguments, split at blanks: the exit code. */
static struct hook_run ran;

static int hook(const char *input, const char *arguments)
{
	char program[] = "nanoseg-hook", option[] = "--socket", more[256], *rest = more;
	char *argv[8] = { program, option, fake.socket };
	int argc = 3, r;

	hook_run_release(&ran);
	(void)snprintf(more, sizeof more, "%s", arguments);
	for (char *word; argc < 7 && (word = strtok_r(rest, " ", &rest));)
		argv[argc++] = word;
	hook_run_begin(&ran, input, strlen(input));
	r = ns_hook_main(argc, argv, ran.input, ran.out, ran.errors);
	hook_run_end(&ran);
	return r;
}

static void expect_complaint(const char *line)
{
	if (strcmp(ran.complaint, line) != 0)
		fail_msg("it says: %s", ran.complaint);
}

/* The last body that the daemon got, as an object. */
static json_t *asked(void)
{
	json_t *body;

	assert_string_equal(fake.request_line, "POST /v1/ready HTTP/1.1");
	body = json_loads(fake.request_body, 0, NULL);
	assert_non_null(body);
	return body;
}

static void expect_asked(const char *document)
{
	json_t *body = asked(), *wanted = json_loads(document, 0, NULL);

	assert_non_null(wanted);
	if (!json_equal(body, wanted))
		fail_msg("it asks: %s", fake.request_body);
	json_decref(body);
	json_decref(wanted);
}

/* ---- what is told ---- */

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define STATE(annotations)                                                                                             \
	"{\"ociVersion\":\"1.0.2\",\"id\":\"" ID                                                                       \
	"\",\"status\":\"created\",\"pid\":4711,\"annotations\":{" annotations "}}"

static void a_container_is_its_id_and_process(void **state)
{
	(void)state;
	answer("POST /v1/ready", 200, READY);
	assert_int_equal(hook(STATE(""), ""), 0);
	assert_string_equal(ran.complaint, "");
	assert_string_equal(ran.printed, "");
	expect_asked("{\"pid\":4711,\"container_id\":\"" ID "\"}");
	assert_int_equal(hook("{\"id\":\"web.1+a_b\",\"pid\":1}", ""), 0);
	expect_asked("{\"pid\":1}"); /* such ids no engine has */
	assert_int_equal(hook("{\"id\":\"web.1-a_b\",\"pid\":1}", ""), 0);
	expect_asked("{\"pid\":1,\"container_id\":\"web.1-a_b\"}");
	assert_int_equal(hook("{\"id\":\"x\",\"pid\":1,\"annotations\":null}", ""), 0);
}

static void annotations_name_it(void **state)
{
	static const char *const cases[][2] = {
		{ STATE("\"nanoseg.workload\":\"shop/web\""),
		  "{\"pid\":4711,\"container_id\":\"" ID "\",\"workload\":\"shop/web\"}" },
		{ STATE("\"io.container.manager\":\"libpod\""),
		  "{\"pid\":4711,\"container_id\":\"" ID "\",\"runtime\":\"podman\"}" },
		/* containerd: a container of a pod is the pod's. */
		{ STATE("\"io.kubernetes.cri.sandbox-namespace\":\"shop\",\"io.kubernetes.cri.sandbox-name\":\"api-1\","
			"\"io.kubernetes.cri.sandbox-id\":\"feed\",\"io.kubernetes.cri.container-name\":\"app\""),
		  "{\"pid\":4711,\"container_id\":\"feed\",\"runtime\":\"containerd\",\"name\":\"api-1\","
		  "\"pod_namespace\":\"shop\",\"pod\":\"api-1\"}" },
		{ STATE("\"io.kubernetes.pod.namespace\":\"shop\",\"io.kubernetes.pod.name\":\"api-1\","
			"\"io.kubernetes.cri-o.SandboxID\":\"feed\""),
		  "{\"pid\":4711,\"container_id\":\"feed\",\"runtime\":\"crio\",\"name\":\"api-1\","
		  "\"pod_namespace\":\"shop\",\"pod\":\"api-1\"}" },
		/* Who names it by hand is believed. */
		{ STATE("\"io.kubernetes.pod.namespace\":\"shop\",\"io.kubernetes.pod.name\":\"api-1\","
			"\"nanoseg.workload\":\"k8s/shop/deploy/api\""),
		  "{\"pid\":4711,\"container_id\":\"" ID "\",\"runtime\":\"crio\",\"name\":\"api-1\","
		  "\"workload\":\"k8s/shop/deploy/api\",\"pod_namespace\":\"shop\",\"pod\":\"api-1\"}" },
		/* A slash makes no other name. */
		{ STATE("\"io.kubernetes.cri.sandbox-namespace\":\"a/pod\",\"io.kubernetes.cri.sandbox-name\":\"b c\""),
		  "{\"pid\":4711,\"container_id\":\"" ID "\",\"runtime\":\"containerd\",\"name\":\"b_c\","
		  "\"pod_namespace\":\"a_pod\",\"pod\":\"b_c\"}" },
		/* Half of a pod is none. */
		{ STATE("\"io.kubernetes.cri.sandbox-name\":\"api-1\""), "{\"pid\":4711,\"container_id\":\"" ID "\"}" },
	};

	(void)state;
	answer("POST /v1/ready", 200, READY);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(hook(cases[i][0], ""), 0);
		expect_asked(cases[i][1]);
	}
}

static void write_config(const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/config.json", fake.directory);
	(void)unlink(path);
	if (!text)
		return;
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int hook_bundle(const char *annotations)
{
	char text[512];

	(void)snprintf(text, sizeof text, "{\"id\":\"x\",\"pid\":9,\"bundle\":\"%s\",\"annotations\":{%s}}",
		       fake.directory, annotations);
	return hook(text, "");
}

static void the_bundle_tells_the_rest(void **state)
{
	char line[256];

	(void)state;
	answer("POST /v1/ready", 200, READY);
	write_config("{\"ociVersion\":\"1.0.2\",\"hooks\":{},\"annotations\":{\"nanoseg.workload\":\"of/bundle\"}}");
	assert_int_equal(hook_bundle(""), 0);
	expect_asked("{\"pid\":9,\"container_id\":\"x\",\"workload\":\"of/bundle\"}");
	assert_int_equal(hook_bundle("\"nanoseg.workload\":\"of/state\""), 0);
	expect_asked("{\"pid\":9,\"container_id\":\"x\",\"workload\":\"of/state\"}");
	write_config("{}");
	assert_int_equal(hook_bundle(""), 0);

	write_config("{\"annotations\":{\"a\":1}}");
	assert_int_equal(hook_bundle(""), 1);
	(void)snprintf(line, sizeof line, "nanoseg-hook: %s/config.json: $.annotations[\"a\"]: must be a text\n",
		       fake.directory);
	expect_complaint(line);
	write_config(NULL);
	assert_int_equal(hook_bundle(""), 1);
	(void)snprintf(line, sizeof line, "nanoseg-hook: %s/config.json: No such file or directory\n", fake.directory);
	expect_complaint(line);
}

/* ---- what is wrong ---- */

static void bad_states(void **state)
{
	static const char *const cases[][2] = {
		{ "", "standard input: $: empty; an OCI runtime writes the container's state there" },
		{ "[]", "standard input: $: must be an object" },
		{ "{", "standard input: line 1, column 1: not valid JSON: string or '}' expected near end of file" },
		{ "{\"id\":\"x\"}", "standard input: $.pid: no process in this state; the hook is for createRuntime, "
				    "where there is one" },
		{ "{\"pid\":1}", "standard input: $.id: missing" },
		{ "{\"id\":\"../x\",\"pid\":1}", "standard input: $.id: '../x' is no id of a container" },
		{ "{\"id\":\"x\",\"pid\":1,\"bundle\":\"rel\"}",
		  "standard input: $.bundle: must be an absolute path of at most 4082 bytes" },
		{ "{\"id\":\"x\",\"pid\":1,\"annotations\":[]}", "standard input: $.annotations: must be an object" },
		{ "{\"id\":\"x\",\"pid\":1,\"annotations\":{\"a\\nb\":{}}}",
		  "standard input: $.annotations[\"a?b\"]: must be a text" },
		{ "{\"id\":\"x\",\"pid\":1,\"annotations\":{\"nanoseg.workload\":\"a b\"}}",
		  "container x: $.annotations[\"nanoseg.workload\"]: 'a b' is no name of a workload; use at most 255 "
		  "letters, digits and ._-@:+/, not beginning with '/'" },
	};
	char line[512];

	(void)state;
	answer("POST /v1/ready", 200, READY);
	fake.requests = 0;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(hook(cases[i][0], "--on-timeout continue"), 1);
		(void)snprintf(line, sizeof line, "nanoseg-hook: %s\n", cases[i][1]);
		expect_complaint(line);
	}
	assert_int_equal(hook("{\"id\":\"x\",\"pid\":-1}", ""), 1);
	assert_int_equal(hook("{\"id\":\"x\",\"pid\":4294967296}", ""), 1);
	assert_int_equal(hook("{\"id\":\"x\",\"pid\":\"1\"}", ""), 1);
	assert_int_equal(fake.requests, 0);
}

static void input_is_bounded(void **state)
{
	char *text = malloc(NS_HOOK_BYTES_MAX + 2);

	(void)state;
	assert_non_null(text);
	answer("POST /v1/ready", 200, READY);
	memset(text, ' ', NS_HOOK_BYTES_MAX + 1);
	memcpy(text, "{\"id\":\"x\",\"pid\":1}", strlen("{\"id\":\"x\",\"pid\":1}"));
	text[NS_HOOK_BYTES_MAX + 1] = '\0';
	assert_int_equal(hook(text, ""), 1);
	expect_complaint("nanoseg-hook: standard input: more than 1048576 bytes\n");
	text[NS_HOOK_BYTES_MAX] = '\0';
	assert_int_equal(hook(text, ""), 0);
	free(text);
}

#define USAGE "usage: nanoseg-hook [--socket PATH] [--timeout DURATION] [--on-timeout fail|continue] [--version]"

static void bad_options(void **state)
{
	static const char *const cases[][2] = {
		{ "--timeout 5x", "--timeout: '5x' is not a duration; use a number with us, ms, s, min, h or d" },
		{ "--timeout 1h", "--timeout: '1h' is out of bounds; use 10ms to 10min" },
		{ "--on-timeout go", "--on-timeout: use fail or continue" },
		{ "--socket s", "--socket: 's' is not an absolute path; it must begin with '/'" },
		{ "x", "'x' is not expected here; " USAGE },
		{ "--timeout 5s x --quux", "'x' is not expected here; " USAGE },
		{ "--quux", "'--quux' is no option; " USAGE },
		{ "--socket /s --quux=3 --timeout 5s", "'--quux=3' is no option; " USAGE },
		{ "--socket /s -xy", "'-xy' is no option; " USAGE },
		{ "--qu\x1bux", "'--qu?ux' is no option; " USAGE },
		{ "--timeout 5s --socket", "'--socket' takes a value; " USAGE },
		{ "--on-timeout=fail --version=3", "'--version=3' takes no value; " USAGE },
	};
	char line[512];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(hook(STATE(""), cases[i][0]), 2);
		(void)snprintf(line, sizeof line, "nanoseg-hook: %s\n", cases[i][1]);
		expect_complaint(line);
	}
	assert_int_equal(hook("", "--version"), 0);
	assert_string_equal(ran.printed, "nanoseg-hook " NANOSEG_VERSION "\n");
	assert_int_equal(hook("", "--help"), 0);
}

/* ---- waiting ---- */

static void it_waits_until_it_is_ready(void **state)
{
	useconds_t time = 60000;
	int64_t begin = ns_clock_elapsed(), took;
	pthread_t thread;

	(void)state;
	answer("POST /v1/ready", 200, NOT_READY);
	fake.requests = 0;
	assert_int_equal(pthread_create(&thread, NULL, become_ready, &time), 0);
	assert_int_equal(hook(STATE(""), ""), 0);
	took = ns_clock_elapsed() - begin;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(fake.requests >= 2 && fake.requests <= 20);
	assert_true(took >= 60000 && took < 2000000);
	assert_string_equal(ran.complaint, "");
}

/* The engine cannot say who it is before the hook has ended; then shut links are enough, and only then. */
static void shut_links_are_enough_where_nobody_can_say(void **state)
{
	(void)state;
	answer("POST /v1/ready", 200,
	       "{\"ready\":false,\"held\":true,\"cookie\":77,\"workload\":\"podman/x\",\"why\":\"who is it\"}");
	assert_int_equal(hook(STATE("\"io.container.manager\":\"libpod\""), "--timeout 50ms"), 0);
	assert_string_equal(ran.complaint, "");
	assert_int_equal(hook(STATE("\"nanoseg.workload\":\"shop/web\""), "--timeout 50ms"), 1);
	expect_complaint("nanoseg-hook: shop/web 0123456789ab: not ready after 50ms: who is it\n");
	answer("POST /v1/ready", 200, "{\"ready\":false,\"held\":1,\"why\":\"who is it\"}");
	assert_int_equal(hook(STATE(""), "--timeout 50ms"), 1);
}

static void it_says_what_is_missing(void **state)
{
	(void)state;
	answer("POST /v1/ready", 200, NOT_READY);
	assert_int_equal(hook(STATE("\"nanoseg.workload\":\"shop/web\""), "--timeout 100ms"), 1);
	expect_complaint("nanoseg-hook: shop/web 0123456789ab: not ready after 100ms: eth0 is closed\n");
	answer("POST /v1/ready", 404, "{\"error\":\"/proc/4711/ns/net: no such namespace\"}");
	assert_int_equal(hook(STATE(""), "--timeout 50ms"), 1);
	expect_complaint(
		"nanoseg-hook: container 0123456789ab: not ready after 50ms: nanosegd: /proc/4711/ns/net: no such "
		"namespace\n");
	answer("POST /v1/ready", 500, "{\"error\":\"out of luck\"}");
	assert_int_equal(hook(STATE(""), "--timeout 50ms --on-timeout continue"), 0);
	expect_complaint(
		"nanoseg-hook: container 0123456789ab: not ready after 50ms: nanosegd: out of luck; it starts all the "
		"same (--on-timeout continue)\n");
}

static void refusals_are_not_waited_for(void **state)
{
	static const struct {
		int status;
		const char *body, *line;
	} cases[] = {
		{ 403, "{\"error\":\"'ready' is for uid 0\"}", "nanosegd: 'ready' is for uid 0" },
		{ 400, "{\"error\":\"$.pid: no\"}", "nanosegd: $.pid: no" },
		{ 200, "{}", "the daemon's answer does not say whether the namespace is ready" },
		{ 200, "{\"ready\":1}", "the daemon's answer does not say whether the namespace is ready" },
	};
	int64_t begin = ns_clock_elapsed();
	char line[512];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		answer("POST /v1/ready", cases[i].status, cases[i].body);
		assert_int_equal(hook(STATE(""), ""), 1);
		(void)snprintf(line, sizeof line, "nanoseg-hook: container 0123456789ab: %s\n", cases[i].line);
		expect_complaint(line);
	}
	answer("POST /v1/ready", 200, "hello");
	assert_int_equal(hook(STATE(""), ""), 1);
	assert_non_null(strstr(ran.complaint, "is no nanosegd: HTTP status 200, and its body is not JSON"));
	answer("POST /v1/ready", 0, "SSH-2.0-x\r\n");
	assert_int_equal(hook(STATE(""), ""), 1);
	assert_true(ns_clock_elapsed() - begin < 5000000);
}

static void a_daemon_that_is_away_is_waited_for(void **state)
{
	char line[512];
	int64_t begin = ns_clock_elapsed();

	(void)state;
	assert_int_equal(hook(STATE(""), "--timeout 100ms --socket=/tmp/nanoseg-no-such-directory/s"), 1);
	expect_complaint(
		"nanoseg-hook: container 0123456789ab: not ready after 100ms: nanosegd is not to be reached at "
		"/tmp/nanoseg-no-such-directory/s: No such file or directory\n");
	assert_true(ns_clock_elapsed() - begin >= 80000);
	/* It hangs up, as one that is stopped does. */
	answer("POST /v1/ready", -1, "");
	assert_int_equal(hook(STATE(""), "--timeout 100ms"), 1);
	(void)snprintf(
		line, sizeof line,
		"nanoseg-hook: container 0123456789ab: not ready after 100ms: nanosegd at %s closed the connection\n",
		fake.socket);
	expect_complaint(line);
}

static int forget(void **state)
{
	hook_run_release(&ran);
	memset(&ran, 0, sizeof ran);
	return fake_forget(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_container_is_its_id_and_process, forget),
		cmocka_unit_test_teardown(annotations_name_it, forget),
		cmocka_unit_test_teardown(the_bundle_tells_the_rest, forget),
		cmocka_unit_test_teardown(bad_states, forget),
		cmocka_unit_test_teardown(input_is_bounded, forget),
		cmocka_unit_test_teardown(bad_options, forget),
		cmocka_unit_test_teardown(it_waits_until_it_is_ready, forget),
		cmocka_unit_test_teardown(shut_links_are_enough_where_nobody_can_say, forget),
		cmocka_unit_test_teardown(it_says_what_is_missing, forget),
		cmocka_unit_test_teardown(refusals_are_not_waited_for, forget),
		cmocka_unit_test_teardown(a_daemon_that_is_away_is_waited_for, forget),
	};

	return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
