/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "lifecycle.h"
#include "log.h"
#include "views.h"

/* ---- which edges are shown ----
 *
 * The kernel remembers an ingress port twice: with the address that asked, and alone, so that the ports are complete
 * even when the addresses no longer fit. The lone one says something only where no address is known for its port. */

struct covered_port {
	const char *workload; /* interned: the pointer is the name */
	uint8_t protocol;
	uint16_t port;
};

static int covered_compare(const void *a, const void *b)
{
	const struct covered_port *x = a, *y = b;

	if (x->workload != y->workload)
		return (uintptr_t)x->workload < (uintptr_t)y->workload ? -1 : 1;
	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	return x->port == y->port ? 0 : x->port < y->port ? -1 : 1;
}

static struct covered_port port_of(const struct ns_edge *edge)
{
	/* Zeroed as a whole, so that the comparison never sees padding. */
	struct covered_port port = { edge->workload, edge->tuple.protocol, edge->tuple.port };

	return port;
}

/* The ports with addresses, sorted. NULL: there are none, or no memory (*ret_n tells: 0 or not). */
static struct covered_port *covered_ports(const struct ns_graph *graph, size_t *ret_n)
{
	struct covered_port *ports;
	size_t n = 0;

	for (size_t i = 0; i < graph->n_edges; i++)
		n += graph->edges[i].tuple.direction == NS_INGRESS && graph->edges[i].tuple.peer.family != 0;
	*ret_n = n;
	if (n == 0)
		return NULL;
	ports = calloc(n, sizeof *ports);
	if (!ports)
		return NULL;
	n = 0;
	for (size_t i = 0; i < graph->n_edges; i++)
		if (graph->edges[i].tuple.direction == NS_INGRESS && graph->edges[i].tuple.peer.family != 0)
			ports[n++] = port_of(&graph->edges[i]);
	qsort(ports, n, sizeof *ports, covered_compare);
	return ports;
}

static bool is_shown(const struct ns_edge *edge, const struct covered_port *ports, size_t n_ports)
{
	struct covered_port port = port_of(edge);

	if (edge->tuple.peer.family != 0 || edge->tuple.direction != NS_INGRESS || n_ports == 0)
		return true;
	return bsearch(&port, ports, n_ports, sizeof *ports, covered_compare) == NULL;
}

/* ---- one edge ---- */

static json_t *peer_json(enum ns_peer_class peer_class, const char *name, const struct ns_addr *addr)
{
	char text[NS_ADDR_TEXT_MAX];

	return json_pack("{s:o, s:o, s:o}", "class", ns_text_string(ns_peer_class_format(peer_class)), "name",
			 ns_text_string(name), "address",
			 addr->family ? json_string(ns_addr_format(addr, text)) : json_null());
}

static json_t *edge_json(const struct ns_edge *edge)
{
	const struct ns_tuple *tuple = &edge->tuple;
	bool ports = ns_protocol_has_ports(tuple->protocol), icmp = ns_protocol_is_icmp(tuple->protocol);
	char protocol[4];
	json_t *json;

	json = json_pack("{s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "workload",
			 ns_text_string(edge->workload), "direction", ns_direction_format(tuple->direction), "peer",
			 peer_json(edge->peer_class, edge->peer_name, &tuple->peer), "protocol",
			 ns_protocol_format(tuple->protocol, protocol), "port",
			 ports ? json_integer(tuple->port) : json_null(), "icmp_type",
			 icmp ? json_integer(tuple->port) : json_null(), "packets", ns_text_count(edge->packets),
			 "bytes", ns_text_count(edge->bytes), "first_seen", ns_time_json(edge->first_seen), "last_seen",
			 ns_time_json(edge->last_seen), "process", ns_text_string(edge->process), "uid",
			 edge->uid >= 0 ? json_integer(edge->uid) : json_null());
	if (json && tuple->direction == NS_TRANSIT &&
	    json_object_set_new(json, "source", peer_json(edge->source_class, edge->source_name, &tuple->source)) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* ---- the graph ---- */

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

static int write_edges(const struct ns_graph *graph, struct ns_text *ret, struct ns_error *err)
{
	size_t n_ports;
	NS_FREE struct covered_port *ports = covered_ports(graph, &n_ports);
	bool first = true;
	int r = 0;

	if (n_ports > 0 && !ports)
		return ns_error_set(err, -ENOMEM, "out of memory for the graph");
	for (size_t i = 0; i < graph->n_edges && r >= 0; i++)
		if (is_shown(&graph->edges[i], ports, n_ports))
			r = ns_text_take_element(ret, &first, edge_json(&graph->edges[i]), err);
	return r;
}

static int write_graph(struct ns_store *store, const char *workload, const struct ns_graph *graph, json_t *warnings,
		       struct ns_text *ret, struct ns_error *err)
{
	struct name_list list = { workload, json_array() };
	NS_JSON json_t *names = list.names;
	bool first = true;
	int r;

	r = ns_store_list_workloads(store, add_name, &list, err);
	if (r >= 0)
		r = ns_text_add(ret, "{\"workloads\":", err);
	if (r >= 0)
		r = ns_text_take_json(ret, NS_TAKE(names), err);
	if (r >= 0)
		r = ns_text_add(ret, ",\"edges\":[", err);
	if (r >= 0)
		r = write_edges(graph, ret, err);
	if (r >= 0)
		r = ns_text_add(ret, "],\"gaps\":[", err);
	for (size_t i = 0; i < graph->n_gaps && r >= 0; i++)
		r = ns_text_take_element(ret, &first, ns_lifecycle_gap(&graph->gaps[i]), err);
	if (r >= 0)
		r = ns_text_add(ret, "],\"warnings\":", err);
	if (r >= 0)
		r = ns_text_take_json(ret, json_incref(warnings), err);
	return r < 0 ? r : ns_text_add(ret, "}", err);
}

int ns_view_graph(struct ns_engine *engine, const char *workload, struct ns_text *ret, struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(engine);
	NS_CLEANUP(ns_graph_release) struct ns_graph graph = NS_GRAPH_INIT;
	NS_JSON json_t *warnings = json_array();
	struct ns_workload row;
	int r = workload ? ns_store_get_workload(store, workload, &row, err) : 0;

	if (r < 0)
		return r;
	ns_lifecycle_harvest(engine, workload, warnings);
	r = ns_store_load_graph(store, workload, &graph, err);
	return r < 0 ? r : write_graph(store, workload, &graph, warnings, ret, err);
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
	json_t *json = edge_json(edge);

	if (json && json_object_set_new(json, "audited", json_boolean(audited)) < 0) {
		json_decref(json);
		json = NULL;
	}
	return ns_text_take_element(list->text, &list->first, json, list->err);
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
