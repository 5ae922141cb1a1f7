/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The learner with real packets: what it tells of them from the log, from the sets and from inet_diag.
 */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "learn_lab.h"
#include "learn_traffic.h"
#include "learn.h"
#include "nflog.h"

#define CLIENT_UID 12345
#define SERVER_UID 23456
#define SEEN_MAX   1000000

struct seen {
	struct ns_observation *list;
	size_t n;
	char (*programs)[NS_PROCESS_MAX];
	char gaps[64][64];
	size_t n_gaps;
};

struct world {
	struct lab lab;
	sd_event *event;
	struct ns_learner *learner;
	struct seen logged, harvested;
	char program[NS_PROCESS_MAX]; /* of the test, and so of its children */
	pid_t servers[16];
	size_t n_servers;
};

static void remember(struct seen *seen, const struct ns_observation *observation)
{
	assert_true(seen->n < SEEN_MAX);
	(void)snprintf(seen->programs[seen->n], NS_PROCESS_MAX, "%s", observation->process);
	seen->list[seen->n] = *observation;
	seen->list[seen->n].process = seen->programs[seen->n];
	seen->n++;
}

static void observed(void *ctx, struct ns_endpoint *endpoint, const struct ns_observation *observation)
{
	struct world *w = ctx;

	assert_ptr_equal(endpoint, &w->lab.endpoint);
	remember(&w->logged, observation);
}

static void gap(void *ctx, struct ns_endpoint *endpoint, int64_t at, const char *cause)
{
	struct world *w = ctx;

	assert_ptr_equal(endpoint, &w->lab.endpoint);
	assert_true(at > 0);
	assert_true(w->logged.n_gaps < 64);
	(void)snprintf(w->logged.gaps[w->logged.n_gaps++], 64, "%s", cause);
}

static int harvested(void *ctx, const struct ns_observation *observation)
{
	struct world *w = ctx;

	remember(&w->harvested, observation);
	return 0;
}

static const struct ns_learner_events events = { observed, gap };

static void seen_init(struct seen *seen)
{
	seen->list = calloc(SEEN_MAX, sizeof *seen->list);
	seen->programs = calloc(SEEN_MAX, sizeof *seen->programs);
	assert_non_null(seen->list);
	assert_non_null(seen->programs);
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	assert_non_null(w);
	*state = w;
	assert_true(n > 0);
	if (n < NS_PROCESS_MAX) /* a longer path is cut from the left */
		memcpy(w->program, path, (size_t)n);
	else
		memcpy(w->program, path + n - (NS_PROCESS_MAX - 1), NS_PROCESS_MAX - 1);
	seen_init(&w->logged);
	seen_init(&w->harvested);
	assert_return_code(sd_event_new(&w->event), 0);
	lab_begin(&w->lab);
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < w->n_servers; i++)
		lab_kill(w->servers[i]);
	(void)ns_learner_close(w->learner);
	lab_end(&w->lab);
	(void)sd_event_unref(w->event);
	free(w->logged.list);
	free(w->logged.programs);
	free(w->harvested.list);
	free(w->harvested.programs);
	free(w);
	return 0;
}

static void open_learner(struct world *w)
{
	struct ns_error err = NS_ERROR_INIT;

	if (ns_learner_open(w->event, &w->lab.endpoint, w->lab.netns[LAB_CONTAINER], 0, &events, w, &w->learner, &err) <
	    0)
		fail_msg("%s", err.text);
}

/* The container's links as the engine gives them to the compiler. */
static struct ns_compile_options options_of(const struct world *w, struct ns_prefix links[static 4])
{
	for (size_t i = 0; i < 4; i++)
		links[i] = ns_prefix_of(&w->lab.endpoint.addresses[i].addr, w->lab.endpoint.addresses[i].length);
	return (struct ns_compile_options){ .links = links, .n_links = 4 };
}

static void put_learning(struct world *w, uint32_t size)
{
	struct ns_prefix links[4];
	struct ns_compile_options options = options_of(w, links);
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_error err = NS_ERROR_INIT;

	options.learn_set_size = size;
	if (ns_compile_learn(&options, &plan, &err) < 0)
		fail_msg("%s", err.text);
	lab_table(&w->lab, &plan);
	ns_plan_release(&plan);
}

