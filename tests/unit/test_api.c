/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The routes of the API and what they answer when all is well: the real HTTP server on a unix socket, libcurl as the
 * client.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "test_api_steps.h"

/* ---- what is shown ---- */

/* What the endpoints say of themselves. */
static void expect_notes(const json_t *status)
{
	const json_t *findings = json_object_get(status, "findings"), *drift = json_object_get(status, "drift");

	assert_int_equal(number(json_object_get(status, "outer"), "failed"), 1);
	assert_int_equal(json_array_size(findings), 2);
	assert_string_equal(text(json_array_get(findings, 0), "finding"), "NET_ADMIN");
	assert_non_null(strstr(text(json_array_get(findings, 0), "means"), "outer lock"));
	assert_string_equal(text(json_array_get(findings, 1), "workload"), WEB);
	assert_true(is_null(json_array_get(findings, 1), "means"));
	assert_int_equal(json_array_size(drift), 1);
	assert_int_equal(number(json_array_get(drift, 0), "count"), 3);
	assert_string_equal(text(json_array_get(drift, 0), "container"), "web-1");
	assert_string_equal(text(json_array_get(drift, 0), "command"), "nft flush ruleset");
}

static void test_status(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;

	test_get(test, "/v1/status", &reply);
	test_expect(&reply, 200, NULL);
	assert_string_equal(text(reply.json, "version"), NANOSEG_VERSION);
	assert_true(number(reply.json, "uptime") >= 0);
	assert_true(strlen(text(reply.json, "kernel")) > 2);
	assert_int_equal(number(reply.json, "endpoints"), 1);
	assert_non_null(json_object_get(reply.json, "modes"));
	assert_non_null(json_object_get(reply.json, "unprotected"));
	expect_notes(reply.json);
	test_reply_release(&reply);
	test_get(test, "/v1/endpoints", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(number(json_array_get(reply.json, 0), "cookie"), 77);
	test_reply_release(&reply);
}

/* Each mode says what comes next; enforcing says nothing. */
static void expect_unrestricted(struct test_api *test, const char *mode, const char *next)
{
	struct test_reply reply;
	const json_t *list;

	test_get(test, "/v1/status", &reply);
	test_expect(&reply, 200, NULL);
	list = json_object_get(reply.json, "unrestricted");
	assert_int_equal(json_array_size(list), mode ? 1 : 0);
	if (mode) {
		assert_string_equal(text(json_array_get(list, 0), "workload"), WEB);
		assert_string_equal(text(json_array_get(list, 0), "mode"), mode);
		assert_non_null(strstr(text(json_array_get(list, 0), "next"), next));
	}
	test_reply_release(&reply);
}

static void test_unrestricted(void **state)
{
	struct test_api *test = *state;
	char digest[NS_DIGEST_TEXT_MAX];

	/* A workload that does not run is nobody's next step. */
	test_store_meet(&test->data, "compose/shop/gone", ns_clock_now());
	expect_unrestricted(test, "learning", "nanoseg learn stop " WEB);
	propose(test, digest);
	expect_unrestricted(test, "proposed", "nanoseg policy show " WEB);
	decide(test, "/v1/policy/approve", digest, 200, NULL);
	expect_unrestricted(test, "approved", "nanoseg mode " WEB " auditing");
	test_post_expect(test, "/v1/mode", "{\"workload\":\"" WEB "\",\"mode\":\"auditing\"}", 200, NULL);
	expect_unrestricted(test, "auditing", "nanoseg denies " WEB);
	test_post_expect(test, "/v1/mode", "{\"workload\":\"" WEB "\",\"mode\":\"enforcing\"}", 200, NULL);
	expect_unrestricted(test, NULL, NULL);
}

/* Errors speak as the command does, and the log says what a change was about. */
static void test_words(void **state)
{
	struct test_api *test = *state;
	char path[96], line[4096] = "";
	int log, before;

	test_get_expect(test, "/v1/graph?workload=compose/shop/wbe", 404,
			"no workload 'compose/shop/wbe' is known; did you mean '" WEB "'? 'nanoseg endpoints' lists");
	test_post_expect(test, "/v1/policy/propose", "{\"workload\":\"zzz\"}", 404,
			 "no workload 'zzz' is known; 'nanoseg endpoints' lists those that run, and who shares "
			 "another's rules");
	test_get_expect(test, "/v1/policy/diff?workload=" WEB, 404, "name a revision with --to");

	(void)snprintf(path, sizeof path, "%s/log", test->data.dir);
	log = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	before = dup(STDERR_FILENO);
	assert_true(log >= 0 && before >= 0 && dup2(log, STDERR_FILENO) >= 0);
	test_post_expect(test, "/v1/mode", "{\"workload\":\"" WEB "\",\"mode\":\"learning\"}", 200, NULL);
	test_post_expect(test, "/v1/policy/approve",
			 "{\"workload\":\"" WEB "\",\"digest\":\"sha256:12\",\"reason\":\"r\"}", 400, NULL);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	assert_true(pread(log, line, sizeof line - 1, 0) > 0);
	assert_non_null(strstr(line, "POST /v1/mode (" WEB ", learning): 200\n"));
	assert_non_null(strstr(line, "POST /v1/policy/approve (" WEB ", sha256:12): 400: $.digest"));
	(void)close(before);
	(void)close(log);
	assert_int_equal(unlink(path), 0);
}

static const json_t *find_edge(const json_t *edges, const char *protocol, const char *address)
{
	const json_t *edge;
	size_t i;

	json_array_foreach (edges, i, edge) {
		const char *found = json_string_value(json_object_get(json_object_get(edge, "peer"), "address"));

		if (strcmp(text(edge, "protocol"), protocol) == 0 &&
		    (address ? found && strcmp(found, address) == 0 : !found))
			return edge;
	}
	return NULL;
}

static void test_graph(void **state)
{
	struct test_api *test = *state;
	struct ns_edge transit =
		test_edge(WEB, NS_TRANSIT, "compose/shop/db", "fd00::3", IPPROTO_TCP, 5432, ns_clock_now());
	struct test_reply reply;
	const json_t *edges, *edge;

	assert_int_equal(ns_addr_parse("fd00::9", &transit.tuple.source, NULL), 0);
	transit.source_class = NS_PEER_WORKLOAD;
	transit.source_name = "compose/shop/api";
	test_store_add(&test->data, &transit);
	see(test, NS_EGRESS, "compose/shop/db", "10.0.0.3", IPPROTO_UDP, 53);
	see(test, NS_EGRESS, "", "2001:db8::1", IPPROTO_ICMPV6, 128);
	see(test, NS_EGRESS, "", "192.0.2.1", IPPROTO_GRE, 0);
	test_store_meet(&test->data, "name/other", ns_clock_now());
	assert_int_equal(ns_store_open_gap(test->data.store, WEB, ns_clock_now(), "joined late", NULL), 0);
	test_get(test, "/v1/graph?workload=compose%2Fshop%2fweb", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(json_array_size(json_object_get(reply.json, "workloads")), 1);
	assert_string_equal(text(json_array_get(json_object_get(reply.json, "gaps"), 0), "cause"), "joined late");
	edges = json_object_get(reply.json, "edges");
	assert_int_equal(json_array_size(edges), 4);

	edge = find_edge(edges, "udp", "10.0.0.3");
	assert_non_null(edge);
	assert_string_equal(text(edge, "workload"), WEB);
	assert_string_equal(text(edge, "direction"), "egress");
	assert_string_equal(text(json_object_get(edge, "peer"), "class"), "workload");
	assert_string_equal(text(json_object_get(edge, "peer"), "name"), "compose/shop/db");
	assert_int_equal(number(edge, "port"), 53);
	assert_true(is_null(edge, "icmp_type"));
	assert_int_equal(number(edge, "packets"), 3);
	assert_int_equal(number(edge, "bytes"), 180);
	assert_string_equal(text(edge, "process"), "/usr/bin/api");
	assert_int_equal(number(edge, "uid"), 33);
	assert_non_null(strchr(text(edge, "first_seen"), '.'));
	assert_null(json_object_get(edge, "source"));

	edge = find_edge(edges, "icmpv6", "2001:db8::1");
	assert_non_null(edge);
	assert_true(is_null(edge, "port"));
	assert_int_equal(number(edge, "icmp_type"), 128);
	assert_string_equal(text(json_object_get(edge, "peer"), "class"), "internet");
	assert_true(is_null(json_object_get(edge, "peer"), "name"));

	edge = find_edge(edges, "gre", "192.0.2.1");
	assert_non_null(edge);
	assert_true(is_null(edge, "port") && is_null(edge, "icmp_type"));

	edge = find_edge(edges, "tcp", "fd00::3");
	assert_non_null(edge);
	assert_string_equal(text(edge, "direction"), "transit");
	assert_string_equal(text(json_object_get(edge, "source"), "name"), "compose/shop/api");
	assert_string_equal(text(json_object_get(edge, "source"), "address"), "fd00::9");
	test_reply_release(&reply);

	test_get(test, "/v1/graph", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(json_array_size(json_object_get(reply.json, "workloads")), 2);
	test_reply_release(&reply);
	assert_true(test->data.engine.harvests >= 2);
	test_get_expect(test, "/v1/graph?workload=name/none", 404, "name/none");
}

/* The set without addresses speaks only where those with addresses are silent. */
static void test_graph_ports(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;
	const json_t *edges;

	see(test, NS_INGRESS, "", NULL, IPPROTO_TCP, 80);
	see(test, NS_INGRESS, "", NULL, IPPROTO_UDP, 80);
	see(test, NS_INGRESS, "", "2001:db8::7", IPPROTO_TCP, 80);
	test_get(test, "/v1/graph", &reply);
	test_expect(&reply, 200, NULL);
	edges = json_object_get(reply.json, "edges");
	assert_int_equal(json_array_size(edges), 2);
	assert_non_null(find_edge(edges, "tcp", "2001:db8::7"));
	assert_null(find_edge(edges, "tcp", NULL));
	assert_non_null(find_edge(edges, "udp", NULL));
	assert_string_equal(text(json_object_get(find_edge(edges, "udp", NULL), "peer"), "class"), "any");
	test_reply_release(&reply);
}

/* What the kernel could not tell is said, and what is known is shown all the same. */
static void test_graph_harvest_fails(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;

	test->data.engine.harvest_error = -EINTR;
	test_get(test, "/v1/graph", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(json_array_size(json_object_get(reply.json, "warnings")), 1);
	test_reply_release(&reply);
	test_get_expect(test, "/v1/denies", 200, NULL);
}

static void test_large_graph(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;
	char address[NS_ADDR_TEXT_MAX];

	assert_int_equal(ns_store_begin(test->data.store, NULL), 0);
	for (unsigned i = 0; i < 20000; i++) {
		(void)snprintf(address, sizeof address, "2001:db8::%x:%x", i >> 8, i & 0xff);
		see(test, NS_EGRESS, "", address, IPPROTO_TCP, (uint16_t)(1 + i % 60000));
	}
	assert_int_equal(ns_store_commit(test->data.store, NULL), 0);
	test_get(test, "/v1/graph", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(json_array_size(json_object_get(reply.json, "edges")), 20000);
	test_reply_release(&reply);
}

static void test_denies(void **state)
{
	struct test_api *test = *state;
	struct ns_edge early = test_edge(WEB, NS_EGRESS, "", "192.0.2.1", IPPROTO_TCP, 22, 1764000000000000);
	struct ns_edge late = test_edge(WEB, NS_INGRESS, "", "2001:db8::1", IPPROTO_ICMPV6, 128, 1764000001000000);
	struct test_reply reply;

	assert_int_equal(ns_store_add_deny(test->data.store, &early, false, NULL), 0);
	assert_int_equal(ns_store_add_deny(test->data.store, &late, true, NULL), 0);
	test_get(test, "/v1/denies", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(json_array_size(reply.json), 2);
	assert_int_equal(number(json_array_get(reply.json, 0), "port"), 22);
	assert_true(json_is_false(json_object_get(json_array_get(reply.json, 0), "audited")));
	assert_true(is_null(json_array_get(reply.json, 1), "port"));
	assert_true(json_is_true(json_object_get(json_array_get(reply.json, 1), "audited")));
	test_reply_release(&reply);
	/* Those after the first: what --follow asks. */
	test_get(test, "/v1/denies?workload=" WEB "&after=2025-11-24T16:00:00.000000Z", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(json_array_size(reply.json), 1);
	assert_string_equal(text(json_array_get(reply.json, 0), "protocol"), "icmpv6");
	test_reply_release(&reply);
	test_get_expect(test, "/v1/denies?after=yesterday", 400, "?after");
	test_get_expect(test, "/v1/denies?workload=name/none", 404, NULL);
}

/* ---- the main line ---- */

static void test_main_line(void **state)
{
	struct test_api *test = *state;
	char digest[NS_DIGEST_TEXT_MAX];
	struct test_reply reply;

	see(test, NS_EGRESS, "compose/shop/db", "10.0.0.3", IPPROTO_TCP, 5432);
	see(test, NS_EGRESS, "compose/shop/db", "fd00::3", IPPROTO_TCP, 5432);
	test_get_expect(test, "/v1/policy?workload=" WEB, 404, "no policy yet");
	test_get_expect(test, "/v1/policy/diff?workload=" WEB, 404, "no proposal");
	set_mode(test, "enforcing", 409, "propose one");
	propose(test, digest);
	set_mode(test, "enforcing", 409, "waits for approval");
	test_get(test, "/v1/policy/diff?workload=" WEB, &reply);
	test_expect(&reply, 200, NULL);
	assert_true(is_null(reply.json, "from"));
	assert_int_equal(number(reply.json, "to"), 1);
	assert_int_equal(json_array_size(json_object_get(reply.json, "added")), 1);
	assert_string_equal(text(json_object_get(reply.json, "verdict"), "to"), "drop");
	test_reply_release(&reply);
	decide(test, "/v1/policy/approve", digest, 200, NULL);
	decide(test, "/v1/policy/approve", digest, 409, "no proposal");
	set_mode(test, "auditing", 200, NULL);
	set_mode(test, "enforcing", 200, NULL);
	test_get(test, "/v1/policy?workload=" WEB, &reply);
	test_expect(&reply, 200, NULL);
	assert_string_equal(text(reply.json, "schema"), "nanoseg/policy/1");
	assert_string_equal(text(reply.json, "workload"), WEB);
	assert_int_equal(number(reply.json, "revision"), 1);
	assert_string_equal(text(reply.json, "digest"), digest);
	assert_string_equal(text(reply.json, "mode"), "enforcing");
	assert_string_equal(text(reply.json, "state"), "approved");
	assert_string_equal(text(reply.json, "origin"), "learned");
	assert_string_equal(text(reply.json, "verdict"), "drop");
	assert_int_equal(number(json_object_get(reply.json, "proposer"), "uid"), getuid());
	assert_true(strlen(text(reply.json, "created")) > 20);
	assert_int_equal(json_array_size(json_object_get(reply.json, "rules")), 1);
	assert_non_null(json_object_get(json_array_get(json_object_get(reply.json, "rules"), 0), "evidence"));
	test_reply_release(&reply);
	test_get_expect(test, "/v1/policy?workload=" WEB "&revision=1", 200, NULL);
	test_get_expect(test, "/v1/policy?workload=" WEB "&revision=2", 404, NULL);
	test_get_expect(test, "/v1/policy/diff?workload=" WEB "&from=1&to=2", 404, NULL);
	test_get_expect(test, "/v1/policy/diff?workload=" WEB "&from=1&to=1", 200, NULL);
}

static void test_lists(void **state)
{
	struct test_api *test = *state;
	char digest[NS_DIGEST_TEXT_MAX];
	struct test_reply reply;
	const json_t *list;

	test_store_meet(&test->data, "name/other", ns_clock_now());
	see(test, NS_EGRESS, "compose/shop/db", "fd00::3", IPPROTO_TCP, 5432);
	propose(test, digest);
	test_get(test, "/v1/policies", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(json_array_size(reply.json), 2);
	list = json_array_get(reply.json, 0);
	assert_string_equal(text(list, "workload"), WEB);
	assert_string_equal(text(list, "mode"), "proposed");
	assert_true(is_null(list, "active_revision"));
	assert_int_equal(number(list, "proposed_revision"), 1);
	assert_string_equal(text(list, "digest"), digest);
	assert_int_equal(number(list, "rules"), 1);
	list = json_array_get(reply.json, 1);
	assert_true(is_null(list, "digest") && is_null(list, "proposed_revision"));
	assert_int_equal(number(list, "rules"), 0);
	test_reply_release(&reply);

	decide(test, "/v1/policy/reject", digest, 200, NULL);
	test_get(test, "/v1/policy/history?workload=" WEB, &reply);
	test_expect(&reply, 200, NULL);
	list = json_object_get(reply.json, "revisions");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text(json_array_get(list, 0), "state"), "rejected");
	list = json_object_get(reply.json, "decisions");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text(json_array_get(list, 0), "reason"), "checked");
	assert_int_equal(number(json_object_get(json_array_get(list, 0), "actor"), "pid"), getpid());
	assert_int_equal(json_array_size(json_object_get(reply.json, "mode_changes")), 0);
	test_reply_release(&reply);
	test_post_expect(test, "/v1/mode", "{\"workload\":\"" WEB "\",\"mode\":\"learning\"}", 200, NULL);
	test_post_expect(test, "/v1/learn", "{\"workload\":\"" WEB "\",\"action\":\"start\"}", 200, NULL);
	test_get(test, "/v1/policy/history?workload=" WEB, &reply);
	test_expect(&reply, 200, NULL);
	list = json_object_get(reply.json, "mode_changes");
	assert_int_equal(json_array_size(list), 1); /* it was learning: only a new window is an event */
	assert_string_equal(text(json_array_get(list, 0), "reason"), "learn start");
	assert_string_equal(text(json_array_get(list, 0), "to"), "learning");
	assert_int_equal(number(json_object_get(json_array_get(list, 0), "actor"), "pid"), getpid());
	assert_int_equal(number(reply.json, "mode_changes_total"), 1);
	test_reply_release(&reply);
	test_get_expect(test, "/v1/policy/history?workload=name/none", 404, NULL);
	test_get_expect(test, "/v1/policy/diff?workload=name/none", 404, NULL);
}

static void test_edit(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;

#define POLICY(WORKLOAD, REVISION, RULES)                                                                              \
	"{\"schema\":\"nanoseg/policy/1\",\"workload\":\"" WORKLOAD "\",\"revision\":" REVISION                        \
	",\"verdict\":\"drop\","                                                                                       \
	"\"rules\":[" RULES "]}"
#define RULE(PORT)                                                                                                     \
	"{\"id\":\"a\",\"direction\":\"egress\",\"peer\":{\"class\":\"host\"},\"protocol\":\"tcp\",\"ports\":[" PORT   \
	"]}"
	test_post(test, "/v1/policy/edit", POLICY(WEB, "1", RULE("443")), &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(number(reply.json, "revision"), 1);
	assert_int_equal(number(reply.json, "rules"), 1);
	test_reply_release(&reply);
	test_post_expect(test, "/v1/policy/edit", POLICY(WEB, "7", RULE("443")), 409, "$.revision");
	test_post_expect(test, "/v1/policy/edit", POLICY("name/none", "1", RULE("443")), 404, "name/none");
	test_post_expect(test, "/v1/policy/edit", POLICY(WEB, "1", RULE("70000")), 400, "$.rules[0].ports[0]");
	test_post_expect(test, "/v1/policy/edit", POLICY(WEB, "\"1\"", ""), 400, "$.revision");
	test_post_expect(test, "/v1/policy/edit", "{\"schema\":\"nanoseg/policy/1\",\"colour\":1}", 400, "$");
	test_post_expect(test, "/v1/policy/edit", "{\"workload\":", 400, "line 1");
	test_post_expect(test, "/v1/policy/edit", "{\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}", 400, "deeper");
}

static void test_learn(void **state)
{
	struct test_api *test = *state;
	struct test_reply reply;

	test_post(test, "/v1/learn", "{\"workload\":\"" WEB "\",\"action\":\"start\"}", &reply);
	test_expect(&reply, 200, NULL);
	assert_string_equal(text(reply.json, "mode"), "learning");
	test_reply_release(&reply);
	see(test, NS_EGRESS, "compose/shop/db", "fd00::3", IPPROTO_TCP, 5432);
	test_post(test, "/v1/learn", "{\"workload\":\"" WEB "\",\"action\":\"stop\"}", &reply);
	test_expect(&reply, 200, NULL);
	assert_string_equal(text(reply.json, "mode"), "proposed");
	test_reply_release(&reply);
	test_post_expect(test, "/v1/learn", "{\"workload\":\"" WEB "\",\"action\":\"pause\"}", 400, "$.action");
	test_post_expect(test, "/v1/learn", "{\"workload\":\"name/none\",\"action\":\"stop\"}", 404, NULL);
}

static void test_evidence(void **state)
{
	struct test_api *test = *state;
	NS_JSON json_t *entries = NULL;
	struct test_reply reply;

	test_get(test, "/v1/evidence?workload=" WEB, &reply);
	test_expect(&reply, 200, NULL);
	assert_string_equal(text(reply.json, "schema"), "nanoseg/evidence/1");
	assert_string_equal(text(reply.json, "workload"), WEB);
	test_reply_release(&reply);
	entries = ns_store_audit_entries(test->data.store, 0, 100, NULL);
	assert_string_equal(text(json_array_get(entries, json_array_size(entries) - 1), "event"), "evidence.export");
	test_get_expect(test, "/v1/evidence", 200, NULL);
	test_get_expect(test, "/v1/evidence?workload=name/none", 404, NULL);
	test->data.engine.evidence_error = -EBADMSG;
	test_get_expect(test, "/v1/evidence", 500, "damaged");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status),      TEST(test_unrestricted), TEST(test_words),
		TEST(test_graph),       TEST(test_graph_ports),  TEST(test_graph_harvest_fails),
		TEST(test_large_graph), TEST(test_denies),       TEST(test_main_line),
		TEST(test_lists),       TEST(test_edit),         TEST(test_learn),
		TEST(test_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
