/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any request to the API, after HTTP itself: the first line is the method, a space and the path with its query string,
 * all that follows is the body. Who asks may everything. Whatever comes, the answer is one JSON document with a status
 * that the API documents, never an internal error, and a refused request has not moved the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "test_api_fixture.h"

#define LINE_MAX_BYTES 1024
/* Policies and audit entries pile up; the store is made anew so that each run costs the same. */
#define RUNS_PER_STORE 5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct test_store store;
static unsigned runs;

static void close_store(void)
{
	if (store.store)
		test_store_close(&store);
}

/* The same document every time, so that the corpus can name its digest. */
static void propose(const char *workload, bool approve)
{
	struct ns_lifecycle cycle = { &store.engine, &store.actor, ns_clock_now() };
	json_t *document = json_pack("{s:s, s:s, s:i, s:s, s:[]}", "schema", NS_POLICY_SCHEMA, "workload", workload,
				     "revision", 1, "verdict", "reject", "rules");
	json_t *answer = NULL, *approval = NULL;

	if (ns_lifecycle_edit(&cycle, document, &answer, NULL) < 0)
		abort();
	if (approve && ns_lifecycle_approve(&cycle, workload, json_string_value(json_object_get(answer, "digest")),
					    "before the fuzzing", &approval, NULL) < 0)
		abort();
	json_decref(document);
	json_decref(answer);
	json_decref(approval);
}

static void renew_store(void)
{
	close_store();
	test_store_open(&store);
	test_store_meet(&store, "name/web", ns_clock_now());
	test_store_meet(&store, "name/db", ns_clock_now());
	test_store_meet(&store, "name/api", ns_clock_now());
	propose("name/db", true);
	propose("name/api", false);
	for (unsigned i = 0; i < 4; i++) {
		struct ns_edge edge =
			test_edge("name/web", i & 1 ? NS_EGRESS : NS_INGRESS, i & 2 ? "name/db" : "",
				  i & 1 ? "10.0.0.3" : "2001:db8::3", 6, (uint16_t)(80 + i), ns_clock_now());

		test_store_add(&store, &edge);
	}
}

static void read_query(struct ns_request *request, char *query)
{
	char *next = query;

	while (next && request->n_parameters < NS_HTTP_PARAMETERS_MAX) {
		char *name = strsep(&next, "&"), *value = strchr(name, '=');

		if (value)
			*value++ = '\0';
		(void)ns_api_unescape(NULL, NULL, name);
		if (value)
			(void)ns_api_unescape(NULL, NULL, value);
		request->parameters[request->n_parameters++] = (struct ns_parameter){ name, value };
	}
}

static bool is_documented(unsigned status)
{
	static const unsigned statuses[] = { 200, 400, 404, 405, 409, 413 };

	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		if (statuses[i] == status)
			return true;
	return false;
}

static void check(const struct ns_request *request, const struct ns_reply *reply, unsigned changes_before)
{
	json_t *json =
		json_loadb(reply->text.data ? reply->text.data : "", reply->text.length, JSON_REJECT_DUPLICATES, NULL);

	if (!json || !is_documented(reply->status) ||
	    (reply->status >= 400 && store.engine.changes != changes_before)) {
		(void)fprintf(stderr, "%s %s: %u: %.*s\n", request->method, request->path, reply->status,
			      (int)reply->text.length, reply->text.data ? reply->text.data : "");
		abort();
	}
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ns_caller caller = { .uid = 0, .pid = 1, .user = "root", .roles = NS_ROLES_ALL };
	const uint8_t *end = memchr(data, '\n', size < LINE_MAX_BYTES ? size : LINE_MAX_BYTES - 1);
	struct ns_service service = { &store.engine, 0 };
	struct ns_request request = { .caller = &caller };
	struct ns_reply reply = NS_REPLY_INIT;
	char line[LINE_MAX_BYTES], *query = line, *path;
	unsigned changes;

	if (!end)
		return 0;
	if (runs == 0)
		(void)atexit(close_store);
	if (runs++ % RUNS_PER_STORE == 0) {
		ns_log_set_level(NS_LOG_LEVEL_ERROR);
		renew_store();
	}
	memcpy(line, data, (size_t)(end - data));
	line[end - data] = '\0';
	request.method = strsep(&query, " ");
	path = strsep(&query, "?");
	request.path = path ? path : "";
	if (path)
		(void)ns_api_unescape(NULL, NULL, path);
	read_query(&request, query);
	request.body_length = size - (size_t)(end + 1 - data);
	/* A copy, so that a read past its end is seen. */
	request.body =
		request.body_length > 0 ? memcpy(malloc(request.body_length), end + 1, request.body_length) : NULL;
	changes = store.engine.changes;
	ns_request_answer(&service, &request, &reply);
	check(&request, &reply, changes);
	ns_reply_release(&reply);
	free((void *)(uintptr_t)request.body);
	return 0;
}
