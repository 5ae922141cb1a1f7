/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The graph as Graphviz reads it.
 */
#ifndef NANOSEG_CLI_GRAPH_DOT_H
#define NANOSEG_CLI_GRAPH_DOT_H

#include <jansson.h>

#include "edges.h"

/* Nodes, arrows, and services on them. Nobody can look at that many, and no layout of them comes to an end. */
#define NS_PICTURE_MAX 200000

/* Sets as JSON objects: they remember the order in which their members came. */
struct ns_picture {
	json_t *nodes;  /* id -> {"label", "mode", "shape", "fill"} */
	json_t *arrows; /* "from\nto" -> {"from", "to", "labels": {label: true}, "transit": bool} */
	const json_t *modes;
	size_t size; /* of arrows and labels */
};

/* modes: the answer of /v1/policies (borrowed), for the colours. All return exit codes. */
int ns_picture_start(struct ns_picture *picture, const json_t *modes, struct ns_error *err);
void ns_picture_release(struct ns_picture *picture);
int ns_picture_add_workloads(struct ns_picture *picture, const json_t *names, struct ns_error *err);
int ns_picture_add(void *picture, const struct ns_shown_edge *edge, struct ns_error *err); /* a ns_graph_each */
int ns_picture_write(FILE *out, const struct ns_picture *picture, struct ns_error *err);

#endif
