/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A network namespace of the test program's own, plans to put into it, and packets over its loopback.
 */
#ifndef NANOSEG_TEST_ENFORCE_LAB_H
#define NANOSEG_TEST_ENFORCE_LAB_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <nanoseg/plan.h>

#include "lock.h"

/* Leaves the namespace the program was started in, for a new one with lo up. Everything in the old one vanishes with
 * the last socket in it. Exits the program when that cannot be done. */
void lab_enter(void);

/* By uname: what must be there is expected from its version on, and what cannot be is expected to be refused. */
bool lab_kernel_at_least(unsigned major, unsigned minor);
/* NS_LOCK_OWNED from 6.9 on. */
enum ns_lock_protection lab_protection(void);

/* Runs a shell command in the lab; the exit code. Output that comes is kept, up to a bound, and malloced. */
int lab_run(const char *command, char **ret_output);

/* A datagram from a fresh socket to [address]:port. */
void lab_send_udp(const char *address, uint16_t port);

/* Into an array; fails the test when the text does not fit. */
#define LAB_COPY(to, text) assert_in_range(snprintf((to), sizeof(to), "%s", (text)), 0, sizeof(to) - 1)

/* Plans. */
void plan_begin(struct ns_plan *plan, int family);
struct ns_plan_set *plan_set(struct ns_plan *plan, const char *name, unsigned n_fields, ...);
/* fields: one a field of the set, as text: "tcp", "10.0.0.1", "::1", "80", "80-90", "10.0.0.0-10.0.0.255",
 * "02:00:00:00:00:01", "eth0", marks as numbers. */
struct ns_plan_element *plan_element(struct ns_plan_set *set, const char *tag, ...);
struct ns_plan_chain *plan_chain(struct ns_plan *plan, const char *name);
struct ns_plan_chain *plan_base(struct ns_plan *plan, const char *name, uint32_t hook, int32_t priority,
				uint32_t policy);
struct ns_plan_rule *plan_rule(struct ns_plan_chain *chain, const char *comment);
struct ns_stmt *plan_stmt(struct ns_plan_rule *rule, enum ns_stmt_kind kind);
/* l4proto -> 0, address -> 1…, destination port -> behind it: the registers of an exact set's key, for packets of that
 * family; source: the address. */
void plan_tuple(struct ns_plan_rule *rule, int family, bool source);
void plan_lookup(struct ns_plan_rule *rule, const char *set);
void plan_verdict(struct ns_plan_rule *rule, int32_t code, const char *chain);

/* Applies and asserts success, with the error's text when it fails. */
struct ns_lock_result lab_apply(struct ns_lock *lock, const struct ns_plan *plan);
struct ns_lock *lab_lock(int family);
/* Asserts that the kernel holds the plan, by its canonical text. */
void lab_assert_holds(struct ns_lock *lock, const struct ns_plan *plan);
uint64_t lab_packets(struct ns_lock *lock, const char *set, const char *tag);
/* Applies to an empty namespace's table, reads back, applies again (nothing to do), and asks nft(8) for `words` in its
 * listing (NULL: it has none). Takes the table away and releases the plan. */
void lab_round_trip(struct ns_plan *plan, const char *words);

#endif
