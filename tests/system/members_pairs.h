/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connections of members_world.h, and the policies of all: each may use its own ports and no others.
 */
#ifndef NANOSEG_TESTS_MEMBERS_PAIRS_H
#define NANOSEG_TESTS_MEMBERS_PAIRS_H

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

extern const char *const rules[TABLES];
extern const int families[2];
extern const enum who everybody[4];

/* All tables at once. */
void enforce(struct world *w, const char *verdict);
void learn(struct world *w);

uint8_t protocol_of(int type);

struct pair {
	int inner, outer, server; /* the container's socket, the peer's, and the one that listens or is bound */
};

/* Opened by the client, which is the container's when `out`, from a port unless that is 0; and a word each way. */
struct pair open_pair(struct world *w, enum who who, bool out, int family, int type, uint16_t port, uint16_t from);
void close_pair(struct pair *pair);
/* TCP: the container's end closes first: what then comes and goes is the kernel's own, until the peer has ended too. */
void end_pair(struct pair *pair);
int accept_one(int server); /* waits for it */

#endif
