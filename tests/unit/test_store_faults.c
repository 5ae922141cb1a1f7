/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A life of the store, over and over; each time another call in it fails: no memory, a disk that fails, a full disk.
 * Whatever fails, the store does not crash or leak, and afterwards each call of the ledger that said it was done is
 * there, each other one is there as a whole or not at all, and the chain verifies.
 */
#include "store_test.h"

#include <sys/socket.h>

#include "clock.h"
#include "fault.h"

/* What the calls of the ledger said. */
struct said {
	bool proposed, approved, enforced, audited, edges, gap, denied, counted;
};

static int see_edge(void *ctx, const struct ns_edge *edge, bool audited)
{
	return 0;
}

static int see_counter(void *ctx, const struct ns_counter_base *base)
{
	return 0;
}

static int see_workload(void *ctx, const struct ns_workload *workload)
{
	return 0;
}

static void ledger(struct ns_store *store, const json_t *policy, const char *digest, struct said *said,
		   struct ns_error *err)
{
	struct ns_workload w;

	(void)ns_store_meet_workload(store, "a", NS_MODE_LEARNING, T0, &w, err);
	said->proposed = ns_store_add_policy(store, "a", 1, policy, "learned", &alice, T0, err) == 0;
	said->approved = ns_store_decide(store, "a", digest, "approve", "ok", &alice, T0, err) == 0;
	said->enforced = ns_store_set_mode(store, "a", NS_MODE_ENFORCING, &alice, "go", T0, err) == 0;
	said->audited = ns_store_audit(store, "x", NULL, policy, &alice, T0, err) == 0;
}

static void facts(struct ns_store *store, struct said *said, struct ns_error *err)
{
	static char findings[][NS_FINDING_MAX] = { "x" };
	static const struct ns_endpoint endpoint = {
		.cookie = 7, .workload = "a", .since = T0, .n_findings = 1, .findings = findings, .n_interfaces = 1
	};
	struct ns_counter_base base = { .tuple = edge_to("", AF_INET, 1, 1).tuple, .packets = 1 };
	struct ns_edge edge = edge_to("a", AF_INET6, 1, 80);

	edge.peer_name = "www.example.org";
	edge.peer_class = NS_PEER_NAME;
	if (ns_store_begin(store, err) == 0) {
		for (uint16_t port = 1; port <= 20; port++) {
			edge.tuple.port = port;
			(void)ns_store_add_edge(store, &edge, err);
			(void)ns_store_put_counter(store, 7, &base, err);
		}
		said->edges = ns_store_commit(store, err) == 0;
	}
	said->denied = ns_store_add_deny(store, &edge, false, err) == 0;
	said->counted = ns_store_put_counter(store, 8, &base, err) == 0;
	said->gap = ns_store_open_gap(store, "b", T0, "x", err) == 0;
	(void)ns_store_close_all_gaps(store, "x", T0 + 1, err);
	(void)ns_store_put_endpoint(store, &endpoint, 0, err);
	(void)ns_store_put_endpoint(store, &endpoint, T0, err);
	(void)ns_store_add_readback(store, &(struct ns_readback){ 7, "a", 1, "enforcing", "p", "k", "d", "table", T0 },
				    T0, err);
	(void)ns_store_heartbeat(store, T0, err);
}

static void reading(struct ns_store *store, struct ns_error *err)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	char head[NS_DIGEST_TEXT_MAX];
	json_t *document = NULL, *info = NULL;
	uint64_t n;

	(void)ns_store_list_workloads(store, see_workload, NULL, err);
	if (ns_store_load_graph(store, NULL, &graph, err) == 0)
		ns_graph_release(&graph);
	assert_null(graph.edges); /* untouched on failure, else it leaks */
	(void)ns_store_get_policy(store, "a", 0, &document, &info, err);
	json_decref(document);
	json_decref(info);
	json_decref(ns_store_policy_history(store, "a", err));
	json_decref(ns_store_approvals(store, NULL, err));
	json_decref(ns_store_audit_entries(store, 0, 10, err));
	json_decref(ns_store_endpoints(store, 10, err));
	json_decref(ns_store_readbacks(store, NULL, 10, err));
	(void)ns_store_list_denies(store, "a", 0, see_edge, NULL, err);
	(void)ns_store_list_counters(store, 7, see_counter, NULL, err);
	(void)ns_store_audit_verify(store, &n, head, err);
	(void)ns_store_forget_counters(store, 99, err);
}

static void check_graph(struct fixture *f, const struct said *said)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	uint64_t n;

	MUST(f, ns_store_count_edges(f->store, "a", &n, &f->err));
	MUST(f, ns_store_load_graph(f->store, NULL, &graph, &f->err));
	assert_int_equal(graph.n_edges, n);
	assert_true(n == 20 || (n == 0 && !said->edges)); /* the batch, or nothing of it */
	assert_true(graph.n_gaps == 1 || !said->gap);
	ns_graph_release(&graph);
}

