/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Edges, denies, counters, gaps, endpoints, read-backs.
 */
#include "store_test.h"

#include <sys/socket.h>

#include "clock.h"

static void add(struct fixture *f, const struct ns_edge *edge)
{
	MUST(f, ns_store_add_edge(f->store, edge, &f->err));
}

static uint64_t count(struct fixture *f, const char *workload)
{
	uint64_t n = UINT64_MAX;

	MUST(f, ns_store_count_edges(f->store, workload, &n, &f->err));
	return n;
}

static void load(struct fixture *f, const char *workload, int64_t since, struct ns_graph *ret)
{
	memset(ret, 0, sizeof *ret);
	MUST(f, ns_store_load_window(f->store, workload, since, ret, &f->err));
}

static void same_edge_once(struct fixture *f, int family)
{
	struct ns_edge edge = edge_to("a", family, 1, 80);
	struct ns_graph graph;

	edge.process = "/bin/first";
	edge.uid = 33;
	edge.packets = 10;
	edge.bytes = 1000;
	add(f, &edge);
	edge.process = "";
	edge.uid = -1;
	edge.packets = 5;
	edge.bytes = 7;
	edge.first_seen = T0 + 100; /* later: does not move the first */
	edge.last_seen = T0 + 100;
	add(f, &edge);
	edge.first_seen = edge.last_seen = T0 - 100; /* earlier: does not move the last */
	add(f, &edge);
	reopen(f);
	load(f, "a", INT64_MIN, &graph);
	assert_int_equal(graph.n_edges, 1);
	assert_true(ns_addr_equal(&graph.edges[0].tuple.peer, &edge.tuple.peer));
	assert_int_equal(graph.edges[0].packets, 20);
	assert_int_equal(graph.edges[0].bytes, 1014);
	assert_int_equal(graph.edges[0].first_seen, T0 - 100);
	assert_int_equal(graph.edges[0].last_seen, T0 + 100);
	assert_string_equal(graph.edges[0].process, "/bin/first");
	assert_int_equal(graph.edges[0].uid, 33);
	ns_graph_release(&graph);
	edge.process = "/bin/second";
	edge.uid = 0;
	add(f, &edge);
	load(f, NULL, INT64_MIN, &graph);
	assert_string_equal(graph.edges[0].process, "/bin/second");
	assert_int_equal(graph.edges[0].uid, 0);
	ns_graph_release(&graph);
}

static void test_same_edge_ipv4(void **state)
{
	same_edge_once(*state, AF_INET);
}

static void test_same_edge_ipv6(void **state)
{
	same_edge_once(*state, AF_INET6);
}

/* Each part of the identity makes another edge. */
static void test_identity(void **state)
{
	struct fixture *f = *state;
	const struct ns_edge base = edge_to("a", AF_INET, 1, 80);
	struct ns_edge e = base;
	uint64_t n = 0;

#define DIFFERS(change)                                                                                                \
	do {                                                                                                           \
		e = base;                                                                                              \
		change;                                                                                                \
		add(f, &e);                                                                                            \
		add(f, &e);                                                                                            \
		n++;                                                                                                   \
		assert_int_equal(count(f, NULL), n);                                                                   \
	} while (0)
	DIFFERS((void)0);
	DIFFERS(e.workload = "b");
	DIFFERS(e.tuple.direction = NS_INGRESS);
	DIFFERS(e.tuple.direction = NS_TRANSIT; e.tuple.source = edge_to("", AF_INET, 9, 0).tuple.peer);
	DIFFERS(e.tuple.direction = NS_TRANSIT; e.tuple.source = edge_to("", AF_INET6, 9, 0).tuple.peer);
	DIFFERS(e.tuple.protocol = 17);
	DIFFERS(e.tuple.port = 0);
	DIFFERS(e.tuple.port = 65535);
	DIFFERS(e.tuple.peer.bytes[3] = 2);
	DIFFERS(memset(&e.tuple.peer, 0, sizeof e.tuple.peer));
	DIFFERS(e.peer_class = NS_PEER_INTERNET);
	DIFFERS(e.peer_class = NS_PEER_NAME; e.peer_name = "example.org");
	DIFFERS(e.peer_class = NS_PEER_NAME; e.peer_name = "example.com");
	DIFFERS(e.tuple.peer = edge_to("", AF_INET6, 1, 0).tuple.peer);
	assert_int_equal(count(f, "a"), n - 1);
	assert_int_equal(count(f, "nobody"), 0);
}

