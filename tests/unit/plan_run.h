/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the kernel would do with a packet by a plan: the statements of its rules, one after the other, over the packet's
 * bytes and what the kernel is said to know of it.
 */
#ifndef NANOSEG_TEST_PLAN_RUN_H
#define NANOSEG_TEST_PLAN_RUN_H

#include <nanoseg/plan.h>

/* Of every set that packets add to: it has all keys already, none, or none and no room. */
enum run_sets { RUN_EMPTY, RUN_KNOWN, RUN_FULL, RUN_SETS };

struct run_packet {
	uint8_t data[256]; /* the Ethernet header first */
	size_t length;
	size_t network, transport; /* where they begin; transport 0: there is none */
	/* What the kernel knows of it: */
	uint8_t nfproto, l4proto;
	uint32_t iif, oif, fib_type, ct_state, ct_status, skuid;
	uint8_t ct_direction;
	bool has_socket, has_user;
	uint64_t cgroup; /* at any level; 0: none */
};

struct run_result {
	bool accepted;
	char seen[1024]; /* counters, elements and logs, in their order */
};

/* Aborts on what no plan of ours has. */
void plan_run(const struct ns_plan *plan, const char *base_chain, const struct run_packet *packet, enum run_sets sets,
	      struct run_result *ret);

#endif
