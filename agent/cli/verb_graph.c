/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cleanup.h"
#include "graph_dot.h"
#include "graph_reader.h"
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

/* ---- rows as they come ---- */

struct listing {
	struct ns_cli *cli;
	struct ns_table table;
	bool any;
};

static int add_row(void *ctx, const struct ns_shown_edge *edge, struct ns_error *err)
{
	struct listing *listing = ctx;
	struct ns_table *table = &listing->table;
	char bytes[NS_SHOW_FIGURE_MAX], age[NS_SHOW_FIGURE_MAX + 8];

	listing->any = true;
	ns_edge_cells(table, edge);
	ns_table_add_number(table, edge->packets);
	ns_table_add(table, ns_show_bytes(edge->bytes, bytes));
	ns_table_add(table, ns_document_age_of(edge->first_seen, listing->cli->now, age));
	ns_table_add(table, ns_document_age_of(edge->last_seen, listing->cli->now, age));
	ns_edge_process_cell(table, edge);
	if (table->n_cells < NS_TABLE_ROWS_MAX * table->n_columns)
		return NS_CLI_OK;
	return ns_table_print(table, listing->cli->width, listing->cli->out, err) < 0 ? NS_CLI_REFUSED : NS_CLI_OK;
}

static int read_graph(struct ns_cli *cli, const char *workload, struct ns_graph_reader *reader, struct ns_error *err)
{
	int r = ns_client_stream(cli->request->socket, ns_client_path("/v1/graph", "workload", workload, NULL),
				 ns_graph_reader_feed, reader, err);

	return r == NS_CLI_OK ? ns_graph_reader_end(reader, err) : r;
}

static int people(struct ns_cli *cli, const char *workload, struct ns_error *err)
{
	struct listing listing = { .cli = cli, .table = NS_TABLE(edge_columns) };
	struct ns_graph_reader reader = { 0 };
	int r = ns_graph_reader_start(&reader, add_row, &listing, err);

	if (r == NS_CLI_OK)
		r = read_graph(cli, workload, &reader, err);
	if (r == NS_CLI_OK && !listing.any)
		(void)fputs("no edges: nothing was seen yet\n", cli->out);
	if (r == NS_CLI_OK &&
	    (ns_table_print(&listing.table, cli->width, cli->out, err) < 0 || print_gaps(cli, reader.rest, err) < 0))
		r = NS_CLI_REFUSED;
	if (r == NS_CLI_OK)
		r = ns_document_warnings(cli->out, reader.rest, err);
	ns_table_release(&listing.table);
	ns_graph_reader_release(&reader);
	return r;
}

struct drawing {
	struct ns_picture picture;
	struct ns_graph_reader reader;
	bool named;
};

/* They come before the edges, and so do their nodes. */
static int add_names(struct drawing *drawing, struct ns_error *err)
{
	if (drawing->named)
		return NS_CLI_OK;
	drawing->named = true;
	return ns_picture_add_workloads(&drawing->picture, json_object_get(drawing->reader.rest, "workloads"), err);
}

static int draw(void *ctx, const struct ns_shown_edge *edge, struct ns_error *err)
{
	struct drawing *drawing = ctx;
	int r = add_names(drawing, err);

	return r == NS_CLI_OK ? ns_picture_add(&drawing->picture, edge, err) : r;
}

/* The colours need the modes, which another document has. */
static int dot(struct ns_cli *cli, const char *workload, struct ns_error *err)
{
	struct ns_response modes = { 0 };
	struct drawing drawing = { .named = false };
	int r = ns_client_get(cli->request->socket, ns_client_path("/v1/policies", NULL), &modes, err);

	if (r == NS_CLI_OK)
		r = ns_picture_start(&drawing.picture, modes.json, err);
	if (r == NS_CLI_OK)
		r = ns_graph_reader_start(&drawing.reader, draw, &drawing, err);
	if (r == NS_CLI_OK)
		r = read_graph(cli, workload, &drawing.reader, err);
	if (r == NS_CLI_OK)
		r = add_names(&drawing, err);
	if (r == NS_CLI_OK)
		r = ns_picture_write(cli->out, &drawing.picture, err);
	ns_picture_release(&drawing.picture);
	ns_graph_reader_release(&drawing.reader);
	ns_response_release(&modes);
	return r;
}

/* ---- for programs, as it comes ---- */

/* On a terminal it is indented, which needs all of it. */
static int indented(struct ns_cli *cli, const char *workload, struct ns_error *err)
{
	struct ns_response response = { 0 };
	int r = ns_client_get(cli->request->socket, ns_client_path("/v1/graph", "workload", workload, NULL), &response,
			      err);

	if (r == NS_CLI_OK)
		r = ns_document_print(cli, &response, err);
	ns_response_release(&response);
	return r;
}

int ns_verb_graph(struct ns_cli *cli, struct ns_error *err)
{
	static const char *const formats[] = { "table", "json", "dot" };
	const char *workload = cli->request->n_args ? cli->request->args[0] : NULL;
	const char *format = cli->request->format, *nearest;
	bool json = cli->request->json;

	if (!format)
		format = json ? "json" : "table";
	if (json && strcmp(format, "json") != 0)
		return ns_cli_usage(err, "--json and --format %s exclude each other", format);
	if (strcmp(format, "dot") == 0)
		return dot(cli, workload, err);
	if (strcmp(format, "json") != 0 && strcmp(format, "table") != 0) {
		nearest = ns_nearest(format, formats, 3);
		return ns_cli_usage(err, "--format: '%.32s' is not one of table, json, dot%s%s%s", format,
				    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	}
	if (strcmp(format, "table") == 0)
		return people(cli, workload, err);
	if (cli->terminal)
		return indented(cli, workload, err);
	return ns_document_pass(cli, ns_client_path("/v1/graph", "workload", workload, NULL), err);
}
