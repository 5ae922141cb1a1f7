/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Members of one namespace, with real packets: nobody rides on another's connection, whoever had the port before; a cut
 * finds its own; and a member in the host's own namespace is held to what it may say over loopback.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cut.h"
#include "members_pairs.h"

/* ---- whoever had the port before ---- */

static void test_datagrams_on_anothers_connection(void **state)
{
	static const enum who riders[] = { WHO_B, WHO_OUTSIDER, WHO_BELOW_A };
	struct world *w = *state;

	enforce(w, "drop");
	for (size_t i = 0; i < 6; i++) {
		int family = families[i & 1], rider;
		enum who who = riders[i / 2];
		uint16_t from = (uint16_t)(40000 + i), port = (uint16_t)(PORT_OUT(0) + i);
		struct pair pair = open_pair(w, WHO_A, true, family, SOCK_DGRAM, port, from);

		(void)close(pair.inner);
		pair.inner = rider = world_socket(w, who, family, SOCK_DGRAM);
		assert_int_equal(world_connect(rider, family, END_PEER, port, from), 0);
		if (who == WHO_BELOW_A) { /* for whom it is no other's */
			world_carry(rider, pair.outer);
			world_carry(pair.outer, rider);
			close_pair(&pair);
			continue;
		}
		assert_int_equal(send(rider, "", 1, 0), -1);
		assert_int_equal(errno, EPERM);
		world_nothing(pair.outer);
		assert_true(world_has(w, table_of(who), NS_PURPOSE_DENY, NS_EGRESS, family, IPPROTO_UDP, port));
		close_pair(&pair);
	}
}

/* What the peer goes on to send when the one it answers is gone. */
static void test_answers_to_another(void **state)
{
	static const enum who heirs[] = { WHO_B, WHO_OUTSIDER };
	struct world *w = *state;

	enforce(w, "drop");
	for (size_t i = 0; i < 4; i++) {
		int family = families[i & 1];
		enum who who = heirs[i / 2];
		uint16_t from = (uint16_t)(41000 + i), port = (uint16_t)(PORT_OUT(0) + i);
		struct pair pair = open_pair(w, WHO_A, true, family, SOCK_DGRAM, port, from);

		(void)close(pair.inner);
		pair.inner = world_server(w, who, family, SOCK_DGRAM, END_CONTAINER, from);
		assert_int_equal(send(pair.outer, "", 1, 0), 1);
		world_must_have(w, table_of(who), NS_PURPOSE_DENY, NS_EGRESS, family, IPPROTO_UDP, port);
		world_nothing(pair.inner);
		close_pair(&pair);
	}
}

static uint32_t queue_sequence(int fd, int queue)
{
	uint32_t sequence;
	socklen_t length = sizeof(sequence);

	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)), 0);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &sequence, &length), 0);
	return sequence;
}

static void set_sequence(int fd, int queue, uint32_t sequence)
{
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &sequence, sizeof(sequence)), 0);
}

/* Another's socket goes on where the first one stops, without a word on the wire (TCP_REPAIR, tcp(7)). */
static int take_over(struct world *w, int first, enum who who, int family, uint16_t port, uint16_t from)
{
	enum { RECEIVED = 1, SENT = 2 };
	int on = 1, off = -1 /* without a probe */, fd = world_socket(w, who, family, SOCK_STREAM);
	struct tcp_repair_window window;
	socklen_t length = sizeof(window);
	uint32_t received, sent;

	assert_int_equal(setsockopt(first, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), 0);
	received = queue_sequence(first, RECEIVED);
	sent = queue_sequence(first, SENT);
	assert_int_equal(getsockopt(first, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window, &length), 0);
	(void)close(first);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), 0);
	set_sequence(fd, SENT, sent);
	set_sequence(fd, RECEIVED, received);
	assert_int_equal(world_connect(fd, family, END_PEER, port, from), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)), 0);
	return fd;
}

