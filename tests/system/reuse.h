/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who takes part in reuse.c: processes that count in memory they share.
 */
#ifndef NANOSEG_TESTS_REUSE_H
#define NANOSEG_TESTS_REUSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define REUSE_PAIRS 10
#define REUSE_FIRST 100 /* 10.77.0.100 and fd77::64 are the first pair's */
#define REUSE_PORT  7000

/* In turn IPv4 and IPv6, but for REUSE_LEAKED. */
enum {
	REUSE_ANSWERS = 0, /* datagrams that came back to the client */
	REUSE_CONNECTS = 2,
	REUSE_KEPT = 4,    /* bytes that came back on connections that it keeps */
	REUSE_WITNESS = 6, /* packets of the witness that came to b */
	REUSE_LEAKED = 8,  /* packets of the client that came to b */
	REUSE_COUNTERS = 9,
};

struct reuse_pair {
	atomic_ullong counters[REUSE_COUNTERS];
	atomic_bool serves;
};

struct reuse_shared {
	struct reuse_pair pairs[REUSE_PAIRS];
};

int64_t reuse_now(void); /* microseconds */
void reuse_pause(long us);
__attribute__((noreturn)) void reuse_die(const char *what);

/* In the namespace of the calling process, for ever. */
__attribute__((noreturn)) void reuse_serve(struct reuse_pair *pair, unsigned number, bool tapped);
__attribute__((noreturn)) void reuse_hammer(struct reuse_shared *shared);
__attribute__((noreturn)) void reuse_witness(void);

#endif
