/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Graph to policy: which rules, in which order, with which evidence and which widening. Every case is done in IPv4 and
 * in IPv6 where the family matters.
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

#include <nanoseg/layout.h>
#include <nanoseg/policy.h>

#define W "compose/shop/api"

static struct ns_addr addr(const char *text)
{
	struct ns_addr ret = { 0 };

	if (text[0])
		assert_int_equal(ns_addr_parse(text, &ret, NULL), 0);
	return ret;
}

/* An edge of W; "" for no address, no name, no program. */
static void add(struct ns_graph *graph, enum ns_direction direction, uint8_t protocol, uint16_t port, const char *peer,
		enum ns_peer_class peer_class, const char *name, const char *process)
{
	struct ns_edge edge = { .workload = W,
				.tuple = { direction, protocol, port, addr(peer), { 0 } },
				.peer_class = peer_class,
				.peer_name = name,
				.source_name = "",
				.packets = 2,
				.bytes = 100,
				.first_seen = 1000000,
				.last_seen = 2000000,
				.process = process,
				.uid = -1 };

	assert_int_equal(ns_graph_add_edge(graph, &edge, NULL), 0);
}

static void add_transit(struct ns_graph *graph, uint16_t port, const char *source, enum ns_peer_class source_class,
			const char *source_name, const char *peer)
{
	struct ns_edge edge = { .workload = W,
				.tuple = { NS_TRANSIT, IPPROTO_TCP, port, addr(peer), addr(source) },
				.peer_class = NS_PEER_CIDR,
				.peer_name = "",
				.source_class = source_class,
				.source_name = source_name,
				.packets = 1,
				.bytes = 60,
				.first_seen = 5,
				.last_seen = 6,
				.process = "",
				.uid = -1 };

	assert_int_equal(ns_graph_add_edge(graph, &edge, NULL), 0);
}

static void propose(const struct ns_graph *graph, unsigned widen_at, struct ns_policy *ret)
{
	const struct ns_propose_options options = { NS_VERDICT_DROP, widen_at };
	struct ns_error err = NS_ERROR_INIT;

	*ret = (struct ns_policy)NS_POLICY_INIT;
	if (ns_propose(graph, W, 1, &options, ret, &err) < 0)
		fail_msg("%s", err.text);
}

/* One line a rule: id direction peer [from source] protocol spans [+widened_by]. */
static void describe_peer(const struct ns_peer *peer, char *ret)
{
	char prefix[NS_PREFIX_TEXT_MAX];

	(void)sprintf(ret, " %s%s%s%s", ns_peer_class_format(peer->peer_class),
		      peer->name || peer->prefix.addr.family ? ":" : "", peer->name ?: "",
		      peer->prefix.addr.family ? ns_prefix_format(&peer->prefix, prefix) : "");
}

static char *describe(const struct ns_policy *policy)
{
	char *text = calloc(1, 65536), *at = text, number[4];

	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct ns_rule *rule = &policy->rules[i];

		at += sprintf(at, "%s %s", rule->id, ns_direction_format(rule->direction));
		describe_peer(&rule->peer, at);
		at += strlen(at);
		if (rule->direction == NS_TRANSIT) {
			at += sprintf(at, " from");
			describe_peer(&rule->source, at);
			at += strlen(at);
		}
		at += sprintf(at, " %s", ns_protocol_format(rule->protocol, number));
		for (size_t j = 0; j < rule->n_spans; j++) {
			at += sprintf(at, "%s%u", j ? "," : " ", rule->spans[j].lo);
			if (rule->spans[j].hi != rule->spans[j].lo)
				at += sprintf(at, "-%u", rule->spans[j].hi);
		}
		if (rule->evidence.widened_by == UINT64_MAX)
			at += sprintf(at, " +many");
		else if (rule->evidence.widened_by)
			at += sprintf(at, " +%llu", (unsigned long long)rule->evidence.widened_by);
		at += sprintf(at, "\n");
		assert_non_null(rule->evidence.why);
	}
	return text;
}

