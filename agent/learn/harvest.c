/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>

#include "clock.h"
#include "learn.h"
#include "log.h"
#include "nft/dump.h"

struct harvest {
	const struct ns_set_role *role;
	ns_learner_each each;
	void *ctx;
	int64_t now;
	int stopped;  /* the first non-zero value of each */
	size_t n_bad; /* elements of the set whose keys cannot be */
};

static int on_element(void *ctx, const struct ns_plan_element *element, size_t key_length)
{
	struct harvest *harvest = ctx;
	struct ns_observation observation = {
		.kind = harvest->role->purpose == NS_PURPOSE_DENY ? NS_LOG_DENY : NS_LOG_LEARN,
		.packets = element->packets,
		.bytes = element->bytes,
		.uncounted = harvest->role->purpose == NS_PURPOSE_SPILL || !harvest->role->family,
		.time = harvest->now,
		.process = "",
		.uid = -1,
	};

	if (ns_layout_tuple(harvest->role, element->key, key_length, &observation.tuple) < 0) {
		harvest->n_bad++; /* somebody else's element; ours are still to be read */
		return 0;
	}
	harvest->stopped = harvest->each(harvest->ctx, &observation);
	return harvest->stopped;
}

/* The table's counter, and whether it rose: it starts at zero with each table. */
static bool has_risen(struct ns_learner *learner, const char *counter, uint64_t *last)
{
	uint64_t packets, bytes;

	if (ns_nft_get_counter(learner->nft, NFPROTO_INET, learner->table, counter, &packets, &bytes, NULL) < 0)
		return false; /* the enforcing table has no learn_overflow, and the other way round */
	bool risen = packets > *last || (packets < *last && packets > 0);

	*last = packets;
	return risen;
}

static void check_overflow(struct ns_learner *learner, int64_t now)
{
	const struct ns_learner_events *events = &learner->events;

	if (has_risen(learner, NS_COUNTER_LEARN_OVERFLOW, &learner->learn_overflow))
		events->gap(learner->ctx, learner->endpoint, now, "set full: learning");
	if (has_risen(learner, NS_COUNTER_DENY_OVERFLOW, &learner->deny_overflow))
		events->gap(learner->ctx, learner->endpoint, now, "set full: denies");
}

/* Another program may have let go of the group meanwhile. */
static void retry_log(struct ns_learner *learner)
{
	if (!ns_nflog_is_bound(learner->log) && ns_nflog_bind(learner->log, NULL) >= 0)
		ns_log_info("%s: the log can be read again", learner->endpoint->workload);
}

/* -EINTR: transactions came again and again while the set was read, of whatever table, and a container may go on with
 * them for ever. All elements were seen all the same: the kernel goes on where it was, and in a set that only the
 * packet path adds to, no element moves behind that place. So it is not an error. */
static int harvest_set(struct ns_learner *learner, const struct ns_set_role *role, struct harvest *harvest,
		       struct ns_error *err)
{
	char cause[64];
	int r;

	harvest->role = role;
	harvest->n_bad = 0;
	r = ns_nft_dump_elements(learner->nft, NFPROTO_INET, learner->table, role->name, on_element, harvest, err);
	if (harvest->n_bad > 0) {
		(void)snprintf(cause, sizeof cause, "unreadable elements: %s", role->name);
		learner->events.gap(learner->ctx, learner->endpoint, harvest->now, cause);
	}
	return r == -EINTR ? 0 : r;
}

int ns_learner_harvest(struct ns_learner *learner, ns_learner_each each, void *ctx, struct ns_error *err)
{
	struct harvest harvest = { .each = each, .ctx = ctx, .now = ns_clock_now() };
	size_t n_roles, n_sets = 0;
	const struct ns_set_role *roles = ns_layout_roles(&n_roles);
	int failed = 0;

	retry_log(learner);
	for (size_t i = 0; i < n_roles; i++) {
		int r;

		/* The layout lists the spill sets after the learn sets: what both hold is counted once, with figures.
		 */
		if (roles[i].purpose != NS_PURPOSE_LEARN && roles[i].purpose != NS_PURPOSE_SPILL &&
		    roles[i].purpose != NS_PURPOSE_DENY)
			continue;
		r = harvest_set(learner, &roles[i], &harvest, failed == 0 ? err : NULL);
		if (harvest.stopped != 0)
			return harvest.stopped;
		if (r == -ENOENT)
			continue;
		n_sets++;
		if (r < 0 && failed == 0)
			failed = r;
	}
	if (n_sets == 0)
		return ns_error_set(err, -ENOENT, "the namespace has no learning or deny set");
	check_overflow(learner, harvest.now);
	return failed;
}
