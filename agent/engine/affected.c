/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attachment.h"
#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"

/* So long a new link waits while another workload, which a policy in force names, has its address: it may have lost it
 * a moment ago, and the kernel's word of that is on the way. Who has the same address on a network of its own goes on
 * having it, and nobody waits for ever. */
#define NS_CONTESTED_WAIT_US INT64_C(2000000)

/* So long a new link waits for its first address, which runtimes set within milliseconds: with it come the questions
 * above, and without it nobody could ask them. Who is to ask for one himself (DHCP, SLAAC) asks again. */
#define NS_ADDRESS_WAIT_US INT64_C(300000)

/* So long those whose rules have followed are dealt with before anything else; the rest is the turns'. */
#define NS_TIGHTEN_SLICE_US 20000

/* Somebody gained or lost an address. */
struct move {
	struct ns_named who; /* in one of the books */
	struct ns_addr addr;
	bool lost;
};

struct moves {
	struct move *moves; /* by who */
	size_t n, allocated;
	uint64_t *cookies; /* of endpoints that are believed otherwise now */
	size_t n_cookies, cookies_allocated;
	bool published; /* ports of the host lead to others now, or it has other addresses */
	struct ns_error *err;
};

static void moves_release(struct moves *moves)
{
	free(moves->moves);
	free(moves->cookies);
}

void ns_affected_release(struct ns_affected *affected)
{
	free(affected->moving);
	*affected = (struct ns_affected){ 0 };
}

/* Room for one more of `size`. */
static int grow(void **array, size_t size, size_t n, size_t *allocated, struct ns_error *err)
{
	size_t more = *allocated ? *allocated * 2 : 16;
	void *bigger;

	if (n < *allocated)
		return 0;
	bigger = reallocarray(*array, more, size);
	if (!bigger)
		return ns_error_set(err, -ENOMEM, "out of memory for addresses that move");
	*array = bigger;
	*allocated = more;
	return 0;
}

static int add_move(void *ctx, const struct ns_addr *addr, enum ns_peer_class peer_class, const char *name, bool lost)
{
	struct moves *moves = ctx;
	int r = grow((void **)&moves->moves, sizeof *moves->moves, moves->n, &moves->allocated, moves->err);

	if (r == 0)
		moves->moves[moves->n++] = (struct move){ { peer_class, name }, *addr, lost };
	return r;
}

/* Endpoints whose own claims are believed in one and not in the other. */
static int compare_claims(struct moves *moves, const struct ns_claims *claims, const struct ns_claims *other)
{
	int r = 0;

	for (size_t i = 0; i < claims->n && r == 0; i++) {
		const struct ns_claim *claim = &claims->claims[i];

		if (!claim->cookie || claim->believed == ns_claims_believe(other, &claim->addr, claim->cookie))
			continue;
		r = grow((void **)&moves->cookies, sizeof *moves->cookies, moves->n_cookies, &moves->cookies_allocated,
			 moves->err);
		if (r == 0)
			moves->cookies[moves->n_cookies++] = claim->cookie;
	}
	return r;
}