static void expect(const struct ns_graph *graph, unsigned widen_at, const char *wanted)
{
	struct ns_policy policy, back = NS_POLICY_INIT;
	struct ns_error err = NS_ERROR_INIT;
	char digest[NS_DIGEST_TEXT_MAX], again[NS_DIGEST_TEXT_MAX], *text;
	json_t *json;

	propose(graph, widen_at, &policy);
	text = describe(&policy);
	assert_string_equal(text, wanted);
	free(text);
	/* What is proposed can be written, read, and is then the same. */
	json = ns_policy_to_json(&policy);
	if (ns_policy_from_json(json, &back, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(ns_policy_digest(&policy, digest, NULL), 0);
	assert_int_equal(ns_policy_digest(&back, again, NULL), 0);
	assert_string_equal(digest, again);
	json_decref(json);
	ns_policy_release(&policy);
	ns_policy_release(&back);
}

static void test_nothing_seen(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;

	expect(&graph, 0, "");
	struct ns_edge other = { .workload = "another", .peer_name = "", .source_name = "", .process = "" };
	other.tuple = (struct ns_tuple){ NS_EGRESS, IPPROTO_TCP, 80, addr("10.0.0.1"), { 0 } };
	assert_int_equal(ns_graph_add_edge(&graph, &other, NULL), 0);
	expect(&graph, 0, "");
	ns_graph_release(&graph);
}

static void test_names_before_addresses(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;

	/* Replicas, old and new addresses, and both families are one peer. */
	add(&graph, NS_EGRESS, IPPROTO_TCP, 5432, "10.0.0.2", NS_PEER_WORKLOAD, "compose/shop/db", "/api");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 5432, "10.0.0.3", NS_PEER_WORKLOAD, "compose/shop/db", "/api");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 5432, "fd00::2", NS_PEER_WORKLOAD, "compose/shop/db", "/api");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 5433, "fd00::2", NS_PEER_WORKLOAD, "compose/shop/db", "/api");
	add(&graph, NS_EGRESS, IPPROTO_UDP, 53, "10.0.0.1", NS_PEER_HOST, "", "/api");
	add(&graph, NS_EGRESS, IPPROTO_UDP, 53, "fd00::1", NS_PEER_HOST, "", "/api");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 443, "203.0.114.1", NS_PEER_NAME, "example.org", "/api");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 443, "10.96.0.10", NS_PEER_SERVICE, "registry", "/api");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 22, "10.7.7.7", NS_PEER_CIDR, "", "/api");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 22, "fd07::7", NS_PEER_CIDR, "", "/api");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 443, "8.8.8.8", NS_PEER_INTERNET, "", "/api");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 443, "2001:4860::8", NS_PEER_INTERNET, "", "/api");
	add(&graph, NS_INGRESS, IPPROTO_TCP, 80, "10.0.0.9", NS_PEER_WORKLOAD, "compose/shop/web", "/api");
	expect(&graph, 0,
	       "r1 ingress workload:compose/shop/web tcp 80\n"
	       "r2 egress workload:compose/shop/db tcp 5432-5433\n"
	       "r3 egress host udp 53\n"
	       "r4 egress service:registry tcp 443\n"
	       "r5 egress name:example.org tcp 443\n"
	       "r6 egress cidr:8.8.8.8 tcp 443\n"
	       "r7 egress cidr:10.7.7.7 tcp 22\n"
	       "r8 egress cidr:2001:4860::8 tcp 443\n"
	       "r9 egress cidr:fd07::7 tcp 22\n");
	ns_graph_release(&graph);
}

static void test_evidence(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_policy policy;
	const struct ns_evidence *evidence;

	add(&graph, NS_EGRESS, IPPROTO_TCP, 5432, "10.0.0.2", NS_PEER_WORKLOAD, "db", "/usr/bin/b");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 5432, "fd00::2", NS_PEER_WORKLOAD, "db", "/usr/bin/a");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 5433, "fd00::2", NS_PEER_WORKLOAD, "db", "/usr/bin/b");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 5434, "fd00::2", NS_PEER_WORKLOAD, "db", "");
	graph.edges[1].first_seen = 500000;
	graph.edges[2].last_seen = 9000000;
	graph.edges[3].first_seen = 0; /* unknown, not the first */
	propose(&graph, 0, &policy);
	evidence = &policy.rules[0].evidence;
	assert_int_equal(policy.n_rules, 1);
	assert_int_equal(evidence->packets, 8);
	assert_int_equal(evidence->bytes, 400);
	assert_int_equal(evidence->edges, 4);
	assert_int_equal(evidence->first_seen, 500000);
	assert_int_equal(evidence->last_seen, 9000000);
	assert_int_equal(evidence->n_processes, 2);
	assert_string_equal(evidence->processes[0], "/usr/bin/a");
	assert_string_equal(evidence->processes[1], "/usr/bin/b");
	assert_string_equal(evidence->why, "peer is known by name: follows it to new addresses");
	ns_policy_release(&policy);
	ns_graph_release(&graph);
}

