/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "engine_private.h"
#include "log.h"

/* So long a slice goes on, of the processor's time, and so long whatever else there is to do has then. */
#define SLICE_US      5000
#define SLICE_REST_US UINT64_C(5000)
#define IDLE_US       UINT64_C(1000000) /* accuracy of a timer that nobody waits for */

static int64_t used_us(void)
{
	struct timespec used = { 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

int ns_harvest_one(struct ns_attachment *attachment, struct ns_error *err)
{
	struct ns_error local = NS_ERROR_INIT;
	int r;

	attachment->patient = true;
	r = ns_attachment_harvest(attachment, &local);
	attachment->patient = false;
	if (r == 0) {
		if (attachment->learner)
			ns_words_set(&attachment->learn_failure, NULL);
		return 0;
	}
	if (!ns_words_are(attachment->learn_failure, local.text)) {
		ns_log_error("%s: what it learned could not be read: %s", attachment->workload, local.text);
		ns_words_set(&attachment->learn_failure, local.text);
	}
	if (err)
		*err = local;
	return r;
}

int ns_engine_harvest(struct ns_engine *engine, const char *workload, struct ns_error *err)
{
	int first = 0;

	ns_engine_flush(engine);
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);
		int r;

		if (!attachment || (workload && strcmp(attachment->workload, workload) != 0))
			continue;
		r = ns_harvest_one(attachment, first == 0 ? err : NULL);
		if (r == 0 && attachment->unread && attachment->learner && attachment->identified)
			r = ns_error_set(first == 0 ? err : NULL, -EAGAIN,
					 "%s: an edge to a container whose name is not told yet waits for it, ten "
					 "seconds at most",
					 attachment->workload);
		if (first == 0)
			first = r;
	}
	return first;
}

/* Answers of UDP servers that are older than the table are remembered without being logged, for as long as the plan
 * names those. */
static bool has_news(const struct ns_attachment *attachment)
{
	return attachment->learner && attachment->identified &&
	       (attachment->unread || attachment->outer.passed || attachment->n_udp_served ||
		ns_learner_has_news(attachment->learner));
}

/* True when all have been read that had news in this round. */
static bool read_news(struct ns_engine *engine, int64_t until)
{
	struct ns_harvests *harvests = &engine->harvests;

	for (size_t i = 0; i < engine->n_by_cookie; i++) {
		struct ns_attachment *attachment = engine->by_cookie[i];

		if (attachment->harvest_round == harvests->round || !has_news(attachment))
			continue;
		if (used_us() >= until)
			return false;
		attachment->harvest_round = harvests->round;
		(void)ns_harvest_one(attachment, NULL);
	}
	return true;
}

/* True when whoever was due has been read, or the others' share is used up. */
static bool read_others(struct ns_engine *engine, int64_t until)
{
	struct ns_harvests *harvests = &engine->harvests;
	int64_t now = ns_clock_elapsed(), used = used_us();

	for (size_t n = engine->n_by_cookie; n > 0; n--) {
		struct ns_attachment *attachment = ns_engine_attachment_from(engine, harvests->next);

		if (!attachment || !ns_budget_allows(&harvests->budget, now))
			return true;
		if (used >= until)
			return false;
		harvests->next = attachment->endpoint->cookie + 1;
		/* Less than a round ago: for somebody who asked, or since it had news. */
		if (!attachment->learner || now - attachment->read < (int64_t)NS_HARVEST_EVERY_US / 2)
			continue;
		(void)ns_harvest_one(attachment, NULL);
		ns_budget_charge(&harvests->budget, used_us() - used);
		used = used_us();
	}
	return true;
}

static void arm(struct ns_harvests *harvests)
{
	(void)sd_event_source_set_time_accuracy(harvests->timer, harvests->under_way ? 1000 : IDLE_US);
	(void)sd_event_source_set_time_relative(harvests->timer,
						harvests->under_way ? SLICE_REST_US : NS_HARVEST_EVERY_US);
	(void)sd_event_source_set_enabled(harvests->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct ns_engine *engine = ctx;
	struct ns_harvests *harvests = &engine->harvests;
	int64_t until = used_us() + SLICE_US;

	if (!harvests->under_way) {
		harvests->round++;
		ns_engine_schedule(engine);
	}
	harvests->under_way = !read_news(engine, until) || !read_others(engine, until);
	arm(harvests);
	return 0;
}

int ns_harvests_open(struct ns_engine *engine, struct ns_error *err)
{
	struct ns_harvests *harvests = &engine->harvests;
	int r = sd_event_add_time_relative(engine->event, &harvests->timer, CLOCK_MONOTONIC, NS_HARVEST_EVERY_US,
					   IDLE_US, on_timer, engine);

	harvests->budget = ns_budget_make(NS_HARVEST_CPU_PPM, NS_HARVEST_CPU_BURST_US, ns_clock_elapsed());
	return r < 0 ? ns_error_set(err, r, "cannot add to the event loop: %s", strerror(-r)) : 0;
}

void ns_harvests_close(struct ns_engine *engine)
{
	engine->harvests.timer = sd_event_source_disable_unref(engine->harvests.timer);
}
