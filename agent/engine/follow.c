/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include <nanoseg/part.h>

#include "cleanup.h"
#include "engine_private.h"
#include "follow.h"
#include "log.h"
#include "shift.h"

/* Outer locks in one transaction: each costs the kernel a walk over all chains of the namespace, which are those of all
 * outer locks (nf_tables_commit), twenty milliseconds where there are a thousand. */
#define TOGETHER 1024

NS_DEFINE_CLEANUP(struct ns_part *, ns_part_free)
NS_DEFINE_CLEANUP(struct ns_shift *, ns_shift_free)

/* ---- editions ---- */

static struct ns_edition *present(struct ns_engine *engine)
{
	struct ns_follow *follow = &engine->follow;

	for (size_t i = 0; i < NS_EDITIONS_MAX; i++)
		if (follow->editions[i].book == engine->book)
			return &follow->editions[i];
	for (size_t i = 0; i < NS_EDITIONS_MAX; i++)
		if (!follow->editions[i].book) {
			follow->editions[i] = (struct ns_edition){ .book = engine->book };
			return &follow->editions[i];
		}
	return NULL;
}

static bool is_sure(const struct ns_attachment *attachment)
{
	const struct ns_outer *outer = &attachment->outer;

	if (!attachment->plan_digest[0] || attachment->failure || attachment->recheck || attachment->dirty ||
	    !ns_shift_can(attachment->lock))
		return false;
	if (!outer->there)
		return !outer->failure;
	return outer->digest[0] && !outer->failure && outer->mode == attachment->mode && ns_shift_can(outer->lock) &&
	       ns_lock_protection(outer->lock) == NS_LOCK_OWNED; /* they share a socket */
}

bool ns_follow_mark(struct ns_attachment *attachment)
{
	const struct ns_loaded *policy = attachment->policy;
	struct ns_edition *edition;

	if (attachment->edition)
		return true;
	if (!is_sure(attachment) || !ns_mode_in_force(attachment->mode) || policy->revision != attachment->revision ||
	    strcmp(policy->workload, attachment->workload) != 0 || ns_endpoint_is_member(attachment->endpoint) ||
	    ns_members_any(attachment))
		return false;
	edition = present(attachment->engine);
	if (!edition)
		return false;
	edition->users++;
	attachment->engine->follow.n++;
	attachment->edition = edition;
	return true;
}

static void forget(struct ns_engine *engine, struct ns_edition *edition)
{
	if (edition->book != engine->book)
		ns_book_free(edition->book);
	*edition = (struct ns_edition){ 0 };
}

void ns_follow_drop(struct ns_attachment *attachment)
{
	struct ns_edition *edition = attachment->edition;

	attachment->edition = NULL;
	if (!edition)
		return;
	attachment->engine->follow.n--;
	if (--edition->users == 0)
		forget(attachment->engine, edition);
}

void ns_follow_retire(struct ns_engine *engine, struct ns_book *book)
{
	for (size_t i = 0; i < NS_EDITIONS_MAX; i++)
		if (engine->follow.editions[i].book == book && engine->follow.editions[i].users)
			return;
	ns_book_free(book);
}

void ns_follow_release(struct ns_engine *engine)
{
	for (size_t i = 0; i < NS_EDITIONS_MAX; i++)
		if (engine->follow.editions[i].book)
			forget(engine, &engine->follow.editions[i]);
}

/* ---- following ---- */

/* What is at hand while all follow. */
struct march {
	struct ns_engine *engine;
	struct ns_part *part;
	struct ns_shift *inner, *outer;
	struct ns_attachment *group[TOGETHER];
	size_t n;
};

static void give_up(struct ns_attachment *attachment, const struct ns_error *why)
{
	ns_log_debug("%s (cookie %llu): its rules are compiled as a whole: %s", attachment->workload,
		     (unsigned long long)attachment->endpoint->cookie, why->text);
	attachment->dirty = true;
}

/* Who has nothing to change has followed. Otherwise what is known to be in the kernel is not what was recorded, from
 * before the first message on. */