static void test_edge_refused(void **state)
{
	struct fixture *f = *state;
	const struct ns_edge base = edge_to("a", AF_INET, 1, 80);
	struct ns_edge e;
	char name[NS_NAME_MAX + 1];

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
#define REFUSED(change)                                                                                                \
	do {                                                                                                           \
		e = base;                                                                                              \
		change;                                                                                                \
		assert_int_equal(ns_store_add_edge(f->store, &e, &f->err), -EINVAL);                                   \
	} while (0)
	MUST(f, ns_store_begin(f->store, &f->err));
	REFUSED(e.workload = "");
	REFUSED(e.workload = name);
	REFUSED(e.peer_name = name);
	REFUSED(e.process = name);
	REFUSED(e.tuple.direction = NS_DIRECTION_INVALID);
	REFUSED(e.peer_class = NS_PEER_INVALID);
	REFUSED(e.tuple.peer.family = AF_UNIX);
	add(f, &base); /* a refused edge does not spoil the batch */
	MUST(f, ns_store_commit(f->store, &f->err));
	assert_int_equal(count(f, NULL), 1);
}

static void test_figures_end_at_the_top(void **state)
{
	struct fixture *f = *state;
	struct ns_edge edge = edge_to("a", AF_INET, 1, 80);
	struct ns_graph graph;

	edge.packets = UINT64_MAX;
	edge.bytes = INT64_MAX - 1;
	add(f, &edge);
	edge.bytes = 5;
	add(f, &edge);
	load(f, "a", 0, &graph);
	assert_int_equal(graph.edges[0].packets, INT64_MAX);
	assert_int_equal(graph.edges[0].bytes, INT64_MAX);
	ns_graph_release(&graph);
}

static void test_window(void **state)
{
	struct fixture *f = *state;
	struct ns_edge edge = edge_to("a", AF_INET, 1, 80);
	struct ns_graph graph;

	add(f, &edge);
	edge.tuple.port = 81;
	edge.last_seen = T0 + 10;
	add(f, &edge);
	edge.workload = "b";
	add(f, &edge);
	MUST(f, ns_store_open_gap(f->store, "a", T0, "over", &f->err));
	MUST(f, ns_store_close_gap(f->store, "a", "over", T0 + 5, &f->err));
	MUST(f, ns_store_open_gap(f->store, "a", T0, "open", &f->err));
	load(f, "a", T0 + 10, &graph);
	assert_int_equal(graph.n_edges, 1);
	assert_int_equal(graph.edges[0].tuple.port, 81);
	assert_int_equal(graph.n_gaps, 1);
	assert_string_equal(graph.gaps[0].cause, "open");
	ns_graph_release(&graph);
	load(f, NULL, T0 + 10, &graph);
	assert_int_equal(graph.n_edges, 2);
	ns_graph_release(&graph);
	MUST(f, ns_store_load_graph(f->store, "a", &graph, &f->err));
	assert_int_equal(graph.n_edges, 2);
	assert_int_equal(graph.n_gaps, 2);
	ns_graph_release(&graph);
	MUST(f, ns_store_load_graph(f->store, "nobody", &graph, &f->err));
	assert_int_equal(graph.n_edges, 0);
	ns_graph_release(&graph);
}

static void test_transit_names(void **state)
{
	struct fixture *f = *state;
	struct ns_edge edge = edge_to("router", AF_INET6, 1, 80);
	struct ns_graph graph;

	edge.tuple.direction = NS_TRANSIT;
	edge.tuple.source = edge_to("", AF_INET6, 2, 0).tuple.peer;
	edge.peer_class = NS_PEER_WORKLOAD;
	edge.peer_name = "db";
	edge.source_class = NS_PEER_CIDR;
	add(f, &edge);
	edge.source_class = NS_PEER_WORKLOAD; /* known by name later on */
	edge.source_name = "api";
	add(f, &edge);
	load(f, "router", 0, &graph);
	assert_int_equal(graph.n_edges, 1);
	assert_int_equal(graph.edges[0].source_class, NS_PEER_WORKLOAD);
	assert_string_equal(graph.edges[0].source_name, "api");
	assert_string_equal(graph.edges[0].peer_name, "db");
	assert_true(ns_addr_equal(&graph.edges[0].tuple.source, &edge.tuple.source));
	ns_graph_release(&graph);
}

