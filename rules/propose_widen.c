/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Many addresses for one thing, as in propose_crowd.c, of edges with two sides: which addresses are counted together
 * depends on the other side, so that no order of edges tells early what becomes of them.
 */
#include <stdlib.h>
#include <string.h>

#include "policy_private.h"
#include "propose.h"

static struct ns_side *side_of(struct ns_item *item, bool source)
{
	return source ? &item->source : &item->peer;
}

static const struct ns_addr *address_of(const struct ns_item *item, bool source)
{
	return source ? &item->edge->tuple.source : &item->edge->tuple.peer;
}

static bool is_internet(const struct ns_item *item, bool source)
{
	return ns_addr_scope(address_of(item, source)) == NS_ADDR_GLOBAL;
}

/* All that must be the same for addresses to be counted together: everything but this side. */
static int compare_rest(const struct ns_item *a, const struct ns_item *b, bool source)
{
	const struct ns_tuple *x = &a->edge->tuple, *y = &b->edge->tuple;
	int order = (int)x->direction - (int)y->direction;

	if (order == 0)
		order = source ? ns_side_compare(&a->peer, &b->peer) : ns_side_compare(&a->source, &b->source);
	if (order == 0)
		order = x->protocol - y->protocol;
	return order != 0 ? order : x->port - y->port;
}

/* Items whose side is no single address come last in their group. */
static int compare_items(const void *a, const void *b, void *ctx)
{
	const bool source = *(const bool *)ctx;
	struct ns_item x = *(const struct ns_item *)a, y = *(const struct ns_item *)b;
	bool exact_x = side_of(&x, source)->step == NS_STEP_EXACT, exact_y = side_of(&y, source)->step == NS_STEP_EXACT;
	int order = compare_rest(&x, &y, source);

	if (order == 0)
		order = exact_y - exact_x;
	if (order == 0)
		order = is_internet(&x, source) - is_internet(&y, source);
	return order != 0 ? order : ns_addr_compare(address_of(&x, source), address_of(&y, source));
}

/* Of items sorted by address. */
static size_t count_distinct(const struct ns_item *items, size_t n, bool source)
{
	size_t count = n > 0;

	for (size_t i = 1; i < n; i++)
		count += !ns_addr_equal(address_of(&items[i - 1], source), address_of(&items[i], source));
	return count;
}

static void widen_to_internet(struct ns_item *items, size_t n, bool source)
{
	for (size_t i = 0; i < n; i++)
		*side_of(&items[i], source) = ns_side_internet();
}

/* Private addresses, more than widen_at of them, sorted: network by network. */
static void widen_to_networks(struct ns_item *items, size_t n, bool source, unsigned widen_at)
{
	size_t end;

	for (size_t i = 0; i < n; i = end) {
		const struct ns_side side = ns_side_network(address_of(&items[i], source));
		const struct ns_prefix network = side.peer.prefix;
		size_t distinct;

		for (end = i + 1; end < n && ns_prefix_contains(&network, address_of(&items[end], source)); end++)
			;
		distinct = count_distinct(&items[i], end - i, source);
		if (distinct <= widen_at && (network.addr.family != AF_INET || distinct < NS_NETWORK4_FILLED))
			continue;
		for (size_t j = i; j < end; j++)
			*side_of(&items[j], source) = side;
	}
}

/* Items that differ in this side only. */
static void widen_group(struct ns_item *items, size_t n, bool source, unsigned widen_at)
{
	size_t exact = 0, internal = 0;

	while (exact < n && side_of(&items[exact], source)->step == NS_STEP_EXACT)
		exact++;
	while (internal < exact && !is_internet(&items[internal], source))
		internal++;
	if (count_distinct(items, internal, source) > widen_at)
		widen_to_networks(items, internal, source, widen_at);
	if (count_distinct(items + internal, exact - internal, source) > widen_at)
		widen_to_internet(items + internal, exact - internal, source);
}

void ns_propose_widen(struct ns_items *items, bool source, unsigned widen_at)
{
	size_t end;

	if (items->n < 2)
		return;
	qsort_r(items->items, items->n, sizeof(*items->items), compare_items, &source);
	for (size_t i = 0; i < items->n; i = end) {
		for (end = i + 1; end < items->n && compare_rest(&items->items[i], &items->items[end], source) == 0;
		     end++)
			;
		widen_group(&items->items[i], end - i, source, widen_at);
	}
}