static void test_ports_and_types(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;

	add(&graph, NS_EGRESS, IPPROTO_UDP, 53, "10.0.0.1", NS_PEER_HOST, "", "");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 82, "10.0.0.1", NS_PEER_HOST, "", "");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 80, "10.0.0.1", NS_PEER_HOST, "", "");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 81, "fd00::1", NS_PEER_HOST, "", "");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 443, "10.0.0.1", NS_PEER_HOST, "", "");
	add(&graph, NS_EGRESS, IPPROTO_ICMP, 8, "10.0.0.1", NS_PEER_HOST, "", "");
	add(&graph, NS_EGRESS, IPPROTO_ICMPV6, 128, "fd00::1", NS_PEER_HOST, "", "");
	add(&graph, NS_EGRESS, IPPROTO_GRE, 0, "10.0.0.1", NS_PEER_HOST, "", "");
	expect(&graph, 0,
	       "r1 egress host icmp 8\n"
	       "r2 egress host tcp 80-82,443\n" /* adjacent ports join and widen nothing */
	       "r3 egress host udp 53\n"
	       "r4 egress host gre\n"
	       "r5 egress host icmpv6 128\n");
	ns_graph_release(&graph);
}

static void test_groups(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;

	add(&graph, NS_INGRESS, IPPROTO_UDP, 5353, "224.0.0.251", NS_PEER_MULTICAST, "", "");
	add(&graph, NS_INGRESS, IPPROTO_UDP, 5353, "ff02::fb", NS_PEER_MULTICAST, "", "");
	add(&graph, NS_INGRESS, IPPROTO_UDP, 137, "10.0.0.255", NS_PEER_BROADCAST, "", "");
	add(&graph, NS_INGRESS, IPPROTO_UDP, 137, "255.255.255.255", NS_PEER_BROADCAST, "", "");
	expect(&graph, 1,
	       "r1 ingress multicast:224.0.0.251 udp 5353\n"
	       "r2 ingress multicast:ff02::fb udp 5353\n"
	       "r3 ingress broadcast udp 137\n");
	ns_graph_release(&graph);
}

static void add_many(struct ns_graph *graph, enum ns_direction direction, uint16_t port, const char *before,
		     const char *after, unsigned n)
{
	char text[64];

	for (unsigned i = 0; i < n; i++) {
		/* The last part is decimal in IPv4 and read as hexadecimal in IPv6: distinct in both. */
		(void)snprintf(text, sizeof(text), "%s%u%s", before, i, after);
		add(graph, direction, IPPROTO_TCP, port, text,
		    ns_addr_scope(&(struct ns_addr[]){ addr(text) }[0]) == NS_ADDR_GLOBAL ? NS_PEER_INTERNET
											  : NS_PEER_CIDR,
		    "", "/srv");
	}
}

static void test_many_of_the_internet(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;

	add_many(&graph, NS_INGRESS, 443, "8.8.", ".8", 2);
	add_many(&graph, NS_INGRESS, 443, "2001:4860::", "", 1);
	expect(&graph, 3,
	       "r1 ingress cidr:8.8.0.8 tcp 443\n"
	       "r2 ingress cidr:8.8.1.8 tcp 443\n"
	       "r3 ingress cidr:2001:4860:: tcp 443\n");
	/* One more, and both families together are too many to list. Other ports are not drawn in. */
	add(&graph, NS_INGRESS, IPPROTO_TCP, 443, "2001:4860::9", NS_PEER_INTERNET, "", "");
	add(&graph, NS_INGRESS, IPPROTO_TCP, 22, "8.8.0.8", NS_PEER_INTERNET, "", "");
	add(&graph, NS_INGRESS, IPPROTO_TCP, 443, "10.0.0.1", NS_PEER_CIDR, "", "");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 443, "8.8.4.4", NS_PEER_INTERNET, "", "");
	expect(&graph, 3,
	       "r1 ingress cidr:8.8.0.8 tcp 22\n"
	       "r2 ingress cidr:10.0.0.1 tcp 443\n"
	       "r3 ingress internet tcp 443 +many\n"
	       "r4 egress cidr:8.8.4.4 tcp 443\n");
	ns_graph_release(&graph);
}

