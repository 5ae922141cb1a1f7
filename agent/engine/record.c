/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From the kernel's memory to the store: names are given here, figures become differences.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attachment.h"
#include "clock.h"
#include "engine_private.h"
#include "log.h"
#include "nameless.h"

/* Whoever has NET_ADMIN in a namespace can write to its log. In an enforced one nothing is learned, so a learning
 * message can only be a late one, from before the change. */
#define LATE_US 1000000

static bool is_forged(const struct ns_attachment *attachment, const struct ns_observation *observation)
{
	return observation->kind == NS_LOG_LEARN && attachment->mode != NS_MODE_INVALID &&
	       !ns_mode_learns(attachment->mode) && observation->time > attachment->applied + LATE_US;
}

/* Who an address was at the time: the peer's, with the tuple's port, or a transit's source. */
static enum ns_peer_class name_at(const struct ns_attachment *attachment, const struct ns_tuple *tuple, bool source,
				  int64_t time, const char **ret_name)
{
	const struct ns_engine *engine = attachment->engine;
	struct ns_prefix links[NS_ENDPOINT_ADDRESSES_MAX];
	size_t n_links = ns_attachment_links(attachment, links, NS_ENDPOINT_ADDRESSES_MAX);
	const struct ns_book_view view = { links, n_links, attachment->endpoint->host_netns };
	const struct ns_addr *addr = source ? &tuple->source : &tuple->peer;
	const struct ns_lease *lease = ns_leases_at(&engine->leases, addr, time, ns_clock_now());

	if (lease) {
		*ret_name = lease->name;
		return lease->peer_class;
	}
	return source ? ns_book_classify(engine->book, &view, addr, ret_name)
		      : ns_book_classify_peer(engine->book, &view, tuple, ret_name);
}

int ns_attachment_record(struct ns_attachment *attachment, const struct ns_observation *observation, uint64_t packets,
			 uint64_t bytes, struct ns_error *err)
{
	struct ns_engine *engine = attachment->engine;
	struct ns_edge edge = {
		.workload = attachment->workload,
		.tuple = observation->tuple,
		.packets = packets,
		.bytes = bytes,
		.first_seen = observation->time,
		.last_seen = observation->time,
		.process = observation->process ? observation->process : "",
		.uid = observation->uid,
		.peer_name = "",
		.source_name = "",
	};

	if (is_forged(attachment, observation))
		return 0;
	edge.peer_class = name_at(attachment, &edge.tuple, false, observation->time, &edge.peer_name);
	if (edge.tuple.direction == NS_TRANSIT)
		edge.source_class = name_at(attachment, &edge.tuple, true, observation->time, &edge.source_name);
	if (observation->kind == NS_LOG_LEARN)
		return ns_store_add_edge(engine->store, &edge, err);
	return ns_store_add_deny(engine->store, &edge, observation->kind == NS_LOG_AUDIT, err);
}

/* An element that is new to us was made when the log told of it, if it did, and its figures are mostly of then: whoever
 * had its address at that time gets them. */
static int64_t time_of(const struct ns_attachment *attachment, const struct ns_observation *observation, bool is_new)
{
	const struct ns_tuple *tuple = &observation->tuple;
	int64_t told = is_new ? ns_recent_time(&attachment->recent, tuple) : 0;

	return told ? told : observation->time;
}

static bool is_passed_on(const struct ns_attachment *attachment, const struct ns_observation *observation, bool source)
{
	const struct ns_addr *addr = source ? &observation->tuple.source : &observation->tuple.peer;
	const char *name;
	enum ns_peer_class peer_class = name_at(attachment, &observation->tuple, source, observation->time, &name);

	return addr->family &&
	       ns_heirlooms_doubt(&attachment->engine->heirlooms, addr, peer_class == NS_PEER_WORKLOAD ? name : "");
}

bool ns_attachment_doubts(struct ns_attachment *attachment, const struct ns_observation *observation)
{
	bool peer;

	if (attachment->harvested || !(attachment->adopted || attachment->was_here))
		return false;
	peer = is_passed_on(attachment, observation, false);
	if (!peer && (observation->tuple.direction != NS_TRANSIT || !is_passed_on(attachment, observation, true)))
		return false;
	if (attachment->doubted++ == 0)
		attachment->doubted_first = peer ? observation->tuple.peer : observation->tuple.source;
	return true;
}

static void tell_doubts(struct ns_attachment *attachment)
{
	char cause[NS_CAUSE_MAX], addr[NS_ADDR_TEXT_MAX], more[48] = "";

	if (attachment->doubted == 0)
		return;
	if (attachment->doubted > 1)
		(void)snprintf(more, sizeof more, " and others, %zu elements", attachment->doubted);
	(void)snprintf(cause, sizeof cause, "addresses changed hands while no agent ran: %s%s",
		       ns_addr_format(&attachment->doubted_first, addr), more);
	ns_log_warning("%s: %s; what was counted of them is nobody's", attachment->workload, cause);
	ns_attachment_gap(attachment, attachment->engine->heirlooms.since, ns_clock_now(), cause);
}

