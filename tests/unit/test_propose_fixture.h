/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Graphs of edges of the workload W, and what is proposed for them, as text.
 */
#ifndef NANOSEG_TEST_PROPOSE_FIXTURE_H
#define NANOSEG_TEST_PROPOSE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <nanoseg/policy.h>

#define W "compose/shop/api"

/* "": no address. */
struct ns_addr addr(const char *text);

/* An edge of W; "" for no address, no name, no program. */
void add(struct ns_graph *graph, enum ns_direction direction, uint8_t protocol, uint16_t port, const char *peer,
	 enum ns_peer_class peer_class, const char *name, const char *process);

/* Fails the test when nothing can be proposed. The caller releases the policy. */
void propose(const struct ns_graph *graph, unsigned widen_at, struct ns_policy *ret);

/* Proposes and compares, one line a rule: id direction peer [from source] protocol spans [+widened_by]. What is
 * proposed can be written, read, and is then the same. */
void expect(const struct ns_graph *graph, unsigned widen_at, const char *wanted);

#endif