static void test_many_private_ipv4(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_policy policy;

	add_many(&graph, NS_INGRESS, 80, "10.0.3.", "", 32); /* an eighth of its /24 */
	add(&graph, NS_INGRESS, IPPROTO_TCP, 80, "10.0.9.1", NS_PEER_CIDR, "", "");
	expect(&graph, 0,
	       "r1 ingress cidr:10.0.3.0/24 tcp 80 +224\n"
	       "r2 ingress cidr:10.0.9.1 tcp 80\n");
	propose(&graph, 0, &policy);
	assert_string_equal(policy.rules[0].evidence.why, "peer: 32 distinct addresses, widened to 10.0.3.0/24");
	ns_policy_release(&policy);
	/* Two ports from the same network are one rule; the widening counts pairs. */
	add_many(&graph, NS_INGRESS, 81, "10.0.3.", "", 33);
	expect(&graph, 0,
	       "r1 ingress cidr:10.0.3.0/24 tcp 80-81 +447\n" /* 2 x 256 - 32 - 33 */
	       "r2 ingress cidr:10.0.9.1 tcp 80\n");
	ns_graph_release(&graph);
}

static void test_many_private_but_scattered(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_policy policy;

	add_many(&graph, NS_INGRESS, 80, "10.", ".0.1", 40);
	add_many(&graph, NS_INGRESS, 80, "fd00:", "::1", 40);
	propose(&graph, 0, &policy);
	assert_int_equal(policy.n_rules, 80); /* exact: no network is crowded */
	for (size_t i = 0; i < policy.n_rules; i++)
		assert_int_equal(policy.rules[i].evidence.widened_by, 0);
	ns_policy_release(&policy);
	ns_graph_release(&graph);
}

static void test_many_private_ipv6(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;

	add_many(&graph, NS_INGRESS, 80, "fd00:0:0:3::", "", 33);
	add_many(&graph, NS_INGRESS, 80, "fd00:0:0:9::", "", 1);
	expect(&graph, 0,
	       "r1 ingress cidr:fd00:0:0:3::/64 tcp 80 +many\n"
	       "r2 ingress cidr:fd00:0:0:9:: tcp 80\n");
	ns_graph_release(&graph);
}

static void test_named_peers_are_never_widened(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	char text[32];

	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(text, sizeof(text), i % 2 ? "10.0.3.%u" : "fd00::%u", i);
		add(&graph, NS_INGRESS, IPPROTO_TCP, 80, text, NS_PEER_WORKLOAD, "web", "");
	}
	expect(&graph, 0, "r1 ingress workload:web tcp 80\n");
	ns_graph_release(&graph);
}

static void test_ephemeral_ports(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_policy policy;

	for (uint16_t i = 0; i < 7; i++) {
		add(&graph, NS_EGRESS, IPPROTO_TCP, (uint16_t)(40000 + 10 * i), "10.0.0.2", NS_PEER_WORKLOAD, "ftp",
		    "/a");
		add(&graph, NS_EGRESS, IPPROTO_TCP, (uint16_t)(40005 + 10 * i), "fd00::2", NS_PEER_WORKLOAD, "ftp",
		    "/b");
	}
	add(&graph, NS_EGRESS, IPPROTO_TCP, 21, "10.0.0.2", NS_PEER_WORKLOAD, "ftp", "/a");
	/* Seven by each of two programs prove nothing. */
	expect(&graph, 0,
	       "r1 egress workload:ftp tcp "
	       "21,40000,40005,40010,40015,40020,40025,40030,40035,40040,40045,40050,40055,40060,40065\n");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 61000, "10.0.0.2", NS_PEER_WORKLOAD, "ftp", "/a"); /* not ephemeral */
	add(&graph, NS_EGRESS, IPPROTO_TCP, 40000, "fd00::2", NS_PEER_WORKLOAD, "ftp", "/a");  /* not another port */
	propose(&graph, 0, &policy);
	assert_int_equal(policy.rules[0].n_spans, 16);
	ns_policy_release(&policy);
	add(&graph, NS_EGRESS, IPPROTO_TCP, 50000, "fd00::2", NS_PEER_WORKLOAD, "ftp", "/a");
	expect(&graph, 0, "r1 egress workload:ftp tcp 21,32768-61000 +28217\n"); /* 28232 + 2 allowed, 17 seen */
	propose(&graph, 0, &policy);
	assert_non_null(strstr(policy.rules[0].evidence.why,
			       "at least 8 distinct ephemeral ports with one program, widened to 32768-60999"));
	ns_policy_release(&policy);
	ns_graph_release(&graph);
}