static int by_who(const void *a, const void *b)
{
	const struct move *x = a, *y = b;

	return ns_named_compare(&x->who, &y->who);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int by_addr(const void *a, const void *b)
{
	return ns_addr_compare(a, b);
}

/* The first move of this peer, or NULL. */
static const struct move *moves_of(const struct moves *moves, const struct ns_named *who)
{
	size_t low = 0, high = moves->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ns_named_compare(&moves->moves[middle].who, who) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < moves->n && ns_named_compare(&moves->moves[low].who, who) == 0 ? &moves->moves[low] : NULL;
}

static bool is_moving(const struct ns_affected *affected, const struct ns_addr *addr)
{
	return affected->n && bsearch(addr, affected->moving, affected->n, sizeof *addr, by_addr);
}

static int add_moving(struct ns_affected *affected, const struct ns_addr *addr, struct ns_error *err)
{
	int r;

	if (is_moving(affected, addr))
		return 0;
	r = grow((void **)&affected->moving, sizeof *affected->moving, affected->n, &affected->allocated, err);
	if (r < 0)
		return r;
	affected->moving[affected->n++] = *addr;
	qsort(affected->moving, affected->n, sizeof *affected->moving, by_addr);
	return 0;
}

static void make_stale(struct ns_attachment *attachment)
{
	if (!attachment->stale)
		attachment->engine->affected.n_stale++;
	attachment->stale = true;
}

/* A member's policy is in the outer lock of the namespace that it shares, as well. `whole`: not addresses alone. */
static void mark(struct ns_attachment *attachment, bool stale, bool whole)
{
	struct ns_attachment *base = NULL;

	if (ns_endpoint_is_member(attachment->endpoint))
		base = ns_member_base(attachment);
	if (whole || !ns_follow_mark(attachment))
		attachment->dirty = true;
	if (base)
		base->dirty = true;
	if (stale) {
		make_stale(attachment);
		if (base)
			make_stale(base);
	}
}

static bool is_published(const struct ns_named *who)
{
	return who->peer_class == NS_PEER_SERVICE &&
	       strncmp(who->name, NS_PUBLISHED_PREFIX, strlen(NS_PUBLISHED_PREFIX)) == 0;
}

/* Elements that are in the kernel, or may be, count for what moves. */
static int mark_named(struct ns_attachment *attachment, const struct ns_loaded *policy, const struct moves *moves)
{
	bool dirty = false, stale = false, whole = false;
	int r = 0;

	for (size_t i = 0; i < policy->n_named; i++) {
		const struct move *move = moves_of(moves, &policy->named[i]),
				  *end = moves->n ? moves->moves + moves->n : NULL;

		/* They are on the host's addresses. */
		if (moves->published && is_published(&policy->named[i]))
			dirty = stale = whole = true;
		for (; r == 0 && move && move < end && ns_named_compare(&move->who, &policy->named[i]) == 0; move++) {
			dirty = true;
			if (!move->lost || attachment->mode == NS_MODE_AUDITING)
				continue;
			stale = true;
			r = add_moving(&attachment->engine->affected, &move->addr, moves->err);
		}
	}
	if (dirty)
		mark(attachment, stale, whole);
	return r;
}

static int mark_all(struct ns_engine *engine, const struct moves *moves)
{
	int r = 0;

	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment || !(attachment->policy || attachment->trying))
			continue;
		if (moves->n_cookies &&
		    bsearch(&endpoint->cookie, moves->cookies, moves->n_cookies, sizeof *moves->cookies, by_number))
			attachment->dirty = true;
		if (attachment->policy)
			r = mark_named(attachment, attachment->policy, moves);
		if (r == 0 && attachment->trying)
			r = mark_named(attachment, attachment->trying, moves);
		if (r < 0)
			break;
	}
	ns_engine_schedule(engine);
	if ((engine->affected.n_stale || engine->follow.n) && engine->tighten)
		(void)sd_event_source_set_enabled(engine->tighten, SD_EVENT_ONESHOT);
	return r;
}

int ns_affected_mark(struct ns_engine *engine, const struct ns_believed *before, const struct ns_believed *after,
		     struct ns_error *err)
{
	NS_CLEANUP(moves_release) struct moves moves = { .err = err };
	int r = ns_book_compare(before->book, after->book, add_move, &moves);

	if (r == 0)
		r = compare_claims(&moves, before->claims, after->claims);
	if (r == 0)
		r = compare_claims(&moves, after->claims, before->claims);
	moves.published = !ns_book_publishes_the_same(before->book, after->book);
	if (r < 0 || (!moves.n && !moves.n_cookies && !moves.published))
		return r;
	if (moves.n)
		qsort(moves.moves, moves.n, sizeof *moves.moves, by_who);
	if (moves.n_cookies)
		qsort(moves.cookies, moves.n_cookies, sizeof *moves.cookies, by_number);
	moves.published = moves.published || moves_of(&moves, &(const struct ns_named){ NS_PEER_HOST, "" });
	return mark_all(engine, &moves);
}

static uint64_t cpu_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* What fails stays stale, and keeps the links of whoever has the address closed. */
static void reconcile_stale(struct ns_engine *engine, bool behind)
{
	uint64_t began = cpu_us();

	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment || !attachment->stale || attachment->dirty == behind)
			continue;
		engine->batching = engine->batching || ns_store_begin(engine->store, NULL) == 0;
		(void)ns_attachment_reconcile(attachment, NULL);
		if (behind && cpu_us() - began >= NS_TIGHTEN_SLICE_US)
			break;
	}
}

void ns_affected_tighten(struct ns_engine *engine)
{
	if (engine->starting)
		return;
	ns_follow_all(engine);
	if (!engine->affected.n_stale)
		return;
	reconcile_stale(engine, false);
	reconcile_stale(engine, true);
	ns_engine_settle(engine);
}

void ns_affected_done(struct ns_attachment *attachment)
{
	struct ns_affected *affected = &attachment->engine->affected;

	if (!attachment->stale)
		return;
	attachment->stale = false;
	if (--affected->n_stale == 0)
		affected->n = 0;
	ns_engine_schedule(attachment->engine); /* for the gate */
}

