/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Policies and packets at random, from few enough addresses and ports that they meet.
 */
#ifndef NANOSEG_TEST_SHAPE_WORLD_H
#define NANOSEG_TEST_SHAPE_WORLD_H

#include <nanoseg/book.h>
#include <nanoseg/outer.h>

#include "plan_run.h"

struct shape_random {
	uint64_t state;
};

/* Less than `n`. */
unsigned shape_random(struct shape_random *random, unsigned n);

extern const uint8_t shape_macs[1][6];
/* The endpoint's addresses, and its links. */
size_t shape_own(struct ns_addr ret[4]);
size_t shape_links(struct ns_prefix ret[2]);

struct ns_book *shape_book(void);
void shape_policy(struct shape_random *random, struct ns_policy *ret);
/* `outgoing`: from the endpoint, mostly. */
void shape_packet(struct shape_random *random, bool outgoing, struct run_packet *ret);

#endif