/* The last place is taken, the next edge is not kept, and the graph says so; a known one still counts on. */
static void test_edges_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct ns_edge edge = edge_to("a", AF_INET, 1, 80);
	NS_FREE char *sql = NULL;
	struct ns_graph graph;

	add(f, &edge);
	assert_true(asprintf(&sql, "UPDATE tally SET edges = %d", NS_STORE_EDGES_MAX - 1) > 0);
	behind(f, sql);
	edge.tuple.port = 81;
	add(f, &edge);
	edge.tuple.port = 82;
	add(f, &edge);
	edge.tuple.port = 80;
	edge.packets = 4;
	add(f, &edge);
	edge.workload = "b"; /* another workload has its own bound */
	add(f, &edge);
	load(f, "a", 0, &graph);
	assert_int_equal(graph.n_edges, 2);
	assert_int_equal(graph.edges[0].packets, 5);
	assert_int_equal(graph.n_gaps, 1);
	assert_string_equal(graph.gaps[0].cause, "graph full: 1000000 edges");
	ns_graph_release(&graph);
	assert_int_equal(count(f, "b"), 1);
}

static void test_batch(void **state)
{
	struct fixture *f = *state;
	struct ns_edge edge = edge_to("in-the-batch", AF_INET, 1, 80);

	MUST(f, ns_store_begin(f->store, &f->err));
	add(f, &edge);
	assert_int_equal(count(f, NULL), 1);
	ns_store_rollback(f->store);
	assert_int_equal(count(f, NULL), 0);
	add(f, &edge); /* the name that was rolled back is not remembered */
	MUST(f, ns_store_begin(f->store, &f->err));
	edge.tuple.port = 81;
	add(f, &edge);
	reopen(f); /* closing without commit */
	assert_int_equal(count(f, "in-the-batch"), 1);
}

struct seen {
	size_t n;
	uint16_t ports[8];
	bool audited[8];
	struct fixture *f;
};

static int see_deny(void *ctx, const struct ns_edge *edge, bool audited)
{
	struct seen *seen = ctx;

	seen->ports[seen->n] = edge->tuple.port;
	seen->audited[seen->n++] = audited;
	return ns_store_heartbeat(seen->f->store, T0, &seen->f->err);
}

static void test_denies(void **state)
{
	struct fixture *f = *state;
	struct ns_edge edge = edge_to("a", AF_INET, 1, 22);
	struct seen seen = { .f = f };
	NS_FREE char *sql = NULL;

	edge.last_seen = T0 + 2;
	MUST(f, ns_store_add_deny(f->store, &edge, false, &f->err));
	MUST(f, ns_store_add_deny(f->store, &edge, false, &f->err));
	edge.last_seen = T0 + 1;
	MUST(f, ns_store_add_deny(f->store, &edge, true, &f->err));
	edge = edge_to("b", AF_INET6, 1, 23);
	MUST(f, ns_store_add_deny(f->store, &edge, false, &f->err));
	MUST(f, ns_store_list_denies(f->store, NULL, 0, see_deny, &seen, &f->err));
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.ports[0], 23);
	assert_true(seen.audited[1]);
	assert_false(seen.audited[2]);
	seen.n = 0;
	MUST(f, ns_store_list_denies(f->store, "a", T0 + 1, see_deny, &seen, &f->err));
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.ports[0], 22);
	assert_int_equal(count(f, NULL), 0); /* denies are no edges */
	assert_true(asprintf(&sql, "UPDATE tally SET denies = %d", NS_STORE_DENIES_MAX) > 0);
	behind(f, sql);
	edge.tuple.port = 24;
	MUST(f, ns_store_add_deny(f->store, &edge, false, &f->err));
	seen.n = 0;
	MUST(f, ns_store_list_denies(f->store, "b", 0, see_deny, &seen, &f->err));
	assert_int_equal(seen.n, 1);
}