static void test_tcp_in_its_midst(void **state)
{
	static const enum who riders[] = { WHO_B, WHO_OUTSIDER, WHO_BELOW_A };
	struct world *w = *state;

	enforce(w, "drop");
	for (size_t i = 0; i < 6; i++) {
		int family = families[i & 1];
		enum who who = riders[i / 2];
		uint16_t from = (uint16_t)(42000 + i), port = (uint16_t)(PORT_OUT(0) + i);
		struct pair pair = open_pair(w, WHO_A, true, family, SOCK_STREAM, port, from);

		pair.inner = take_over(w, pair.inner, who, family, port, from);
		if (who == WHO_BELOW_A) {
			world_carry(pair.inner, pair.outer);
			close_pair(&pair);
			continue;
		}
		assert_int_equal(send(pair.inner, "x", 1, MSG_NOSIGNAL), 1);
		world_must_have(w, table_of(who), NS_PURPOSE_DENY, NS_EGRESS, family, IPPROTO_TCP, port);
		world_nothing(pair.outer);
		close_pair(&pair);
	}
}

/* ---- cutting ---- */

static bool all_alive(struct pair *pairs, size_t n, const bool *dead)
{
	for (size_t i = 0; i < n; i++) {
		int error = 0;
		socklen_t length = sizeof(error);

		if (dead[i]) {
			assert_true(world_can(pairs[i].inner, POLLERR | POLLHUP | POLLIN));
			assert_int_equal(getsockopt(pairs[i].inner, SOL_SOCKET, SO_ERROR, &error, &length), 0);
			assert_int_equal(error, ECONNABORTED);
		} else {
			world_carry(pairs[i].inner, pairs[i].outer);
			world_carry(pairs[i].outer, pairs[i].inner);
		}
	}
	return true;
}

static struct ns_cut_result cut(struct world *w, enum table table, const struct ns_cut_member *member)
{
	struct ns_cut_result result;
	struct ns_error err = NS_ERROR_INIT;

	if (ns_cut(w->lab.netns[LAB_CONTAINER], &w->plans[table], w->lab.endpoint.addresses,
		   w->lab.endpoint.n_addresses, member, &result, &err) < 0)
		fail_msg("%s", err.text);
	return result;
}

/* Whose connections each one cuts: port 7008 is allowed to A only. */
static void test_cuts(void **state)
{
	struct world *w = *state;
	const char *const others[] = { w->path[WHO_A], w->path[WHO_B] };
	struct ns_cut_member a = { .path = w->path[WHO_A] };
	struct ns_cut_member rest = { .others = others, .n_others = 2 };
	struct pair pairs[64];
	bool dead[64] = { false };
	struct ns_cut_result result;
	size_t n = 0;

	learn(w);
	for (size_t i = 0; i < 32; i++) {
		int family = families[i & 1], type = i & 2 ? SOCK_STREAM : SOCK_DGRAM;

		/* Each has its connections to a port of A's policy and to one of nobody's. */
		pairs[n++] = open_pair(w, everybody[i / 8], true, family, type,
				       (uint16_t)((i & 4 ? 7002 : 7032) + i / 8), 0);
	}
	world_table(w, TABLE_A, rules[TABLE_A], "drop", false);
	result = cut(w, TABLE_A, &a);
	for (size_t i = 0; i < 16; i++)
		dead[i] = !(i & 4);
	assert_int_equal(result.sockets, 8);
	assert_int_equal(result.connections, 8);
	assert_int_equal(result.kept, 8);
	(void)all_alive(pairs, n, dead);
	world_table(w, TABLE_NAMESPACE, rules[TABLE_NAMESPACE], "drop", false);
	result = cut(w, TABLE_NAMESPACE, &rest);
	for (size_t i = 24; i < 32; i++)
		dead[i] = true;
	assert_int_equal(result.sockets, 8);
	assert_int_equal(result.connections, 8);
	for (size_t i = 0; i < 16; i++) /* their error was told once */
		if (dead[i])
			dead[i] = false, close_pair(&pairs[i]), pairs[i].inner = -1;
	for (size_t i = 0, kept = 0; i < n; i++) {
		if (pairs[i].inner < 0)
			continue;
		dead[kept] = dead[i];
		pairs[kept++] = pairs[i];
		if (i + 1 == n)
			n = kept;
	}
	(void)all_alive(pairs, n, dead);
	while (n > 0)
		close_pair(&pairs[--n]);
}