static bool names(const struct ns_loaded *policy, const struct ns_named *who)
{
	for (size_t i = 0; policy && i < policy->n_named; i++)
		if (ns_named_compare(&policy->named[i], who) == 0)
			return true;
	return false;
}

static bool somebody_names(struct ns_engine *engine, const struct ns_named *who)
{
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		const struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (attachment && attachment->mode == NS_MODE_ENFORCING &&
		    (names(attachment->policy, who) || names(attachment->trying, who)))
			return true;
	}
	return false;
}

/* It has an address that is believed to be another's, and rules in force let packets go there. */
static bool is_contested(const struct ns_attachment *attachment)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;
	struct ns_engine *engine = attachment->engine;

	if (!attachment->disputed)
		return false;
	for (size_t i = 0; i < endpoint->n_addresses; i++) {
		const struct ns_claim *claim = ns_claims_owner(&engine->claims, &endpoint->addresses[i].addr);
		const struct ns_attachment *owner =
			claim && claim->cookie ? ns_engine_find_attachment(engine, claim->cookie) : NULL;
		struct ns_named who = { NS_PEER_HOST, "" };

		if (!claim || owner == attachment || (claim->cookie && !owner))
			continue;
		if (owner)
			who = (struct ns_named){ NS_PEER_WORKLOAD, owner->workload };
		if (somebody_names(engine, &who))
			return true;
	}
	return false;
}

static bool has_address(const struct ns_endpoint *endpoint, int interface)
{
	for (size_t i = 0; i < endpoint->n_addresses; i++)
		if (endpoint->address_index[i] == interface &&
		    ns_addr_scope(&endpoint->addresses[i].addr) != NS_ADDR_LINK_LOCAL)
			return true;
	return false;
}

/* Its table was there before this daemon. One that could not be entered, as those that end at once, is nobody to wait
 * for. */
static bool is_unread(const struct ns_attachment *attachment)
{
	return attachment && attachment->adopted && attachment->mode == NS_MODE_INVALID;
}

static bool somebody_is_unread(struct ns_engine *engine)
{
	NS_FOREACH_ENDPOINT(engine, endpoint)
	if (is_unread(ns_attachment_of(endpoint)))
		return true;
	NS_FOREACH_MEMBER(engine, member)
	if (is_unread(member))
		return true;
	return false;
}

/* What a daemon before this one left in the kernel names addresses as it knew them, until it has been read; in the
 * first round nobody has been, and after it those are left whose rules cannot be put in or whose name is not told. */
static bool may_be_named_as_before(const struct ns_attachment *attachment)
{
	struct ns_engine *engine = attachment->engine;
	const struct ns_endpoint *endpoint = attachment->endpoint;
	bool first = ns_engine_is_catching_up(engine);

	for (size_t i = 0; i < endpoint->n_addresses; i++)
		if (ns_heirlooms_may_be_anothers(&engine->heirlooms, &endpoint->addresses[i].addr, attachment->workload,
						 first))
			return first || somebody_is_unread(engine);
	return false;
}

/* Look again when `left` is over, if that is sooner. */
static const char *hold(int64_t left, int64_t *wait, const char *why)
{
	if (*wait == 0 || left < *wait)
		*wait = left > 0 ? left : 1;
	return why;
}

const char *ns_affected_holds(struct ns_attachment *attachment, const struct ns_port *port, int64_t *wait)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;
	const struct ns_engine *engine = attachment->engine;
	int64_t now = ns_clock_elapsed(), left = port->since + NS_ADDRESS_WAIT_US - now;

	if (engine->policies.n && !has_address(endpoint, port->peer_index) && (left > 0 || !engine->in_turn))
		return hold(left, wait, "it has no address yet");

	if (engine->book_dirty)
		return "who has which address is not known";
	if (may_be_named_as_before(attachment))
		return "rules of others, which are not read yet, may name its address as another's";
	for (size_t i = 0; i < endpoint->n_addresses; i++)
		if (is_moving(&attachment->engine->affected, &endpoint->addresses[i].addr))
			return "rules of others still name its address as another's";
	if (!is_contested(attachment)) {
		attachment->contested = 0;
		return NULL;
	}
	if (!attachment->contested)
		attachment->contested = now;
	left = attachment->contested + NS_CONTESTED_WAIT_US - now;
	return left <= 0 ? NULL : hold(left, wait, "its address is another workload's, which others may talk to");
}