static int see_counter(void *ctx, const struct ns_counter_base *base)
{
	struct seen *seen = ctx;

	seen->ports[seen->n++] = base->tuple.port;
	assert_int_equal(base->packets, base->deny ? 7 : 9);
	return 0;
}

static void test_counters(void **state)
{
	struct fixture *f = *state;
	struct ns_counter_base base = { .tuple = edge_to("", AF_INET6, 1, 80).tuple, .packets = 3, .bytes = 4 };
	struct seen seen = { .f = f };

	MUST(f, ns_store_put_counter(f->store, UINT64_MAX, &base, &f->err));
	base.packets = 9;
	MUST(f, ns_store_put_counter(f->store, UINT64_MAX, &base, &f->err));
	base.deny = true;
	base.packets = 7;
	MUST(f, ns_store_put_counter(f->store, UINT64_MAX, &base, &f->err));
	MUST(f, ns_store_put_counter(f->store, 5, &base, &f->err));
	reopen(f);
	MUST(f, ns_store_list_counters(f->store, UINT64_MAX, see_counter, &seen, &f->err));
	assert_int_equal(seen.n, 2);
	MUST(f, ns_store_forget_counters(f->store, UINT64_MAX, &f->err));
	seen.n = 0;
	MUST(f, ns_store_list_counters(f->store, UINT64_MAX, see_counter, &seen, &f->err));
	assert_int_equal(seen.n, 0);
	MUST(f, ns_store_list_counters(f->store, 5, see_counter, &seen, &f->err));
	assert_int_equal(seen.n, 1);
	behind(f, "UPDATE meta SET value = 'another boot' WHERE key = 'counters_boot_id'");
	reopen(f);
	seen.n = 0;
	MUST(f, ns_store_list_counters(f->store, 5, see_counter, &seen, &f->err));
	assert_int_equal(seen.n, 0);
}

static void test_gaps(void **state)
{
	struct fixture *f = *state;
	struct ns_graph graph;

	MUST(f, ns_store_open_gap(f->store, "a", T0, "agent down", &f->err));
	MUST(f, ns_store_open_gap(f->store, "a", T0 + 5, "agent down", &f->err)); /* kept as it was opened */
	MUST(f, ns_store_open_gap(f->store, "a", T0 + 1, "log overrun", &f->err));
	MUST(f, ns_store_open_gap(f->store, "b", T0 + 2, "agent down", &f->err));
	MUST(f, ns_store_close_gap(f->store, "a", "log overrun", T0, &f->err)); /* the clock went back */
	MUST(f, ns_store_close_gap(f->store, "a", "log overrun", T0 + 99, &f->err));
	MUST(f, ns_store_close_gap(f->store, "nobody", "log overrun", T0, &f->err));
	MUST(f, ns_store_load_gaps(f->store, NULL, &graph, &f->err));
	assert_int_equal(graph.n_gaps, 3);
	assert_int_equal(graph.gaps[0].from, T0);
	assert_int_equal(graph.gaps[0].to, 0);
	assert_int_equal(graph.gaps[1].from, T0 + 1);
	assert_int_equal(graph.gaps[1].to, T0 + 1);
	ns_graph_release(&graph);
	MUST(f, ns_store_close_all_gaps(f->store, "agent down", T0 + 10, &f->err));
	MUST(f, ns_store_load_gaps(f->store, "b", &graph, &f->err));
	assert_int_equal(graph.n_gaps, 1);
	assert_int_equal(graph.gaps[0].to, T0 + 10);
	ns_graph_release(&graph);
	assert_int_equal(ns_store_open_gap(f->store, "", T0, "x", &f->err), -EINVAL);
}

