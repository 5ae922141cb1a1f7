/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The routes about locks: what hooks ask, what is verified, and what a change cuts.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_api_steps.h"

/* A process in a network namespace of its own (and so a user namespace, where this is not root), until told to end. */
static pid_t live_elsewhere(int *ret_end)
{
	int ready[2], end[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(end[1]);
		if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			_exit(1);
		(void)!write(ready[1], "r", 1);
		(void)!read(end[0], &byte, 1);
		_exit(0);
	}
	(void)close(end[0]);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	*ret_end = end[1];
	return pid;
}

static void test_ready(void **state)
{
	struct test_api *test = *state;
	struct ns_engine *engine = &test->data.engine;
	struct test_reply reply;
	char body[512], wanted[512];
	int end;
	pid_t pid = live_elsewhere(&end);

	engine->readiness = (struct ns_readiness){ .ready = true, .cookie = 77, .workload = WEB, .mode = "enforcing" };
	(void)snprintf(body, sizeof body, "{\"pid\":%d}", (int)pid);
	test_post(test, "/v1/ready", body, &reply);
	test_expect(&reply, 200, NULL);
	assert_true(json_is_true(json_object_get(reply.json, "ready")));
	assert_int_equal(number(reply.json, "cookie"), 77);
	assert_string_equal(text(reply.json, "workload"), WEB);
	assert_string_equal(text(reply.json, "mode"), "enforcing");
	assert_true(is_null(reply.json, "why"));
	test_reply_release(&reply);
	(void)snprintf(wanted, sizeof wanted, "|%d|||||||", (int)pid);
	assert_string_equal(engine->hinted, wanted);

	/* All that can be told, and a reason why not. */
	engine->readiness = (struct ns_readiness){ .held = true, .cookie = 77, .why = "eth0 is closed" };
	(void)snprintf(
		body, sizeof body,
		"{\"netns\":\"/proc/%d/ns/"
		"net\",\"runtime\":\"containerd\",\"container_id\":\"feed\",\"name\":\"api-1\","
		"\"workload\":\"k8s/shop/api\",\"image\":\"shop/api:3\",\"pod_namespace\":\"shop\",\"pod\":\"api-1\"}",
		(int)pid);
	test_post(test, "/v1/ready", body, &reply);
	test_expect(&reply, 200, NULL);
	assert_true(json_is_false(json_object_get(reply.json, "ready")));
	assert_true(json_is_true(json_object_get(reply.json, "held")));
	assert_true(is_null(reply.json, "workload"));
	assert_string_equal(text(reply.json, "why"), "eth0 is closed");
	test_reply_release(&reply);
	(void)snprintf(wanted, sizeof wanted,
		       "/proc/%d/ns/net|0|containerd|feed|api-1|k8s/shop/api|shop/api:3|shop|api-1", (int)pid);
	assert_string_equal(engine->hinted, wanted);

	/* The workload was never met; it is the namespace that is missing. */
	engine->ready_error = -ENOENT;
	test_post_expect(test, "/v1/ready", body, 404, "the namespace is gone");
	(void)close(end);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	engine->hints = 0;
	test_post_expect(test, "/v1/ready", body, 404, "/ns/net: no such network namespace");
	assert_int_equal(engine->hints, 0);
}

/* The daemon's own namespace: the engine is not asked. */
static void test_ready_on_the_hosts_network(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;
	char body[64];

	(void)snprintf(body, sizeof body, "{\"pid\":%d}", (int)getpid());
	test_post(test, "/v1/ready", body, &reply);
	test_expect(&reply, 200, NULL);
	assert_true(json_is_true(json_object_get(reply.json, "ready")));
	assert_true(is_null(reply.json, "cookie"));
	assert_non_null(strstr(text(reply.json, "why"), "host's network"));
	assert_int_equal(test->data.engine.hints, 0);
	test_reply_release(&reply);
}

