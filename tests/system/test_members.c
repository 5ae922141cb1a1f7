/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Members of one namespace, with real packets: each is learned by its own table and held to its own policy, whichever
 * way its packets go and whoever had its port before; those of nobody's table are the namespace's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "learner.h"
#include "members_pairs.h"

#define PORT_GROUP 5353

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

static int run_shell(const void *script)
{
	(void)execl("/bin/sh", "sh", "-e", "-c", script, NULL);
	return 127;
}

/* While a connection is being opened its socket has no cgroup: what is sent to it twice is not the namespace's. */
static void test_repeated_syn(void **state)
{
	struct world *w = *state;
	int servers[2], clients[2];

	learn(w);
	lab_run(&w->lab, LAB_PEER, 0, run_shell,
		"nft 'table inet deaf { chain in { type filter hook input priority 0; tcp sport 7101 drop; }; }'");
	for (size_t i = 0; i < 2; i++) {
		servers[i] = world_server(w, WHO_A, families[i], SOCK_STREAM, END_CONTAINER, PORT_IN(0));
		clients[i] = world_socket(w, WHO_PEER, families[i], SOCK_STREAM);
		(void)world_connect(clients[i], families[i], END_CONTAINER, PORT_IN(0), 0);
	}
	for (size_t i = 0; i < 2; i++) {
		struct tcp_info info = { 0 };
		socklen_t length = sizeof(info);

		for (unsigned tries = 0; tries < WAIT_MS / 10 && info.tcpi_total_retrans == 0; tries++) {
			(void)poll(NULL, 0, 10);
			assert_int_equal(getsockopt(clients[i], IPPROTO_TCP, TCP_INFO, &info, &length), 0);
		}
		assert_int_not_equal(info.tcpi_total_retrans, 0);
		world_must_have(w, TABLE_A, NS_PURPOSE_LEARN, NS_INGRESS, families[i], IPPROTO_TCP, PORT_IN(0));
	}
	for (size_t i = 0; i < 2; i++) {
		struct pair pair = open_pair(w, WHO_OUTSIDER, false, families[i], SOCK_DGRAM, PORT_IN(2), 0);

		/* What came after it has been learned. */
		world_must_have(w, TABLE_NAMESPACE, NS_PURPOSE_LEARN, NS_INGRESS, families[i], IPPROTO_UDP, PORT_IN(2));
		assert_false(world_has(w, TABLE_NAMESPACE, NS_PURPOSE_LEARN, NS_INGRESS, families[i], IPPROTO_TCP,
				       PORT_IN(0)));
		close_pair(&pair);
		close(clients[i]);
		close(servers[i]);
	}
}

/* nft(8), which knows cgroups by their paths, reads of the tables what was meant. */
static void test_second_opinion(void **state)
{
	struct world *w = *state;
	char script[1024];

	enforce(w, "drop");
	(void)snprintf(script, sizeof(script),
		       "nft list table inet %s | grep -q 'socket cgroupv2 level %u \"[^\"]*%s\" goto member_out';"
		       "nft list table inet %s | grep -q 'socket cgroupv2 level %u \"[^\"]*%s\" goto member_in';"
		       "nft list set inet nanoseg others_%u | tr -d '\\n' | grep -q '%s.*%s'",
		       w->plans[TABLE_A].table, w->members[0].level, w->path[WHO_A] + 1, w->plans[TABLE_B].table,
		       w->members[1].level, w->path[WHO_B] + 1, w->members[0].level, w->path[WHO_A] + 1,
		       w->path[WHO_B] + 1);
	lab_run(&w->lab, LAB_CONTAINER, 0, run_shell, script);
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
	for (size_t i = 0; i < 64; i++) {
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

static unsigned link_of(int fd, const char *name)
{
	struct ifreq request = { 0 };

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, SIOCGIFINDEX, &request), 0);
	return (unsigned)request.ifr_ifindex;
}

/* A socket that gets what is sent to the group of mDNS. */
static int join_group(struct world *w, enum who who, int family)
{
	int fd = world_socket(w, who, family, SOCK_DGRAM), one = 1;
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT_GROUP) };
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT_GROUP) };
	struct ip_mreqn group = { .imr_ifindex = (int)link_of(fd, "lan0") };
	struct ipv6_mreq group6 = { .ipv6mr_interface = link_of(fd, "lan0") };

	if (family == AF_INET) {
		assert_int_equal(inet_pton(AF_INET, "224.0.0.251", &group.imr_multiaddr), 1);
		assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
		assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	} else {
		assert_int_equal(inet_pton(AF_INET6, "ff02::fb", &group6.ipv6mr_multiaddr), 1);
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&any6, sizeof(any6)), 0);
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group6, sizeof(group6)), 0);
	}
	return fd;
}

static void send_to_group(struct world *w, int family)
{
	int fd = world_socket(w, WHO_PEER, family, SOCK_DGRAM);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT_GROUP) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT_GROUP) };
	struct ip_mreqn from = { .imr_ifindex = (int)link_of(fd, "eth0") };
	ssize_t sent;

	to6.sin6_scope_id = (uint32_t)from.imr_ifindex;
	assert_int_equal(inet_pton(AF_INET, "224.0.0.251", &to.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET6, "ff02::fb", &to6.sin6_addr), 1);
	if (family == AF_INET) {
		assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)), 0);
		sent = sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to));
	} else {
		sent = sendto(fd, "", 1, 0, (struct sockaddr *)&to6, sizeof(to6));
	}
	assert_int_equal(sent, 1);
	close(fd);
}

/* What comes for a group comes to all who wait for it; of these the kernel names one, the member that bound last. On
 * the host's own network nobody else loses it. */
static void test_groups(void **state)
{
	struct world *w = *state;

	w->host = true;
	world_table(w, TABLE_A, rules[TABLE_A], "drop", false);
	for (size_t i = 0; i < 2; i++) {
		int hosts = join_group(w, WHO_OUTSIDER, families[i]), members = join_group(w, WHO_A, families[i]);

		send_to_group(w, families[i]);
		assert_true(world_can(hosts, POLLIN));
		close(members);
		close(hosts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_learning, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_repeated_syn, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_second_opinion, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_enforcing, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_rejecting, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_groups, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_nobody_else_is_touched, world_begin, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