/* Whatever is folded, no moment that was in a gap gets out of it. */
static void test_gaps_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct ns_graph graph;

	MUST(f, ns_store_begin(f->store, &f->err));
	for (int i = 0; i < NS_STORE_GAPS_MAX + 3; i++) {
		MUST(f, ns_store_open_gap(f->store, "a", T0 + INT64_C(10) * i, i == 1 ? "log overrun" : "agent down",
					  &f->err));
		MUST(f, ns_store_close_gap(f->store, "a", i == 1 ? "log overrun" : "agent down",
					   T0 + INT64_C(10) * i + 5, &f->err));
	}
	MUST(f, ns_store_commit(f->store, &f->err));
	MUST(f, ns_store_load_gaps(f->store, "a", &graph, &f->err));
	assert_int_equal(graph.n_gaps, NS_STORE_GAPS_MAX);
	assert_int_equal(graph.gaps[0].from, T0);
	assert_int_equal(graph.gaps[0].to, T0 + 35);
	assert_string_equal(graph.gaps[0].cause, "several");
	assert_int_equal(graph.gaps[1].from, T0 + 40);
	assert_string_equal(graph.gaps[1].cause, "agent down");
	ns_graph_release(&graph);
}

static void test_heartbeat(void **state)
{
	struct fixture *f = *state;
	int64_t last = -1;

	MUST(f, ns_store_last_heartbeat(f->store, &last, &f->err));
	assert_int_equal(last, 0);
	MUST(f, ns_store_heartbeat(f->store, T0, &f->err));
	reopen(f);
	MUST(f, ns_store_last_heartbeat(f->store, &last, &f->err));
	assert_int_equal(last, T0);
}

static void test_endpoints(void **state)
{
	struct fixture *f = *state;
	static struct ns_endpoint e; /* large */
	char workload[NS_WORKLOAD_MAX] = "unchanged";
	NS_JSON json_t *list = NULL;

	e = (struct ns_endpoint){ .cookie = 77,
				  .workload = "compose/shop/web",
				  .runtime = "docker",
				  .pid = 12,
				  .since = T0,
				  .name = "bad\xff name",
				  .n_addresses = 2,
				  .n_interfaces = 1,
				  .n_findings = 1,
				  .interfaces = { { .name = "eth0", .index = 2, .peer_index = 9 } },
				  .findings = (char[][NS_FINDING_MAX]){ "has CAP_NET_RAW" } };
	e.addresses[0] = (struct ns_prefix){ ns_addr_from_bytes(AF_INET, (uint8_t[]){ 10, 0, 0, 5 }), 24 };
	e.addresses[1] = (struct ns_prefix){ ns_addr_from_bytes(AF_INET6, (uint8_t[16]){ 0xfd, [15] = 5 }), 128 };
	assert_int_equal(ns_store_endpoint_workload(f->store, 77, workload, &f->err), -ENOENT);
	assert_string_equal(workload, "unchanged");
	MUST(f, ns_store_put_endpoint(f->store, &e, 0, &f->err));
	e.pid = 13;
	MUST(f, ns_store_put_endpoint(f->store, &e, 0, &f->err));
	MUST(f, ns_store_endpoint_workload(f->store, 77, workload, &f->err));
	assert_string_equal(workload, "compose/shop/web");
	list = ns_store_endpoints(f->store, 10, &f->err);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(string_at(list, 0, "name"), "bad? name");
	assert_string_equal(json_string_value(json_array_get(json_object_get(json_array_get(list, 0), "addresses"), 0)),
			    "10.0.0.5/24");
	assert_string_equal(json_string_value(json_array_get(json_object_get(json_array_get(list, 0), "addresses"), 1)),
			    "fd00::5/128");
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "ended")));
	json_decref(list);

	/* In another boot it has ended, at the latest when the agent was last alive; the cookie is another's then. */
	MUST(f, ns_store_heartbeat(f->store, T0 + 50, &f->err));
	behind(f, "UPDATE endpoint SET boot_id = 'another boot'");
	reopen(f);
	assert_int_equal(ns_store_endpoint_workload(f->store, 77, workload, &f->err), -ENOENT);
	list = ns_store_endpoints(f->store, 10, &f->err);
	assert_string_equal(string_at(list, 0, "ended"), "2023-11-14T22:13:20.000050Z");
}

static void put_readback(struct fixture *f, const char *kernel, int64_t now)
{
	const struct ns_readback readback = { 5, "a", 1, "enforcing", "sha256:p", kernel, "", "changes", T0 };

	MUST(f, ns_store_add_readback(f->store, &readback, now, &f->err));
}

