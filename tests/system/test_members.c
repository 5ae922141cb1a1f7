/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Members of one namespace, with real packets: each is learned by its own table and held to its own policy, whichever
 * way its packets go and whoever had its port before; those of nobody's table are the namespace's.
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
#include "learner.h"
#include "members_world.h"

/* Whose a port is says its third digit. */
#define PORT_OUT(owner) ((uint16_t)(7001 + 10 * (owner)))
#define PORT_IN(owner)  ((uint16_t)(7101 + 10 * (owner)))
#define PORT_NONE       7031

#define RULE(id, direction, class, protocol, ports)                                                                    \
	"{\"id\":\"" id "\",\"direction\":\"" direction "\",\"peer\":{" class "},\"protocol\":\"" protocol             \
									      "\",\"ports\":[" ports "]}"
#define CIDR(prefix) "\"class\":\"cidr\",\"prefix\":\"" prefix "\""
#define BOTH(id, direction, protocol, ports)                                                                           \
	RULE(id "4", direction, CIDR("10.77.0.2"), protocol, ports)                                                    \
	"," RULE(id "6", direction, CIDR("fd77::2"), protocol, ports)
#define ALL(direction, ports)                                                                                          \
	BOTH(direction "t", direction, "tcp", ports) "," BOTH(direction "u", direction, "udp", ports)

/* A's are ranges, the others' are not. */
static const char *const rules[TABLES] = {
	[TABLE_A] = ALL("egress", "\"7001-7009\"") "," ALL("ingress", "\"7101-7109\""),
	[TABLE_B] = ALL("egress", "7011") "," ALL("ingress", "7111"),
	[TABLE_NAMESPACE] = ALL("egress", "7021") "," ALL("ingress", "7121"),
};

static const int families[] = { AF_INET, AF_INET6 };
static const enum who everybody[] = { WHO_A, WHO_BELOW_A, WHO_B, WHO_OUTSIDER };

static void enforce(struct world *w, const char *verdict)
{
	for (enum table table = 0; table < TABLES; table++)
		world_table(w, table, rules[table], verdict, false);
}

static void learn(struct world *w)
{
	for (enum table table = 0; table < TABLES; table++)
		world_table(w, table, NULL, NULL, false);
}

static uint8_t protocol_of(int type)
{
	return type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
}

/* ---- connections ---- */

struct pair {
	int inner, outer, server; /* the container's socket and the peer's; -1: none */
};

static void close_pair(struct pair *pair)
{
	(void)close(pair->inner);
	if (pair->outer != pair->server)
		(void)close(pair->outer);
	(void)close(pair->server);
}

static void answer_to(int fd)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	char byte;

	assert_true(world_can(fd, POLLIN));
	assert_int_equal(recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length), 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&from, length), 0);
}

