/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See members_pairs.h.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "members_pairs.h"

/* A's are ranges, the others' are not. */
const char *const rules[TABLES] = {
	[TABLE_A] = ALL("egress", "\"7001-7009\"") "," ALL("ingress", "\"7101-7109\""),
	[TABLE_B] = ALL("egress", "7011") "," ALL("ingress", "7111"),
	[TABLE_NAMESPACE] = ALL("egress", "7021") "," ALL("ingress", "7121"),
};

const int families[2] = { AF_INET, AF_INET6 };
const enum who everybody[4] = { WHO_A, WHO_BELOW_A, WHO_B, WHO_OUTSIDER };

void enforce(struct world *w, const char *verdict)
{
	for (enum table table = 0; table < TABLES; table++)
		world_table(w, table, rules[table], verdict, false);
}

void learn(struct world *w)
{
	for (enum table table = 0; table < TABLES; table++)
		world_table(w, table, NULL, NULL, false);
}

uint8_t protocol_of(int type)
{
	return type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
}

void close_pair(struct pair *pair)
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

int accept_one(int server)
{
	int fd;

	assert_true(world_can(server, POLLIN));
	fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

struct pair open_pair(struct world *w, enum who who, bool out, int family, int type, uint16_t port, uint16_t from)
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

void end_pair(struct pair *pair)
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
