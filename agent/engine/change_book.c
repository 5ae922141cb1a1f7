/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One book follows another: what was seen until then is named by the one before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "log.h"

#define OVERDUE_EVERY_US INT64_C(1000000) /* of one endpoint: who can write to its log could ask for more */

/* What is different in the next book. */
struct change {
	const struct ns_book *before, *next;
	struct {
		struct ns_addr addr;
		enum ns_peer_class peer_class;
		const char *name; /* the book's */
	} * lost;                 /* by address */
	size_t n, allocated;
	bool published;
};

static int note_loss(void *ctx, const struct ns_addr *addr, enum ns_peer_class peer_class, const char *name)
{
	struct change *change = ctx;

	if (change->n == change->allocated) {
		size_t more = change->allocated ? change->allocated * 2 : 16;
		void *bigger = reallocarray(change->lost, more, sizeof *change->lost);

		if (!bigger)
			return -ENOMEM;
		change->lost = bigger;
		change->allocated = more;
	}
	change->lost[change->n].addr = *addr;
	change->lost[change->n].peer_class = peer_class;
	change->lost[change->n++].name = name;
	return 0;
}

static bool is_lost(const struct change *change, const struct ns_addr *addr)
{
	size_t from = 0, to = change->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (ns_addr_compare(&change->lost[middle].addr, addr) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from < change->n && ns_addr_equal(&change->lost[from].addr, addr);
}

static bool concerns(const struct change *change, const struct ns_attachment *attachment, const struct ns_tuple *tuple)
{
	const struct ns_book_view view = { .host = attachment->endpoint->host_netns };
	const char *before, *next;

	if (is_lost(change, &tuple->peer) || (tuple->direction == NS_TRANSIT && is_lost(change, &tuple->source)))
		return true;
	return change->published && (ns_book_classify_peer(change->before, &view, tuple, &before) !=
					     ns_book_classify_peer(change->next, &view, tuple, &next) ||
				     strcmp(before, next) != 0);
}

static bool concern_figures(const struct change *change, const struct ns_attachment *attachment,
			    const struct ns_figures *figures)
{
	for (size_t i = 0; i < figures->n_slots; i++)
		if (figures->slots[i].tuple.direction != NS_DIRECTION_INVALID &&
		    concerns(change, attachment, &figures->slots[i].tuple))
			return true;
	return false;
}

static bool concerns_any(const struct change *change, const struct ns_attachment *attachment)
{
	const struct ns_recent *recent = &attachment->recent;

	for (size_t i = 0; i < recent->n; i++)
		if (concerns(change, attachment, &recent->tuples[i].tuple))
			return true;
	return recent->more || concern_figures(change, attachment, &attachment->figures) ||
	       concern_figures(change, attachment, &attachment->outer.figures);
}

static void harvest(struct ns_attachment *attachment)
{
	struct ns_error err = NS_ERROR_INIT;

	if (ns_attachment_harvest(attachment, &err) < 0)
		ns_log_warning("%s: its figures could not be read before an address changed hands: %s",
			       attachment->workload, err.text);
}

/* Whom an outer lock has refused is not known before its sets are read, and there may be thousands of them. */
static void mark_passed(struct ns_engine *engine, int64_t now)
{
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (attachment && attachment->outer.there && !attachment->outer.passed)
			attachment->outer.passed = now;
	}
}

static void release(struct change *change)
{
	free(change->lost);
}

void ns_engine_change_book(struct ns_engine *engine, struct ns_book *next)
{
	NS_CLEANUP(release) struct change change = { .before = engine->book, .next = next };
	struct ns_book *before = engine->book;
	struct ns_error err = NS_ERROR_INIT;
	int64_t now;

	if (!engine->book_was_whole && !engine->starting) {
		engine->book_was_whole = true;
		if (ns_heirlooms_load(&engine->heirlooms, engine->store, &err) < 0)
			ns_log_warning("who had which address before cannot be read: %s", err.text);
	}
	if (ns_book_each_lost(before, next, note_loss, &change) < 0)
		ns_log_error("out of memory: an edge may be given to the next owner of its address");
	change.published = !ns_book_publishes_the_same(before, next);
	if (change.n || change.published) {
		ns_engine_flush(engine);
		NS_FOREACH_ENDPOINT(engine, endpoint)
		{
			struct ns_attachment *attachment = ns_attachment_of(endpoint);

			if (attachment && concerns_any(&change, attachment))
				harvest(attachment);
		}
	}
	now = ns_clock_now();
	if (change.n)
		mark_passed(engine, now);
	for (size_t i = 0; i < change.n; i++)
		if (ns_leases_end(&engine->leases, &change.lost[i].addr, change.lost[i].peer_class, change.lost[i].name,
				  now) < 0)
			ns_log_error("out of memory: an edge may be given to the next owner of its address");
	engine->book = next;
	ns_follow_retire(engine, before);
}

void ns_attachment_note(struct ns_attachment *attachment, const struct ns_tuple *tuple, int64_t time)
{
	struct ns_engine *engine = attachment->engine;
	int64_t now = ns_clock_now();

	ns_recent_note(&attachment->recent, tuple, time);
	if (!ns_leases_at(&engine->leases, &tuple->peer, time, now) &&
	    (tuple->direction != NS_TRANSIT || !ns_leases_at(&engine->leases, &tuple->source, time, now)))
		return;
	attachment->recent.overdue = engine->figures_overdue = true;
}

void ns_engine_read_overdue(struct ns_engine *engine)
{
	int64_t now = ns_clock_elapsed();

	if (!engine->figures_overdue)
		return;
	engine->figures_overdue = false;
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment || !attachment->recent.overdue || now - attachment->recent.read < OVERDUE_EVERY_US)
			continue; /* the next harvest reads them all the same */
		attachment->recent.overdue = false;
		attachment->recent.read = now;
		harvest(attachment);
	}
}