static void test_ephemeral_ports_of_nobody_known(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_policy policy;

	for (uint16_t i = 0; i < 20; i++)
		add(&graph, NS_EGRESS, IPPROTO_TCP, (uint16_t)(40000 + 10 * i), "10.0.0.2", NS_PEER_WORKLOAD, "ftp",
		    "");
	propose(&graph, 0, &policy);
	assert_int_equal(policy.rules[0].n_spans, 20);
	assert_int_equal(policy.rules[0].evidence.widened_by, 0);
	ns_policy_release(&policy);
	ns_graph_release(&graph);
}

static void add_gap(struct ns_graph *graph, const char *workload, const char *cause)
{
	const struct ns_gap gap = { workload, 1, 2, cause };

	assert_int_equal(ns_graph_add_gap(graph, &gap, NULL), 0);
}

static void test_full_sets(void **state)
{
	static const char exact[] = "r1 ingress cidr:10.0.0.9 tcp 80\n";
	struct ns_graph graph = NS_GRAPH_INIT;

	add(&graph, NS_INGRESS, IPPROTO_TCP, 80, "10.0.0.9", NS_PEER_CIDR, "", "");
	add(&graph, NS_INGRESS, IPPROTO_TCP, 80, "", NS_PEER_ANY, "", "");
	expect(&graph, 0, exact);
	add_gap(&graph, W, "agent down");
	add_gap(&graph, W, "set full: egress4");
	add_gap(&graph, W, "set full: learning"); /* that of egress */
	add_gap(&graph, W, "set full: denies");
	add_gap(&graph, "another", "set full: ingress4");
	expect(&graph, 0, exact);
	add_gap(&graph, W, "set full: ingress6");
	expect(&graph, 0, "r1 ingress cidr:10.0.0.9 tcp 80\nr2 ingress any tcp 80 +many\n");
	ns_graph_release(&graph);

	graph = (struct ns_graph)NS_GRAPH_INIT;
	add(&graph, NS_INGRESS, IPPROTO_TCP, 80, "", NS_PEER_ANY, "", "");
	add_gap(&graph, W, "set full: learning"); /* nobody knows which */
	expect(&graph, 0, "r1 ingress any tcp 80 +many\n");
	ns_graph_release(&graph);
}

static void test_transit(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	char text[32];

	add_transit(&graph, 80, "10.0.0.1", NS_PEER_WORKLOAD, "a", "10.1.0.1");
	add_transit(&graph, 81, "10.0.0.1", NS_PEER_WORKLOAD, "a", "10.1.0.1");
	add_transit(&graph, 80, "fd00::1", NS_PEER_WORKLOAD, "a", "fd01::1");
	add_transit(&graph, 80, "fd00::2", NS_PEER_HOST, "", "fd01::1");
	expect(&graph, 0,
	       "r1 transit cidr:10.1.0.1 from workload:a tcp 80-81\n"
	       "r2 transit cidr:fd01::1 from workload:a tcp 80\n"
	       "r3 transit cidr:fd01::1 from host tcp 80\n");
	/* Either side can be too many. */
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(text, sizeof(text), "10.5.0.%u", i);
		add_transit(&graph, 443, text, NS_PEER_CIDR, "", "10.9.0.1");
		add_transit(&graph, 22, "10.9.0.1", NS_PEER_CIDR, "", text);
	}
	expect(&graph, 0,
	       "r1 transit cidr:10.1.0.1 from workload:a tcp 80-81\n"
	       "r2 transit cidr:10.5.0.0/24 from cidr:10.9.0.1 tcp 22 +216\n"
	       "r3 transit cidr:10.9.0.1 from cidr:10.5.0.0/24 tcp 443 +216\n"
	       "r4 transit cidr:fd01::1 from workload:a tcp 80\n"
	       "r5 transit cidr:fd01::1 from host tcp 80\n");
	ns_graph_release(&graph);
}