static void test_readbacks(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *list = NULL;
	int64_t start = ns_clock_elapsed();

	put_readback(f, "sha256:other", T0);
	MUST(f, ns_store_begin(f->store, &f->err));
	for (int i = 1; i <= NS_STORE_READBACKS_MAX + 50; i++)
		put_readback(f, "sha256:p", T0 + i);
	MUST(f, ns_store_commit(f->store, &f->err));
	MUST(f, ns_store_add_readback(f->store,
				      &(struct ns_readback){ 6, "b", 1, "enforcing", "x", "x", "", "table", T0 + 1 },
				      T0 + 1, &f->err));
	list = ns_store_readbacks(f->store, "a", 5000, &f->err);
	/* the last thousand, and the two with which something was new */
	assert_int_equal(json_array_size(list), NS_STORE_READBACKS_MAX + 2);
	assert_true(json_is_true(json_object_get(json_array_get(list, 0), "equal")));
	assert_true(json_is_false(json_object_get(json_array_get(list, 0), "changed")));
	assert_string_equal(string_at(list, 0, "extent"), "changes");
	assert_string_equal(string_at(list, 0, "table_read"), "2023-11-14T22:13:20.000000Z");
	assert_true(json_is_true(json_object_get(json_array_get(list, NS_STORE_READBACKS_MAX), "changed")));
	assert_true(json_is_false(json_object_get(json_array_get(list, NS_STORE_READBACKS_MAX + 1), "equal")));
	json_decref(list);
	list = ns_store_readbacks(f->store, NULL, 1, &f->err);
	assert_string_equal(string_at(list, 0, "workload"), "b");
	assert_string_equal(string_at(list, 0, "extent"), "table");
	assert_string_equal(string_at(list, 0, "table_read"), string_at(list, 0, "time"));
	json_decref(list);
	/* What was stored before that was told claims nothing. */
	behind(f, "INSERT INTO readback (time, boot_id, cookie, workload, revision, mode, plan_digest, kernel_digest, "
		  "difference, changed) VALUES (1, 'b', 7, 'c', 1, 'enforcing', 'x', 'x', '', 1)");
	list = ns_store_readbacks(f->store, "c", 1, &f->err);
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "extent")));
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "table_read")));
	print_message("%d read-backs in %lld us\n", NS_STORE_READBACKS_MAX, (long long)(ns_clock_elapsed() - start));
}

/* The size that a busy host reaches: each figure is far above what is measured (60 ms and 15 ms), for slow machines. */
static void test_speed(void **state)
{
	struct fixture *f = *state;
	struct ns_graph graph;
	int64_t start = ns_clock_elapsed(), written, read;

	MUST(f, ns_store_begin(f->store, &f->err));
	for (unsigned i = 0; i < 20000; i++) {
		struct ns_edge edge = edge_to("a", i % 2 ? AF_INET : AF_INET6, i, 443);

		add(f, &edge);
	}
	MUST(f, ns_store_commit(f->store, &f->err));
	written = ns_clock_elapsed();
	load(f, "a", 0, &graph);
	read = ns_clock_elapsed();
	assert_int_equal(graph.n_edges, 20000);
	ns_graph_release(&graph);
	print_message("20000 edges: written in %lld us, read in %lld us\n", (long long)(written - start),
		      (long long)(read - written));
	assert_true(written - start < 5000000);
	assert_true(read - written < 2000000);
}

/* ---- in slices ---- */

struct walked {
	struct ns_graph graph;
	struct fixture *f;
};

static int keep(void *ctx, const struct ns_edge *edge)
{
	struct walked *walked = ctx;

	return ns_graph_add_edge(&walked->graph, edge, &walked->f->err);
}

static bool same_edge(const struct ns_edge *a, const struct ns_edge *b)
{
	return strcmp(a->workload, b->workload) == 0 && a->tuple.direction == b->tuple.direction &&
	       a->tuple.port == b->tuple.port && ns_addr_equal(&a->tuple.peer, &b->tuple.peer) &&
	       ns_addr_equal(&a->tuple.source, &b->tuple.source) && strcmp(a->peer_name, b->peer_name) == 0 &&
	       strcmp(a->source_name, b->source_name) == 0 && strcmp(a->process, b->process) == 0 &&
	       a->packets == b->packets && a->last_seen == b->last_seen && a->uid == b->uid;
}

