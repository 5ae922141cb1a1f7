/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The learner when there is too much: messages are lost and edges are not, bounded work, sets without room, and a log
 * that is somebody else's.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "learn_world.h"
#include "nflog.h"

/* ---- losing messages, not edges ---- */

#define MANY 10000

static bool port_seen[2][UINT16_MAX + 1];

static size_t count_ports(const struct seen *seen)
{
	size_t n = 0;

	memset(port_seen, 0, sizeof port_seen);
	for (size_t i = 0; i < seen->n; i++) {
		const struct ns_tuple *tuple = &seen->list[i].tuple;
		bool *port = &port_seen[tuple->peer.family == AF_INET6][tuple->port];

		if (tuple->direction != NS_EGRESS || *port)
			continue;
		*port = true;
		n++;
	}
	return n;
}

static void test_silence(void **state)
{
	const struct flow v4 = { .address = "10.77.0.2", .port = 1000, .count = MANY };
	const struct flow v6 = { .address = "fd77::2", .port = 1000, .count = MANY };
	struct world *w = *state;
	size_t before = 0, looks = 0;
	int64_t cpu, end = now_ms(CLOCK_MONOTONIC) + 60000;
	pid_t pid;

	open_learner(w);
	put_learning(w, 0);
	/* Nobody turns the loop, as if the daemon were stopped; harvests while the sets grow. */
	pid = lab_spawn(&w->lab, LAB_CONTAINER, CLIENT_UID, flow_datagrams, &v4);
	do {
		size_t now;

		harvest(w);
		now = count_ports(&w->harvested);
		assert_true(now >= before);
		before = now;
		looks++;
	} while (before < MANY && now_ms(CLOCK_MONOTONIC) < end);
	lab_wait(pid);
	lab_run(&w->lab, LAB_CONTAINER, CLIENT_UID, flow_datagrams, &v6);
	assert_int_equal(w->logged.n, 0);
	harvest(w);
	assert_int_equal(count_ports(&w->harvested), 2 * MANY);

	/* Awake again: what the log still has is told in turns that leave room for others, and that some is lost. */
	cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID);
	assert_true(turn(w, 1500) >= w->logged.n / NS_NFLOG_TURN_MESSAGES);
	cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	print_message("%zu harvests while the sets grew; %zu of %d messages kept; %d ms of CPU to read them\n", looks,
		      w->logged.n, 2 * MANY, (int)cpu);
	assert_true(w->logged.n > 500);
	assert_true(w->logged.n < (size_t)2 * MANY);
	assert_in_range(count_gaps(w, "log overrun"), 1, 3);
	assert_int_equal(count_gaps(w, "log overrun"), w->logged.n_gaps);
}

/* A burst while the loop turns: every edge is told, and looking for their programs stays within its share. */
static void test_burst(void **state)
{
	const struct flow v4 = { .address = "10.77.0.2", .port = 1000, .count = MANY };
	const struct flow v6 = { .address = "fd77::2", .port = 1000, .count = MANY };
	struct world *w = *state;
	int64_t cpu, wall;
	pid_t a, b;

	open_learner(w);
	put_learning(w, 0);
	cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID);
	wall = now_ms(CLOCK_MONOTONIC);
	a = lab_spawn(&w->lab, LAB_CONTAINER, CLIENT_UID, flow_syns, &v4);
	b = lab_spawn(&w->lab, LAB_CONTAINER, CLIENT_UID, flow_syns, &v6);
	while (count_ports(&w->logged) < (size_t)2 * MANY && now_ms(CLOCK_MONOTONIC) - wall < 20000)
		turn(w, 200);
	cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	lab_wait(a);
	lab_wait(b);
	turn(w, 1200); /* what waited for a walk */
	print_message("%zu edges told in %d ms with %d ms of CPU\n", w->logged.n, (int)(now_ms(CLOCK_MONOTONIC) - wall),
		      (int)cpu);
	harvest(w);
	assert_int_equal(count_ports(&w->harvested), 2 * MANY);
	if (count_gaps(w, "log overrun") == 0) /* nothing was lost, so all was told */
		assert_int_equal(count_ports(&w->logged), 2 * MANY);
	assert_true(cpu < 5000);
}

/* Without budget for a walk the observation waits, and is told with its program when there is some again. */
static void test_deferred(void **state)
{
	const struct ns_tuple tuple = tuple_of(NS_EGRESS, "fd77::2", IPPROTO_TCP, 8080);
	struct world *w = *state;
	const struct ns_observation *o;
	int64_t waited = 0;

	start(w, LAB_PEER, 0, flow_serve_tcp, (struct flow){ .address = "::", .port = 8080 });
	open_learner(w);
	put_learning(w, 0);
	while (ns_processes_wait(w->learner->processes) <
	       5000000) /* of which making the connection may take a second or two */
		ns_processes_walk(w->learner->processes);
	start(w, LAB_CONTAINER, CLIENT_UID, flow_connect_hold, (struct flow){ .address = "fd77::2", .port = 8080 });
	turn(w, 100);
	assert_null(find(&w->logged, tuple));
	for (; waited < 15000 && find(&w->logged, tuple) == NULL; waited += 50)
		turn(w, 50);
	o = must_find(&w->logged, "log", tuple);
	assert_string_equal(o->process, w->program);
	assert_int_equal(o->uid, CLIENT_UID);
	assert_int_equal(w->logged.n_gaps, 0);
}

