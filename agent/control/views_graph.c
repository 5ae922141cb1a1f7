/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The graph, read and written slice by slice: nothing of it is kept.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "edge_text.h"
#include "lifecycle.h"
#include "log.h"
#include "views.h"

/* Edges looked at for one piece of the answer: half a millisecond, and about what a connection takes at once. */
#define SLICE 384

struct graph {
	struct ns_store *store;
	char *workload; /* NULL: all */
	json_t *warnings;
	struct ns_edge_walk *walk;
	bool begun, first;
	/* While it is written. */
	struct ns_text *text;
	struct ns_error *err;
	/* The kernel remembers an ingress port twice: with the address that asked, and alone, so that the ports are
	 * complete even when the addresses no longer fit. The lone one says something only where no address is known
	 * for its port. It comes first, so it waits for what comes next. */
	struct ns_text lone;
	char lone_workload[NS_WORKLOAD_MAX];
	struct ns_tuple lone_tuple;
};

static void release(void *ctx)
{
	struct graph *graph = ctx;

	if (!graph)
		return;
	ns_edge_walk_free(graph->walk);
	ns_text_release(&graph->lone);
	json_decref(graph->warnings);
	free(graph->workload);
	free(graph);
}

/* ---- edges ---- */

static int separate(struct graph *graph)
{
	int r = graph->first ? 0 : ns_text_add(graph->text, ",", graph->err);

	graph->first = false;
	return r;
}

static int settle_lone(struct graph *graph, bool shown)
{
	int r = 0;

	if (shown && graph->lone.length > 0) {
		r = separate(graph);
		if (r >= 0)
			r = ns_text_add_bytes(graph->text, graph->lone.data, graph->lone.length, graph->err);
	}
	ns_text_clear(&graph->lone);
	return r;
}

static bool is_of_lone_port(const struct graph *graph, const struct ns_edge *edge)
{
	const struct ns_tuple *tuple = &edge->tuple;

	return tuple->direction == NS_INGRESS && tuple->protocol == graph->lone_tuple.protocol &&
	       tuple->port == graph->lone_tuple.port && strcmp(edge->workload, graph->lone_workload) == 0;
}

static int hold_lone(struct graph *graph, const struct ns_edge *edge)
{
	int r = 0;

	/* Under another class or name it stands beside the one before. */
	if (graph->lone.length > 0)
		r = ns_text_add(&graph->lone, ",", graph->err);
	(void)snprintf(graph->lone_workload, sizeof graph->lone_workload, "%s", edge->workload);
	graph->lone_tuple = edge->tuple;
	return r < 0 ? r : ns_edge_text(&graph->lone, edge, graph->err);
}

static int add_edge(void *ctx, const struct ns_edge *edge)
{
	struct graph *graph = ctx;
	bool lone = edge->tuple.direction == NS_INGRESS && edge->tuple.peer.family == 0;
	bool same = graph->lone.length > 0 && is_of_lone_port(graph, edge);
	int r = 0;

	if (graph->lone.length > 0 && !(lone && same))
		r = settle_lone(graph, !same);
	if (r >= 0 && lone)
		return hold_lone(graph, edge);
	if (r >= 0)
		r = separate(graph);
	return r < 0 ? r : ns_edge_text(graph->text, edge, graph->err);
}

/* ---- the document ---- */

struct name_list {
	const char *only; /* NULL: all */
	json_t *names;
};

static int add_name(void *ctx, const struct ns_workload *workload)
{
	struct name_list *list = ctx;

	if (list->only && strcmp(list->only, workload->name) != 0)
		return 0;
	return json_array_append_new(list->names, ns_text_string(workload->name)) < 0 ? -ENOMEM : 0;
}

static int write_begin(struct graph *graph, struct ns_text *text, struct ns_error *err)
{
	struct name_list list = { graph->workload, json_array() };
	NS_JSON json_t *names = list.names;
	int r = ns_store_list_workloads(graph->store, add_name, &list, err);

	if (r >= 0)
		r = ns_text_add(text, "{\"workloads\":", err);
	if (r >= 0)
		r = ns_text_take_json(text, NS_TAKE(names), err);
	return r < 0 ? r : ns_text_add(text, ",\"edges\":[", err);
}

