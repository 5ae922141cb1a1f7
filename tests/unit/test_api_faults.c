/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A life of requests, over and over; each time another call in it fails: no memory, or a disk that fails. Whatever
 * fails, nothing crashes or leaks, each answer is an error that says so or one that is true, and the audit chain
 * verifies.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "fault.h"
#include "log.h"
#include "test_api_fixture.h"

#define API    "compose/shop/api"
#define ROUNDS 250 /* of each kind, spread over all the calls of a life */

static const struct {
	const char *method, *path, *body;
} life[] = {
	{ "POST", "/v1/learn", "{\"workload\":\"" API "\",\"action\":\"stop\"}" },
	{ "GET", "/v1/graph", NULL },
	{ "GET", "/v1/policy", NULL },
	{ "GET", "/v1/policy/diff", NULL },
	{ "POST", "/v1/policy/approve", NULL }, /* the body names the digest */
	{ "POST", "/v1/mode", "{\"workload\":\"" API "\",\"mode\":\"enforcing\",\"reason\":\"tested\"}" },
	{ "GET", "/v1/denies", NULL },
	{ "POST", "/v1/policy/edit",
	  "{\"schema\":\"nanoseg/policy/1\",\"workload\":\"" API
	  "\",\"revision\":1,\"verdict\":\"reject\",\"rules\":[]}" },
	{ "GET", "/v1/policies", NULL },
	{ "GET", "/v1/policy/history", NULL },
	{ "GET", "/v1/status", NULL },
	{ "GET", "/v1/evidence", NULL },
	{ "POST", "/v1/none", "{}" },
};
#define LIFE (sizeof life / sizeof life[0])

/* The steps that HTTP would give it. A stream that breaks off has no status to tell it with; here it has. */
static void complete(const struct ns_service *service, const struct ns_request *request, struct ns_reply *reply)
{
	int r = 1;

	if (reply->later.next && !reply->streamed)
		while (ns_request_go_on(service, request, reply))
			;
	while (reply->later.next && r > 0)
		r = reply->later.next(reply->later.ctx, &reply->text, NULL);
	if (r < 0)
		ns_reply_error(reply, 500, "it broke off");
}

static void live(struct test_store *store, char digest[static NS_DIGEST_TEXT_MAX], unsigned statuses[static LIFE],
		 char texts[static LIFE][2048])
{
	static const struct ns_caller caller = { .uid = 0, .pid = 1, .user = "root", .roles = NS_ROLES_ALL };
	const struct ns_service service = { .engine = &store->engine };
	char body[256];

	for (size_t i = 0; i < LIFE; i++) {
		struct ns_request request = { .method = life[i].method, .path = life[i].path, .caller = &caller };
		struct ns_reply reply = NS_REPLY_INIT;
		const char *found;

		if (strcmp(life[i].method, "GET") == 0 && strcmp(life[i].path, "/v1/policies") != 0 &&
		    strcmp(life[i].path, "/v1/status") != 0)
			request.parameters[request.n_parameters++] = (struct ns_parameter){ "workload", API };
		(void)snprintf(body, sizeof body, "{\"workload\":\"" API "\",\"digest\":\"%s\",\"reason\":\"ok\"}",
			       digest);
		request.body = strstr(life[i].path, "approve") ? body : life[i].body;
		request.body_length = request.body ? strlen(request.body) : 0;
		ns_request_answer(&service, &request, &reply);
		complete(&service, &request, &reply);
		statuses[i] = reply.status;
		(void)snprintf(texts[i], sizeof texts[i], "%.*s", (int)reply.text.length,
			       reply.text.data ? reply.text.data : "");
		found = i == 0 && reply.status == 200 ? strstr(texts[i], "sha256:") : NULL;
		if (found)
			(void)snprintf(digest, NS_DIGEST_TEXT_MAX, "%.71s", found);
		ns_reply_release(&reply);
	}
}

static void check(const struct test_store *store, const unsigned statuses[static LIFE], char texts[static LIFE][2048])
{
	char head[NS_DIGEST_TEXT_MAX];
	struct ns_error error = NS_ERROR_INIT;
	struct ns_workload row;
	uint64_t entries;

	for (size_t i = 0; i < LIFE; i++) {
		json_t *json = texts[i][0] ? json_loads(texts[i], 0, NULL) : NULL;

		/* Only without memory even for the error is there a status alone. */
		if (!json && (texts[i][0] || statuses[i] < 400) && strlen(texts[i]) < sizeof texts[i] - 1)
			fail_msg("%s %s: %u: %s", life[i].method, life[i].path, statuses[i], texts[i]);
		assert_true(statuses[i] >= 200 && statuses[i] < 600);
		json_decref(json);
	}
	if (ns_store_audit_verify(store->store, &entries, head, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(ns_store_get_workload(store->store, API, &row, NULL), 0);
	if (statuses[4] == 200)
		assert_true(row.active_revision > 0);
	if (statuses[5] == 200)
		assert_int_equal(row.mode, NS_MODE_ENFORCING);
	assert_true(row.mode != NS_MODE_ENFORCING || row.active_revision > 0);
}

/* One life; the call with this number fails (0: none). Returns how many calls there were. */
static unsigned long round_of(enum fault_kind kind, unsigned long number, unsigned *ret_failed)
{
	static unsigned statuses[LIFE];
	static char texts[LIFE][2048];
	char digest[NS_DIGEST_TEXT_MAX] = "sha256:none";
	struct test_store store;
	struct ns_edge edge;
	unsigned long calls;

	test_store_open(&store);
	test_store_meet(&store, API, ns_clock_now());
	edge = test_edge(API, NS_EGRESS, "compose/shop/db", "fd00::3", 6, 5432, ns_clock_now());
	test_store_add(&store, &edge);
	assert_int_equal(ns_store_add_deny(store.store, &edge, false, NULL), 0);
	fault_arm(kind, number, false);
	live(&store, digest, statuses, texts);
	calls = fault_disarm();
	check(&store, statuses, texts);
	for (size_t i = 0; i < LIFE; i++)
		*ret_failed += statuses[i] >= 500;
	test_store_close(&store);
	return calls;
}

static void each_fails(enum fault_kind kind)
{
	unsigned failed = 0;
	unsigned long calls = round_of(kind, 0, &failed), step = calls / ROUNDS + 1;

	assert_int_equal(failed, 0);
	assert_true(calls > 20);
	for (unsigned long number = 1; number <= calls; number += step)
		(void)round_of(kind, number, &failed);
	/* The faults were seen, not swallowed. */
	assert_true(failed > 0);
}

static void test_memory(void **state)
{
	each_fails(FAULT_MEMORY);
}

static void test_files(void **state)
{
	each_fails(FAULT_FILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_files),
	};

	fault_install();
	/* Each fault is an error of the daemon, and would be a line. */
	ns_log_set_level((enum ns_log_level)0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
