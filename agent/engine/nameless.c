/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "attachment.h"
#include "clock.h"
#include "engine_private.h"
#include "nameless.h"

#define WAIT_US INT64_C(10000000) /* as long as an endpoint itself waits for its name */

static int compare(const void *a, const void *b)
{
	return ns_addr_compare(a, b);
}

static bool is_awaited(const struct ns_attachment *attachment, int64_t now)
{
	return attachment && !attachment->identified && !ns_endpoint_is_member(attachment->endpoint) &&
	       now - attachment->attached < WAIT_US;
}

static bool add(struct ns_nameless *nameless, const struct ns_addr *addr)
{
	if (nameless->n == nameless->allocated) {
		size_t more = nameless->allocated ? nameless->allocated * 2 : 16;
		struct ns_addr *bigger = reallocarray(nameless->addresses, more, sizeof *bigger);

		if (!bigger)
			return false;
		nameless->addresses = bigger;
		nameless->allocated = more;
	}
	nameless->addresses[nameless->n++] = *addr;
	return true;
}

/* Not what any user could say of himself, nor what is somebody's already. */
static bool may_become_its(const struct ns_engine *engine, const struct ns_endpoint *endpoint, size_t address)
{
	const struct ns_addr *addr = &endpoint->addresses[address].addr;
	enum ns_addr_scope scope = ns_addr_scope(addr);

	return (scope == NS_ADDR_PRIVATE || scope == NS_ADDR_GLOBAL) &&
	       ns_engine_may_claim(engine, endpoint, address) && !ns_claims_owner(&engine->claims, addr);
}

void ns_nameless_gather(struct ns_engine *engine, struct ns_nameless *ret)
{
	int64_t now = ns_clock_elapsed();

	*ret = (struct ns_nameless){ 0 };
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		if (!is_awaited(ns_attachment_of(endpoint), now))
			continue;
		for (size_t i = 0; i < endpoint->n_addresses; i++)
			if (may_become_its(engine, endpoint, i) && !add(ret, &endpoint->addresses[i].addr))
				return;
	}
	if (ret->n)
		qsort(ret->addresses, ret->n, sizeof *ret->addresses, compare);
}

void ns_nameless_release(struct ns_nameless *nameless)
{
	free(nameless->addresses);
	*nameless = (struct ns_nameless){ 0 };
}

static bool has(const struct ns_nameless *nameless, const struct ns_addr *addr)
{
	return nameless->n && bsearch(addr, nameless->addresses, nameless->n, sizeof *nameless->addresses, compare);
}

bool ns_nameless_concern(const struct ns_nameless *nameless, const struct ns_tuple *tuple)
{
	return has(nameless, &tuple->peer) || (tuple->direction == NS_TRANSIT && has(nameless, &tuple->source));
}
