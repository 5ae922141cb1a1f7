/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The learner with real packets: what it tells of them from the log, from the sets and from inet_diag.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "learn_world.h"

/* The tuple was told from the log, with who did it, and the sets have it with figures. uid -1: nobody's. */
static void check_edge(struct world *w, struct ns_tuple tuple, bool named, int64_t uid)
{
	const struct ns_observation *o = must_find(&w->logged, "log", tuple);
	int64_t now = (int64_t)time(NULL) * 1000000;

	assert_int_equal(o->kind, NS_LOG_LEARN);
	assert_int_equal(o->packets, 0);
	assert_true(o->time > now - 20000000 && o->time < now + 2000000);
	assert_string_equal(o->process, named ? w->program : "");
	assert_int_equal(o->uid, uid);
	o = must_find(&w->harvested, "sets", tuple);
	assert_int_equal(o->kind, NS_LOG_LEARN);
	assert_true(o->packets >= 1);
	assert_true(o->bytes >= 20 * o->packets);
	assert_int_equal(o->uid, -1);
	assert_string_equal(o->process, "");
}

struct addresses {
	const char *container, *peer, *beyond, *group, *any;
	uint8_t icmp;
	uint16_t echo;
};

static const struct addresses ipv4 = { "10.77.0.1", "10.77.0.2", "10.78.0.2", "224.0.0.251", "0.0.0.0", 1, 8 };
static const struct addresses ipv6 = { "fd77::1", "fd77::2", "fd78::2", "ff02::fb", "::", 58, 128 };

static void check_egress(struct world *w, const struct addresses *a)
{
	static const uint8_t raw[] = { 47, IPPROTO_SCTP };

	start(w, LAB_PEER, 0, flow_serve_tcp, (struct flow){ .address = a->any, .port = 8080 });
	run(w, LAB_CONTAINER, CLIENT_UID, flow_connect, (struct flow){ .address = a->peer, .port = 8080 });
	run(w, LAB_CONTAINER, CLIENT_UID, flow_datagram, (struct flow){ .address = a->peer, .port = 5300 });
	run(w, LAB_CONTAINER, CLIENT_UID, flow_datagram, (struct flow){ .address = a->group, .port = 5353 });
	run(w, LAB_CONTAINER, 0, flow_raw, (struct flow){ .address = a->peer, .protocol = a->icmp });
	for (size_t i = 0; i < sizeof raw; i++)
		run(w, LAB_CONTAINER, 0, flow_raw,
		    (struct flow){ .address = a->peer, .protocol = raw[i], .port = 3868 });
	harvest(w);
	check_edge(w, tuple_of(NS_EGRESS, a->peer, IPPROTO_TCP, 8080), true, CLIENT_UID);
	check_edge(w, tuple_of(NS_EGRESS, a->peer, IPPROTO_UDP, 5300), true, CLIENT_UID);
	check_edge(w, tuple_of(NS_EGRESS, a->group, IPPROTO_UDP, 5353), true, CLIENT_UID);
	check_edge(w, tuple_of(NS_EGRESS, a->peer, a->icmp, a->echo), false, 0);
	check_edge(w, tuple_of(NS_EGRESS, a->peer, 47, 0), false, 0);
	check_edge(w, tuple_of(NS_EGRESS, a->peer, IPPROTO_SCTP, 3868), false, 0);
}

