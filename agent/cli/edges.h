/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the edges of the graph and the denies have in common when they are shown.
 */
#ifndef NANOSEG_CLI_EDGES_H
#define NANOSEG_CLI_EDGES_H

#include "document.h"

/* "443", "type 8" for ICMP, "" where there is neither. */
const char *ns_edge_port(const json_t *edge, char buf[static NS_SHOW_FIGURE_MAX]);
/* Cells WORKLOAD, DIRECTION, PEER (transit: "source → peer"), PROTOCOL, PORT. */
void ns_edge_cells(struct ns_table *table, const json_t *edge);
/* "program (uid 33)". */
void ns_edge_process_cell(struct ns_table *table, const json_t *edge);

/* The graph as Graphviz reads it. modes: the answer of /v1/policies, for the colours. Returns an exit code. */
int ns_graph_dot(FILE *out, const json_t *graph, const json_t *modes, struct ns_error *err);

#endif
