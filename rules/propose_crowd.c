/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Many addresses for one thing: when more than widen_at distinct ones were seen for the same direction, protocol and
 * port, they are not a list that somebody could approve, and the next one will be new. Addresses of the internet become
 * the internet. Private ones become the networks that they fill or crowd, and stay exact elsewhere.
 *
 * Until it is known which, edges wait: at most widen_at addresses of the internet, widen_at private ones, and so many
 * of one network of each family. From then on the rest goes where they went.
 */
#include <errno.h>
#include <stdlib.h>

#include "propose.h"

/* Addresses that come in order, so that equal ones follow each other. */
struct count {
	struct ns_addr last;
	size_t distinct;
};

struct network {
	struct ns_side side;
	struct count count;
	bool wide;
	struct ns_graph waiting;
};

struct ns_crowd {
	struct ns_tallies *tallies;
	unsigned widen_at;
	bool internet_wide, privates_many;
	struct count internet4, internet6, private4, private6;
	struct network network4, network6;
	struct ns_graph internet, privates; /* edges that wait */
};

static const struct ns_side no_side = { .step = NS_STEP_NONE };

int ns_crowd_new(struct ns_tallies *tallies, unsigned widen_at, struct ns_crowd **ret, struct ns_error *err)
{
	struct ns_crowd *crowd = calloc(1, sizeof(*crowd));

	if (!crowd)
		return ns_error_set(err, -ENOMEM, "no memory for a proposal");
	crowd->tallies = tallies;
	crowd->widen_at = widen_at;
	*ret = crowd;
	return 0;
}

static void release_waiting(struct ns_crowd *crowd)
{
	ns_graph_release(&crowd->internet);
	ns_graph_release(&crowd->privates);
	ns_graph_release(&crowd->network4.waiting);
	ns_graph_release(&crowd->network6.waiting);
}

struct ns_crowd *ns_crowd_free(struct ns_crowd *crowd)
{
	if (crowd)
		release_waiting(crowd);
	free(crowd);
	return NULL;
}

static void count(struct count *counted, const struct ns_addr *addr)
{
	if (counted->distinct > 0 && ns_addr_equal(&counted->last, addr))
		return;
	counted->last = *addr;
	counted->distinct++;
}

/* To what they all became, or each to its own address (side NULL). */
static int settle(struct ns_crowd *crowd, struct ns_graph *waiting, const struct ns_side *side, struct ns_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < waiting->n_edges; i++) {
		const struct ns_edge *edge = &waiting->edges[i];
		struct ns_side own = ns_side_of(edge->peer_class, edge->peer_name, &edge->tuple.peer);

		r = ns_tally(crowd->tallies, edge, side ? side : &own, &no_side, err);
	}
	ns_graph_release(waiting);
	return r;
}

static int add_internet(struct ns_crowd *crowd, const struct ns_edge *edge, struct ns_error *err)
{
	struct ns_side internet = ns_side_internet();
	int r;

	if (crowd->internet_wide)
		return ns_tally(crowd->tallies, edge, &internet, &no_side, err);
	count(edge->tuple.peer.family == AF_INET ? &crowd->internet4 : &crowd->internet6, &edge->tuple.peer);
	r = ns_graph_add_edge(&crowd->internet, edge, err);
	if (r < 0 || crowd->internet4.distinct + crowd->internet6.distinct <= crowd->widen_at)
		return r;
	crowd->internet_wide = true;
	return settle(crowd, &crowd->internet, &internet, err);
}

static int end_network(struct ns_crowd *crowd, struct network *network, struct ns_error *err)
{
	int r = settle(crowd, &network->waiting, NULL, err);

	*network = (struct network){ 0 };
	return r;
}

static int add_to_network(struct ns_crowd *crowd, const struct ns_edge *edge, struct ns_error *err)
{
	const struct ns_addr *addr = &edge->tuple.peer;
	struct network *network = addr->family == AF_INET ? &crowd->network4 : &crowd->network6;
	int r = 0;

	if (network->count.distinct > 0 && !ns_prefix_contains(&network->side.peer.prefix, addr))
		r = end_network(crowd, network, err);
	if (r < 0)
		return r;
	if (network->wide)
		return ns_tally(crowd->tallies, edge, &network->side, &no_side, err);
	if (network->count.distinct == 0)
		network->side = ns_side_network(addr);
	count(&network->count, addr);
	r = ns_graph_add_edge(&network->waiting, edge, err);
	if (r < 0 || (network->count.distinct <= crowd->widen_at &&
		      (addr->family != AF_INET || network->count.distinct < NS_NETWORK4_FILLED)))
		return r;
	network->wide = true;
	return settle(crowd, &network->waiting, &network->side, err);
}

static int add_private(struct ns_crowd *crowd, const struct ns_edge *edge, struct ns_error *err)
{
	int r;

	if (crowd->privates_many)
		return add_to_network(crowd, edge, err);
	count(edge->tuple.peer.family == AF_INET ? &crowd->private4 : &crowd->private6, &edge->tuple.peer);
	r = ns_graph_add_edge(&crowd->privates, edge, err);
	if (r < 0 || crowd->private4.distinct + crowd->private6.distinct <= crowd->widen_at)
		return r;
	crowd->privates_many = true;
	for (size_t i = 0; r == 0 && i < crowd->privates.n_edges; i++)
		r = add_to_network(crowd, &crowd->privates.edges[i], err);
	ns_graph_release(&crowd->privates);
	return r;
}

int ns_crowd_add(struct ns_crowd *crowd, const struct ns_edge *edge, struct ns_error *err)
{
	struct ns_side side = ns_side_of(edge->peer_class, edge->peer_name, &edge->tuple.peer);

	if (side.step != NS_STEP_EXACT)
		return ns_tally(crowd->tallies, edge, &side, &no_side, err);
	if (ns_addr_scope(&edge->tuple.peer) == NS_ADDR_GLOBAL)
		return add_internet(crowd, edge, err);
	return add_private(crowd, edge, err);
}

int ns_crowd_end(struct ns_crowd *crowd, struct ns_error *err)
{
	struct ns_crowd next = { .tallies = crowd->tallies, .widen_at = crowd->widen_at };
	int r = settle(crowd, &crowd->internet, NULL, err);

	if (r == 0)
		r = settle(crowd, &crowd->privates, NULL, err);
	if (r == 0)
		r = end_network(crowd, &crowd->network4, err);
	if (r == 0)
		r = end_network(crowd, &crowd->network6, err);
	release_waiting(crowd);
	*crowd = next;
	return r;
}
