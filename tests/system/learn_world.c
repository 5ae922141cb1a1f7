/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See learn_world.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "learn_world.h"

static void remember(struct seen *seen, const struct ns_observation *observation)
{
	assert_true(seen->n < SEEN_MAX);
	(void)snprintf(seen->programs[seen->n], NS_PROCESS_MAX, "%s", observation->process);
	seen->list[seen->n] = *observation;
	seen->list[seen->n].process = seen->programs[seen->n];
	seen->n++;
}

static void observed(void *ctx, struct ns_endpoint *endpoint, const struct ns_observation *observation)
{
	struct world *w = ctx;

	assert_ptr_equal(endpoint, &w->lab.endpoint);
	remember(&w->logged, observation);
}

static void gap(void *ctx, struct ns_endpoint *endpoint, int64_t at, const char *cause)
{
	struct world *w = ctx;

	assert_ptr_equal(endpoint, &w->lab.endpoint);
	assert_true(at > 0);
	assert_true(w->logged.n_gaps < 64);
	(void)snprintf(w->logged.gaps[w->logged.n_gaps++], 64, "%s", cause);
}

int harvested(void *ctx, const struct ns_observation *observation)
{
	struct world *w = ctx;

	remember(&w->harvested, observation);
	return 0;
}

const struct ns_learner_events learner_events = { observed, gap };

static void seen_init(struct seen *seen)
{
	seen->list = calloc(SEEN_MAX, sizeof *seen->list);
	seen->programs = calloc(SEEN_MAX, sizeof *seen->programs);
	assert_non_null(seen->list);
	assert_non_null(seen->programs);
}

int world_begin(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	assert_non_null(w);
	*state = w;
	assert_true(n > 0);
	if (n < NS_PROCESS_MAX) /* a longer path is cut from the left */
		memcpy(w->program, path, (size_t)n);
	else
		memcpy(w->program, path + n - (NS_PROCESS_MAX - 1), NS_PROCESS_MAX - 1);
	seen_init(&w->logged);
	seen_init(&w->harvested);
	assert_return_code(sd_event_new(&w->event), 0);
	lab_begin(&w->lab);
	return 0;
}

int world_end(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < w->n_servers; i++)
		lab_kill(w->servers[i]);
	(void)ns_learner_close(w->learner);
	lab_end(&w->lab);
	(void)sd_event_unref(w->event);
	free(w->logged.list);
	free(w->logged.programs);
	free(w->harvested.list);
	free(w->harvested.programs);
	free(w);
	return 0;
}

void open_learner(struct world *w)
{
	struct ns_error err = NS_ERROR_INIT;

	if (ns_learner_open(w->event, &w->lab.endpoint, w->lab.netns[LAB_CONTAINER], NS_TABLE_NAME, 0, &learner_events,
			    w, &w->learner, &err) < 0)
		fail_msg("%s", err.text);
}

struct ns_compile_options options_of(const struct world *w, struct ns_prefix links[static 4])
{
	for (size_t i = 0; i < 4; i++)
		links[i] = ns_prefix_of(&w->lab.endpoint.addresses[i].addr, w->lab.endpoint.addresses[i].length);
	return (struct ns_compile_options){ .links = links, .n_links = 4 };
}

void put_learning(struct world *w, uint32_t size)
{
	struct ns_prefix links[4];
	struct ns_compile_options options = options_of(w, links);
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_error err = NS_ERROR_INIT;

	options.learn_set_size = size;
	if (ns_compile_learn(&options, &plan, &err) < 0)
		fail_msg("%s", err.text);
	lab_table(&w->lab, &plan);
	ns_plan_release(&plan);
}

int64_t now_ms(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

unsigned turn(struct world *w, int64_t ms)
{
	int64_t until = now_ms(CLOCK_MONOTONIC) + ms;
	unsigned turns = 0;

	while (now_ms(CLOCK_MONOTONIC) < until)
		turns += sd_event_run(w->event, 10000) > 0;
	return turns;
}

void harvest(struct world *w)
{
	struct ns_error err = NS_ERROR_INIT;

	w->harvested.n = 0;
	if (ns_learner_harvest(w->learner, harvested, w, &err) < 0)
		fail_msg("%s", err.text);
}

void start(struct world *w, enum lab_place place, uid_t uid, lab_fn fn, struct flow flow)
{
	int ready[2];
	char byte;

	assert_return_code(pipe2(ready, O_CLOEXEC), errno);
	flow.ready = ready[1];
	assert_true(w->n_servers < 16);
	w->servers[w->n_servers++] = lab_spawn(&w->lab, place, uid, fn, &flow);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
}

void run(struct world *w, enum lab_place place, uid_t uid, lab_fn fn, struct flow flow)
{
	pid_t pid = lab_spawn(&w->lab, place, uid, fn, &flow);

	do
		turn(w, 10);
	while (!lab_over(pid));
	turn(w, 20);
}

struct ns_tuple tuple_of(enum ns_direction direction, const char *peer, uint8_t protocol, uint16_t port)
{
	struct ns_tuple tuple = { .direction = direction, .protocol = protocol, .port = port };

	if (peer != NULL)
		assert_int_equal(ns_addr_parse(peer, &tuple.peer, NULL), 0);
	return tuple;
}

bool same(const struct ns_tuple *a, const struct ns_tuple *b)
{
	return a->direction == b->direction && a->protocol == b->protocol && a->port == b->port &&
	       ns_addr_equal(&a->peer, &b->peer) && ns_addr_equal(&a->source, &b->source);
}

const struct ns_observation *find(const struct seen *seen, struct ns_tuple tuple)
{
	for (size_t i = 0; i < seen->n; i++) {
		if (same(&seen->list[i].tuple, &tuple))
			return &seen->list[i];
	}
	return NULL;
}

const struct ns_observation *must_find(const struct seen *seen, const char *where, struct ns_tuple tuple)
{
	const struct ns_observation *found = find(seen, tuple);
	char text[NS_ADDR_TEXT_MAX];

	if (found == NULL)
		fail_msg("%s: no %s %s protocol %u port %u", where, ns_direction_format(tuple.direction),
			 ns_addr_format(&tuple.peer, text), tuple.protocol, tuple.port);
	return found;
}

size_t count_gaps(const struct world *w, const char *cause)
{
	size_t n = 0;

	for (size_t i = 0; i < w->logged.n_gaps; i++)
		n += strcmp(w->logged.gaps[i], cause) == 0;
	return n;
}
