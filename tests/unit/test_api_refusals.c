/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the API refuses, with which status and which words, and whom.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "test_api_steps.h"

static void test_paths_and_methods(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;

	test_get_expect(test, "/", 404, "no such path");
	test_get_expect(test, "/v1", 404, NULL);
	test_get_expect(test, "/v1/status/", 404, NULL);
	test_get_expect(test, "/v2/status", 404, NULL);
	test_get_expect(test, "/v1/../v1/status", 404, NULL);
	/* Percent-encoding is decoded strictly: no NUL that ends a path early, no bad digits. */
	test_get_expect(test, "/v1/%73tatus", 200, NULL);
	test_get_expect(test, "/v1/status%00", 404, NULL);
	test_get_expect(test, "/v1/status%zz", 404, NULL);
	test_get_expect(test, "/v1/status%7", 404, NULL);
	test_get_expect(test, "/v1/policy?workload=%00", 400, "?workload");
	test_request(test, "DELETE", "/v1/mode", NULL, 0, false, &reply);
	test_expect(&reply, 405, "POST");
	assert_string_equal(reply.allow, "POST");
	test_reply_release(&reply);
	test_request(test, "PUT", "/v1/status", "{}", 2, false, &reply);
	test_expect(&reply, 405, NULL);
	assert_string_equal(reply.allow, "GET");
	test_reply_release(&reply);
	test_request(test, "GET", "/v1/learn", NULL, 0, false, &reply);
	test_expect(&reply, 405, NULL);
	test_reply_release(&reply);
	test_request(test, "get", "/v1/status", NULL, 0, false, &reply);
	test_expect(&reply, 405, NULL);
	test_reply_release(&reply);
}

static void test_parameters(void **state)
{
	struct test_api *test = *state;
	char path[512] = "/v1/graph?workload=";
	size_t used = strlen(path);

	test_get_expect(test, "/v1/status?x=1", 400, "?x: unknown parameter");
	test_get_expect(test, "/v1/graph?Workload=" WEB, 400, "?Workload");
	test_get_expect(test, "/v1/graph?workload=" WEB "&workload=" WEB, 400, "?workload: given twice");
	test_get_expect(test, "/v1/graph?workload", 400, "?workload: has no value");
	test_get_expect(test, "/v1/graph?workload=", 400, "?workload: must not be empty");
	test_get_expect(test, "/v1/graph?workload=%ff%fe", 400, "not UTF-8");
	test_get_expect(test, "/v1/graph?workload=a%0Ab", 400, "control characters");
	test_get_expect(test, "/v1/policy", 400, "?workload: missing");
	test_get_expect(test, "/v1/policy/history", 400, "?workload: missing");
	test_get_expect(test, "/v1/policy/diff", 400, "?workload: missing");
	test_get_expect(test, "/v1/policy?workload=" WEB "&revision=0", 400, "?revision");
	test_get_expect(test, "/v1/policy?workload=" WEB "&revision=-1", 400, "?revision");
	test_get_expect(test, "/v1/policy?workload=" WEB "&revision=1x", 400, "?revision");
	test_get_expect(test, "/v1/policy?workload=" WEB "&revision=99999999999999999999", 400, "?revision");
	test_get_expect(test, "/v1/policy/diff?workload=" WEB "&from=x", 400, "?from");
	test_get_expect(test, "/v1/policy/diff?workload=" WEB "&to=", 400, "?to");
	test_get_expect(test, "/v1/graph?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1", 400, "too many");
	memset(path + used, 'w', NS_WORKLOAD_MAX);
	path[used + NS_WORKLOAD_MAX] = '\0';
	test_get_expect(test, path, 400, "longer than");
}

