/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * first: a container whose first instruction sends what its policy forbids, and the counter on the bridge outside that
 * sees what of it left. One static program, so that nothing runs before main() but the C library's own start.
 *
 *   first run COOKIE FILE MS ALLOWED4 ALLOWED6 PORT [FORBIDDEN4 FORBIDDEN6]
 *
 * A volley of forbidden packets at once, then one each round, while the allowed TCP port is tried just as often; ends
 * when it was reached over both families, or after MS. FILE.part is there once the first volley is out; FILE, the
 * report, when it ends. 0: reached.
 *
 *   first count DEVICE FORBIDDEN4 FORBIDDEN6
 *
 * Counts until SIGTERM what crosses the bridge, from whom, and to the forbidden peer. Prints "ready", and when it ends
 * COOKIE KIND COUNT for what is forbidden and MAC COUNT for frames of whatever kind. 1 when frames were not counted.
 *
 *   first pause
 *
 * Does nothing until SIGTERM or SIGINT: what holds a pod's namespaces.
 *
 * Forbidden packets go to port FIRST_PORT + COOKIE: so the counter knows which start each belongs to.
 */
#ifndef NANOSEG_TESTS_FIRST_H
#define NANOSEG_TESTS_FIRST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define FIRST_PORT       30000
#define FIRST_COOKIE_MAX 9999
#define FIRST_MAC_FORMAT "%02x:%02x:%02x:%02x:%02x:%02x"
#define FIRST_LINK       "eth0" /* as every runtime calls it */

/* Ways out; each with its IPv6 twin next to it. */
enum first_way {
	WAY_UDP4,
	WAY_UDP6,
	WAY_TCP4,
	WAY_TCP6,
	WAY_RAW4, /* a whole frame from a packet socket, below the container's own netfilter hooks */
	WAY_RAW6,
	WAY_COUNT
};
extern const char *const first_way_names[WAY_COUNT];

struct first_peer {
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};
bool first_peer_parse(const char *v4, const char *v6, uint16_t port, struct first_peer *ret);

/* One packet each way; counts in `sent` those that the kernel took. */
void first_volley(const struct first_peer *forbidden, unsigned sent[WAY_COUNT]);

/* The container's own MAC; false: it has no link. */
bool first_mac(uint8_t ret[6]);

int first_run(int argc, char **argv);
int first_count(int argc, char **argv);

#endif