static void check_ingress(struct world *w, const struct addresses *a)
{
	start(w, LAB_CONTAINER, SERVER_UID, flow_serve_tcp, (struct flow){ .address = a->any, .port = 9090 });
	start(w, LAB_CONTAINER, SERVER_UID, flow_serve_udp,
	      (struct flow){ .address = a->any, .port = 5400, .group = a->group });
	run(w, LAB_PEER, 0, flow_connect, (struct flow){ .address = a->container, .port = 9090 });
	run(w, LAB_PEER, 0, flow_connect_try, (struct flow){ .address = a->container, .port = 9191 });
	run(w, LAB_PEER, 0, flow_datagram, (struct flow){ .address = a->container, .port = 5400 });
	run(w, LAB_PEER, 0, flow_datagram, (struct flow){ .address = a->group, .port = 5400 });
	run(w, LAB_PEER, 0, flow_raw, (struct flow){ .address = a->container, .protocol = a->icmp });
	run(w, LAB_PEER, 0, flow_raw, (struct flow){ .address = a->container, .protocol = 253 });
	harvest(w);
	check_edge(w, tuple_of(NS_INGRESS, a->peer, IPPROTO_TCP, 9090), true, SERVER_UID);
	check_edge(w, tuple_of(NS_INGRESS, a->peer, IPPROTO_TCP, 9191), false, -1); /* nobody listens */
	check_edge(w, tuple_of(NS_INGRESS, a->peer, IPPROTO_UDP, 5400), true, SERVER_UID);
	check_edge(w, tuple_of(NS_INGRESS, a->group, IPPROTO_UDP, 5400), true, SERVER_UID);
	check_edge(w, tuple_of(NS_INGRESS, a->peer, a->icmp, a->echo), false, -1);
	check_edge(w, tuple_of(NS_INGRESS, a->peer, 253, 0), false, -1);
	(void)must_find(&w->harvested, "ports", tuple_of(NS_INGRESS, NULL, IPPROTO_TCP, 9090));
	(void)must_find(&w->harvested, "ports", tuple_of(NS_INGRESS, NULL, IPPROTO_UDP, 5400));
	assert_null(find(&w->logged, tuple_of(NS_EGRESS, a->peer, IPPROTO_TCP, 9090))); /* answers are no edges */
}

static void check_transit(struct world *w, const struct addresses *a)
{
	struct ns_tuple tuple = tuple_of(NS_TRANSIT, a->beyond, IPPROTO_TCP, 7070);

	run(w, LAB_PEER, 0, flow_connect_try, (struct flow){ .address = a->beyond, .port = 7070 });
	run(w, LAB_PEER, 0, flow_raw, (struct flow){ .address = a->beyond, .protocol = a->icmp });
	harvest(w);
	assert_int_equal(ns_addr_parse(a->peer, &tuple.source, NULL), 0);
	check_edge(w, tuple, false, -1);
	tuple.protocol = a->icmp;
	tuple.port = a->echo;
	check_edge(w, tuple, false, -1);
}

static void test_edges(struct world *w, const struct addresses *a)
{
	open_learner(w);
	put_learning(w, 0);
	check_egress(w, a);
	check_ingress(w, a);
	check_transit(w, a);
	assert_int_equal(w->logged.n_gaps, 0);
	for (size_t i = 0; i < w->logged.n; i++) /* once for all packets of an edge */
		for (size_t j = i + 1; j < w->logged.n; j++)
			assert_false(same(&w->logged.list[i].tuple, &w->logged.list[j].tuple));
}

static void test_edges_ipv4(void **state)
{
	struct world *w = *state;

	test_edges(w, &ipv4);
	run(w, LAB_PEER, 0, flow_datagram, (struct flow){ .address = "10.77.0.255", .port = 137 });
	run(w, LAB_CONTAINER, 0, flow_datagram, (struct flow){ .address = "10.77.0.255", .port = 138 });
	harvest(w);
	check_edge(w, tuple_of(NS_INGRESS, "10.77.0.255", IPPROTO_UDP, 137), false, -1);
	check_edge(w, tuple_of(NS_EGRESS, "10.77.0.255", IPPROTO_UDP, 138), true, 0);
}

static void test_edges_ipv6(void **state)
{
	test_edges(*state, &ipv6);
}

/* ---- what was there before the table ---- */

static void check_older(struct world *w, const char *peer, enum ns_direction direction, uint16_t port, int64_t uid)
{
	const struct ns_observation *o =
		must_find(&w->harvested, "sockets", tuple_of(direction, peer, IPPROTO_TCP, port));

	assert_int_equal(o->kind, NS_LOG_LEARN);
	assert_string_equal(o->process, w->program);
	assert_int_equal(o->uid, uid);
	assert_int_equal(o->packets, 0);
}