static void test_bodies(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;

	test_post_expect(test, "/v1/policy/propose", "", 400, "must be a JSON object");
	test_post_expect(test, "/v1/policy/propose", "[]", 400, "$: must be an object");
	test_post_expect(test, "/v1/policy/propose", "null", 400, NULL);
	test_post_expect(test, "/v1/policy/propose", "{}", 400, "$.workload: missing");
	test_post_expect(test, "/v1/policy/propose", "{\"workload\":7}", 400, "$.workload: must be a string");
	test_post_expect(test, "/v1/policy/propose", "{\"workload\":\"\"}", 400, "$.workload: must not be empty");
	test_post_expect(test, "/v1/policy/propose", "{\"workload\":\"" WEB "\",\"x\":1}", 400, "$.x: unknown member");
	test_post_expect(test, "/v1/policy/propose", "{\"workload\":\"a\",\"workload\":\"b\"}", 400, "duplicate");
	test_post_expect(test, "/v1/policy/propose", "{\"workload\":\"" WEB "\"}x", 400, "line 1");
	test_post_expect(test, "/v1/policy/propose?workload=" WEB, "{\"workload\":\"" WEB "\"}", 400, "?workload");
	test_post_expect(test, "/v1/learn", "{\"workload\":\"" WEB "\"}", 400, "$.action: missing");
	test_post_expect(test, "/v1/mode", "{\"workload\":\"" WEB "\"}", 400, "$.mode: missing");
	test_post_expect(test, "/v1/mode", "{\"workload\":\"" WEB "\",\"mode\":\"off\"}", 400, "$.mode");
	test_post_expect(test, "/v1/mode", "{\"workload\":\"" WEB "\",\"mode\":\"proposed\"}", 400, "$.mode");
	test_post_expect(test, "/v1/mode", "{\"workload\":\"" WEB "\",\"mode\":\"learning\",\"reason\":1}", 400,
			 "$.reason");
	test_post_expect(test, "/v1/policy/approve", "{\"workload\":\"" WEB "\",\"digest\":\"x\"}", 400, "$.reason");
	test_post_expect(test, "/v1/policy/approve", "{\"workload\":\"" WEB "\",\"reason\":\"x\"}", 400, "$.digest");
	test_post_expect(test, "/v1/policy/reject", "{\"workload\":\"" WEB "\",\"digest\":\"x\",\"reason\":\"x\"}", 400,
			 "$.digest: must be");
	test_request(test, "GET", "/v1/status", "{}", 2, false, &reply);
	test_expect(&reply, 400, "GET takes no body");
	test_reply_release(&reply);
}

/* Nothing that was refused has left a trace. */
static void test_refusals_change_nothing(void **state)
{
	struct test_api *test = *state;
	NS_JSON json_t *before = ns_store_audit_entries(test->data.store, 0, 1000, NULL);
	NS_JSON json_t *after = NULL;

	test_bodies(state);
	test_parameters(state);
	set_mode(test, "enforcing", 409, NULL);
	after = ns_store_audit_entries(test->data.store, 0, 1000, NULL);
	assert_int_equal(json_array_size(after), json_array_size(before));
	assert_int_equal(test->data.engine.changes, 0);
}

static void test_another_digest(void **state)
{
	struct test_api *test = *state;
	char digest[NS_DIGEST_TEXT_MAX], other[NS_DIGEST_TEXT_MAX];

	(void)snprintf(other, sizeof other, "sha256:%064d", 1);
	decide(test, "/v1/policy/approve", other, 409, "no proposal");
	propose(test, digest);
	/* Both digests are named. NOLINTBEGIN(readability-suspicious-call-argument) */
	decide(test, "/v1/policy/approve", other, 409, other);
	decide(test, "/v1/policy/approve", other, 409, digest);
	decide(test, "/v1/policy/reject", other, 409, digest);
	/* NOLINTEND(readability-suspicious-call-argument) */
	decide(test, "/v1/policy/approve", digest, 200, NULL);
}

static void test_endpoint_fails(void **state)
{
	struct test_api *test = *state;
	char digest[NS_DIGEST_TEXT_MAX];
	struct test_reply reply;

	propose(test, digest);
	decide(test, "/v1/policy/approve", digest, 200, NULL);
	test->data.engine.change_error = -EREMOTEIO;
	set_mode(test, "auditing", 502, "endpoint 77");
	/* Stored all the same; asked again, the kernel is made to follow. */
	test->data.engine.change_error = 0;
	test_post(test, "/v1/mode", "{\"workload\":\"" WEB "\",\"mode\":\"auditing\",\"reason\":\"again\"}", &reply);
	test_expect(&reply, 200, NULL);
	assert_true(json_is_true(json_object_get(reply.json, "unchanged")));
	test_reply_release(&reply);
}

/* ---- roles ---- */

struct attempt {
	const char *method, *path, *body;
};

