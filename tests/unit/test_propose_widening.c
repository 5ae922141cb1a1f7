/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Graph to policy, when there is too much to list: what is widened, how far, and what never is. In IPv4 and in IPv6.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_propose_fixture.h"

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

static struct ns_edge numbered(unsigned i, uint16_t port, const char *process)
{
	struct ns_edge edge = { .workload = W,
				.tuple = { NS_INGRESS, IPPROTO_TCP, port, addr("81.0.0.0"), { 0 } },
				.peer_class = NS_PEER_INTERNET,
				.peer_name = "",
				.source_name = "",
				.packets = 1,
				.bytes = 60,
				.first_seen = 1,
				.last_seen = 2,
				.process = process,
				.uid = -1 };

	edge.tuple.peer.bytes[1] = (uint8_t)(i >> 16);
	edge.tuple.peer.bytes[2] = (uint8_t)(i >> 8);
	edge.tuple.peer.bytes[3] = (uint8_t)i;
	return edge;
}

/* Far more than could be told apart: the figures of what was seen are right all the same, and what is not counted is
 * said. */
static void many_more(unsigned n, unsigned ports, const char *why)
{
	const struct ns_graph no_gaps = NS_GRAPH_INIT;
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_proposer *proposer = NULL;
	char process[32];

	assert_int_equal(ns_proposer_new(W, NULL, &no_gaps, &proposer, NULL), 0);
	for (uint16_t port = 1; port <= ports; port++)
		for (unsigned i = 0; i < n; i++) {
			struct ns_edge edge;

			(void)snprintf(process, sizeof process, "/p%05u", i % 2000);
			edge = numbered(i, port, process);
			assert_int_equal(ns_proposer_add(proposer, &edge, NULL), 0);
			assert_int_equal(ns_proposer_add(proposer, &edge, NULL), 0); /* the same pair */
		}
	assert_int_equal(ns_proposer_edges(proposer), 2 * n * ports);
	assert_int_equal(ns_proposer_end(proposer, 7, &policy, NULL), 0);
	assert_int_equal(policy.revision, 7);
	assert_int_equal(policy.n_rules, 1);
	assert_int_equal(policy.rules[0].evidence.edges, 2 * n * ports);
	assert_int_equal(policy.rules[0].evidence.packets, 2 * n * ports);
	assert_int_equal(policy.rules[0].evidence.n_processes, NS_RULE_PROCESSES_MAX);
	assert_string_equal(policy.rules[0].evidence.processes[63], "/p00063"); /* the first ones in order */
	assert_string_equal(policy.rules[0].evidence.why, why);
	ns_proposer_free(proposer);
	ns_policy_release(&policy);
}

static void test_more_than_can_be_told_apart(void **state)
{
	many_more(
		70000, 1,
		"peer: 70000 distinct addresses of the internet, widened to all of it; at least 960 more programs are "
		"not named here");
	many_more(70000, 2,
		  "peer: at least 70000 distinct addresses of the internet, widened to all of it; at least 960 more "
		  "programs are not named here");
	many_more(
		60000, 2,
		"peer: 60000 distinct addresses of the internet, widened to all of it; at least 960 more programs are "
		"not named here");
}

/* More rules than a policy holds are told as soon as they are there, with the limit. */
static void test_more_rules_than_a_policy_holds(void **state)
{
	const struct ns_graph no_gaps = NS_GRAPH_INIT;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_proposer *proposer = NULL;
	unsigned i = 0;
	int r = 0;

	assert_int_equal(ns_proposer_new(W, NULL, &no_gaps, &proposer, NULL), 0);
	for (; i < 2 * NS_POLICY_RULES_MAX && r == 0; i++) {
		struct ns_edge edge = numbered(i, 80, "");
		char name[32];

		(void)snprintf(name, sizeof name, "w%u", i);
		edge.peer_class = NS_PEER_WORKLOAD;
		edge.peer_name = name;
		r = ns_proposer_add(proposer, &edge, &err);
	}
	assert_int_equal(r, -E2BIG);
	assert_int_equal(i, NS_POLICY_RULES_MAX + 1);
	assert_string_equal(err.text, "proposal for " W ": more than 100000 rules are needed");
	ns_proposer_free(proposer);
}

/* A million edges of one port of the internet are one rule; those of a store come with the families mixed. */
static int by_bytes(const void *a, const void *b)
{
	const struct ns_edge *x = a, *y = b;
	int order = memcmp(x->tuple.peer.bytes, y->tuple.peer.bytes, 4);

	return order != 0 ? order : ns_addr_compare(&x->tuple.peer, &y->tuple.peer);
}

static void test_families_mixed(void **state)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	struct ns_policy policy, mixed = NS_POLICY_INIT;
	struct ns_proposer *proposer = NULL;
	char text[64], one[NS_DIGEST_TEXT_MAX], other[NS_DIGEST_TEXT_MAX];

	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(text, sizeof text, i % 2 ? "10.%u.0.%u" : "fd00:%x::%x", i / 40, i);
		add(&graph, NS_EGRESS, IPPROTO_TCP, 5432, text, NS_PEER_CIDR, "", "/srv");
		(void)snprintf(text, sizeof text, i % 2 ? "32.1.%u.%u" : "2001:%x::%x", i / 40, i);
		add(&graph, NS_EGRESS, IPPROTO_TCP, 5432, text, NS_PEER_INTERNET, "", "/srv");
	}
	propose(&graph, 10, &policy);
	qsort(graph.edges, graph.n_edges, sizeof *graph.edges, by_bytes);
	assert_int_equal(ns_proposer_new(W, &(struct ns_propose_options){ .widen_at = 10 }, &graph, &proposer, NULL),
			 0);
	for (size_t i = 0; i < graph.n_edges; i++)
		assert_int_equal(ns_proposer_add(proposer, &graph.edges[i], NULL), 0);
	assert_int_equal(ns_proposer_end(proposer, policy.revision, &mixed, NULL), 0);
	assert_int_equal(ns_policy_digest(&policy, one, NULL), 0);
	assert_int_equal(ns_policy_digest(&mixed, other, NULL), 0);
	assert_string_equal(one, other);
	ns_proposer_free(proposer);
	ns_policy_release(&policy);
	ns_policy_release(&mixed);
	ns_graph_release(&graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_of_the_internet),
		cmocka_unit_test(test_many_private_ipv4),
		cmocka_unit_test(test_many_private_but_scattered),
		cmocka_unit_test(test_many_private_ipv6),
		cmocka_unit_test(test_named_peers_are_never_widened),
		cmocka_unit_test(test_ephemeral_ports),
		cmocka_unit_test(test_ephemeral_ports_of_nobody_known),
		cmocka_unit_test(test_more_than_can_be_told_apart),
		cmocka_unit_test(test_more_rules_than_a_policy_holds),
		cmocka_unit_test(test_families_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
