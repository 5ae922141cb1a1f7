/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames through the outer lock, one by one: without it every one of them reaches the other end, while auditing too,
 * and enforced those that the policy allows. After each a frame is sent that must arrive, so that no waiting is needed
 * to know what did not.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outer_cases.h"

#define END_NUMBER 0xffff
#define WAIT_MS    5000
#define FIRST_CASE 1000 /* numbers of frames, so that no frame of the kernel's own has one */

enum lock_state { UNLOCKED, AUDITING, ENFORCING };

static const struct frame_spec ends[2] = {
	{ .name = "end", .from = WHO_OWN, .to = WHO_PEER, .proto = IPPROTO_UDP, .source_port = 9, .port = 53 },
	{ .name = "end", .from = WHO_PEER, .to = WHO_OWN, .proto = IPPROTO_UDP, .source_port = 9, .port = 5000 },
};

static bool is_frame(const struct frame *frame, const uint8_t *data, size_t length)
{
	size_t head = frame->length - frame->tail;

	return length >= frame->tail && memcmp(data + length - frame->tail, frame->data + head, frame->tail) == 0;
}

static void transmit(int fd, const struct frame *frame)
{
	assert_int_equal(send(fd, frame->data, frame->length, 0), (ssize_t)frame->length);
}

/* Sends `end`, which must come through, and says whether `frame`, sent before, has done so too. */
static bool follows(int receiver, int sender, const struct frame *frame, const struct frame *end)
{
	struct pollfd waiting = { .fd = receiver, .events = POLLIN };
	uint8_t data[4096];
	bool seen = false;

	transmit(sender, end);
	for (;;) {
		ssize_t n;

		assert_int_equal(poll(&waiting, 1, WAIT_MS), 1); /* else nothing at all comes through */
		n = recv(receiver, data, sizeof(data), 0);
		assert_true(n > 0);
		if (is_frame(end, data, (size_t)n))
			return seen;
		seen |= is_frame(frame, data, (size_t)n);
	}
}

static bool came_through(int sender, int receiver, const struct frame *frame, bool to_container)
{
	struct frame end;

	frame_build(&ends[to_container], AF_INET, to_container, END_NUMBER, &end);
	transmit(sender, frame);
	return follows(receiver, sender, frame, &end);
}

static int failures;

static void judge(const struct outer_case *c, int family, bool to_container, enum lock_state state, bool came,
		  uint64_t counted)
{
	static const char *const states[] = { "without a lock", "audited", "enforced" };
	bool expected = c->pass || state != ENFORCING;
	const char *which = family == AF_INET ? "IPv4" : family == AF_INET6 ? "IPv6" : "ARP";

	if (came != expected) {
		print_error("%s the container, %s, %s, %s: %s\n", to_container ? "to" : "from", which, c->spec.name,
			    states[state], came ? "came through" : "did not come through");
		failures++;
	}
	if (state != UNLOCKED && c->counter && counted != 1) {
		print_error("%s the container, %s, %s, %s: %s counted %d\n", to_container ? "to" : "from", which,
			    c->spec.name, states[state], c->counter, (int)counted);
		failures++;
	}
}

static void run_case(const struct outer_case *c, int family, int sender, int receiver, bool to_container,
		     enum lock_state state)
{
	static uint16_t number = FIRST_CASE;
	struct outer_counts before = outer_lab_counts(c->counter), after;
	struct frame frame;
	bool came;

	frame_build(&c->spec, family, to_container, number++, &frame);
	came = came_through(sender, receiver, &frame, to_container);
	after = outer_lab_counts(c->counter);
	judge(c, family, to_container, state, came, after.named - before.named);
	/* What passes, and what is refused as a tuple, no counter counts. */
	if (after.others != before.others) {
		print_error("%s: another counter counted it\n", c->spec.name);
		failures++;
	}
}

static void run(enum lock_state state, bool to_container)
{
	static const int families[][3] = { [BOTH] = { AF_INET, AF_INET6, -1 },
					   [FOUR] = { AF_INET, -1 },
					   [SIX] = { AF_INET6, -1 },
					   [ARP] = { 0, -1 } };
	const struct outer_case *cases = to_container ? outer_to : outer_from;
	size_t n = to_container ? outer_to_count : outer_from_count;
	int container = outer_lab_frames(AT_CONTAINER, "eth0"), neighbour = outer_lab_frames(AT_NEIGHBOUR, "eth0");

	for (size_t i = 0; i < n; i++)
		for (const int *family = families[cases[i].families]; *family >= 0; family++)
			run_case(&cases[i], *family, to_container ? neighbour : container,
				 to_container ? container : neighbour, to_container, state);
	close(container);
	close(neighbour);
}

