/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/edge.h>

#include "intern.h"

void ns_graph_release(struct ns_graph *graph)
{
	free(graph->edges);
	free(graph->gaps);
	graph->strings = ns_strings_free(graph->strings);
	memset(graph, 0, sizeof *graph);
}

/* Room for one more; NULL without memory. */
static void *room(void *array, size_t n, size_t *allocated, size_t size)
{
	size_t more;
	void *bigger;

	if (n < *allocated)
		return array;
	more = *allocated ? *allocated * 2 : 16;
	bigger = reallocarray(array, more, size);
	if (bigger)
		*allocated = more;
	return bigger;
}

static const char *intern(struct ns_graph *graph, const char *text)
{
	if (!graph->strings)
		graph->strings = ns_strings_new();
	return graph->strings ? ns_strings_intern(graph->strings, text) : NULL;
}

int ns_graph_add_edge(struct ns_graph *graph, const struct ns_edge *edge, struct ns_error *err)
{
	struct ns_edge *edges = room(graph->edges, graph->n_edges, &graph->edges_allocated, sizeof *edges);
	struct ns_edge copy = *edge;

	if (!edges)
		return ns_error_set(err, -ENOMEM, "out of memory for the graph");
	graph->edges = edges;
	copy.workload = intern(graph, edge->workload);
	copy.peer_name = intern(graph, edge->peer_name);
	copy.source_name = intern(graph, edge->source_name);
	copy.process = intern(graph, edge->process);
	if (!copy.workload || !copy.peer_name || !copy.source_name || !copy.process)
		return ns_error_set(err, -ENOMEM, "out of memory for the graph");
	edges[graph->n_edges++] = copy;
	return 0;
}

int ns_graph_add_gap(struct ns_graph *graph, const struct ns_gap *gap, struct ns_error *err)
{
	struct ns_gap *gaps = room(graph->gaps, graph->n_gaps, &graph->gaps_allocated, sizeof *gaps);
	struct ns_gap copy = *gap;

	if (!gaps)
		return ns_error_set(err, -ENOMEM, "out of memory for the graph");
	graph->gaps = gaps;
	copy.workload = intern(graph, gap->workload);
	copy.cause = intern(graph, gap->cause);
	if (!copy.workload || !copy.cause)
		return ns_error_set(err, -ENOMEM, "out of memory for the graph");
	gaps[graph->n_gaps++] = copy;
	return 0;
}
