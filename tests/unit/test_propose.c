/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Graph to policy: which rules, in which order, with which evidence. Every case is done in IPv4 and in IPv6 where the
 * family matters.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <nanoseg/layout.h>

#include "test_propose_fixture.h"

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
