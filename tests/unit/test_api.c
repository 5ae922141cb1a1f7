/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every route of the API, with every status it can answer: the real HTTP server on a unix socket, libcurl as the
 * client.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "clock.h"
#include "listen.h"
#include "test_api_fixture.h"

#define WEB "compose/shop/web"

static int setup(void **state)
{
	struct test_api *test = calloc(1, sizeof *test);

	assert_non_null(test);
	test_caller = NULL;
	test_api_start(test, 10, 30);
	test_store_meet(&test->data, WEB, ns_clock_now() - 1000000);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test_api *test = *state;

	test_caller = NULL;
	test_api_stop(test);
	free(test);
	return 0;
}

static const char *text(const json_t *json, const char *member)
{
	const char *value = json_string_value(json_object_get(json, member));

	if (!value)
		fail_msg("no string member %s", member);
	return value;
}

static json_int_t number(const json_t *json, const char *member)
{
	if (!json_is_integer(json_object_get(json, member)))
		fail_msg("no integer member %s", member);
	return json_integer_value(json_object_get(json, member));
}

static bool is_null(const json_t *json, const char *member)
{
	return json_is_null(json_object_get(json, member));
}

static void see(struct test_api *test, enum ns_direction direction, const char *peer, const char *address,
		uint8_t protocol, uint16_t port)
{
	struct ns_edge edge = test_edge(WEB, direction, peer, address, protocol, port, ns_clock_now());

	test_store_add(&test->data, &edge);
}

/* Proposes; the digest into `digest`. */
static void propose(struct test_api *test, char digest[static NS_DIGEST_TEXT_MAX])
{
	struct test_reply reply;

	test_post(test, "/v1/policy/propose", "{\"workload\":\"" WEB "\"}", &reply);
	test_expect(&reply, 200, NULL);
	(void)snprintf(digest, NS_DIGEST_TEXT_MAX, "%s", text(reply.json, "digest"));
	test_reply_release(&reply);
}

static void decide(struct test_api *test, const char *path, const char *digest, long status, const char *part)
{
	char body[512];

	(void)snprintf(body, sizeof body, "{\"workload\":\"" WEB "\",\"digest\":\"%s\",\"reason\":\"checked\"}",
		       digest);
	test_post_expect(test, path, body, status, part);
}

static void set_mode(struct test_api *test, const char *mode, long status, const char *part)
{
	char body[512];

	(void)snprintf(body, sizeof body, "{\"workload\":\"" WEB "\",\"mode\":\"%s\"}", mode);
	test_post_expect(test, "/v1/mode", body, status, part);
}

/* ---- what is shown ---- */

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
	test_reply_release(&reply);
	test_get(test, "/v1/endpoints", &reply);
	test_expect(&reply, 200, NULL);
	assert_int_equal(number(json_array_get(reply.json, 0), "cookie"), 77);
	test_reply_release(&reply);
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

/* ---- what is refused ---- */

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
	decide(test, "/v1/policy/approve", other, 409, other);
	decide(test, "/v1/policy/approve", other, 409, digest);
	decide(test, "/v1/policy/reject", other, 409, digest);
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
			test_expect(&reply, 403, "nanoseg-");
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

/* ---- the socket ---- */

static void test_socket_file(void **state)
{
	struct test_api *test = *state;
	struct ns_error error = NS_ERROR_INIT;
	gid_t group = ns_group_find(NS_GROUP_SOCKET);
	struct stat st;

	assert_int_equal(stat(test->socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, group == NS_GID_NONE ? getgid() : group);
	/* Somebody answers there. */
	assert_int_equal(ns_listen_open(test->socket, &error), -EADDRINUSE);
	test_get_expect(test, "/v1/status", 200, NULL);
	assert_int_equal(ns_listen_open("relative", &error), -EINVAL);
	assert_int_equal(ns_listen_open(test->data.dir, &error), -EEXIST);
	assert_int_equal(ns_listen_open("/proc/none/x", &error), -ENOENT);
}

static void test_stale_socket(void **state)
{
	char dir[] = "/tmp/nanoseg-listen-XXXXXX", path[64], long_path[200];
	struct ns_error error = NS_ERROR_INIT;
	int first, second;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/s", dir);
	first = ns_listen_open(path, &error);
	assert_true(first >= 0);
	assert_int_equal(ns_listen_check(first, NULL), 0);
	(void)close(first);
	/* Nobody listens any more, the file is still there. */
	second = ns_listen_open(path, &error);
	assert_true(second >= 0);
	(void)close(second);
	assert_int_equal(unlink(path), 0);
	/* A file is not ours to remove. */
	first = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(first >= 0);
	assert_int_equal(ns_listen_open(path, &error), -EEXIST);
	assert_int_equal(ns_listen_check(first, &error), -EINVAL);
	(void)close(first);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	memset(long_path, 'x', sizeof long_path);
	long_path[0] = '/';
	long_path[sizeof long_path - 1] = '\0';
	assert_int_equal(ns_listen_open(long_path, &error), -EINVAL);
}

/* As with systemd's socket activation: the file is not the daemon's, and stays. */
static void test_handed_over(void **state)
{
	struct test_api *test = *state;
	struct ns_error error = NS_ERROR_INIT;
	sd_event *event = NULL;
	struct ns_api *api = NULL;
	char path[128];
	int fd;

	(void)snprintf(path, sizeof path, "%s/other.sock", test->data.dir);
	fd = ns_listen_open(path, &error);
	assert_true(fd >= 0);
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(ns_api_new(event, &test->data.engine, "/nowhere/at/all", fd, &api, &error), 0);
	assert_null(ns_api_free(api));
	assert_null(ns_api_free(NULL));
	assert_int_equal(unlink(path), 0);
	api = NULL;
	assert_int_equal(ns_api_new(event, &test->data.engine, "", STDIN_FILENO, &api, &error), -EINVAL);
	assert_int_equal(ns_api_new(event, &test->data.engine, test->socket, -1, &api, &error), -EADDRINUSE);
	assert_null(api);
	sd_event_unref(event);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status),
		TEST(test_graph),
		TEST(test_graph_ports),
		TEST(test_graph_harvest_fails),
		TEST(test_large_graph),
		TEST(test_denies),
		TEST(test_main_line),
		TEST(test_lists),
		TEST(test_edit),
		TEST(test_learn),
		TEST(test_evidence),
		TEST(test_paths_and_methods),
		TEST(test_parameters),
		TEST(test_bodies),
		TEST(test_refusals_change_nothing),
		TEST(test_another_digest),
		TEST(test_endpoint_fails),
		TEST(test_roles),
		TEST(test_nobody),
		TEST(test_socket_file),
		cmocka_unit_test(test_stale_socket),
		TEST(test_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
