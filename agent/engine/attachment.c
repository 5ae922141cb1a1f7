/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attachment.h"
#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "log.h"

bool ns_mode_learns(enum ns_mode mode)
{
	return mode == NS_MODE_LEARNING || mode == NS_MODE_PROPOSED || mode == NS_MODE_APPROVED;
}

bool ns_cause_is_full_set(const char *cause)
{
	return strncmp(cause, "set full", strlen("set full")) == 0;
}

size_t ns_attachment_links(const struct ns_attachment *attachment, struct ns_prefix *ret, size_t max)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;
	size_t n = 0;

	for (size_t i = 0; i < endpoint->n_addresses && n < max; i++)
		ret[n++] = ns_prefix_of(&endpoint->addresses[i].addr, endpoint->addresses[i].length);
	return n;
}

void ns_attachment_gap(struct ns_attachment *attachment, int64_t from, int64_t to, const char *cause)
{
	struct ns_store *store = attachment->engine->store;
	struct ns_error err = NS_ERROR_INIT;

	if (ns_store_open_gap(store, attachment->workload, from, cause, &err) < 0 ||
	    (to && ns_store_close_gap(store, attachment->workload, cause, to, &err) < 0))
		ns_log_error("%s: a gap (%s) could not be recorded: %s", attachment->workload, cause, err.text);
}

static void observed(void *ctx, struct ns_endpoint *endpoint, const struct ns_observation *observation)
{
	ns_engine_enqueue(ctx, endpoint, observation);
}

static void gap(void *ctx, struct ns_endpoint *endpoint, int64_t time, const char *cause)
{
	struct ns_attachment *attachment = ns_attachment_of(endpoint);

	if (!attachment)
		return;
	ns_log_warning("%s: the learning window has a gap: %s", attachment->workload, cause);
	/* A lost log message loses no edge (the next harvest has it), a full set does until it is made anew. */
	ns_attachment_gap(attachment, time, ns_cause_is_full_set(cause) ? 0 : ns_clock_now(), cause);
}

static int load_figure(void *ctx, const struct ns_counter_base *base)
{
	uint64_t packets, bytes;
	bool is_new;

	return ns_figures_advance(ctx, &base->tuple, base->deny, base->packets, base->bytes, &packets, &bytes, &is_new);
}

int ns_attachment_load_figures(struct ns_attachment *attachment, struct ns_error *err)
{
	return ns_store_list_counters(attachment->engine->store, attachment->endpoint->cookie, load_figure,
				      &attachment->figures, err);
}

static int record_existing(void *ctx, const struct ns_observation *observation)
{
	struct ns_attachment *attachment = ctx;

	ns_engine_enqueue(attachment->engine, attachment->endpoint, observation);
	return 0;
}

/* What was going on before there was a table: open connections and served ports, which no first packet will show. */
static void read_existing(struct ns_attachment *attachment)
{
	struct ns_error err = NS_ERROR_INIT;
	int n = ns_learner_existing(attachment->learner, record_existing, attachment, attachment->udp_served,
				    NS_UDP_SERVED_MAX, &err);

	if (n < 0) {
		ns_log_warning("%s: connections older than the agent could not be read: %s", attachment->workload,
			       err.text);
		ns_attachment_gap(attachment, attachment->endpoint->since, ns_clock_now(),
				  "older connections unreadable");
		return;
	}
	attachment->n_udp_served = (size_t)n;
}

static void choose_workload(struct ns_attachment *attachment)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;

	(void)snprintf(attachment->workload, sizeof attachment->workload, "%s", endpoint->workload);
	attachment->identified = !endpoint->provisional;
	if (!endpoint->provisional)
		return;
	if (ns_store_endpoint_workload(attachment->engine->store, endpoint->cookie, attachment->workload, NULL) == 0)
		attachment->identified = true;
}

/* True when the namespace already has our table, from this daemon's life before. */
static bool table_is_there(struct ns_attachment *attachment)
{
	struct ns_plan found = NS_PLAN_INIT;
	bool there = ns_lock_read(attachment->lock, &found, NULL) == 0;

	ns_plan_release(&found);
	return there;
}

static void open_learner(struct ns_attachment *attachment, int netns_fd)
{
	static const struct ns_learner_events events = { observed, gap };
	struct ns_error err = NS_ERROR_INIT;

	if (ns_learner_open(attachment->engine->event, attachment->endpoint, netns_fd, NS_NFLOG_GROUP, &events,
			    attachment->engine, &attachment->learner, &err) == 0)
		return;
	(void)snprintf(attachment->learn_failure, sizeof attachment->learn_failure, "%s", err.text);
	ns_log_error("%s: nothing can be learned from this namespace: %s", attachment->workload, err.text);
	ns_attachment_gap(attachment, ns_clock_now(), 0, "not listening");
}

NS_DEFINE_CLEANUP(struct ns_attachment *, ns_attachment_free)

int ns_attachment_open(struct ns_engine *engine, struct ns_endpoint *endpoint, int netns_fd, struct ns_attachment **ret,
		       struct ns_error *err)
{
	NS_CLEANUP(ns_attachment_freep) struct ns_attachment *attachment = calloc(1, sizeof *attachment);
	int r;

	if (!attachment)
		return ns_error_set(err, -ENOMEM, "out of memory for endpoint %s", endpoint->workload);
	attachment->engine = engine;
	attachment->endpoint = endpoint;
	attachment->attached = ns_clock_elapsed();
	choose_workload(attachment);
	r = ns_lock_open(netns_fd, NFPROTO_INET, NS_TABLE_NAME, &attachment->lock, err);
	if (r < 0)
		return r;
	open_learner(attachment, netns_fd);
	r = ns_attachment_load_figures(attachment, err);
	if (r < 0)
		return r;
	attachment->adopted = table_is_there(attachment);
	if (!attachment->adopted && attachment->learner) {
		read_existing(attachment);
		if (endpoint->joined_late)
			ns_attachment_gap(attachment, endpoint->since, ns_clock_now(), "joined late");
	}
	attachment->dirty = true;
	*ret = NS_TAKE(attachment);
	return 0;
}

struct ns_attachment *ns_attachment_free(struct ns_attachment *attachment)
{
	if (!attachment)
		return NULL;
	attachment->learner = ns_learner_close(attachment->learner);
	attachment->lock = ns_lock_close(attachment->lock);
	ns_figures_release(&attachment->figures);
	free(attachment);
	return NULL;
}
