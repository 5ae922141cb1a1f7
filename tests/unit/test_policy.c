/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Policies: what the parser takes, what it refuses and with which words, writing, digests, differences.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <nanoseg/policy.h>

#define HEAD "{\"schema\":\"nanoseg/policy/1\",\"workload\":\"w\",\"revision\":1,\"verdict\":\"drop\",\"rules\":["
#define TAIL "]}"
#define RULE "{\"id\":\"r1\",\"direction\":\"egress\",\"peer\":{\"class\":\"any\"},\"protocol\":\"tcp\",\"ports\":[80]}"
/* A rule with all but its end. */
#define BEGUN "{\"id\":\"r1\",\"direction\":\"egress\",\"peer\":{\"class\":\"any\"},"

static void expect_error(const char *json, const char *wanted)
{
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_error err = NS_ERROR_INIT;

	assert_true(ns_policy_parse(json, strlen(json), &policy, &err) < 0);
	assert_string_equal(err.text, wanted);
	assert_null(strchr(err.text, '\n'));
	assert_null(policy.workload); /* untouched */
	assert_null(policy.rules);
}

static void parse(const char *json, struct ns_policy *ret)
{
	struct ns_error err = NS_ERROR_INIT;

	*ret = (struct ns_policy)NS_POLICY_INIT;
	if (ns_policy_parse(json, strlen(json), ret, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_bad_documents(void **state)
{
	expect_error("", "$: line 1, column 0: not valid JSON: '[' or '{' expected near end of file");
	expect_error("[]", "$: must be an object");
	expect_error("{}", "$.schema: missing");
	expect_error(HEAD RULE, "$: line 1, column 168: not valid JSON: ']' expected near end of file");
	expect_error(HEAD RULE TAIL "x", "$: line 1, column 171: not valid JSON: end of file expected near 'x'");
	expect_error("{\"schema\":\"nanoseg/policy/1\",\"schema\":\"nanoseg/policy/1\"}",
		     "$: line 1, column 37: not valid JSON: duplicate object key near '\"schema\"'");
	expect_error("{\"schema\":\"nanoseg/policy/2\"}",
		     "$.schema: 'nanoseg/policy/2' is not known; use nanoseg/policy/1");
	expect_error("{\"schema\":1}", "$.schema: must be a string");
	expect_error(HEAD "],\"mode\":\"x\"}", "$.mode: unknown member");
	expect_error(
		"{\"schema\":\"nanoseg/policy/1\",\"workload\":\"\",\"revision\":1,\"verdict\":\"drop\",\"rules\":[]}",
		"$.workload: must have 1 to 255 bytes");
	expect_error("{\"schema\":\"nanoseg/policy/"
		     "1\",\"workload\":\"a\\nb\",\"revision\":1,\"verdict\":\"drop\",\"rules\":[]}",
		     "$.workload: has a control character");
	expect_error(
		"{\"schema\":\"nanoseg/policy/1\",\"workload\":\"w\",\"revision\":0,\"verdict\":\"drop\",\"rules\":[]}",
		"$.revision: must be 1 or more");
	expect_error("{\"schema\":\"nanoseg/policy/"
		     "1\",\"workload\":\"w\",\"revision\":1.5,\"verdict\":\"drop\",\"rules\":[]}",
		     "$.revision: must be a whole number of 0 or more");
	expect_error("{\"schema\":\"nanoseg/policy/1\",\"workload\":\"w\",\"revision\":1,\"rules\":[]}",
		     "$.verdict: missing");
	expect_error("{\"schema\":\"nanoseg/policy/"
		     "1\",\"workload\":\"w\",\"revision\":1,\"verdict\":\"accept\",\"rules\":[]}",
		     "$.verdict: 'accept' is not a verdict; use drop or reject");
	expect_error(
		"{\"schema\":\"nanoseg/policy/1\",\"workload\":\"w\",\"revision\":1,\"verdict\":\"drop\",\"rules\":{}}",
		"$.rules: must be an array");
}

static void test_bad_rules(void **state)
{
	expect_error(HEAD "7" TAIL, "$.rules[0]: must be an object");
	expect_error(HEAD RULE "," RULE TAIL, "$.rules[1].id: 'r1' is the id of $.rules[0] already");
	expect_error(HEAD "{\"id\":\"R1\"}" TAIL, "$.rules[0].id: must be 1 to 31 of a-z, 0-9 and -");
	expect_error(HEAD "{\"id\":\"\"}" TAIL, "$.rules[0].id: must be 1 to 31 of a-z, 0-9 and -");
	expect_error(HEAD "{\"id\":\"r1\",\"direction\":\"out\"}" TAIL,
		     "$.rules[0].direction: 'out' is not a direction; use ingress, egress or transit");
	expect_error(HEAD "{\"id\":\"r1\",\"direction\":\"egress\"}" TAIL, "$.rules[0].peer: missing");
	expect_error(HEAD BEGUN "\"protocol\":\"tcp\",\"ports\":[80],\"colour\":\"red\"}" TAIL,
		     "$.rules[0].colour: unknown member");
	expect_error(HEAD BEGUN "\"protocol\":6,\"ports\":[80]}" TAIL, "$.rules[0].protocol: must be a string");
	expect_error(HEAD BEGUN "\"protocol\":\"tpc\",\"ports\":[80]}" TAIL,
		     "$.rules[0].protocol: 'tpc' is not a protocol; use a name such as tcp, a number such as \"47\", "
		     "or any");
	expect_error(HEAD BEGUN "\"protocol\":\"256\"}" TAIL, "$.rules[0].protocol: '256' is not a protocol; use a "
							      "name such as tcp, a number such as \"47\", or any");
	expect_error(HEAD BEGUN "\"protocol\":\"tcp\"}" TAIL, "$.rules[0].ports: missing; [\"0-65535\"] is every port");
	expect_error(HEAD BEGUN "\"protocol\":\"17\"}" TAIL, "$.rules[0].ports: missing; [\"0-65535\"] is every port");
	expect_error(HEAD BEGUN "\"protocol\":\"icmpv6\"}" TAIL, "$.rules[0].icmp: missing; [\"0-255\"] is every type");
	expect_error(HEAD BEGUN "\"protocol\":\"any\",\"ports\":[80]}" TAIL,
		     "$.rules[0].ports: this protocol has none");
	expect_error(HEAD BEGUN "\"protocol\":\"gre\",\"ports\":[80]}" TAIL,
		     "$.rules[0].ports: this protocol has none");
	expect_error(HEAD BEGUN "\"protocol\":\"tcp\",\"ports\":[80],\"icmp\":[8]}" TAIL,
		     "$.rules[0].icmp: only icmp and icmpv6 have types");
	expect_error(HEAD BEGUN "\"source\":{\"class\":\"any\"},\"protocol\":\"any\"}" TAIL,
		     "$.rules[0].source: only transit has a source");
	expect_error(HEAD
		     "{\"id\":\"r1\",\"direction\":\"transit\",\"peer\":{\"class\":\"any\"},\"protocol\":\"any\"}" TAIL,
		     "$.rules[0].source: missing; transit needs it");
	expect_error(HEAD BEGUN "\"protocol\":\"any\",\"comment\":5}" TAIL, "$.rules[0].comment: must be a string");
}

static void expect_bad_ports(const char *ports, const char *wanted)
{
	char json[1024];

	(void)snprintf(json, sizeof(json),
		       HEAD RULE ",{\"id\":\"r2\",\"direction\":\"ingress\",\"peer\":{\"class\":\"host\"},"
				 "\"protocol\":\"tcp\",\"ports\":%s}" TAIL,
		       ports);
	expect_error(json, wanted);
}

static void test_bad_ports(void **state)
{
	expect_bad_ports("[]", "$.rules[1].ports: must have at least one item");
	expect_bad_ports("80", "$.rules[1].ports: must be an array");
	expect_bad_ports("[70000]", "$.rules[1].ports[0]: 70000 is not a port; use 0 to 65535");
	expect_bad_ports("[80,-1]", "$.rules[1].ports[1]: -1 is not a port; use 0 to 65535");
	expect_bad_ports("[80.5]", "$.rules[1].ports[0]: must be a number or \"LO-HI\"");
	expect_bad_ports("[true]", "$.rules[1].ports[0]: must be a number or \"LO-HI\"");
	expect_bad_ports("[null]", "$.rules[1].ports[0]: must be a number or \"LO-HI\"");
	expect_bad_ports("[\"80\"]",
			 "$.rules[1].ports[0]: '80' is no range; write \"LO-HI\" with LO and HI of 0 to 65535");
	expect_bad_ports("[\"90-80\"]",
			 "$.rules[1].ports[0]: '90-80' is no range; write \"LO-HI\" with LO and HI of 0 to 65535");
	expect_bad_ports("[\"1-70000\"]",
			 "$.rules[1].ports[0]: '1-70000' is no range; write \"LO-HI\" with LO and HI of 0 to 65535");
	expect_bad_ports("[\"01-80\"]",
			 "$.rules[1].ports[0]: '01-80' is no range; write \"LO-HI\" with LO and HI of 0 to 65535");
	expect_bad_ports("[\" 1-80\"]",
			 "$.rules[1].ports[0]: ' 1-80' is no range; write \"LO-HI\" with LO and HI of 0 to 65535");
	expect_bad_ports("[\"1-80x\"]",
			 "$.rules[1].ports[0]: '1-80x' is no range; write \"LO-HI\" with LO and HI of 0 to 65535");
	expect_bad_ports("[\"80-90\",443,\"85-86\"]", "$.rules[1].ports[2]: 85-86 overlaps 80-90 of ports[0]");
	expect_bad_ports("[443,443]", "$.rules[1].ports[1]: 443-443 overlaps 443-443 of ports[0]");
	expect_error(HEAD BEGUN "\"protocol\":\"icmp\",\"icmp\":[256]}" TAIL,
		     "$.rules[0].icmp[0]: 256 is not an ICMP type; use 0 to 255");
}

static void expect_bad_peer(const char *peer, const char *wanted)
{
	char json[2048];

	(void)snprintf(json, sizeof(json),
		       HEAD "{\"id\":\"r1\",\"direction\":\"egress\",\"peer\":%s,\"protocol\":\"any\"}" TAIL, peer);
	expect_error(json, wanted);
}

static void test_bad_peers(void **state)
{
	char long_name[512];

	expect_bad_peer("\"any\"", "$.rules[0].peer: must be an object");
	expect_bad_peer("{}", "$.rules[0].peer.class: missing");
	expect_bad_peer("{\"class\":\"everybody\"}",
			"$.rules[0].peer.class: 'everybody' is not a class; use workload, host, service, name, cidr, "
			"internet, multicast, broadcast or any");
	expect_bad_peer("{\"class\":\"workload\"}", "$.rules[0].peer.name: missing");
	expect_bad_peer("{\"class\":\"workload\",\"name\":\"\"}", "$.rules[0].peer.name: must have 1 to 255 bytes");
	expect_bad_peer("{\"class\":\"any\",\"name\":\"x\"}", "$.rules[0].peer.name: unknown member");
	expect_bad_peer("{\"class\":\"workload\",\"name\":\"x\",\"prefix\":\"10.0.0.0/8\"}",
			"$.rules[0].peer.prefix: unknown member");
	expect_bad_peer("{\"class\":\"cidr\"}", "$.rules[0].peer.prefix: missing");
	expect_bad_peer("{\"class\":\"cidr\",\"prefix\":\"10.0.0.1/8\"}",
			"$.rules[0].peer.prefix: '10.0.0.1/8' has host bits set; write 10.0.0.0/8");
	expect_bad_peer("{\"class\":\"cidr\",\"prefix\":\"fd00::1/64\"}",
			"$.rules[0].peer.prefix: 'fd00::1/64' has host bits set; write fd00::/64");
	expect_bad_peer("{\"class\":\"multicast\",\"prefix\":\"10.0.0.0/8\"}",
			"$.rules[0].peer.prefix: not multicast; use a part of 224.0.0.0/4 or ff00::/8");
	expect_bad_peer("{\"class\":\"multicast\",\"prefix\":\"224.0.0.0/3\"}",
			"$.rules[0].peer.prefix: not multicast; use a part of 224.0.0.0/4 or ff00::/8");
	expect_bad_peer("{\"class\":\"multicast\",\"prefix\":\"fe00::/7\"}",
			"$.rules[0].peer.prefix: not multicast; use a part of 224.0.0.0/4 or ff00::/8");
	(void)snprintf(long_name, sizeof(long_name), "{\"class\":\"service\",\"name\":\"%0300d\"}", 7);
	expect_bad_peer(long_name, "$.rules[0].peer.name: must have 1 to 255 bytes");
}

static void expect_bad_evidence(const char *evidence, const char *wanted)
{
	char json[1024];

	(void)snprintf(json, sizeof(json), HEAD BEGUN "\"protocol\":\"any\",\"evidence\":%s}" TAIL, evidence);
	expect_error(json, wanted);
}

static void test_bad_evidence(void **state)
{
	expect_bad_evidence("[]", "$.rules[0].evidence: must be an object");
	expect_bad_evidence("{\"packets\":-1}", "$.rules[0].evidence.packets: must be a whole number of 0 or more");
	expect_bad_evidence("{\"first_seen\":\"yesterday\"}",
			    "$.rules[0].evidence.first_seen: must be a time after 1970 "
			    "such as 2026-11-23T18:56:29.123456Z");
	expect_bad_evidence("{\"processes\":[1]}",
			    "$.rules[0].evidence.processes[0]: must be a string of 1 to 127 bytes");
	expect_bad_evidence("{\"proof\":1}", "$.rules[0].evidence.proof: unknown member");
}

static void test_too_large(void **state)
{
	size_t size = 10485760;
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_error err = NS_ERROR_INIT;
	char *json = calloc(1, size + 1), *at;

	assert_non_null(json);
	memset(json, ' ', size);
	assert_int_equal(ns_policy_parse(json, size, &policy, &err), -EFBIG);
	assert_string_equal(err.text, "$: 10485760 bytes are more than the 8388608 allowed");
	/* Nested as deep as the bytes reach. */
	memset(json, '[', 1000000);
	assert_int_equal(ns_policy_parse(json, 1000000, &policy, &err), -EINVAL);
	assert_string_equal(err.text, "$: line 1: nested deeper than 16 levels");
	/* Too many ports for one rule. */
	at = json + sprintf(json, HEAD BEGUN "\"protocol\":\"tcp\",\"ports\":[0");
	for (int i = 1; i <= NS_RULE_PORTS_MAX; i++)
		at += sprintf(at, ",%d", 2 * i);
	(void)sprintf(at, "]}" TAIL);
	expect_error(json, "$.rules[0].ports: 1025 items are more than the 1024 allowed");
	/* Too many rules, none of which is looked at. */
	at = json + sprintf(json, HEAD "0");
	for (int i = 0; i < NS_POLICY_RULES_MAX; i++)
		at += sprintf(at, ",0");
	(void)sprintf(at, TAIL);
	expect_error(json, "$.rules: 100001 rules are more than the 100000 allowed");
	free(json);
}

/* Every document cut short is an error, and never a crash. */
static void test_truncated(void **state)
{
	static const char json[] = HEAD RULE TAIL;

	for (size_t i = 0; i + 1 < sizeof(json) - 1; i++) {
		struct ns_policy policy = NS_POLICY_INIT;
		struct ns_error err = NS_ERROR_INIT;

		assert_true(ns_policy_parse(json, i, &policy, &err) < 0);
		assert_int_equal(strncmp(err.text, "$: line 1", 9), 0);
	}
}

static const char full[] =
	"{\"rules\":["
	"{\"comment\":\"by hand: \\u00e4\",\"direction\":\"egress\",\"evidence\":{\"bytes\":900,\"connections_seen\":3,"
	"\"first_seen\":\"2026-11-23T18:56:29.123456Z\",\"last_seen\":\"2026-11-24T00:00:00.000000Z\",\"packets\":12,"
	"\"processes\":[\"/usr/bin/api\",\"/usr/bin/curl\"],\"why\":\"because\",\"widened_by\":9223372036854775807},"
	"\"id\":\"r1\",\"peer\":{\"class\":\"workload\",\"name\":\"compose/shop/db\"},"
	"\"ports\":[5432,\"6000-6010\"],\"protocol\":\"tcp\"},"
	"{\"direction\":\"ingress\",\"icmp\":[128,\"130-132\"],\"id\":\"r2\",\"peer\":{\"class\":\"cidr\",\"prefix\":"
	"\"fd00::/64\"},\"protocol\":\"icmpv6\"},"
	"{\"direction\":\"transit\",\"id\":\"r3\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"10.0.0.7\"},\"protocol\":"
	"\"99\","
	"\"source\":{\"class\":\"multicast\",\"prefix\":\"ff05::/16\"}},"
	"{\"direction\":\"egress\",\"id\":\"r4\",\"peer\":{\"class\":\"internet\"},\"protocol\":\"any\"}"
	"],\"schema\":\"nanoseg/policy/1\",\"verdict\":\"reject\",\"workload\":\"compose/shop/api\","
	"\"revision\":9223372036854775807}";

static void test_round_trip(void **state)
{
	char digest[NS_DIGEST_TEXT_MAX], again[NS_DIGEST_TEXT_MAX];
	struct ns_policy policy, copy = NS_POLICY_INIT;
	json_t *json, *original = json_loads(full, 0, NULL);

	parse(full, &policy);
	assert_int_equal(policy.n_rules, 4);
	assert_int_equal(policy.verdict, NS_VERDICT_REJECT);
	assert_int_equal(policy.revision, INT64_MAX);
	assert_int_equal(policy.rules[0].n_spans, 2);
	assert_int_equal(policy.rules[0].spans[1].hi, 6010);
	assert_true(policy.rules[0].evidence.widened_by == UINT64_MAX);
	assert_int_equal(policy.rules[0].evidence.n_processes, 2);
	assert_int_equal(policy.rules[1].protocol, IPPROTO_ICMPV6);
	assert_int_equal(policy.rules[2].peer.prefix.length, 32);
	assert_true(policy.rules[3].any_protocol);
	json = ns_policy_to_json(&policy);
	assert_true(json_equal(json, original));
	assert_int_equal(ns_policy_from_json(json, &copy, NULL), 0);
	assert_int_equal(ns_policy_digest(&policy, digest, NULL), 0);
	assert_int_equal(ns_policy_digest(&copy, again, NULL), 0);
	assert_string_equal(digest, again);
	copy.rules[0].spans[0].lo--;
	assert_int_equal(ns_policy_digest(&copy, again, NULL), 0);
	assert_string_not_equal(digest, again);
	json_decref(json);
	json_decref(original);
	ns_policy_release(&policy);
	ns_policy_release(&copy);
	ns_policy_release(&copy);
}

/* However it is written, the same policy has the same digest: this one, on every machine. */
static void test_digest_is_canonical(void **state)
{
	char digest[NS_DIGEST_TEXT_MAX], again[NS_DIGEST_TEXT_MAX];
	struct ns_policy policy;

	parse(HEAD BEGUN "\"protocol\":\"tcp\",\"ports\":[80,81,\"82-90\",22]}" TAIL, &policy);
	assert_int_equal(policy.rules[0].n_spans, 2); /* sorted, and adjacent ones joined */
	assert_int_equal(ns_policy_digest(&policy, digest, NULL), 0);
	ns_policy_release(&policy);
	parse(" {\n\"rules\" : [ " BEGUN "\"ports\":[\"80-90\", \"22-22\"],\"protocol\":\"6\"} ], \"verdict\":\"drop\","
	      "\"workload\":\"w\",\"schema\":\"nanoseg/policy/1\",\"revision\":1}",
	      &policy);
	assert_int_equal(ns_policy_digest(&policy, again, NULL), 0);
	assert_string_equal(digest, again);
	assert_string_equal(digest, "sha256:bb29adbb47013f9ea2a353af0c315f0ba3a11bd79ae39a349ff543c4bb132ede");
	ns_policy_release(&policy);
}

static void expect_diff(const char *from, const char *to, const char *wanted)
{
	struct ns_policy a = NS_POLICY_INIT, b;
	json_t *diff;
	char *text;

	if (from)
		parse(from, &a);
	parse(to, &b);
	diff = ns_policy_diff(from ? &a : NULL, &b);
	assert_non_null(diff);
	text = json_dumps(diff, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, wanted);
	free(text);
	json_decref(diff);
	ns_policy_release(&a);
	ns_policy_release(&b);
}

#define R(id, peer, ports)                                                                                             \
	"{\"direction\":\"egress\",\"id\":\"" id "\",\"peer\":{\"class\":\"" peer "\"},\"ports\":[" ports              \
	"],\"protocol\":\"tcp\"}"

static void test_diff(void **state)
{
	expect_diff(HEAD TAIL, HEAD TAIL, "{\"added\":[],\"changed\":[],\"removed\":[]}");
	expect_diff(NULL, HEAD R("r1", "host", "80") TAIL,
		    "{\"added\":[" R("r1", "host", "80") "],\"changed\":[],\"removed\":[]}");
	/* Renumbered rules that say the same are the same. */
	expect_diff(HEAD R("r1", "any", "80") "," R("r2", "host", "80") TAIL,
		    HEAD R("r1", "host", "22") "," R("r2", "any", "80") "," R("r3", "host", "80") TAIL,
		    "{\"added\":[" R("r1", "host", "22") "],\"changed\":[],\"removed\":[]}");
	/* The subject is the same, the ports are not. */
	expect_diff(HEAD R("r1", "any", "80") "," R("r2", "host", "80") TAIL, HEAD R("r1", "host", "80,443") TAIL,
		    "{\"added\":[],\"changed\":[{\"from\":" R("r2", "host", "80") ",\"id\":\"r1\",\"to\":" R(
			    "r1", "host", "80,443") "}],"
						    "\"removed\":[" R("r1", "any", "80") "]}");
	/* The id is the same, the peer is not. */
	expect_diff(HEAD R("r1", "any", "80") TAIL, HEAD R("r1", "host", "80") TAIL,
		    "{\"added\":[],\"changed\":[{\"from\":" R("r1", "any", "80") ",\"id\":\"r1\",\"to\":" R(
			    "r1", "host", "80") "}],"
						"\"removed\":[]}");
	/* Evidence is not compared; the verdict is. */
	expect_diff(HEAD BEGUN "\"protocol\":\"any\",\"evidence\":{\"packets\":1}}" TAIL,
		    HEAD BEGUN "\"protocol\":\"any\",\"evidence\":{\"packets\":2}}" TAIL,
		    "{\"added\":[],\"changed\":[],\"removed\":[]}");
	expect_diff(HEAD TAIL,
		    "{\"schema\":\"nanoseg/policy/"
		    "1\",\"workload\":\"w\",\"revision\":2,\"verdict\":\"reject\",\"rules\":[]}",
		    "{\"added\":[],\"changed\":[],\"removed\":[],\"verdict\":{\"from\":\"drop\",\"to\":\"reject\"}}");
}

static void test_words(void **state)
{
	assert_int_equal(ns_verdict_parse("drop"), NS_VERDICT_DROP);
	assert_int_equal(ns_verdict_parse("reject"), NS_VERDICT_REJECT);
	assert_int_equal(ns_verdict_parse(""), NS_VERDICT_INVALID);
	assert_int_equal(ns_verdict_parse("accept"), NS_VERDICT_INVALID);
	assert_string_equal(ns_verdict_format(NS_VERDICT_REJECT), "reject");
	assert_string_equal(ns_verdict_format(NS_VERDICT_INVALID), "invalid");
	assert_string_equal(ns_verdict_format((enum ns_verdict)77), "invalid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_documents),
		cmocka_unit_test(test_bad_rules),
		cmocka_unit_test(test_bad_ports),
		cmocka_unit_test(test_bad_peers),
		cmocka_unit_test(test_bad_evidence),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_digest_is_canonical),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
