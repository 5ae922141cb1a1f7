/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>

#include "clock.h"
#include "learn.h"
#include "log.h"
#include "nft/dump.h"
#include "sets.h"

struct harvest {
	struct ns_learner *learner;
	ns_learner_each each;
	void *ctx;
	int64_t now;
	const struct ns_set_role *unreadable; /* the set that was last told to have elements whose keys cannot be */
	bool stopped;                         /* by `each` */
};

/* Somebody else's elements; ours are still to be read. Told once of a set. */
static void tell_unreadable(struct harvest *harvest, const struct ns_set_role *role)
{
	struct ns_learner *learner = harvest->learner;
	char cause[64];

	if (harvest->unreadable == role)
		return;
	harvest->unreadable = role;
	(void)snprintf(cause, sizeof cause, "unreadable elements: %s", role->name);
	learner->events.gap(learner->ctx, learner->endpoint, harvest->now, cause);
}

static int on_element(void *ctx, const struct ns_set_role *role, const struct ns_plan_element *element,
		      size_t key_length)
{
	struct harvest *harvest = ctx;
	struct ns_observation observation = {
		.kind = role->purpose == NS_PURPOSE_DENY ? NS_LOG_DENY : NS_LOG_LEARN,
		.packets = element->packets,
		.bytes = element->bytes,
		.uncounted = role->purpose == NS_PURPOSE_SPILL || !role->family,
		.time = harvest->now,
		.process = "",
		.uid = -1,
	};
	int r;

	if (ns_layout_tuple(role, element->key, key_length, &observation.tuple) < 0) {
		tell_unreadable(harvest, role);
		return 0;
	}
	r = harvest->each(harvest->ctx, &observation);
	harvest->stopped = r != 0;
	return r;
}

/* The table's counter, and whether it rose: it starts at zero with each table. */
static bool has_risen(struct ns_learner *learner, const char *counter, uint64_t *last)
{
	uint64_t packets, bytes;

	if (ns_nft_get_counter(learner->nft, NFPROTO_INET, learner->table, counter, &packets, &bytes, NULL) < 0)
		return false;
	bool risen = packets > *last || (packets < *last && packets > 0);

	*last = packets;
	return risen;
}

/* The enforcing table has no learn_overflow, and the other way round. */
static void check_overflow(struct ns_learner *learner, unsigned purposes, int64_t now)
{
	const struct ns_learner_events *events = &learner->events;

	if (purposes & NS_SETS(NS_PURPOSE_LEARN) &&
	    has_risen(learner, NS_COUNTER_LEARN_OVERFLOW, &learner->learn_overflow))
		events->gap(learner->ctx, learner->endpoint, now, "set full: learning");
	if (purposes & NS_SETS(NS_PURPOSE_DENY) &&
	    has_risen(learner, NS_COUNTER_DENY_OVERFLOW, &learner->deny_overflow))
		events->gap(learner->ctx, learner->endpoint, now, "set full: denies");
}

/* Another program may have let go of the group meanwhile. */
static void retry_log(struct ns_learner *learner)
{
	if (!ns_nflog_is_bound(learner->log) && ns_nflog_bind(learner->log, NULL) >= 0)
		ns_log_info("%s: the log can be read again", learner->endpoint->workload);
}

int ns_learner_harvest(struct ns_learner *learner, ns_learner_each each, void *ctx, struct ns_error *err)
{
	struct harvest harvest = { .learner = learner, .each = each, .ctx = ctx, .now = ns_clock_now() };
	unsigned there;
	int r;

	retry_log(learner);
	/* The layout lists the spill sets after the learn sets: what both hold is counted once, with figures. */
	r = ns_sets_read(learner->nft, NFPROTO_INET, learner->table,
			 NS_SETS(NS_PURPOSE_LEARN) | NS_SETS(NS_PURPOSE_SPILL) | NS_SETS(NS_PURPOSE_DENY),
			 &learner->seen, on_element, &harvest, &there, err);
	if (harvest.stopped)
		return r;
	if (r == 0 && there == 0)
		return ns_error_set(err, -ENOENT, "the namespace has no learning or deny set");
	if (r == 0)
		learner->news = false;
	check_overflow(learner, there, harvest.now);
	return r;
}
