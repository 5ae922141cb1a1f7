/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The turn: once a round of the loop, everything that was marked is brought to what it should be.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "log.h"

#define SECOND      UINT64_C(1000000)
#define RETRY_FIRST (1 * SECOND)
#define RETRY_MAX   (5 * SECOND)
/* So long a new endpoint may stay nameless before it is learned under the name its cgroup gives. */
#define IDENTITY_WAIT (10 * SECOND)
/* So long a turn goes on, of the processor's time and by the clock. The first one, before the daemon says that it is
 * ready, is longer: where there are few, all is done then. */
#define SLICE          UINT64_C(20000)
#define SLICE_WALL     (5 * SLICE)
#define SLICE_FIRST    (SECOND / 4)
#define UDP_SERVED_FOR (170 * SECOND) /* a little less than the elements' three minutes */

static uint64_t now_us(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

static void arm(sd_event_source *timer, uint64_t after_us)
{
	(void)sd_event_source_set_time_relative(timer, after_us);
	(void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

void ns_engine_arm_retry(struct ns_engine *engine)
{
	int enabled = SD_EVENT_OFF;

	/* One that is under way stays: a turn that fails again must not push it out for ever. */
	if (sd_event_source_get_enabled(engine->retry, &enabled) >= 0 && enabled == SD_EVENT_OFF)
		arm(engine->retry, engine->retry_after_us);
}

void ns_engine_schedule(struct ns_engine *engine)
{
	if (engine->turn)
		(void)sd_event_source_set_enabled(engine->turn, SD_EVENT_ONESHOT);
}

/* The kernel's elements time out by themselves; a plan that still named them would differ from it for ever. */
static void forget_udp_served(struct ns_attachment *attachment)
{
	if (!attachment->n_udp_served || (uint64_t)(ns_clock_elapsed() - attachment->attached) < UDP_SERVED_FOR)
		return;
	free(attachment->udp_served);
	attachment->udp_served = NULL;
	attachment->n_udp_served = 0;
	attachment->dirty = true;
}

static bool engine_is_there(const struct ns_attachment *attachment)
{
	const struct ns_watch_config *watch = &attachment->engine->config.watch;
	const char *runtime = attachment->endpoint->runtime, *socket = NULL;

	if (strcmp(runtime, "docker") == 0)
		socket = watch->docker_socket;
	else if (strcmp(runtime, "podman") == 0)
		socket = watch->podman_socket;
	return socket && *socket && access(socket, F_OK) == 0;
}

static void settle_identity(struct ns_attachment *attachment)
{
	if (attachment->identified || attachment->adopted ||
	    (uint64_t)(ns_clock_elapsed() - attachment->attached) < IDENTITY_WAIT)
		return;
	/* With policies in force it may be one of theirs: while there is an engine to tell, it is waited for. */
	if (attachment->engine->gate.wants_standing && engine_is_there(attachment))
		return;
	attachment->identified = true;
	attachment->dirty = true;
	ns_members_review(attachment->engine, attachment->endpoint->netns_cookie);
	ns_log_warning("%s: its runtime has not told its name; it goes by this one until then", attachment->workload);
}

void ns_engine_settle(struct ns_engine *engine)
{
	struct ns_error err = NS_ERROR_INIT;

	if (!engine->batching)
		return;
	engine->batching = false;
	if (ns_store_commit(engine->store, &err) < 0)
		ns_log_error("what was done in this turn could not be stored: %s", err.text);
}

/* Never twice in one round: who is marked again at once, by whatever it does, does not keep the others waiting. */
static void reconcile(struct ns_attachment *attachment)
{
	struct ns_engine *engine = attachment->engine;

	engine->batching = engine->batching || ns_store_begin(engine->store, NULL) == 0;
	attachment->round = engine->round;
	if (ns_attachment_reconcile(attachment, NULL) < 0)
		engine->round_failed = true;
	ns_engine_store_endpoint(engine, attachment, 0);
}

/* What it has in the kernel from a daemon before this one holds until its turn comes; nothing holds for the others. */
static bool is_urgent(const struct ns_attachment *attachment)
{
	bool waits = attachment->failure && attachment->round == attachment->engine->round; /* has failed in this one */

	return attachment->dirty && attachment->mode == NS_MODE_INVALID && !attachment->adopted && !waits;
}

/* The first one, before the daemon says that it is ready, does as much on a busy machine as on one that is not. */
static bool is_over(const struct ns_engine *engine, uint64_t began, uint64_t began_cpu)
{
	uint64_t used = now_us(CLOCK_THREAD_CPUTIME_ID) - began_cpu;

	return engine->first ? used >= SLICE_FIRST : used >= SLICE || now_us(CLOCK_MONOTONIC) - began >= SLICE_WALL;
}

/* True when all have been dealt with that were marked. */
static bool reconcile_slice(struct ns_engine *engine)
{
	uint64_t began = now_us(CLOCK_MONOTONIC), began_cpu = now_us(CLOCK_THREAD_CPUTIME_ID);

	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment || !(attachment->dirty || attachment->behind) || attachment->round == engine->round)
			continue;
		if (is_over(engine, began, began_cpu))
			return false;
		reconcile(attachment);
	}
	return true;
}

/* What every turn looks at; false: somebody cannot be entered, or heard. */
static bool look_after_all(struct ns_engine *engine)
{
	bool well = true;

	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment) {
			well = false;
			continue;
		}
		settle_identity(attachment);
		if (attachment->renamed)
			ns_attachment_rename(attachment);
		forget_udp_served(attachment);
		well = well && attachment->learner;
		(void)ns_drifted_audit(attachment, false);
		if (is_urgent(attachment))
			reconcile(attachment);
	}
	return well;
}

