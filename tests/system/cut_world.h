/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The container of learn_lab.h with a lock on it, and what must hold of its connections when they are cut.
 */
#ifndef NANOSEG_TESTS_CUT_WORLD_H
#define NANOSEG_TESTS_CUT_WORLD_H

#include <nanoseg/layout.h>

#include "cut.h"
#include "cut_flows.h"
#include "lock.h"

#define LIMIT_US 100000
#define AFTER_MS 700 /* longer than a few retransmissions of TCP */

struct world {
	struct flows flows;
	struct ns_prefix own[NS_ENDPOINT_ADDRESSES_MAX];
	size_t n_own;
	char near_link_local[NS_ADDR_TEXT_MAX]; /* the peer's */
	struct ns_lock *lock;
	struct ns_plan plan;
};

/* For each test; the learning table is in force. */
int world_begin(void **state);
int world_end(void **state);

/* All of these fail the test when it is not so. */

void shell(struct world *w, enum lab_place place, const char *script);
/* The enforcing plan of a policy with these rules, into the kernel. NULL: the learning table. */
void apply(struct world *w, const char *rules);

struct amounts {
	unsigned long got_in, got_out;
};

struct amounts amounts_of(struct pair *pair);
void snapshot(struct world *w, struct amounts amounts[static PAIRS_MAX]);

/* There is traffic on all connections, the forbidden ones too. */
void assert_traffic(struct world *w);
struct ns_cut_result cut(struct world *w);
/* The sockets of the forbidden ones have heard of it in time. */
void assert_dead(struct world *w, int64_t began);
/* Cuts, looks at what comes of it for a while, and ends the traffic: the forbidden ones are dead, nothing of them is on
 * a wire, the allowed ones have lost nothing, the counts are right. */
void cut_and_look(struct world *w);

#endif
