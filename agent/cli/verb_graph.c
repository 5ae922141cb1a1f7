/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cleanup.h"
#include "edges.h"
#include "nearest.h"

static const struct ns_column edge_columns[] = {
	{ "WORKLOAD", NS_CUT },
	{ "DIRECTION", NS_LEFT },
	{ "PEER", NS_CUT },
	{ "PROTO", NS_LEFT },
	{ "PORT", NS_LEFT },
	{ "PACKETS", NS_RIGHT },
	{ "BYTES", NS_RIGHT | NS_SPARE },
	{ "FIRST SEEN", NS_SPARE },
	{ "LAST SEEN", NS_LEFT },
	{ "PROCESS", NS_CUT | NS_SPARE },
};
static const struct ns_column gap_columns[] = {
	{ "LEARNING GAP", NS_CUT }, { "FROM", NS_LEFT }, { "TO", NS_LEFT }, { "CAUSE", NS_CUT }
};

static int print_gaps(struct ns_cli *cli, const json_t *graph, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(gap_columns);
	const json_t *gap;
	size_t i;

	json_array_foreach (json_object_get(graph, "gaps"), i, gap) {
		const char *to = ns_document_text(gap, "to");

		ns_table_add(&table, ns_document_text(gap, "workload"));
		ns_table_add(&table, ns_document_text(gap, "from"));
		ns_table_add(&table, *to ? to : "still open");
		ns_table_add(&table, ns_document_text(gap, "cause"));
	}
	if (table.n_cells)
		(void)fputc('\n', cli->out);
	return ns_table_print(&table, cli->width, cli->out, err);
}

static int people(struct ns_cli *cli, const json_t *graph, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(edge_columns);
	char bytes[NS_SHOW_FIGURE_MAX], age[NS_SHOW_FIGURE_MAX + 8];
	const json_t *edge;
	size_t i;

	json_array_foreach (json_object_get(graph, "edges"), i, edge) {
		ns_edge_cells(&table, edge);
		ns_table_add_number(&table, ns_document_number(edge, "packets"));
		ns_table_add(&table, ns_show_bytes(ns_document_number(edge, "bytes"), bytes));
		ns_table_add(&table, ns_document_age(edge, "first_seen", cli->now, age));
		ns_table_add(&table, ns_document_age(edge, "last_seen", cli->now, age));
		ns_edge_process_cell(&table, edge);
	}
	if (i == 0)
		(void)fputs("no edges: nothing was seen yet\n", cli->out);
	if (ns_table_print(&table, cli->width, cli->out, err) < 0 || print_gaps(cli, graph, err) < 0)
		return NS_CLI_REFUSED;
	return ns_document_warnings(cli->out, graph, err);
}

/* The colours need the modes, which another document has. */
static int dot(struct ns_cli *cli, const char *workload, struct ns_error *err)
{
	struct ns_response graph = { 0 }, modes = { 0 };
	const char *socket = cli->request->socket;
	int r = ns_client_get(socket, ns_client_path("/v1/graph", "workload", workload, NULL), &graph, err);

	if (r == NS_CLI_OK)
		r = ns_client_get(socket, ns_client_path("/v1/policies", NULL), &modes, err);
	if (r == NS_CLI_OK)
		r = ns_graph_dot(cli->out, graph.json, modes.json, err);
	ns_response_release(&graph);
	ns_response_release(&modes);
	return r;
}

int ns_verb_graph(struct ns_cli *cli, struct ns_error *err)
{
	static const char *const formats[] = { "table", "json", "dot" };
	const char *workload = cli->request->n_args ? cli->request->args[0] : NULL;
	const char *format = cli->request->format, *nearest;
	struct ns_cli_request request = *cli->request;
	struct ns_cli with_format = *cli;

	if (!format)
		format = request.json ? "json" : "table";
	if (request.json && strcmp(format, "json") != 0)
		return ns_cli_usage(err, "--json and --format %s exclude each other", format);
	if (strcmp(format, "dot") == 0)
		return dot(cli, workload, err);
	if (strcmp(format, "json") != 0 && strcmp(format, "table") != 0) {
		nearest = ns_nearest(format, formats, 3);
		return ns_cli_usage(err, "--format: '%.32s' is not one of table, json, dot%s%s%s", format,
				    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	}
	request.json = strcmp(format, "json") == 0;
	with_format.request = &request;
	return ns_document_get(&with_format, ns_client_path("/v1/graph", "workload", workload, NULL), people, err);
}