static bool permit_7033(void *ctx, const struct ns_tuple *tuple)
{
	return tuple->port == 7033;
}

/* Entries whose sockets are gone: those that nobody permits go as well. */
static void test_cuts_what_is_nobodys(void **state)
{
	struct world *w = *state;
	struct ns_cut_member a = { .path = w->path[WHO_A], .others_permit = permit_7033 };
	struct pair pair;

	learn(w);
	for (size_t i = 0; i < 4; i++) {
		pair = open_pair(w, WHO_OUTSIDER, true, families[i & 1], SOCK_DGRAM, i & 2 ? 7033 : 7034, 0);
		close_pair(&pair);
	}
	world_table(w, TABLE_A, rules[TABLE_A], "drop", false);
	assert_int_equal(cut(w, TABLE_A, &a).connections, 2);
	assert_int_equal(cut(w, TABLE_A, &a).connections, 0);
	a.others_permit = NULL;
	assert_int_equal(cut(w, TABLE_A, &a).connections, 2);
}

/* ---- the host's own namespace ---- */

static void test_loopback_of_the_host(void **state)
{
	struct world *w = *state;

	w->host = true;
	world_table(w, TABLE_A, NULL, NULL, false);
	for (unsigned round = 0; round < 3; round++) {
		if (round == 1)
			world_table(w, TABLE_A, rules[TABLE_A], "drop", false);
		if (round == 2)
			world_table(w, TABLE_A,
				    RULE("e", "egress", "\"class\":\"host\"", "tcp",
					 "7041") "," RULE("i", "ingress", "\"class\":\"host\"", "tcp", "7042"),
				    "drop", false);
		for (size_t i = 0; i < 2; i++) {
			int family = families[i],
			    server = world_server(w, WHO_OUTSIDER, family, SOCK_STREAM, END_LOOPBACK, 7041);
			int own = world_server(w, WHO_A, family, SOCK_STREAM, END_LOOPBACK, 7042), accepted;
			int client = world_socket(w, WHO_A, family, SOCK_STREAM);
			int other = world_socket(w, WHO_OUTSIDER, family, SOCK_STREAM);
			int free = world_socket(w, WHO_OUTSIDER, family, SOCK_STREAM);

			(void)world_connect(client, family, END_LOOPBACK, 7041, 0);
			(void)world_connect(other, family, END_LOOPBACK, 7042, 0);
			if (round == 1) {
				world_must_have(w, TABLE_A, NS_PURPOSE_DENY, NS_EGRESS, family, IPPROTO_TCP, 7041);
				world_must_have(w, TABLE_A, NS_PURPOSE_DENY, NS_INGRESS, family, IPPROTO_TCP, 7042);
				world_nothing(server);
				world_nothing(own);
			} else {
				accepted = accept_one(server);
				world_carry(client, accepted);
				world_carry(accepted, client);
				(void)close(accepted);
				accepted = accept_one(own);
				world_carry(other, accepted);
				world_carry(accepted, other);
				(void)close(accepted);
			}
			(void)close(client);
			/* The host with itself. */
			assert_true(world_connect(free, family, END_LOOPBACK, 7041, 0) == EINPROGRESS ||
				    world_can(free, POLLOUT));
			accepted = accept_one(server);
			world_carry(free, accepted);
			(void)close(accepted);
			(void)close(free);
			(void)close(other);
			(void)close(own);
			(void)close(server);
			if (round == 0) {
				world_must_have(w, TABLE_A, NS_PURPOSE_LEARN, NS_EGRESS, family, IPPROTO_TCP, 7041);
				world_must_have(w, TABLE_A, NS_PURPOSE_LEARN, NS_INGRESS, family, IPPROTO_TCP, 7042);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_datagrams_on_anothers_connection, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_answers_to_another, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_tcp_in_its_midst, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_cuts, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_cuts_what_is_nobodys, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_loopback_of_the_host, world_begin, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