static void run_state(enum lock_state state)
{
	struct ns_plan plan = NS_PLAN_INIT;

	failures = 0;
	if (state != UNLOCKED) {
		outer_lab_plan(state == AUDITING, &plan);
		outer_lab_lock(&plan);
	}
	run(state, false);
	run(state, true);
	outer_lab_unlock();
	ns_plan_release(&plan);
	assert_int_equal(failures, 0);
}

static void test_unlocked(void **state)
{
	run_state(UNLOCKED);
}

static void test_auditing(void **state)
{
	run_state(AUDITING);
}

static void test_enforcing(void **state)
{
	run_state(ENFORCING);
}

/* ---- from one table to another ---- */

#define SWITCH_FRAMES 2000
#define SWITCH_GAP_US 200

static void send_all(int fd, const struct frame_spec *spec)
{
	for (uint16_t i = 0; i < SWITCH_FRAMES; i++) {
		struct frame frame;

		frame_build(spec, i % 2 ? AF_INET : AF_INET6, false, (uint16_t)(FIRST_CASE + i), &frame);
		if (send(fd, frame.data, frame.length, 0) != (ssize_t)frame.length)
			_exit(1);
		(void)usleep(SWITCH_GAP_US);
	}
	_exit(0);
}

static unsigned count_arrived(int fd, const struct frame_spec *spec)
{
	unsigned n = 0;
	uint8_t data[4096];
	ssize_t length;

	while ((length = recv(fd, data, sizeof(data), MSG_DONTWAIT)) > 0) {
		for (uint16_t i = 0; i < SWITCH_FRAMES; i++) {
			struct frame frame;

			frame_build(spec, i % 2 ? AF_INET : AF_INET6, false, (uint16_t)(FIRST_CASE + i), &frame);
			if (!is_frame(&frame, data, (size_t)length))
				continue;
			n++;
			break;
		}
	}
	return n;
}

/* Policies of different kinds make tables of different chains. What both allow does not lose a frame between them. */
static void test_other_tables(void **state)
{
	static const char small[] = "{\"schema\":\"nanoseg/policy/1\",\"workload\":\"w\",\"revision\":1,"
				    "\"verdict\":\"drop\",\"rules\":["
				    "{\"id\":\"a\",\"direction\":\"egress\",\"peer\":{\"class\":\"cidr\",\"prefix\":"
				    "\"10.9.0.3\"},\"protocol\":\"udp\",\"ports\":[53]},"
				    "{\"id\":\"b\",\"direction\":\"egress\",\"peer\":{\"class\":\"cidr\",\"prefix\":"
				    "\"fd09::3\"},\"protocol\":\"udp\",\"ports\":[53]}]}";
	const struct frame_spec *spec = &ends[0];
	struct ns_plan plans[2] = { NS_PLAN_INIT, NS_PLAN_INIT };
	int container = outer_lab_frames(AT_CONTAINER, "eth0"), neighbour = outer_lab_frames(AT_NEIGHBOUR, "eth0");
	int status = -1;
	unsigned switches = 0;
	pid_t child;

	outer_lab_plan(false, &plans[0]);
	outer_lab_plan_of(small, false, &plans[1]);
	assert_true(plans[1].n_chains < plans[0].n_chains);
	outer_lab_lock(&plans[0]);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		send_all(container, spec);
	while (waitpid(child, &status, WNOHANG) == 0)
		outer_lab_lock(&plans[++switches % 2]);
	assert_int_equal(status, 0);
	assert_true(switches >= 4);
	assert_int_equal(count_arrived(neighbour, spec), SWITCH_FRAMES);
	outer_lab_unlock();
	ns_plan_release(&plans[0]);
	ns_plan_release(&plans[1]);
	close(container);
	close(neighbour);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlocked),
		cmocka_unit_test(test_auditing),
		cmocka_unit_test(test_enforcing),
		cmocka_unit_test(test_other_tables),
	};

	outer_lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