static int64_t now_ms(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Turns of the loop for that long. Returns their number. */
static unsigned turn(struct world *w, int64_t ms)
{
	int64_t until = now_ms(CLOCK_MONOTONIC) + ms;
	unsigned turns = 0;

	while (now_ms(CLOCK_MONOTONIC) < until)
		turns += sd_event_run(w->event, 10000) > 0;
	return turns;
}

static void harvest(struct world *w)
{
	struct ns_error err = NS_ERROR_INIT;

	w->harvested.n = 0;
	if (ns_learner_harvest(w->learner, harvested, w, &err) < 0)
		fail_msg("%s", err.text);
}

/* Starts a child that says when it is ready, and is killed in the end. */
static void start(struct world *w, enum lab_place place, uid_t uid, lab_fn fn, struct flow flow)
{
	int ready[2];
	char byte;

	assert_return_code(pipe2(ready, O_CLOEXEC), errno);
	flow.ready = ready[1];
	assert_true(w->n_servers < 16);
	w->servers[w->n_servers++] = lab_spawn(&w->lab, place, uid, fn, &flow);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
}

/* Runs a child to its end while the loop turns, so that its sockets are still there when they are looked for. */
static void run(struct world *w, enum lab_place place, uid_t uid, lab_fn fn, struct flow flow)
{
	pid_t pid = lab_spawn(&w->lab, place, uid, fn, &flow);

	do
		turn(w, 10);
	while (!lab_over(pid));
	turn(w, 20);
}

static struct ns_tuple tuple_of(enum ns_direction direction, const char *peer, uint8_t protocol, uint16_t port)
{
	struct ns_tuple tuple = { .direction = direction, .protocol = protocol, .port = port };

	if (peer != NULL)
		assert_int_equal(ns_addr_parse(peer, &tuple.peer, NULL), 0);
	return tuple;
}

static bool same(const struct ns_tuple *a, const struct ns_tuple *b)
{
	return a->direction == b->direction && a->protocol == b->protocol && a->port == b->port &&
	       ns_addr_equal(&a->peer, &b->peer) && ns_addr_equal(&a->source, &b->source);
}

static const struct ns_observation *find(const struct seen *seen, struct ns_tuple tuple)
{
	for (size_t i = 0; i < seen->n; i++) {
		if (same(&seen->list[i].tuple, &tuple))
			return &seen->list[i];
	}
	return NULL;
}

static const struct ns_observation *must_find(const struct seen *seen, const char *where, struct ns_tuple tuple)
{
	const struct ns_observation *found = find(seen, tuple);
	char text[NS_ADDR_TEXT_MAX];

	if (found == NULL)
		fail_msg("%s: no %s %s protocol %u port %u", where, ns_direction_format(tuple.direction),
			 ns_addr_format(&tuple.peer, text), tuple.protocol, tuple.port);
	return found;
}

static size_t count_gaps(const struct world *w, const char *cause)
{
	size_t n = 0;

	for (size_t i = 0; i < w->logged.n_gaps; i++)
		n += strcmp(w->logged.gaps[i], cause) == 0;
	return n;
}

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
	int64_t cpu;
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
	} while (before < MANY && looks < 1000);
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
	assert_true(w->logged.n < 2 * MANY);
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
	while (count_ports(&w->logged) < 2 * MANY && now_ms(CLOCK_MONOTONIC) - wall < 20000)
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
	assert_int_equal(count_ports(&w->harvested), 26);
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
	assert_true(ns_learner_open(w->event, &w->lab.endpoint, null, 0, &events, w, &none, &err) < 0);
	assert_null(none);
	assert_int_equal(count_fds(), fds);
	(void)close(null);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_edges_ipv4), TEST(test_edges_ipv6), TEST(test_older),    TEST(test_silence), TEST(test_burst),
		TEST(test_deferred),   TEST(test_large),      TEST(test_changing), TEST(test_foreign), TEST(test_full),
		TEST(test_taken),      TEST(test_refused),    TEST(test_ends),
	};

	return cmocka_run_group_tests_name("learner", tests, NULL, NULL);
}