static int accept_one(int server)
{
	int fd;

	assert_true(world_can(server, POLLIN));
	fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* Opened by the client, and a word each way. */
static struct pair open_pair(struct world *w, enum who who, bool out, int family, int type, uint16_t port,
			     uint16_t from)
{
	enum end to = out ? END_PEER : END_CONTAINER;
	int server = world_server(w, out ? WHO_PEER : who, family, type, to, port);
	int client = world_socket(w, out ? who : WHO_PEER, family, type), accepted = server;
	int error = world_connect(client, family, to, port, from);

	if (type == SOCK_STREAM) {
		assert_true(error == 0 || error == EINPROGRESS);
		accepted = accept_one(server);
	} else {
		assert_int_equal(error, 0);
		if (send(client, "", 1, 0) != 1)
			fail_msg("%s, port %u: %s", name_of(who), port, strerror(errno));
		answer_to(server);
	}
	world_carry(client, accepted);
	world_carry(accepted, client);
	return out ? (struct pair){ client, accepted, server } : (struct pair){ accepted, client, server };
}

/* The container's end closes first: what then comes and goes is the kernel's own, until the peer has ended as well. */
static void end_pair(struct pair *pair)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);
	char byte;

	(void)close(pair->inner);
	assert_true(world_can(pair->outer, POLLIN));
	assert_int_equal(recv(pair->outer, &byte, 1, 0), 0);
	assert_int_equal(shutdown(pair->outer, SHUT_WR), 0);
	for (unsigned tries = 0; tries < WAIT_MS / 10; tries++) {
		assert_int_equal(getsockopt(pair->outer, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
		if (info.tcpi_state == TCP_CLOSE)
			break;
		(void)poll(NULL, 0, 10);
	}
	assert_int_equal(info.tcpi_state, TCP_CLOSE);
	(void)close(pair->outer);
	(void)close(pair->server);
}

/* ---- learning ---- */

static void tell_nothing(void *ctx, struct ns_endpoint *endpoint, const struct ns_observation *observation)
{
	bool *seen = ctx;

	if (observation->tuple.port >= 7000 && observation->tuple.port < 8000)
		seen[(observation->tuple.port / 10) % 10] = true;
}

static void tell_gap(void *ctx, struct ns_endpoint *endpoint, int64_t time, const char *cause)
{
	fail_msg("%s", cause);
}

static const struct ns_learner_events events = { tell_nothing, tell_gap };

struct listening {
	sd_event *event;
	struct ns_endpoint endpoint;
	struct ns_learner *learner;
	bool logged[10]; /* by the owners of ports */
};

static void listen_to(struct world *w, enum table table, struct listening *ret)
{
	static const enum who of[] = { WHO_A, WHO_B, WHO_OUTSIDER };
	struct ns_error err = NS_ERROR_INIT;

	memset(ret, 0, sizeof(*ret));
	ret->endpoint = w->lab.endpoint;
	if (table != TABLE_NAMESPACE) {
		ret->endpoint.member.cgroup = w->members[table].id;
		ret->endpoint.member.level = w->members[table].level;
		(void)snprintf(ret->endpoint.member.path, sizeof(ret->endpoint.member.path), "%s", w->path[of[table]]);
	}
	assert_true(sd_event_new(&ret->event) >= 0);
	if (ns_learner_open(ret->event, &ret->endpoint, w->lab.netns[LAB_CONTAINER], w->plans[table].table,
			    table == TABLE_NAMESPACE ? 0 : (uint16_t)(NS_NFLOG_GROUP + 1 + table), &events, ret->logged,
			    &ret->learner, &err) < 0)
		fail_msg("%s", err.text);
}

static void stop_listening(struct listening *listening)
{
	(void)ns_learner_close(listening->learner);
	(void)sd_event_unref(listening->event);
}

struct harvest {
	unsigned owner, n;
};

static int note(void *ctx, const struct ns_observation *observation)
{
	struct harvest *harvest = ctx;
	uint8_t protocol = observation->tuple.protocol;

	if (observation->tuple.peer.family == 0 || (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
		return 0;
	assert_int_equal((observation->tuple.port / 10) % 10, harvest->owner);
	harvest->n++;
	return 0;
}

static void assert_learned(struct listening *listening, unsigned owner, unsigned n)
{
	struct harvest harvest = { owner, 0 };
	struct ns_error err = NS_ERROR_INIT;

	if (ns_learner_harvest(listening->learner, note, &harvest, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(harvest.n, n);
	for (unsigned tries = 0; tries < 300 && !listening->logged[owner]; tries++)
		assert_true(sd_event_run(listening->event, 10000) >= 0);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(listening->logged[i], i == owner);
}

/* The older connections that are there: the ports of the members' own only. */
static void assert_existing(struct listening *listening, unsigned owner, unsigned n, unsigned n_served)
{
	struct harvest harvest = { owner, 0 };
	struct ns_error err = NS_ERROR_INIT;
	uint16_t served[16];
	int r = ns_learner_existing(listening->learner, note, &harvest, served, 16, &err);

	if (r < 0)
		fail_msg("%s", err.text);
	assert_int_equal(harvest.n, n);
	assert_int_equal(r, n_served);
	for (int i = 0; i < r; i++)
		assert_int_equal((served[i] / 10) % 10, owner);
}

static void test_learning(void **state)
{
	struct world *w = *state;
	struct listening listening[TABLES];
	struct pair pairs[64];
	size_t n = 0;

	learn(w);
	for (enum table table = 0; table < TABLES; table++)
		listen_to(w, table, &listening[table]);
	for (size_t i = 0; i < 4; i++) {
		enum who who = everybody[i];
		unsigned owner = table_of(who), below = who == WHO_BELOW_A;

		for (size_t j = 0; j < 8; j++) {
			int family = families[j & 1], type = j & 2 ? SOCK_STREAM : SOCK_DGRAM;
			uint16_t port = (uint16_t)((j & 4 ? PORT_OUT(owner) : PORT_IN(owner)) + below);

			pairs[n++] = open_pair(w, who, j & 4, family, type, port, 0);
		}
	}
	assert_learned(&listening[TABLE_A], 0, 16);
	assert_learned(&listening[TABLE_B], 1, 8);
	assert_learned(&listening[TABLE_NAMESPACE], 2, 8);
	/* Of TCP both ends of all, and the ports of UDP that are bound and not connected. */
	int bound[] = { world_server(w, WHO_A, AF_INET6, SOCK_DGRAM, END_CONTAINER, 7106),
			world_server(w, WHO_BELOW_A, AF_INET, SOCK_DGRAM, END_CONTAINER, 7107),
			world_server(w, WHO_B, AF_INET, SOCK_DGRAM, END_CONTAINER, 7117) };

	assert_existing(&listening[TABLE_A], 0, 8, 2);
	assert_existing(&listening[TABLE_B], 1, 4, 1);
	for (size_t i = 0; i < 3; i++)
		close(bound[i]);
	while (n > 0)
		close_pair(&pairs[--n]);
	for (enum table table = 0; table < TABLES; table++)
		stop_listening(&listening[table]);
}

/* ---- enforcing ---- */

static void refused_out(struct world *w, enum who who, int family, int type, uint16_t port, bool reject)
{
	int server = world_server(w, WHO_PEER, family, type, END_PEER, port);
	int client = world_socket(w, who, family, type);
	int error = world_connect(client, family, END_PEER, port, 0);
	socklen_t length = sizeof(error);

	if (type == SOCK_STREAM && reject) {
		assert_true(world_can(client, POLLOUT));
		if (error == EINPROGRESS)
			assert_int_equal(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &length), 0);
		assert_int_equal(error, ECONNREFUSED);
	} else if (type == SOCK_STREAM) {
		assert_int_equal(error, EINPROGRESS);
	} else {
		assert_int_equal(send(client, "", 1, 0), -1);
		assert_int_equal(errno, EPERM);
	}
	assert_true(world_has(w, table_of(who), NS_PURPOSE_DENY, NS_EGRESS, family, protocol_of(type), port));
	world_nothing(server);
	close(client);
	close(server);
}

static void refused_in(struct world *w, enum who who, int family, int type, uint16_t port)
{
	int server = world_server(w, who, family, type, END_CONTAINER, port);
	int client = world_socket(w, WHO_PEER, family, type);

	(void)world_connect(client, family, END_CONTAINER, port, 0);
	if (type == SOCK_DGRAM)
		(void)send(client, "", 1, 0);
	world_must_have(w, table_of(who), NS_PURPOSE_DENY, NS_INGRESS, family, protocol_of(type), port);
	world_nothing(server);
	close(client);
	close(server);
}

/* Everybody with everybody's ports, and with one that is nobody's. */
static void try_all(struct world *w, bool reject)
{
	for (size_t i = 0; i < 4 * 4 * 4; i++) {
		enum who who = everybody[i / 16];
		unsigned owner = i / 4 % 4; /* of the port; the last is nobody */
		int family = families[i & 1], type = i & 2 ? SOCK_STREAM : SOCK_DGRAM;
		struct pair pair;

		if (owner != table_of(who)) { /* other ports below A, so that what is noted is new */
			refused_out(w, who, family, type, (uint16_t)(PORT_OUT(owner) + (who == WHO_BELOW_A)), reject);
			refused_in(w, who, family, type, (uint16_t)(PORT_IN(owner) + (who == WHO_BELOW_A)));
			continue;
		}
		pair = open_pair(w, who, true, family, type, PORT_OUT(owner), 0);
		if (type == SOCK_STREAM)
			end_pair(&pair);
		else
			close_pair(&pair);
		pair = open_pair(w, who, false, family, type, PORT_IN(owner), 0);
		if (type == SOCK_STREAM)
			end_pair(&pair);
		else
			close_pair(&pair);
	}
}

static void test_enforcing(void **state)
{
	struct world *w = *state;

	enforce(w, "drop");
	try_all(w, false);
}

static void test_rejecting(void **state)
{
	struct world *w = *state;

	enforce(w, "reject");
	try_all(w, true);
}

/* The members' tables alone, as in the host's namespace: the outsider does as it likes. */
static void test_nobody_else_is_touched(void **state)
{
	struct world *w = *state;
	struct pair pair;

	world_table(w, TABLE_A, rules[TABLE_A], "drop", false);
	world_table(w, TABLE_B, rules[TABLE_B], "drop", true);
	for (size_t i = 0; i < 4; i++) {
		int family = families[i & 1], type = i & 2 ? SOCK_STREAM : SOCK_DGRAM;

		refused_out(w, WHO_A, family, type, PORT_NONE, false);
		refused_in(w, WHO_BELOW_A, family, type, PORT_NONE);
		pair = open_pair(w, WHO_OUTSIDER, true, family, type, PORT_NONE, 0);
		close_pair(&pair);
		pair = open_pair(w, WHO_OUTSIDER, false, family, type, PORT_NONE, 0);
		close_pair(&pair);
		/* B is audited: it may, and it is noted. */
		assert_false(world_has(w, TABLE_B, NS_PURPOSE_DENY, NS_EGRESS, family, protocol_of(type), PORT_NONE));
		pair = open_pair(w, WHO_B, true, family, type, PORT_NONE, 0);
		close_pair(&pair);
		assert_true(world_has(w, TABLE_B, NS_PURPOSE_DENY, NS_EGRESS, family, protocol_of(type), PORT_NONE));
		pair = open_pair(w, WHO_B, false, family, type, PORT_NONE, 0);
		close_pair(&pair);
		assert_true(world_has(w, TABLE_B, NS_PURPOSE_DENY, NS_INGRESS, family, protocol_of(type), PORT_NONE));
	}
}

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
	for (size_t i = 0; i < 4 * 8; i++) {
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
		cmocka_unit_test_setup_teardown(test_learning, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_enforcing, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_rejecting, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_nobody_else_is_touched, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_datagrams_on_anothers_connection, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_answers_to_another, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_tcp_in_its_midst, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_cuts, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_cuts_what_is_nobodys, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_loopback_of_the_host, world_begin, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