static void test_older(void **state)
{
	struct world *w = *state;
	struct ns_error err = NS_ERROR_INIT;
	uint16_t served[8];
	int n;

	/* Both families reach the container's 9090 by one IPv6 socket; 9191 is IPv4's own. */
	start(w, LAB_CONTAINER, SERVER_UID, flow_serve_tcp, (struct flow){ .address = "::", .port = 9090 });
	start(w, LAB_CONTAINER, SERVER_UID, flow_serve_tcp, (struct flow){ .address = "10.77.0.1", .port = 9191 });
	start(w, LAB_PEER, 0, flow_serve_tcp, (struct flow){ .address = "::", .port = 8080 });
	start(w, LAB_PEER, 0, flow_connect_hold, (struct flow){ .address = "10.77.0.1", .port = 9090 });
	start(w, LAB_PEER, 0, flow_connect_hold, (struct flow){ .address = "fd77::1", .port = 9090 });
	start(w, LAB_PEER, 0, flow_connect_hold, (struct flow){ .address = "10.77.0.1", .port = 9191 });
	start(w, LAB_CONTAINER, CLIENT_UID, flow_connect_hold, (struct flow){ .address = "10.77.0.2", .port = 8080 });
	start(w, LAB_CONTAINER, CLIENT_UID, flow_connect_hold, (struct flow){ .address = "fd77::2", .port = 8080 });
	/* Over lo, and so nobody's edge: */
	start(w, LAB_CONTAINER, CLIENT_UID, flow_connect_hold, (struct flow){ .address = "127.0.0.1", .port = 9090 });
	start(w, LAB_CONTAINER, CLIENT_UID, flow_connect_hold, (struct flow){ .address = "fd77::1", .port = 9090 });
	start(w, LAB_CONTAINER, SERVER_UID, flow_serve_udp, (struct flow){ .address = "::", .port = 5400 });
	start(w, LAB_CONTAINER, SERVER_UID, flow_serve_udp, (struct flow){ .address = "10.77.0.1", .port = 5300 });
	start(w, LAB_CONTAINER, SERVER_UID, flow_serve_udp, (struct flow){ .address = "127.0.0.1", .port = 5500 });
	start(w, LAB_CONTAINER, SERVER_UID, flow_serve_udp, (struct flow){ .address = "::1", .port = 5600 });
	start(w, LAB_CONTAINER, SERVER_UID, flow_serve_udp, (struct flow){ .address = "0.0.0.0", .port = 40000 });
	turn(w, 50);

	open_learner(w);
	n = ns_learner_existing(w->learner, harvested, w, served, 8, &err);
	if (n < 0)
		fail_msg("%s", err.text);
	assert_int_equal(n, 2);
	assert_int_equal(served[0], 5300);
	assert_int_equal(served[1], 5400);
	assert_int_equal(w->harvested.n, 5);
	check_older(w, "10.77.0.2", NS_INGRESS, 9090, SERVER_UID);
	check_older(w, "fd77::2", NS_INGRESS, 9090, SERVER_UID);
	check_older(w, "10.77.0.2", NS_INGRESS, 9191, SERVER_UID);
	check_older(w, "10.77.0.2", NS_EGRESS, 8080, CLIENT_UID);
	check_older(w, "fd77::2", NS_EGRESS, 8080, CLIENT_UID);
	/* Room for one only: the rest is told as a gap. */
	assert_int_equal(ns_learner_existing(w->learner, harvested, w, served, 1, &err), 1);
	assert_int_equal(w->logged.n_gaps, 1);
}

/* ---- edges for whose counters the kernel had no memory ---- */

static void add_spilled(struct ns_plan *plan, const char *set, const struct ns_tuple *tuple)
{
	struct ns_plan_element *element = ns_plan_add_element(ns_plan_find_set(plan, set), NULL);

	assert_non_null(element);
	(void)ns_layout_key(ns_layout_role(set), tuple, element->key);
	memcpy(element->key_end, element->key, sizeof(element->key));
}

