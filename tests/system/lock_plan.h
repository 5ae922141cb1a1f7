/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A plan like an endpoint's, small: two exact sets, one of ranges, a dynamic one for the rest, counters. And what its
 * figures say.
 */
#ifndef NANOSEG_TEST_LOCK_PLAN_H
#define NANOSEG_TEST_LOCK_PLAN_H

#include "enforce_lab.h"

void endpoint_plan(struct ns_plan *plan);

/* A datagram to the port over each family. */
void send_both(uint16_t port);

/* Packets that the plan's counter has refused. */
uint64_t refused(void);

/* The elements of a set and the packets they counted, of a dump. */
struct tally {
	size_t n;
	uint64_t packets;
};
struct tally dump(const char *set);

/* A namespace a test, so that a failing one leaves the next alone. */
int lock_setup(void **state);

#endif
