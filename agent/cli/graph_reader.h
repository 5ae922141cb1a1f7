/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The graph as it comes: {…, "edges": [edge…], …}, of which an edge is shown and forgotten before the next one is read.
 * Everything else of the document is kept. A million edges make a document of 300 MB, and as JSON values they would
 * take ten times that.
 */
#ifndef NANOSEG_CLI_GRAPH_READER_H
#define NANOSEG_CLI_GRAPH_READER_H

#include <jansson.h>

#include "edges.h"

/* Returns an exit code. */
typedef int (*ns_graph_each)(void *ctx, const struct ns_shown_edge *edge, struct ns_error *err);

struct ns_graph_reader {
	ns_graph_each each;
	void *ctx;
	json_t *rest; /* the members beside the edges */
	/* What has come and is not read yet: less than an edge, or than one of the other members. */
	char *text;
	size_t length, allocated;
	enum { NS_GRAPH_START, NS_GRAPH_MEMBER, NS_GRAPH_EDGE, NS_GRAPH_END } state;
	bool first; /* of the members, or of the edges */
};

/* -ENOMEM is NS_CLI_REFUSED. */
int ns_graph_reader_start(struct ns_graph_reader *reader, ns_graph_each each, void *ctx, struct ns_error *err);
void ns_graph_reader_release(struct ns_graph_reader *reader);
/* More of it; an ns_client_sink. NS_CLI_UNREACHABLE: that is no such document. */
int ns_graph_reader_feed(void *reader, const char *data, size_t length, struct ns_error *err);
/* There is no more: was it all? */
int ns_graph_reader_end(const struct ns_graph_reader *reader, struct ns_error *err);

#endif