/* Only the packet path may add to the table that is in force, and the kernel has memory here: the plan itself brings
 * what would have been spilled. */
static void test_spilled(void **state)
{
	static const struct {
		const char *set, *peer, *source;
		enum ns_direction direction;
	} cases[] = {
		{ "spill_egress4", "10.77.0.2", NULL, NS_EGRESS },
		{ "spill_egress6", "fd77::2", NULL, NS_EGRESS },
		{ "spill_ingress4", "10.77.0.2", NULL, NS_INGRESS },
		{ "spill_ingress6", "fd77::2", NULL, NS_INGRESS },
		{ "spill_transit4", "10.78.0.2", "10.77.0.2", NS_TRANSIT },
		{ "spill_transit6", "fd78::2", "fd77::2", NS_TRANSIT },
	};
	enum { N = sizeof cases / sizeof cases[0] };
	struct world *w = *state;
	struct ns_tuple tuples[N];
	struct ns_prefix links[4];
	struct ns_compile_options options = options_of(w, links);
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_error err = NS_ERROR_INIT;

	if (ns_compile_learn(&options, &plan, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < N; i++) {
		tuples[i] = tuple_of(cases[i].direction, cases[i].peer, IPPROTO_TCP, 4040);
		if (cases[i].source)
			assert_int_equal(ns_addr_parse(cases[i].source, &tuples[i].source, NULL), 0);
		add_spilled(&plan, cases[i].set, &tuples[i]);
	}
	open_learner(w);
	lab_table(&w->lab, &plan);
	ns_plan_release(&plan);
	run(w, LAB_CONTAINER, 0, flow_datagram, (struct flow){ .address = "10.77.0.2", .port = 4041 });
	run(w, LAB_CONTAINER, 0, flow_datagram, (struct flow){ .address = "fd77::2", .port = 4041 });
	harvest(w);
	for (size_t i = 0; i < N; i++) {
		const struct ns_observation *o = must_find(&w->harvested, cases[i].set, tuples[i]);

		assert_int_equal(o->kind, NS_LOG_LEARN);
		assert_true(o->uncounted);
		assert_int_equal(o->packets, 0);
		assert_int_equal(o->bytes, 0);
		assert_true(o->time > 0);
		assert_null(find(&w->logged, tuples[i]));
	}
	/* An edge with a counter beside them is counted, and is once in the harvest. */
	assert_false(must_find(&w->harvested, "sets", tuple_of(NS_EGRESS, "10.77.0.2", IPPROTO_UDP, 4041))->uncounted);
	assert_false(must_find(&w->harvested, "sets", tuple_of(NS_EGRESS, "fd77::2", IPPROTO_UDP, 4041))->uncounted);
	/* Sent again, it finds room in the learn set, and comes first with its figures; that is no gap. */
	run(w, LAB_CONTAINER, 0, flow_connect_try, (struct flow){ .address = "10.77.0.2", .port = 4040 });
	run(w, LAB_CONTAINER, 0, flow_connect_try, (struct flow){ .address = "fd77::2", .port = 4040 });
	harvest(w);
	for (size_t i = 0; i < 2; i++) {
		const struct ns_observation *o = must_find(&w->harvested, cases[i].set, tuples[i]);

		assert_false(o->uncounted);
		assert_true(o->packets >= 1);
	}
	assert_int_equal(w->logged.n_gaps, 0);
}

/* ---- refusals ---- */

static void put_refusal(struct world *w, bool auditing)
{
	char workload[] = "netns/test";
	struct ns_policy policy = NS_POLICY_INIT; /* without a rule: everything is refused */
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_book *book = NULL;
	struct ns_prefix links[4];
	struct ns_compile_options options = options_of(w, links);

	policy.workload = workload;
	policy.revision = 1;
	policy.verdict = NS_VERDICT_DROP;
	assert_int_equal(ns_book_new(&book, &err), 0);
	if (ns_compile_enforce(&policy, book, auditing, &options, &plan, &err) < 0)
		fail_msg("%s", err.text);
	lab_table(&w->lab, &plan);
	ns_plan_release(&plan);
	(void)ns_book_free(book);
}

static void check_refused(struct world *w, enum ns_log_kind kind, struct ns_tuple tuple, bool named, int64_t uid)
{
	const struct ns_observation *o = must_find(&w->logged, "log", tuple);

	assert_int_equal(o->kind, kind);
	assert_string_equal(o->process, named ? w->program : "");
	assert_int_equal(o->uid, uid);
	o = must_find(&w->harvested, "sets", tuple);
	assert_int_equal(o->kind, NS_LOG_DENY);
	assert_true(o->packets >= 1);
}

static void test_refused(void **state)
{
	struct world *w = *state;

	/* So that an audited connection stays: one that is refused by the peer is closed before anybody can look. */
	start(w, LAB_PEER, 0, flow_serve_tcp, (struct flow){ .address = "::", .port = 22 });
	open_learner(w);
	for (int auditing = 0; auditing < 2; auditing++) {
		enum ns_log_kind kind = auditing ? NS_LOG_AUDIT : NS_LOG_DENY;

		put_refusal(w, auditing);
		w->logged.n = 0;
		run(w, LAB_CONTAINER, CLIENT_UID, flow_connect_try,
		    (struct flow){ .address = "10.77.0.2", .port = 22 });
		run(w, LAB_CONTAINER, CLIENT_UID, flow_connect_try, (struct flow){ .address = "fd77::2", .port = 22 });
		run(w, LAB_PEER, 0, flow_raw, (struct flow){ .address = "10.77.0.1", .protocol = 1 });
		run(w, LAB_PEER, 0, flow_raw, (struct flow){ .address = "fd77::1", .protocol = 58 });
		harvest(w);
		check_refused(w, kind, tuple_of(NS_EGRESS, "10.77.0.2", IPPROTO_TCP, 22), true, CLIENT_UID);
		check_refused(w, kind, tuple_of(NS_EGRESS, "fd77::2", IPPROTO_TCP, 22), true, CLIENT_UID);
		check_refused(w, kind, tuple_of(NS_INGRESS, "10.77.0.2", 1, 8), false, -1);
		check_refused(w, kind, tuple_of(NS_INGRESS, "fd77::2", 58, 128), false, -1);
	}
	assert_int_equal(w->logged.n_gaps, 0);
}

/* ---- ends ---- */

static size_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

static void test_ends(void **state)
{
	struct world *w = *state;
	struct ns_error err = NS_ERROR_INIT;
	size_t fds;

	open_learner(w); /* the loop makes its own timer with the first, and keeps it */
	w->learner = ns_learner_close(w->learner);
	fds = count_fds();
	for (int i = 0; i < 100; i++) {
		open_learner(w);
		turn(w, 1);
		w->learner = ns_learner_close(w->learner);
	}
	assert_int_equal(count_fds(), fds);
	assert_null(ns_learner_close(NULL));
	assert_int_equal(w->logged.n_gaps, 0); /* the group is free again each time */

	open_learner(w);
	assert_int_equal(ns_learner_harvest(w->learner, harvested, w, &err), -ENOENT);
	put_learning(w, 0);
	harvest(w);
	lab_table(&w->lab, NULL);
	assert_int_equal(ns_learner_harvest(w->learner, harvested, w, &err), -ENOENT);

	/* Not a namespace: told, and nothing is kept. */
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ns_learner *none = NULL;

	fds = count_fds();
	assert_true(ns_learner_open(w->event, &w->lab.endpoint, null, NS_TABLE_NAME, 0, &learner_events, w, &none,
				    &err) < 0);
	assert_null(none);
	assert_int_equal(count_fds(), fds);
	(void)close(null);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_edges_ipv4), TEST(test_edges_ipv6), TEST(test_older),
		TEST(test_spilled),    TEST(test_refused),    TEST(test_ends),
	};

	return cmocka_run_group_tests_name("learner", tests, NULL, NULL);
}
