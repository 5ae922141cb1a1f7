/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which edges count, and who their peers are: a name first, an address last.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "policy_values.h"
#include "propose.h"

/* Whether an ingress set ran out of room, so that only learn_ports is complete. A gap may name the direction; if none
 * does, that of ingress cannot be ruled out. */
static bool ingress_was_full(const struct ns_graph *graph, const char *workload)
{
	bool unsaid = false, said = false;

	for (size_t i = 0; i < graph->n_gaps; i++) {
		const char *cause = graph->gaps[i].cause;

		if (strcmp(graph->gaps[i].workload, workload) != 0 || strncmp(cause, "set full", 8) != 0)
			continue;
		if (strstr(cause, "ingress"))
			return true;
		if (strstr(cause, "egress") || strstr(cause, "transit"))
			said = true;
		else if (!strstr(cause, "den"))
			unsaid = true;
	}
	return unsaid && !said;
}

/* A name that the policy's own parser would refuse, or that is no UTF-8, cannot stand in a policy. */
static bool can_be_written(const char *name, size_t max)
{
	NS_JSON json_t *json = json_string(name);

	return json && ns_policy_check_name("", "", name, max, NULL) == 0;
}

static struct ns_side by_address(const struct ns_addr *addr, enum ns_peer_class peer_class, enum ns_step step)
{
	struct ns_side side = { .step = step };

	side.peer.peer_class = peer_class;
	side.peer.prefix = ns_prefix_of(addr, (uint8_t)(ns_addr_length(addr) * 8));
	return side;
}

static struct ns_side make_side(enum ns_peer_class peer_class, const char *name, const struct ns_addr *addr)
{
	struct ns_side side = { .step = NS_STEP_NAMED, .peer.peer_class = peer_class };

	if (addr->family == 0) {
		side.peer.peer_class = NS_PEER_ANY;
		side.step = NS_STEP_ANY;
		return side;
	}
	switch (peer_class) {
	case NS_PEER_WORKLOAD:
	case NS_PEER_SERVICE:
	case NS_PEER_NAME:
		if (!can_be_written(name, ns_policy_name_max(peer_class)))
			return by_address(addr, NS_PEER_CIDR, NS_STEP_UNNAMED);
		side.peer.name = ns_unconst(name); /* borrowed; items never free */
		return side;
	case NS_PEER_HOST:
		return side;
	case NS_PEER_BROADCAST:
		side.step = NS_STEP_GROUP;
		return side;
	case NS_PEER_MULTICAST:
		return by_address(addr, NS_PEER_MULTICAST, NS_STEP_GROUP);
	default:
		/* The address itself, whatever class it was given: an exact address widens nothing. */
		return by_address(addr, NS_PEER_CIDR, NS_STEP_EXACT);
	}
}

static int compare_edges(const struct ns_edge *a, const struct ns_edge *b)
{
	int order = ns_addr_compare(&a->tuple.peer, &b->tuple.peer);

	if (order == 0)
		order = ns_addr_compare(&a->tuple.source, &b->tuple.source);
	if (order == 0)
		order = a->tuple.port - b->tuple.port;
	if (order == 0)
		order = strcmp(a->process, b->process);
	return order;
}

int ns_side_compare(const struct ns_side *a, const struct ns_side *b)
{
	return ns_peer_compare(&a->peer, &b->peer);
}

static int compare_items(const void *a, const void *b)
{
	const struct ns_item *x = a, *y = b;
	int order = (int)x->edge->tuple.direction - (int)y->edge->tuple.direction;

	if (order == 0)
		order = ns_side_compare(&x->peer, &y->peer);
	if (order == 0)
		order = ns_side_compare(&x->source, &y->source);
	if (order == 0)
		order = x->edge->tuple.protocol - y->edge->tuple.protocol;
	if (order == 0)
		order = x->edge->tuple.port - y->edge->tuple.port;
	if (order == 0)
		order = (int)x->peer.step - (int)y->peer.step;
	if (order == 0)
		order = (int)x->source.step - (int)y->source.step;
	return order != 0 ? order : compare_edges(x->edge, y->edge);
}

void ns_propose_sort(struct ns_items *items)
{
	if (items->n > 1)
		qsort(items->items, items->n, sizeof(*items->items), compare_items);
}

int ns_propose_collect(const struct ns_graph *graph, const char *workload, struct ns_items *ret, struct ns_error *err)
{
	bool full = ingress_was_full(graph, workload);
	NS_FREE struct ns_item *items = calloc(graph->n_edges ? graph->n_edges : 1, sizeof(*items));
	size_t n = 0;

	if (!items)
		return ns_error_set(err, -ENOMEM, "no memory for %zu edges", graph->n_edges);
	for (size_t i = 0; i < graph->n_edges; i++) {
		const struct ns_edge *edge = &graph->edges[i];
		const struct ns_tuple *tuple = &edge->tuple;

		if (strcmp(edge->workload, workload) != 0)
			continue;
		/* What has no address is told again, with it, by the sets that had room. */
		if (tuple->peer.family == 0 && !full)
			continue;
		items[n].edge = edge;
		items[n].peer = make_side(edge->peer_class, edge->peer_name, &tuple->peer);
		if (tuple->direction == NS_TRANSIT)
			items[n].source = make_side(edge->source_class, edge->source_name, &tuple->source);
		n++;
	}
	ret->items = NS_TAKE(items);
	ret->n = n;
	return 0;
}