static void test_more_ports_than_a_rule_holds(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_policy policy;
	size_t edges = 0;

	for (unsigned i = 0; i < 2500; i++)
		add(&graph, NS_INGRESS, IPPROTO_TCP, (uint16_t)(1 + 2 * i), "10.0.0.9", NS_PEER_WORKLOAD, "scanner",
		    "");
	propose(&graph, 0, &policy);
	assert_int_equal(policy.n_rules, 3);
	assert_int_equal(policy.rules[0].n_spans, NS_RULE_PORTS_MAX);
	assert_int_equal(policy.rules[1].spans[0].lo, 1 + 2 * NS_RULE_PORTS_MAX);
	assert_int_equal(policy.rules[2].n_spans, 2500 - 2 * NS_RULE_PORTS_MAX);
	for (size_t i = 0; i < policy.n_rules; i++) {
		assert_int_equal(policy.rules[i].evidence.widened_by, 0);
		edges += policy.rules[i].evidence.edges;
	}
	assert_int_equal(edges, 2500); /* nothing is dropped */
	ns_policy_release(&policy);
	ns_graph_release(&graph);
}

static void test_names_that_no_policy_can_hold(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_policy policy;

	add(&graph, NS_EGRESS, IPPROTO_TCP, 80, "10.0.0.2", NS_PEER_WORKLOAD, "a\nb", "/bin/\xff\xfe");
	add(&graph, NS_EGRESS, IPPROTO_TCP, 80, "fd00::2", NS_PEER_WORKLOAD, "\xc3\x28", "");
	expect(&graph, 0, "r1 egress cidr:10.0.0.2 tcp 80\nr2 egress cidr:fd00::2 tcp 80\n");
	propose(&graph, 0, &policy);
	assert_string_equal(policy.rules[0].evidence.why, "peer has a name that no policy can hold: this address only");
	assert_string_equal(policy.rules[0].evidence.processes[0], "/bin/??");
	ns_policy_release(&policy);
	ns_graph_release(&graph);
}

static void test_many_programs(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_policy policy;
	char process[512];

	for (unsigned i = 0; i < 70; i++) {
		(void)snprintf(process, sizeof(process), "/%0200u", i); /* longer than a policy holds */
		add(&graph, NS_EGRESS, IPPROTO_TCP, (uint16_t)(1 + i), "10.0.0.2", NS_PEER_WORKLOAD, "w", process);
	}
	expect(&graph, 0, "r1 egress workload:w tcp 1-70\n");
	propose(&graph, 0, &policy);
	assert_int_equal(policy.rules[0].evidence.n_processes, NS_RULE_PROCESSES_MAX);
	assert_int_equal(strlen(policy.rules[0].evidence.processes[0]), NS_PROCESS_MAX - 1);
	assert_non_null(strstr(policy.rules[0].evidence.why, "6 more programs are not named here"));
	ns_policy_release(&policy);
	ns_graph_release(&graph);
}

static unsigned pick(uint32_t *seed, unsigned n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

static void random_edge(struct ns_graph *graph, uint32_t *seed)
{
	static const char *const names[] = { "a", "b", "c" };
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE };
	static const char *const processes[] = { "", "/p", "/q" };
	uint8_t protocol = protocols[pick(seed, 4)];
	uint16_t port = protocol == IPPROTO_GRE ? 0 : (uint16_t)pick(seed, 20);
	enum ns_direction direction = pick(seed, 2) ? NS_INGRESS : NS_EGRESS;
	char text[32];

	if (ns_protocol_has_ports(protocol) && pick(seed, 2))
		port = (uint16_t)(40000 + port);
	(void)snprintf(text, sizeof(text), pick(seed, 2) ? "10.0.%u.%u" : "8.8.%u.%u", pick(seed, 3), pick(seed, 60));
	if (pick(seed, 3) == 0)
		add(graph, direction, protocol, port, text, NS_PEER_WORKLOAD, names[pick(seed, 3)],
		    processes[pick(seed, 3)]);
	else
		add(graph, direction, protocol, port, text, NS_PEER_CIDR, "", processes[pick(seed, 3)]);
}

