/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Edges in, in their order; a policy out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "propose.h"

struct ns_proposer {
	struct ns_policy policy; /* without rules */
	unsigned widen_at;
	bool ingress_was_full;
	struct ns_tallies *tallies;
	struct ns_crowd *crowd;
	struct ns_graph transit; /* edges of the port, which wait for the rest of it */
	struct ns_tuple port;    /* direction, protocol and port of the last edge */
	uint64_t edges;
};

NS_DEFINE_CLEANUP(struct ns_proposer *, ns_proposer_free)

struct ns_proposer *ns_proposer_free(struct ns_proposer *proposer)
{
	if (!proposer)
		return NULL;
	ns_crowd_free(proposer->crowd);
	ns_tallies_free(proposer->tallies);
	ns_graph_release(&proposer->transit);
	ns_policy_release(&proposer->policy);
	free(proposer);
	return NULL;
}

int ns_proposer_new(const char *workload, const struct ns_propose_options *options, const struct ns_graph *gaps,
		    struct ns_proposer **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_proposer_freep) struct ns_proposer *proposer = calloc(1, sizeof(*proposer));
	int r;

	if (!proposer)
		return ns_error_set(err, -ENOMEM, "no memory for a proposal");
	proposer->policy.verdict =
		options && options->verdict != NS_VERDICT_INVALID ? options->verdict : NS_VERDICT_DROP;
	proposer->widen_at = options && options->widen_at ? options->widen_at : NS_WIDEN_AT_DEFAULT;
	proposer->ingress_was_full = ns_propose_ingress_was_full(gaps, workload);
	proposer->policy.workload = strdup(workload);
	if (!proposer->policy.workload)
		return ns_error_set(err, -ENOMEM, "no memory for a proposal");
	r = ns_tallies_new(&proposer->tallies, err);
	if (r == 0)
		r = ns_crowd_new(proposer->tallies, proposer->widen_at, &proposer->crowd, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(proposer);
	return 0;
}

static int end_port(struct ns_proposer *proposer, struct ns_error *err)
{
	int r = ns_crowd_end(proposer->crowd, err);

	if (r == 0 && proposer->transit.n_edges > 0)
		r = ns_propose_transit(&proposer->transit, proposer->widen_at, proposer->tallies, err);
	ns_graph_release(&proposer->transit);
	return r;
}

static int named(const struct ns_proposer *proposer, int r, struct ns_error *err)
{
	if (r < 0)
		(void)ns_error_context(err, "proposal for %s", proposer->policy.workload);
	return r;
}

int ns_proposer_add(struct ns_proposer *proposer, const struct ns_edge *edge, struct ns_error *err)
{
	const struct ns_tuple *tuple = &edge->tuple, *port = &proposer->port;
	int r = 0;

	proposer->edges++;
	/* What has no address is told again, with it, by the sets that had room. */
	if (tuple->peer.family == 0 && !proposer->ingress_was_full)
		return 0;
	if (tuple->direction != port->direction || tuple->protocol != port->protocol || tuple->port != port->port)
		r = end_port(proposer, err);
	proposer->port = *tuple;
	if (r == 0 && tuple->direction == NS_TRANSIT)
		r = ns_graph_add_edge(&proposer->transit, edge, err);
	else if (r == 0)
		r = ns_crowd_add(proposer->crowd, edge, err);
	return named(proposer, r, err);
}

uint64_t ns_proposer_edges(const struct ns_proposer *proposer)
{
	return proposer->edges;
}

int ns_proposer_end(struct ns_proposer *proposer, uint64_t revision, struct ns_policy *ret, struct ns_error *err)
{
	struct ns_policy *policy = &proposer->policy;
	int r = end_port(proposer, err);

	if (r == 0)
		r = ns_propose_build(proposer->tallies, policy, err);
	if (r < 0)
		return named(proposer, r, err);
	policy->revision = revision;
	*ret = *policy;
	*policy = (struct ns_policy)NS_POLICY_INIT;
	return 0;
}

/* ---- of a graph in memory ---- */

static int compare(const void *a, const void *b)
{
	const struct ns_tuple *x = &(*(const struct ns_edge *const *)a)->tuple;
	const struct ns_tuple *y = &(*(const struct ns_edge *const *)b)->tuple;
	int order = (int)x->direction - (int)y->direction;

	if (order == 0)
		order = x->protocol - y->protocol;
	if (order == 0)
		order = x->port - y->port;
	if (order == 0)
		order = ns_addr_compare(&x->peer, &y->peer);
	return order != 0 ? order : ns_addr_compare(&x->source, &y->source);
}

int ns_propose(const struct ns_graph *graph, const char *workload, uint64_t revision,
	       const struct ns_propose_options *options, struct ns_policy *ret, struct ns_error *err)
{
	NS_FREE const struct ns_edge **edges = calloc(graph->n_edges + 1, sizeof(struct ns_edge *));
	NS_CLEANUP(ns_proposer_freep) struct ns_proposer *proposer = NULL;
	size_t n = 0;
	int r = edges ? ns_proposer_new(workload, options, graph, &proposer, err)
		      : ns_error_set(err, -ENOMEM, "no memory for %zu edges", graph->n_edges);

	for (size_t i = 0; r == 0 && i < graph->n_edges; i++)
		if (strcmp(graph->edges[i].workload, workload) == 0)
			edges[n++] = &graph->edges[i];
	if (n > 1)
		qsort(edges, n, sizeof(struct ns_edge *), compare);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = ns_proposer_add(proposer, edges[i], err);
	return r < 0 ? r : ns_proposer_end(proposer, revision, ret, err);
}