static void test_large(void **state)
{
	const struct flow v4 = { .address = "10.77.0.2", .port = 1, .count = 65000 };
	struct world *w = *state;
	int64_t ms, cpu;

	open_learner(w);
	put_learning(w, 0);
	lab_run(&w->lab, LAB_CONTAINER, CLIENT_UID, flow_datagrams, &v4);
	ms = now_ms(CLOCK_MONOTONIC);
	cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID);
	harvest(w);
	ms = now_ms(CLOCK_MONOTONIC) - ms;
	cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	print_message("harvest of 65000 elements: %d ms, %d ms of CPU\n", (int)ms, (int)cpu);
	assert_int_equal(count_ports(&w->harvested), 65000);
	assert_true(cpu < 3000);
}

static int change_rulesets(const void *ctx)
{
	(void)execl("/bin/sh", "sh", "-c", "while :; do nft add table ip other; nft delete table ip other; done", NULL);
	return 127;
}

/* The container keeps changing tables of its own, so that the ruleset changes under every dump. */
static void test_changing(void **state)
{
	const struct flow v4 = { .address = "10.77.0.2", .port = 1, .count = 65000 };
	struct world *w = *state;
	int64_t ms;

	open_learner(w);
	put_learning(w, 0);
	lab_run(&w->lab, LAB_CONTAINER, CLIENT_UID, flow_datagrams, &v4);
	w->servers[w->n_servers++] = lab_spawn(&w->lab, LAB_CONTAINER, 0, change_rulesets, NULL);
	ms = now_ms(CLOCK_MONOTONIC);
	for (int i = 0; i < 3; i++) {
		harvest(w);
		assert_int_equal(count_ports(&w->harvested), 65000);
	}
	print_message("three harvests of 65000 elements in a changing ruleset: %d ms\n",
		      (int)(now_ms(CLOCK_MONOTONIC) - ms));
}

/* Elements that the packet path cannot have added hide no other. */
static int add_foreign(const void *ctx)
{
	(void)execlp("nft", "nft", "add", "element", "inet", "nanoseg", "learn_egress4", "{ 47 . 10.9.9.9 . 99 }",
		     NULL);
	return 127;
}

static void test_foreign(void **state)
{
	struct world *w = *state;

	open_learner(w);
	put_learning(w, 0);
	run(w, LAB_CONTAINER, 0, flow_datagrams, (struct flow){ .address = "10.77.0.2", .port = 1000, .count = 20 });
	lab_run(&w->lab, LAB_CONTAINER, 0, add_foreign, NULL);
	harvest(w);
	assert_int_equal(count_ports(&w->harvested), 20);
	assert_int_equal(count_gaps(w, "unreadable elements: learn_egress4"), 1);
	assert_int_equal(w->logged.n_gaps, 1);
}

/* ---- sets without room, and a log without us ---- */

static void test_full(void **state)
{
	struct world *w = *state;

	open_learner(w);
	put_learning(w, 16);
	run(w, LAB_CONTAINER, 0, flow_datagrams, (struct flow){ .address = "10.77.0.2", .port = 1000, .count = 40 });
	run(w, LAB_CONTAINER, 0, flow_datagrams, (struct flow){ .address = "fd77::2", .port = 1000, .count = 10 });
	assert_int_equal(count_gaps(w, "set full: egress4"), 1);
	assert_int_equal(count_gaps(w, "set full: egress6"), 0);
	harvest(w);
	assert_int_equal(count_ports(&w->harvested), 2 * 16 + 10); /* 16 in the set, 16 in its spill set; and IPv6 */
	assert_int_equal(count_gaps(w, "set full: learning"), 1);
	harvest(w);
	assert_int_equal(count_gaps(w, "set full: learning"), 1); /* no further packet, no further gap */
	run(w, LAB_CONTAINER, 0, flow_datagrams, (struct flow){ .address = "10.77.0.2", .port = 2000, .count = 1 });
	harvest(w);
	assert_int_equal(count_gaps(w, "set full: learning"), 2);
}

static void test_taken(void **state)
{
	const struct ns_tuple first = tuple_of(NS_EGRESS, "fd77::2", IPPROTO_UDP, 1),
			      again = tuple_of(NS_EGRESS, "fd77::2", IPPROTO_UDP, 2);
	struct world *w = *state;
	struct ns_nflog *other;

	assert_int_equal(ns_nflog_open(w->lab.netns[LAB_CONTAINER], NS_NFLOG_GROUP, &other, NULL), 0);
	assert_int_equal(ns_nflog_bind(other, NULL), 0);
	open_learner(w);
	put_learning(w, 0);
	assert_int_equal(w->logged.n_gaps, 0); /* not before open has returned */
	turn(w, 50);
	assert_int_equal(count_gaps(w, "log unavailable"), 1);
	run(w, LAB_CONTAINER, 0, flow_datagram, (struct flow){ .address = "fd77::2", .port = 1 });
	assert_null(find(&w->logged, first));
	harvest(w);
	(void)must_find(&w->harvested, "sets", first);
	(void)ns_nflog_close(other);
	harvest(w); /* finds the group free */
	run(w, LAB_CONTAINER, 0, flow_datagram, (struct flow){ .address = "fd77::2", .port = 2 });
	(void)must_find(&w->logged, "log", again);
	assert_int_equal(w->logged.n_gaps, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_silence),  TEST(test_burst),   TEST(test_deferred), TEST(test_large),
		TEST(test_changing), TEST(test_foreign), TEST(test_full),     TEST(test_taken),
	};

	return cmocka_run_group_tests_name("learner_load", tests, NULL, NULL);
}