#define W "{\"workload\":\"" WEB "\""
static const struct attempt views[] = {
	{ "GET", "/v1/status", NULL },
	{ "GET", "/v1/endpoints", NULL },
	{ "GET", "/v1/graph", NULL },
	{ "GET", "/v1/denies", NULL },
	{ "GET", "/v1/policies", NULL },
	{ "GET", "/v1/policy?workload=" WEB, NULL },
	{ "GET", "/v1/policy/history?workload=" WEB, NULL },
	{ "GET", "/v1/policy/diff?workload=" WEB, NULL },
	{ "GET", "/v1/verify", NULL },
	{ "GET", "/v1/evidence", NULL },
};
static const struct attempt operations[] = {
	{ "POST", "/v1/learn", W ",\"action\":\"stop\"}" },
	{ "POST", "/v1/policy/propose", W "}" },
	{ "POST", "/v1/policy/edit", W "}" },
	{ "POST", "/v1/mode", W ",\"mode\":\"learning\"}" },
	{ "POST", "/v1/mode", W ",\"mode\":\"auditing\"}" },
};
static const struct attempt approvals[] = {
	{ "POST", "/v1/policy/approve", W ",\"digest\":\"x\",\"reason\":\"x\"}" },
	{ "POST", "/v1/policy/reject", W ",\"digest\":\"x\",\"reason\":\"x\"}" },
	{ "POST", "/v1/mode", W ",\"mode\":\"enforcing\"}" },
};
#undef W

static void try_all(const struct test_api *test, const struct attempt *attempts, size_t n, bool allowed)
{
	for (size_t i = 0; i < n; i++) {
		const struct attempt *a = &attempts[i];
		struct test_reply reply;

		test_request(test, a->method, a->path, a->body, a->body ? strlen(a->body) : 0, false, &reply);
		if ((reply.status != 403) != allowed)
			fail_msg("%s %s %s: %ld", a->method, a->path, a->body ? a->body : "", reply.status);
		if (!allowed)
			test_expect(&reply, 403, "' is for members of nanoseg-");
		test_reply_release(&reply);
	}
}

#define TRY(test, list, allowed) try_all(test, list, sizeof list / sizeof list[0], allowed)

static void test_roles(void **state)
{
	struct test_api *test = *state;
	struct ns_caller caller = { .uid = 1000, .gid = 1000, .pid = 7, .user = "bob" };
	char digest[NS_DIGEST_TEXT_MAX];

	propose(test, digest);
	test_caller = &caller;
	caller.roles = 0;
	TRY(test, views, false);
	TRY(test, operations, false);
	TRY(test, approvals, false);
	caller.roles = NS_ROLE_VIEWER;
	TRY(test, views, true);
	TRY(test, operations, false);
	TRY(test, approvals, false);
	caller.roles = NS_ROLE_VIEWER | NS_ROLE_OPERATOR;
	TRY(test, views, true);
	TRY(test, operations, true);
	TRY(test, approvals, false);
	caller.roles = NS_ROLE_VIEWER | NS_ROLE_APPROVER;
	TRY(test, views, true);
	TRY(test, operations, false);
	TRY(test, approvals, true);
	/* Paths are not told to those who may not look, but they are no secret either. */
	caller.roles = 0;
	test_get_expect(test, "/v1/none", 404, NULL);
}

/* Runs in a child without any rights: the status of GET /v1/status, or 0. */
static int ask_as_nobody(const struct test_api *test)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	static const char request[] = "GET /v1/status HTTP/1.1\r\nHost: nanoseg\r\nConnection: close\r\n\r\n";
	char answer[64] = "";
	int fd;

	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", test->socket);
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) < 0)
		return 2;
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 ||
	    recv(fd, answer, sizeof answer - 1, MSG_WAITALL) <= 0)
		return 3;
	return strncmp(answer, "HTTP/1.1 403", 12) == 0 ? 103 : 4;
}

/* The real credential, from the kernel. Only root can become somebody else, so this must run as root. */
static void test_nobody(void **state)
{
	struct test_api *test = *state;

	assert_int_equal(getuid(), 0);
	for (int open = 0; open < 2; open++) {
		pid_t child;
		int status;

		/* Mode 0660: who is not in the group does not even get in. */
		if (open) {
			assert_int_equal(chmod(test->data.dir, 0711), 0);
			assert_int_equal(chmod(test->socket, 0666), 0);
		}
		child = fork();
		if (child == 0)
			_exit(ask_as_nobody(test));
		assert_true(child > 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), open ? 103 : 2);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_paths_and_methods),
		TEST(test_parameters),
		TEST(test_bodies),
		TEST(test_refusals_change_nothing),
		TEST(test_another_digest),
		TEST(test_endpoint_fails),
		TEST(test_roles),
		TEST(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