static void test_ready_refuses(void **state)
{
	static const char *const cases[][2] = {
		{ "{}", "$: must have either netns or pid" },
		{ "{\"pid\":0}", "$: must have either netns or pid" },
		{ "{\"pid\":1,\"netns\":\"/run/netns/x\"}", "$: must have either netns or pid" },
		{ "{\"pid\":-1}", "$.pid: " },
		{ "{\"pid\":2147483648}", "$.pid: " },
		{ "{\"pid\":\"1\"}", "$.pid: " },
		{ "{\"netns\":\"run\"}", "$.netns: must be an absolute path" },
		{ "{\"netns\":\"/a b\"}", "$.netns: must be of visible ASCII" },
		{ "{\"netns\":1}", "$.netns: " },
		{ "{\"pid\":1,\"runtime\":\"0123456789abcdef\"}", "$.runtime: longer than 15 bytes" },
		{ "{\"pid\":1,\"workload\":\"a b\"}", "$.workload: must be of visible ASCII" },
		{ "{\"pid\":1,\"name\":\"\\u00e4\"}", "$.name: must be of visible ASCII" },
		{ "{\"pid\":1,\"color\":\"red\"}", "$.color: unknown member" },
	};
	static const struct ns_caller somebody = {
		.uid = 1000, .gid = 1000, .pid = 7, .user = "bob", .roles = NS_ROLES_ALL
	};
	struct test_api *test = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		test_post_expect(test, "/v1/ready", cases[i][0], 400, cases[i][1]);
	test_post_expect(test, "/v1/ready", "{\"netns\":\"/run/netns/nanoseg-none\"}", 404,
			 "/run/netns/nanoseg-none: no such network namespace");
	test_get_expect(test, "/v1/ready", 405, NULL);
	test_caller = &somebody;
	test_post_expect(test, "/v1/ready", "{\"pid\":1}", 403, "'ready' is for root");
	assert_int_equal(test->data.engine.hints, 0);
}

static void test_verify(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;

	test_get(test, "/v1/verify", &reply);
	test_expect(&reply, 200, NULL);
	assert_string_equal(text(json_array_get(json_object_get(reply.json, "locks"), 0), "workload"), "all");
	test_reply_release(&reply);
	test_get(test, "/v1/verify?workload=" WEB, &reply);
	test_expect(&reply, 200, NULL);
	assert_string_equal(text(json_array_get(json_object_get(reply.json, "locks"), 0), "workload"), WEB);
	test_reply_release(&reply);
	test_get_expect(test, "/v1/verify?workload=compose/shop/wob", 404, "compose/shop/web");
}

/* What a change cut off is told with its answer, and once. */
static void test_cuts(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;
	char digest[NS_DIGEST_TEXT_MAX], body[256];

	propose(test, digest);
	test->data.engine.cut = 4;
	(void)snprintf(body, sizeof body, "{\"workload\":\"" WEB "\",\"digest\":\"%s\",\"reason\":\"x\"}", digest);
	test_post(test, "/v1/policy/approve", body, &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(number(json_object_get(reply.json, "cut"), "connections"), 4);
	test_reply_release(&reply);

	test->data.engine.cut = 2;
	test_post(test, "/v1/mode", "{\"workload\":\"" WEB "\",\"mode\":\"enforcing\"}", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(number(json_object_get(reply.json, "cut"), "connections"), 2);
	assert_int_equal(number(json_object_get(reply.json, "cut"), "sockets"), 1);
	test_reply_release(&reply);

	/* Of a change that an endpoint did not follow nothing is told, then or later. */
	test->data.engine.cut = 9;
	test->data.engine.change_error = -EREMOTEIO;
	set_mode(test, "auditing", 502, NULL);
	test->data.engine.change_error = 0;
	test_post(test, "/v1/mode", "{\"workload\":\"" WEB "\",\"mode\":\"enforcing\"}", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(number(json_object_get(reply.json, "cut"), "connections"), 0);
	test_reply_release(&reply);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ready), TEST(test_ready_on_the_hosts_network), TEST(test_ready_refuses), TEST(test_verify),
		TEST(test_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