static int write_end(struct graph *graph, struct ns_text *text, struct ns_error *err)
{
	NS_CLEANUP(ns_graph_release) struct ns_graph gaps = NS_GRAPH_INIT;
	bool first = true;
	int r = ns_store_load_gaps(graph->store, graph->workload, &gaps, err);

	if (r >= 0)
		r = ns_text_add(text, "],\"gaps\":[", err);
	for (size_t i = 0; i < gaps.n_gaps && r >= 0; i++)
		r = ns_text_take_element(text, &first, ns_lifecycle_gap(&gaps.gaps[i]), err);
	if (r >= 0)
		r = ns_text_add(text, "],\"warnings\":", err);
	if (r >= 0)
		r = ns_text_take_json(text, json_incref(graph->warnings), err);
	return r < 0 ? r : ns_text_add(text, "}", err);
}

static int next(void *ctx, struct ns_text *text, struct ns_error *err)
{
	struct graph *graph = ctx;
	int r;

	graph->text = text;
	graph->err = err;
	if (!graph->begun) {
		graph->begun = true;
		r = write_begin(graph, text, err);
		return r < 0 ? r : 1;
	}
	r = ns_edge_walk_some(graph->walk, SLICE, add_edge, graph, err);
	if (r != 0)
		return r;
	r = settle_lone(graph, true);
	if (r >= 0)
		r = write_end(graph, text, err);
	return r < 0 ? r : 0;
}

int ns_view_graph(struct ns_engine *engine, const char *workload, struct ns_stream *ret, struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(engine);
	struct graph *graph;
	struct ns_workload row;
	int r = workload ? ns_store_get_workload(store, workload, &row, err) : 0;

	if (r < 0)
		return r;
	graph = calloc(1, sizeof *graph);
	if (!graph)
		return ns_error_set(err, -ENOMEM, "out of memory for the graph");
	*ret = (struct ns_stream){ next, release, graph };
	graph->store = store;
	graph->first = true;
	graph->warnings = json_array();
	graph->workload = workload ? strdup(workload) : NULL;
	if (!graph->warnings || (workload && !graph->workload))
		return ns_error_set(err, -ENOMEM, "out of memory for the graph");
	ns_lifecycle_harvest(engine, workload, graph->warnings);
	return ns_store_walk_edges(store, workload, INT64_MIN, &graph->walk, err);
}

/* ---- denies ---- */

struct deny_list {
	struct ns_text *text;
	bool first;
	struct ns_error *err;
};

static int add_deny(void *ctx, const struct ns_edge *edge, bool audited)
{
	struct deny_list *list = ctx;
	int r = list->first ? 0 : ns_text_add(list->text, ",", list->err);

	list->first = false;
	if (r >= 0)
		r = ns_edge_text_open(list->text, edge, list->err);
	return r < 0 ? r : ns_text_add(list->text, audited ? ",\"audited\":true}" : ",\"audited\":false}", list->err);
}

int ns_view_denies(struct ns_engine *engine, const char *workload, int64_t after, struct ns_text *ret,
		   struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(engine);
	struct deny_list list = { ret, true, err };
	struct ns_error error = NS_ERROR_INIT;
	struct ns_workload row;
	int r = workload ? ns_store_get_workload(store, workload, &row, err) : 0;

	if (r < 0)
		return r;
	/* Who follows the denies asks every second: what fails is kept with the endpoint and shown by the status. */
	if (ns_engine_harvest(engine, workload, &error) < 0)
		ns_log_debug("denies: %s", error.text);
	r = ns_text_add(ret, "[", err);
	if (r >= 0)
		r = ns_store_list_denies(store, workload, after, add_deny, &list, err);
	return r < 0 ? r : ns_text_add(ret, "]", err);
}