static int count_deny(void *ctx, const struct ns_edge *edge, bool audited)
{
	return ++*(int *)ctx, 0;
}

static int count_counter(void *ctx, const struct ns_counter_base *base)
{
	return ++*(int *)ctx, 0;
}

/* Opened again without faults: what was said holds. */
static void check(struct fixture *f, const struct said *said)
{
	char head[NS_DIGEST_TEXT_MAX];
	struct ns_workload w = { 0 };
	uint64_t entries = 0;
	int denies = 0, counters = 0;

	MUST(f, ns_store_open(f->path, &f->store, &f->err));
	MUST(f, ns_store_audit_verify(f->store, &entries, head, &f->err));
	assert_true(entries >= (uint64_t)said->proposed + said->approved + said->enforced + said->audited);
	if (ns_store_get_workload(f->store, "a", &w, &f->err) < 0)
		assert_false(said->proposed);
	assert_true(!said->proposed || w.newest_revision == 1);
	assert_true(!said->approved || w.active_revision == 1);
	assert_true(!said->enforced || w.mode == NS_MODE_ENFORCING);
	check_graph(f, said);
	MUST(f, ns_store_list_denies(f->store, NULL, 0, count_deny, &denies, &f->err));
	assert_true(denies == 1 || !said->denied);
	MUST(f, ns_store_list_counters(f->store, 8, count_counter, &counters, &f->err));
	assert_true(counters == 1 || !said->counted);
	f->store = ns_store_close(f->store);
}

/* When the counting starts: with the opening and making of the database, or with what is asked of it then. */
enum phase { FROM_OPENING, FROM_OPEN };

struct plan {
	enum fault_kind kind;
	enum phase phase;
	bool lasting;
	unsigned step; /* every so many calls; NANOSEG_FAULT_STEP=1 in the environment: every one, in minutes */
};

/* One life with one fault. True when the fault was met. */
static bool live(const struct plan *plan, unsigned long number, const json_t *policy, const char *digest)
{
	struct said said = { 0 };
	struct ns_error err = NS_ERROR_INIT;
	struct fixture *f = fixture_new();
	void *state = f;
	unsigned long met;
	int r;

	if (plan->phase == FROM_OPENING)
		fault_arm(plan->kind, number, plan->lasting);
	r = ns_store_open(f->path, &f->store, &err);
	if (plan->phase == FROM_OPEN)
		fault_arm(plan->kind, number, plan->lasting);
	if (r < 0) {
		assert_null(f->store);
		assert_int_equal(err.code, r);
		assert_true(err.text[0] != '\0');
	} else {
		ledger(f->store, policy, digest, &said, &err);
		facts(f->store, &said, &err);
		reading(f->store, &err);
	}
	f->store = ns_store_close(f->store);
	met = fault_disarm();
	check(f, &said);
	(void)teardown(&state);
	return met >= number;
}

static void each(enum fault_kind kind, enum phase phase, bool lasting, unsigned step)
{
	const char *wish = getenv("NANOSEG_FAULT_STEP");
	unsigned wished = wish ? (unsigned)strtoul(wish, NULL, 10) : 0;
	const struct plan plan = { kind, phase, lasting, wished > 0 ? wished : step };
	NS_JSON json_t *policy = document("a", 1, 80);
	char digest[NS_DIGEST_TEXT_MAX];
	unsigned long number = 1, rounds = 0;
	struct fixture *f;
	void *state;

	(void)setup(&state);
	f = state;
	meet(f, "a");
	propose(f, "a", 80, digest);
	(void)teardown(&state);
	for (; live(&plan, number, policy, digest); number += plan.step)
		rounds++;
	print_message("%lu lives, each with another of %lu calls failing%s\n", rounds, number,
		      lasting ? " and all after it" : "");
	assert_true(rounds > 20);
}

static void test_memory_while_opening(void **state)
{
	each(FAULT_MEMORY, FROM_OPENING, false, 101);
}

static void test_memory(void **state)
{
	each(FAULT_MEMORY, FROM_OPEN, false, 29);
}

static void test_file(void **state)
{
	each(FAULT_FILE, FROM_OPENING, false, 1);
}

static void test_file_for_good(void **state)
{
	each(FAULT_FILE, FROM_OPENING, true, 3);
}

static void test_space(void **state)
{
	each(FAULT_SPACE, FROM_OPENING, false, 1);
}

static void test_space_for_good(void **state)
{
	each(FAULT_SPACE, FROM_OPENING, true, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_while_opening),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_for_good),
		cmocka_unit_test(test_space),
		cmocka_unit_test(test_space_for_good),
	};

	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