struct harvest {
	struct ns_attachment *attachment;
	struct ns_error *err;
	struct ns_nameless nameless; /* whom it waits for, if there is a later harvest */
	bool waiting;                /* for one of them */
};

static int harvest_element(void *ctx, const struct ns_observation *seen)
{
	struct harvest *harvest = ctx;
	struct ns_attachment *attachment = harvest->attachment;
	struct ns_observation observation = *seen;
	struct ns_counter_base base = { .tuple = seen->tuple, .packets = seen->packets, .bytes = seen->bytes };
	uint64_t packets, bytes;
	bool is_new;
	int r;

	base.deny = seen->kind != NS_LOG_LEARN;
	if (seen->uncounted && ns_figures_know(&attachment->figures, &base.tuple, false))
		return 0; /* counted or recorded since */
	/* What was refused is told at once, whoever that was. */
	if (!base.deny && ns_nameless_concern(&harvest->nameless, &base.tuple) &&
	    !ns_figures_know(&attachment->figures, &base.tuple, base.deny)) {
		harvest->waiting = true;
		return 0;
	}
	/* The sets of auditing and enforcing are the same ones: which it was is told by the plan in force. */
	if (base.deny)
		observation.kind = ns_attachment_audits(attachment, attachment->mode) ? NS_LOG_AUDIT : NS_LOG_DENY;
	r = ns_figures_advance(&attachment->figures, &base.tuple, base.deny, base.packets, base.bytes, &packets, &bytes,
			       &is_new);
	if (r < 0)
		return ns_error_set(harvest->err, r, "out of memory for the figures of %s", attachment->workload);
	if (!is_new && packets == 0)
		return 0;
	r = ns_attachment_begin(attachment, harvest->err);
	if (r < 0)
		return r;
	observation.time = time_of(attachment, &observation, is_new);
	if (!ns_attachment_doubts(attachment, &observation))
		r = ns_attachment_record(attachment, &observation, packets, bytes, harvest->err);
	if (r < 0)
		return r;
	return ns_store_put_counter(attachment->engine->store, attachment->endpoint->cookie, &base, harvest->err);
}

/* The figures have advanced and the store has not. Without the store's there is nothing to go back to: then the next
 * harvest counts from zero, which tells too much and loses nothing. */
static void go_back(struct ns_attachment *attachment)
{
	struct ns_error err = NS_ERROR_INIT;

	ns_figures_release(&attachment->figures);
	if (ns_attachment_load_figures(attachment, &err) < 0)
		ns_log_error("%s: the stored figures could not be read: %s", attachment->workload, err.text);
}

int ns_attachment_begin(struct ns_attachment *attachment, struct ns_error *err)
{
	int r = attachment->batching ? 0 : ns_store_begin(attachment->engine->store, err);

	attachment->batching = r == 0;
	if (r < 0)
		go_back(attachment);
	return r;
}

static int end(struct ns_attachment *attachment, int r, struct ns_error *err)
{
	struct ns_store *store = attachment->engine->store;
	bool batching = attachment->batching;

	attachment->batching = false;
	if (batching && r == 0)
		r = ns_store_commit(store, err);
	else if (batching)
		ns_store_rollback(store);
	if (r < 0 && batching)
		go_back(attachment);
	return r;
}

int ns_attachment_harvest(struct ns_attachment *attachment, struct ns_error *err)
{
	struct harvest harvest = { .attachment = attachment, .err = err };
	int r;

	if (!attachment->learner || !attachment->identified)
		return 0;
	ns_engine_flush(attachment->engine);
	attachment->doubted = 0;
	attachment->read = ns_clock_elapsed();
	if (attachment->patient)
		ns_nameless_gather(attachment->engine, &harvest.nameless);
	r = ns_learner_harvest(attachment->learner, harvest_element, &harvest, err);
	if (r == -ENOENT)
		r = 0; /* no table in the namespace: the lock's business, not an empty harvest's */
	if (r == 0)
		r = ns_outer_harvest(attachment, err);
	r = end(attachment, r, err);
	ns_nameless_release(&harvest.nameless);
	attachment->unread = r < 0 || harvest.waiting;
	if (r < 0)
		return r;
	tell_doubts(attachment);
	if (!harvest.waiting)
		ns_recent_clear(&attachment->recent);
	attachment->outer.passed = 0;
	attachment->harvested = attachment->harvested || !harvest.waiting;
	return 0;
}
