/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The container of learn_lab.h as a namespace that several share: two members, each with a cgroup of its own and one of
 * them with another below, and an outsider, who is the namespace's own. Their sockets are made by processes in those
 * cgroups and used by the test. Servers of the peer listen on the ports of all.
 */
#ifndef NANOSEG_TESTS_MEMBERS_WORLD_H
#define NANOSEG_TESTS_MEMBERS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <nanoseg/layout.h>

#include "learn_lab.h"
#include "lock.h"
#include "nft/socket.h"

enum who { WHO_A, WHO_BELOW_A, WHO_B, WHO_OUTSIDER, WHO_PEER, WHO_ALL };
enum table { TABLE_A, TABLE_B, TABLE_NAMESPACE, TABLES };

#define WAIT_MS 3000 /* for what must come */

struct world {
	struct lab lab;
	char path[WHO_OUTSIDER + 1][NS_CGROUP_PATH_MAX]; /* below the root of the hierarchy */
	pid_t makers[WHO_OUTSIDER + 1];
	int orders[WHO_OUTSIDER + 1];
	struct ns_member_cgroup members[2];
	struct ns_lock *locks[TABLES];
	struct ns_plan plans[TABLES];
	struct ns_nft *nft; /* to look at them */
	bool host;          /* the namespace stands for the host's */
};

int world_begin(void **state);
int world_end(void **state);

enum table table_of(enum who who);
const char *name_of(enum who who);

/* Puts a table in: rules NULL: of learning; else the policy's. Verdict: "drop" or "reject". */
void world_table(struct world *w, enum table table, const char *rules, const char *verdict, bool auditing);

/* A socket of that one, not blocking. */
int world_socket(struct world *w, enum who who, int family, int type);
/* The address of the container or the peer, or of loopback. */
enum end { END_CONTAINER, END_PEER, END_LOOPBACK };
socklen_t world_address(enum end end, int family, uint16_t port, struct sockaddr_storage *ret);
/* The same as a server: bound, and listening when it is TCP. */
int world_server(struct world *w, enum who who, int family, int type, enum end end, uint16_t port);
/* Connects, from a port unless that is 0. 0, or the errno of what went wrong at once (EINPROGRESS: nothing yet). */
int world_connect(int fd, int family, enum end end, uint16_t port, uint16_t from);

/* Waits for it. False: it did not come in WAIT_MS. */
bool world_can(int fd, short events);
/* Sends a word by one and gets it by the other; it must come. */
void world_carry(int from, int to);
void world_nothing(int fd); /* fails the test when there is something to read, or to accept */

/* Whether a set of the table has an element with that port, for peers of that family. */
bool world_has(struct world *w, enum table table, enum ns_purpose purpose, enum ns_direction direction, int family,
	       uint8_t protocol, uint16_t port);
/* The same, waited for. */
void world_must_have(struct world *w, enum table table, enum ns_purpose purpose, enum ns_direction direction,
		     int family, uint8_t protocol, uint16_t port);

#endif
