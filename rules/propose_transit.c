/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a namespace forwards: both sides may become wider, the peer first.
 */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "propose.h"

static struct ns_addr address_if(bool wide, const struct ns_addr *addr)
{
	return wide ? *addr : (struct ns_addr){ 0 };
}

/* By rule; then so that equal pairs of those addresses that the rule has room for stand together. */
static int compare(const void *a, const void *b)
{
	const struct ns_item *x = a, *y = b;
	bool wide_peer = ns_side_is_wide(&x->peer), wide_source = ns_side_is_wide(&x->source);
	int order = ns_side_compare(&x->peer, &y->peer);
	struct ns_addr p, q;

	if (order == 0)
		order = ns_side_compare(&x->source, &y->source);
	if (order != 0)
		return order;
	p = address_if(wide_peer, &x->edge->tuple.peer);
	q = address_if(wide_peer, &y->edge->tuple.peer);
	order = ns_addr_compare(&p, &q);
	if (order != 0)
		return order;
	p = address_if(wide_source, &x->edge->tuple.source);
	q = address_if(wide_source, &y->edge->tuple.source);
	return ns_addr_compare(&p, &q);
}

int ns_propose_transit(const struct ns_graph *edges, unsigned widen_at, struct ns_tallies *tallies,
		       struct ns_error *err)
{
	NS_FREE struct ns_item *list = calloc(edges->n_edges ? edges->n_edges : 1, sizeof(*list));
	struct ns_items items = { list, edges->n_edges };
	int r = 0;

	if (!list)
		return ns_error_set(err, -ENOMEM, "no memory for %zu edges", edges->n_edges);
	for (size_t i = 0; i < items.n; i++) {
		const struct ns_edge *edge = &edges->edges[i];

		list[i] = (struct ns_item){
			edge,
			ns_side_of(edge->peer_class, edge->peer_name, &edge->tuple.peer),
			ns_side_of(edge->source_class, edge->source_name, &edge->tuple.source),
		};
	}
	ns_propose_widen(&items, false, widen_at);
	ns_propose_widen(&items, true, widen_at);
	if (items.n > 1)
		qsort(list, items.n, sizeof(*list), compare);
	for (size_t i = 0; r == 0 && i < items.n; i++)
		r = ns_tally(tallies, list[i].edge, &list[i].peer, &list[i].source, err);
	return r;
}