static int shift(struct march *march, struct ns_attachment *attachment, bool outer, struct ns_error *err)
{
	struct ns_prefix links[NS_ENDPOINT_ADDRESSES_MAX];
	struct ns_compile_options options = { .links = links,
					      .n_links =
						      ns_attachment_links(attachment, links, NS_ENDPOINT_ADDRESSES_MAX),
					      .host = !outer && attachment->endpoint->host_netns };
	const struct ns_policy *policy = ns_policies_read(&attachment->engine->policies, attachment->policy);
	struct ns_lock *lock = outer ? attachment->outer.lock : attachment->lock;
	const struct ns_plan *before, *after;
	size_t removed = 0, added = 0;
	int r;

	if (!policy)
		return ns_error_set(err, -ENOMEM, "out of memory for the policy of %s", attachment->workload);
	r = ns_part_compile(march->part, policy, &options, outer, &before, &after, err);
	if (r == 0)
		r = ns_shift_add(outer ? march->outer : march->inner, lock, before, after, &removed, &added, err);
	if (r < 0)
		return r;
	attachment->behind = attachment->behind || removed || added;
	if (!outer)
		attachment->removed += removed;
	return 0;
}

/* The outer locks of all, while one after the other has his inner one. */
static void follow_group(struct march *march)
{
	struct ns_attachment *in_outer[TOGETHER];
	struct ns_error err = NS_ERROR_INIT;
	size_t n_in_outer = 0;

	ns_shift_begin(march->outer);
	for (size_t i = 0; i < march->n; i++) {
		if (!march->group[i]->outer.there)
			continue;
		if (shift(march, march->group[i], true, &err) < 0)
			give_up(march->group[i], &err);
		else
			in_outer[n_in_outer++] = march->group[i];
	}
	ns_shift_commit_begin(march->outer);
	for (size_t i = 0; i < march->n; i++) {
		ns_shift_begin(march->inner);
		if (shift(march, march->group[i], false, &err) < 0 || ns_shift_commit(march->inner, &err) < 0)
			give_up(march->group[i], &err);
	}
	if (ns_shift_commit_end(march->outer, &err) < 0)
		for (size_t i = 0; i < n_in_outer; i++)
			give_up(in_outer[i], &err);
	march->n = 0;
}

/* Those with this edition: whoever has to give something up first. */
static void follow_edition(struct march *march, const struct ns_edition *edition)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		NS_FOREACH_ENDPOINT(march->engine, endpoint)
		{
			struct ns_attachment *attachment = ns_attachment_of(endpoint);

			if (!attachment || attachment->edition != edition || attachment->stale != (pass == 0))
				continue;
			if (!march->part || !is_sure(attachment)) {
				attachment->dirty = true;
				continue;
			}
			march->group[march->n++] = attachment;
			if (march->n == TOGETHER)
				follow_group(march);
		}
		if (march->n > 0)
			follow_group(march);
	}
}

static void end_edition(struct ns_engine *engine, const struct ns_edition *edition)
{
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment || attachment->edition != edition)
			continue;
		ns_follow_drop(attachment);
		if (!attachment->dirty && !attachment->behind)
			ns_affected_done(attachment);
	}
}

void ns_follow_all(struct ns_engine *engine)
{
	NS_CLEANUP(ns_shift_freep) struct ns_shift *inner = NULL;
	NS_CLEANUP(ns_shift_freep) struct ns_shift *outer = NULL;
	struct ns_error err = NS_ERROR_INIT;
	struct march march;
	bool ready;

	if (!engine->follow.n)
		return;
	march.engine = engine;
	march.n = 0;
	ready = ns_shift_new(&inner, &err) == 0 && ns_shift_new(&outer, &err) == 0;
	march.inner = inner;
	march.outer = outer;
	for (size_t i = 0; i < NS_EDITIONS_MAX; i++) {
		NS_CLEANUP(ns_part_freep) struct ns_part *part = NULL;
		struct ns_edition *edition = &engine->follow.editions[i];

		if (!edition->users)
			continue;
		if (ready && ns_part_new(edition->book, engine->book, &part, &err) < 0)
			ns_log_debug("rules are compiled as a whole: %s", err.text);
		march.part = part;
		follow_edition(&march, edition);
		end_edition(engine, edition);
	}
	ns_engine_schedule(engine);
}
