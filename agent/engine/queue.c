/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Observations wait for the end of the turn, so that a burst is one transaction, and for their endpoint's name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "engine_private.h"
#include "log.h"
#include "nameless.h"

void ns_engine_enqueue(struct ns_engine *engine, const struct ns_endpoint *endpoint,
		       const struct ns_observation *observation)
{
	struct ns_queued *entry;

	if (engine->n_queued == NS_OBSERVATIONS_QUEUED_MAX) {
		engine->lost_observations++;
		return;
	}
	if (engine->n_queued == engine->queued_allocated) {
		size_t more = engine->queued_allocated ? engine->queued_allocated * 2 : 64;
		struct ns_queued *bigger = reallocarray(engine->queued, more, sizeof *bigger);

		if (!bigger) {
			engine->lost_observations++;
			return;
		}
		engine->queued = bigger;
		engine->queued_allocated = more;
	}
	entry = &engine->queued[engine->n_queued++];
	entry->cookie = endpoint->cookie;
	entry->observation = *observation;
	(void)snprintf(entry->process, sizeof entry->process, "%s", observation->process ? observation->process : "");
	entry->observation.process = NULL; /* set again when it is read: the array moves */
	ns_engine_schedule(engine);
}

/* The place of that cookie, or where it would be. */
static size_t place(const struct ns_engine *engine, uint64_t cookie)
{
	size_t low = 0, high = engine->n_by_cookie;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (engine->by_cookie[middle]->endpoint->cookie < cookie)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct ns_attachment *ns_engine_find_attachment(const struct ns_engine *engine, uint64_t cookie)
{
	size_t at = place(engine, cookie);

	return at < engine->n_by_cookie && engine->by_cookie[at]->endpoint->cookie == cookie ? engine->by_cookie[at]
											     : NULL;
}

struct ns_attachment *ns_engine_attachment_from(const struct ns_engine *engine, uint64_t cookie)
{
	size_t at = place(engine, cookie);

	if (engine->n_by_cookie == 0)
		return NULL;
	return engine->by_cookie[at < engine->n_by_cookie ? at : 0];
}

int ns_engine_index(struct ns_engine *engine, struct ns_attachment *attachment, struct ns_error *err)
{
	size_t at = place(engine, attachment->endpoint->cookie);

	if (engine->n_by_cookie == engine->by_cookie_allocated) {
		size_t more = engine->by_cookie_allocated ? engine->by_cookie_allocated * 2 : 64;
		struct ns_attachment **bigger = reallocarray(engine->by_cookie, more, sizeof(struct ns_attachment *));

		if (!bigger)
			return ns_error_set(err, -ENOMEM, "out of memory for an endpoint");
		engine->by_cookie = bigger;
		engine->by_cookie_allocated = more;
	}
	memmove(engine->by_cookie + at + 1, engine->by_cookie + at,
		(engine->n_by_cookie - at) * sizeof(struct ns_attachment *));
	engine->by_cookie[at] = attachment;
	engine->n_by_cookie++;
	return 0;
}

void ns_engine_unindex(struct ns_engine *engine, const struct ns_attachment *attachment)
{
	size_t at = place(engine, attachment->endpoint->cookie);

	if (at >= engine->n_by_cookie || engine->by_cookie[at] != attachment)
		return; /* it has not come so far */
	engine->n_by_cookie--;
	memmove(engine->by_cookie + at, engine->by_cookie + at + 1,
		(engine->n_by_cookie - at) * sizeof(struct ns_attachment *));
}

/* What was refused is told at once, whoever that was. */
static bool waits(const struct ns_attachment *attachment, const struct ns_nameless *nameless,
		  const struct ns_observation *observation)
{
	return !attachment->identified ||
	       (observation->kind == NS_LOG_LEARN && ns_nameless_concern(nameless, &observation->tuple));
}

/* What is stored goes; what waits for its endpoint's name, or its peer's, stays. */
static void forget_stored(struct ns_engine *engine, const struct ns_nameless *nameless)
{
	size_t kept = 0;

	for (size_t i = 0; i < engine->n_queued; i++) {
		struct ns_attachment *attachment = ns_engine_find_attachment(engine, engine->queued[i].cookie);

		if (attachment && waits(attachment, nameless, &engine->queued[i].observation))
			engine->queued[kept++] = engine->queued[i];
	}
	engine->n_queued = kept;
}

void ns_engine_flush(struct ns_engine *engine)
{
	size_t n = engine->n_queued;
	struct ns_attachment *attachment = NULL; /* of the entry before: they come in runs */
	struct ns_error err = NS_ERROR_INIT;
	NS_CLEANUP(ns_nameless_release) struct ns_nameless nameless = { 0 };

	ns_engine_settle(engine);
	if (!n || !engine->watch || ns_store_begin(engine->store, &err) < 0)
		return;
	ns_nameless_gather(engine, &nameless);
	for (size_t i = 0; i < n; i++) {
		struct ns_queued *entry = &engine->queued[i];

		if (!attachment || attachment->endpoint->cookie != entry->cookie)
			attachment = ns_engine_find_attachment(engine, entry->cookie);
		if (!attachment || waits(attachment, &nameless, &entry->observation))
			continue;
		entry->observation.process = entry->process;
		ns_attachment_note(attachment, &entry->observation.tuple, entry->observation.time);
		if (ns_attachment_record(attachment, &entry->observation, entry->observation.packets,
					 entry->observation.bytes, &err) < 0)
			ns_log_error("%s: an observation could not be stored: %s", attachment->workload, err.text);
	}
	if (ns_store_commit(engine->store, &err) < 0)
		ns_log_error("observations could not be stored, and wait for the next time: %s", err.text);
	else
		forget_stored(engine, &nameless);
	ns_engine_read_overdue(engine);
}
