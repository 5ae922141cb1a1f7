/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A learner on the container of learn_lab.h, and everything it has told.
 */
#ifndef NANOSEG_TESTS_LEARN_WORLD_H
#define NANOSEG_TESTS_LEARN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "learn.h"
#include "learn_lab.h"
#include "learn_traffic.h"

#define CLIENT_UID 12345
#define SERVER_UID 23456
#define SEEN_MAX   1000000

struct seen {
	struct ns_observation *list;
	size_t n;
	char (*programs)[NS_PROCESS_MAX];
	char gaps[64][64];
	size_t n_gaps;
};

struct world {
	struct lab lab;
	sd_event *event;
	struct ns_learner *learner;
	struct seen logged, harvested;
	char program[NS_PROCESS_MAX]; /* of the test, and so of its children */
	pid_t servers[16];
	size_t n_servers;
};

/* For each test. */
int world_begin(void **state);
int world_end(void **state);

/* Fails the test when it cannot. The learner's events go to `logged`. */
void open_learner(struct world *w);
extern const struct ns_learner_events learner_events;

/* The container's links as the engine gives them to the compiler. */
struct ns_compile_options options_of(const struct world *w, struct ns_prefix links[static 4]);
/* Puts the table of learning into the container; size: of its sets, 0 for the usual. */
void put_learning(struct world *w, uint32_t size);

int64_t now_ms(clockid_t clock);
/* Turns of the loop for that long. Returns their number. */
unsigned turn(struct world *w, int64_t ms);

/* What the sets hold, into `harvested`. */
void harvest(struct world *w);
int harvested(void *ctx, const struct ns_observation *observation);

/* Starts a child that says when it is ready, and is killed in the end. */
void start(struct world *w, enum lab_place place, uid_t uid, lab_fn fn, struct flow flow);
/* Runs a child to its end while the loop turns, so that its sockets are still there when they are looked for. */
void run(struct world *w, enum lab_place place, uid_t uid, lab_fn fn, struct flow flow);

struct ns_tuple tuple_of(enum ns_direction direction, const char *peer, uint8_t protocol, uint16_t port);
bool same(const struct ns_tuple *a, const struct ns_tuple *b);
const struct ns_observation *find(const struct seen *seen, struct ns_tuple tuple);
const struct ns_observation *must_find(const struct seen *seen, const char *where, struct ns_tuple tuple);
size_t count_gaps(const struct world *w, const char *cause);

#endif
