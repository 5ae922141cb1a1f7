/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which locks have followed an address that moved, from what the kernel tells of their tables: a lock has followed when
 * it was told of an element with the new address, and that one with the old address is gone.
 */
#ifndef NANOSEG_BENCH_CHANGE_LOCKS_H
#define NANOSEG_BENCH_CHANGE_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/netlink.h>

struct change_address {
	uint8_t bytes[16];
	uint8_t prefix;
	uint16_t length; /* 4 or 16 */
};

/* "10.0.0.1/16": 0; -1: it is none. */
int change_address_parse(const char *text, struct change_address *ret);

struct change_locks {
	struct change_address old, new;
	unsigned n; /* endpoints that are to follow: so many inner and so many outer locks */
	struct change_lock *inner, *outer;
	unsigned n_inner, n_outer;       /* that have */
	uint64_t last_inner, last_outer; /* when the last one was told */
};

bool change_locks_init(struct change_locks *locks); /* false: no memory */
/* One message of the namespace of endpoint `number`; 0: the host's. */
void change_locks_take(struct change_locks *locks, unsigned number, const struct nlmsghdr *message, uint64_t now);
bool change_locks_done(const struct change_locks *locks);

#endif