/* What a walk in slices of any size gives is what loading gives, also when others write between two slices. */
static void walk_as_loaded(struct fixture *f, const char *workload, int64_t since, size_t slice, bool write_between)
{
	struct walked walked = { .f = f };
	struct ns_edge_walk *walk = NULL;
	struct ns_graph loaded;
	int r;

	load(f, workload, since, &loaded);
	MUST(f, ns_store_walk_edges(f->store, workload, since, &walk, &f->err));
	while ((r = ns_edge_walk_some(walk, slice, keep, &walked, &f->err)) > 0)
		if (write_between) {
			struct ns_edge before = edge_to("a", AF_INET, 1, 1), there = edge_to("a", AF_INET, 7, 80);

			before.tuple.direction = NS_INGRESS;
			before.tuple.port = (uint16_t)walked.graph.n_edges; /* behind the walk by now */
			before.peer_name = "late";
			there.packets = 0;
			there.bytes = 0;
			there.last_seen = there.first_seen = T0 - 1; /* changes nothing of it */
			add(f, &before);
			add(f, &there);
		}
	MUST(f, r);
	assert_int_equal(ns_edge_walk_some(walk, slice, keep, &walked, &f->err), 0); /* the end stays the end */
	assert_int_equal(walked.graph.n_edges, loaded.n_edges);
	for (size_t i = 0; i < loaded.n_edges; i++)
		assert_true(same_edge(&walked.graph.edges[i], &loaded.edges[i]));
	ns_edge_walk_free(walk);
	ns_graph_release(&walked.graph);
	ns_graph_release(&loaded);
}

static void test_walk(void **state)
{
	static const size_t slices[] = { 1, 2, 7, 599, 600, 601, 100000 };
	struct fixture *f = *state;
	struct ns_edge_walk *walk = NULL;
	struct walked nothing = { .f = f };

	walk_as_loaded(f, NULL, INT64_MIN, 10, false);
	MUST(f, ns_store_begin(f->store, &f->err));
	for (unsigned i = 0; i < 600; i++) {
		struct ns_edge edge = edge_to(i % 3 ? "a" : "b", i % 2 ? AF_INET : AF_INET6, i / 4, i % 5 ? 80 : 443);
		char name[16];

		(void)snprintf(name, sizeof name, "peer%u", i % 37);
		edge.peer_name = name;
		edge.last_seen = T0 + i;
		if (i % 11 == 0) {
			edge.tuple.direction = NS_TRANSIT;
			edge.tuple.source = edge.tuple.peer;
			edge.source_class = NS_PEER_WORKLOAD;
			edge.source_name = i % 2 ? "" : "from";
		}
		if (i % 13 == 0)
			memset(&edge.tuple.peer, 0, sizeof edge.tuple.peer);
		add(f, &edge);
	}
	MUST(f, ns_store_commit(f->store, &f->err));
	for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
		walk_as_loaded(f, NULL, INT64_MIN, slices[i], false);
		walk_as_loaded(f, "a", T0 + 300, slices[i], false);
		walk_as_loaded(f, "b", INT64_MIN, slices[i], false);
	}
	MUST(f, ns_store_walk_edges(f->store, "nobody", INT64_MIN, &walk, &f->err));
	assert_int_equal(ns_edge_walk_some(walk, 10, keep, &nothing, &f->err), 0);
	assert_int_equal(nothing.graph.n_edges, 0);
	ns_edge_walk_free(walk);
	/* "b" has the lower number: what comes to "a" behind the walk is not met. */
	walk_as_loaded(f, "b", INT64_MIN, 50, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_edge_ipv4, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_edge_ipv6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edge_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_figures_end_at_the_top, setup, teardown),
		cmocka_unit_test_setup_teardown(test_window, setup, teardown),
		cmocka_unit_test_setup_teardown(test_walk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transit_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edges_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_denies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gaps_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heartbeat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endpoints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readbacks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_speed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