/* The same edges in any order give the same document, and that document allows every one of them. */
static void test_order_does_not_matter(void **state)
{
	for (uint32_t round = 1; round < 20; round++) {
		struct ns_graph graph = NS_GRAPH_INIT;
		char digest[NS_DIGEST_TEXT_MAX], again[NS_DIGEST_TEXT_MAX];
		struct ns_policy policy;
		uint32_t seed = round;

		for (int i = 0; i < 500; i++)
			random_edge(&graph, &seed);
		propose(&graph, 10, &policy);
		assert_int_equal(ns_policy_digest(&policy, digest, NULL), 0);
		ns_policy_release(&policy);
		for (size_t i = graph.n_edges - 1; i > 0; i--) {
			size_t j = pick(&seed, (unsigned)i + 1);
			struct ns_edge swap = graph.edges[i];

			graph.edges[i] = graph.edges[j];
			graph.edges[j] = swap;
		}
		propose(&graph, 10, &policy);
		assert_int_equal(ns_policy_digest(&policy, again, NULL), 0);
		assert_string_equal(digest, again);
		ns_policy_release(&policy);
		ns_graph_release(&graph);
	}
}

static bool plan_allows(const struct ns_plan *plan, enum ns_purpose purpose, const struct ns_tuple *tuple)
{
	const char *name = ns_layout_set_name(purpose, tuple->direction, tuple->peer.family);
	const struct ns_plan_set *set = ns_plan_find_set(plan, name);
	uint8_t key[NS_KEY_MAX];

	(void)ns_layout_key(ns_layout_role(name), tuple, key);
	for (size_t i = 0; i < set->n_elements; i++) {
		const struct ns_plan_element *e = &set->elements[i];
		size_t at = 0;
		bool inside = true;

		for (unsigned f = 0; f < set->n_fields; at += ns_field_padded_length(set->fields[f++])) {
			size_t length = ns_field_length(set->fields[f]);

			inside &= memcmp(key + at, e->key + at, length) >= 0 &&
				  memcmp(key + at, e->key_end + at, length) <= 0;
		}
		if (inside)
			return true;
	}
	return false;
}

static void test_what_was_learned_is_allowed(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_policy policy;
	struct ns_book *book;
	uint32_t seed = 4711;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	for (int i = 0; i < 3000; i++)
		random_edge(&graph, &seed);
	for (size_t i = 0; i < graph.n_edges; i++)
		if (graph.edges[i].peer_class == NS_PEER_WORKLOAD)
			assert_int_equal(
				ns_book_add_workload(book, graph.edges[i].peer_name, &graph.edges[i].tuple.peer, NULL),
				0);
	propose(&graph, 10, &policy);
	assert_int_equal(ns_compile_enforce(&policy, book, false, NULL, &plan, NULL), 0);
	for (size_t i = 0; i < graph.n_edges; i++)
		assert_true(plan_allows(&plan, NS_PURPOSE_ALLOW, &graph.edges[i].tuple) ||
			    plan_allows(&plan, NS_PURPOSE_ALLOW_RANGE, &graph.edges[i].tuple));
	ns_plan_release(&plan);
	ns_policy_release(&policy);
	ns_book_free(book);
	ns_graph_release(&graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_seen),
		cmocka_unit_test(test_names_before_addresses),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_ports_and_types),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_many_of_the_internet),
		cmocka_unit_test(test_many_private_ipv4),
		cmocka_unit_test(test_many_private_but_scattered),
		cmocka_unit_test(test_many_private_ipv6),
		cmocka_unit_test(test_named_peers_are_never_widened),
		cmocka_unit_test(test_ephemeral_ports),
		cmocka_unit_test(test_ephemeral_ports_of_nobody_known),
		cmocka_unit_test(test_full_sets),
		cmocka_unit_test(test_transit),
		cmocka_unit_test(test_more_ports_than_a_rule_holds),
		cmocka_unit_test(test_names_that_no_policy_can_hold),
		cmocka_unit_test(test_many_programs),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_what_was_learned_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