void ns_engine_turn(struct ns_engine *engine)
{
	struct ns_error err = NS_ERROR_INIT;
	bool failed = engine->book_dirty && ns_engine_rebuild_book(engine, &err) < 0, all;

	if (failed)
		ns_log_error("the address book could not be rebuilt: %s", err.text);
	ns_members_decide(engine);
	failed = !look_after_all(engine) || failed;
	all = reconcile_slice(engine);
	engine->first = false;
	ns_engine_settle(engine);
	failed = failed || engine->round_failed;
	if (all) {
		engine->round++;
		engine->round_failed = false;
	}
	if (!engine->starting) {
		ns_orphans_turn(engine);
		failed = ns_gate_update(engine, NULL) < 0 || failed;
	}
	ns_engine_flush(engine);
	if (failed)
		ns_engine_arm_retry(engine);
	else if (all)
		engine->retry_after_us = RETRY_FIRST;
	if (!all)
		ns_engine_schedule(engine);
}

void ns_engine_hasten(struct ns_engine *engine, const struct ns_endpoint *endpoint)
{
	struct ns_attachment *attachment = ns_attachment_of(endpoint);

	if (!attachment || !attachment->dirty)
		return;
	(void)ns_attachment_reconcile(attachment, NULL);
	(void)ns_gate_update(engine, NULL);
}

static int on_turn(sd_event_source *source, void *ctx)
{
	struct ns_engine *engine = ctx;

	engine->in_turn = true;
	ns_engine_turn(engine);
	engine->in_turn = false;
	return 0;
}

static int on_tighten(sd_event_source *source, void *ctx)
{
	ns_affected_tighten(ctx);
	return 0;
}

/* Tries again what failed, also to get into a namespace that could not be entered. */
static int on_retry(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct ns_engine *engine = ctx;

	engine->retry_after_us = engine->retry_after_us * 2 > RETRY_MAX ? RETRY_MAX : engine->retry_after_us * 2;
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment || !attachment->learner) {
			NS_CLOSE int fd = ns_watch_open_netns(engine->watch, endpoint, NULL);

			if (fd >= 0 && attachment)
				ns_attachment_listen(attachment, fd);
			else if (fd >= 0)
				ns_engine_watch_events.attach(engine, endpoint, fd);
		}
		if (attachment && (attachment->failure || attachment->outer.failure || attachment->cut_due))
			attachment->dirty = true;
	}
	ns_engine_turn(engine);
	return 0;
}

int ns_engine_workload_changed(struct ns_engine *engine, const char *workload, struct ns_error *err)
{
	struct ns_error local = NS_ERROR_INIT;
	int failed = 0;

	if (engine->book_dirty)
		(void)ns_engine_rebuild_book(engine, NULL);
	engine->gate.wants_standing = ns_engine_wants_standing(engine);
	ns_members_review(engine, 0);
	ns_members_decide(engine);
	/* Who may have a table of his own now has it before his namespace's own rules let him go. */
	NS_FOREACH_MEMBER(engine, member)
	if (member->dirty && strcmp(member->workload, workload) != 0)
		(void)ns_attachment_reconcile(member, NULL);
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);
		int r;

		if (!attachment && strcmp(endpoint->workload, workload) == 0)
			r = ns_error_set(&local, -EREMOTEIO, "its namespace cannot be entered");
		else if (!attachment || strcmp(attachment->workload, workload) != 0)
			continue;
		else
			r = ns_attachment_reconcile(attachment, &local);
		if (r == 0)
			continue;
		if (!failed++)
			ns_error_set(err, -EREMOTEIO, "%s (%s, cookie %llu) does not have the new rules: %s", workload,
				     endpoint->container_id[0] ? endpoint->container_id : endpoint->name,
				     (unsigned long long)endpoint->cookie, local.text);
		ns_engine_schedule(engine);
	}
	if (ns_gate_update(engine, &local) < 0 && !failed++)
		ns_error_set(err, -EREMOTEIO, "%s", local.text);
	return failed ? -EREMOTEIO : 0;
}

int ns_engine_make_sources(struct ns_engine *engine, struct ns_error *err)
{
	int r;

	engine->retry_after_us = RETRY_FIRST;
	r = sd_event_add_defer(engine->event, &engine->turn, on_turn, engine);

	if (r >= 0)
		r = sd_event_source_set_enabled(engine->turn, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(engine->turn, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_add_defer(engine->event, &engine->tighten, on_tighten, engine);
	if (r >= 0)
		r = sd_event_source_set_enabled(engine->tighten, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(engine->tighten, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_add_time_relative(engine->event, &engine->retry, CLOCK_MONOTONIC, RETRY_FIRST, 0, on_retry,
					       engine);
	if (r >= 0)
		r = sd_event_source_set_enabled(engine->retry, SD_EVENT_OFF);
	return r < 0 ? ns_error_set(err, r, "cannot add to the event loop: %s", strerror(-r))
		     : ns_harvests_open(engine, err);
}
