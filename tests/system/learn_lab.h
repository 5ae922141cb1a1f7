/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Three network namespaces for the learner's test, made and ended by it: the container, a peer on its link, and a host
 * beyond, whose traffic with the peer the container forwards. Nothing has a name outside the test's own processes.
 *
 *	peer 10.77.0.2 --- 10.77.0.1 container 10.78.0.1 --- 10.78.0.2 beyond
 *	     fd77::2       fd77::1             fd78::1       fd78::2
 */
#ifndef NANOSEG_TESTS_LEARN_LAB_H
#define NANOSEG_TESTS_LEARN_LAB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <nanoseg/endpoint.h>
#include <nanoseg/plan.h>

enum lab_place { LAB_CONTAINER, LAB_PEER, LAB_BEYOND, LAB_PLACES };

struct lab {
	int netns[LAB_PLACES];
	pid_t holders[LAB_PLACES];
	struct ns_endpoint endpoint; /* the container */
};

/* Both fail the test when they cannot. lab_end accepts a half-made lab. */
void lab_begin(struct lab *lab);
void lab_end(struct lab *lab);

/* Runs fn in a child process in the place, as that user. */
typedef int (*lab_fn)(const void *ctx);
pid_t lab_spawn(const struct lab *lab, enum lab_place place, uid_t uid, lab_fn fn, const void *ctx);
void lab_wait(pid_t pid); /* fails the test unless it exits with 0 */
bool lab_over(pid_t pid); /* true: it has ended by now, with 0 */
void lab_kill(pid_t pid);
void lab_run(const struct lab *lab, enum lab_place place, uid_t uid, lab_fn fn, const void *ctx); /* spawn and wait */

/* Puts the plan into the container in place of the table that is there; NULL: takes the table away. */
void lab_table(const struct lab *lab, struct ns_plan *plan);

#endif
