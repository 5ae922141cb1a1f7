/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the edges of the graph and the denies have in common when they are shown.
 */
#ifndef NANOSEG_CLI_EDGES_H
#define NANOSEG_CLI_EDGES_H

#include "document.h"

struct ns_shown_peer {
	const char *peer_class, *name, *address;
};

/* As the daemon's documents have it; texts are borrowed, and "" where there is none. */
struct ns_shown_edge {
	const char *workload, *direction, *protocol, *first_seen, *last_seen, *process;
	struct ns_shown_peer peer, source;
	bool has_source, has_port, has_type, has_uid;
	int64_t port, type, uid;
	uint64_t packets, bytes;
};

#define NS_SHOWN_EDGE_INIT                                                                                             \
	{                                                                                                              \
		.workload = "", .direction = "", .protocol = "", .first_seen = "", .last_seen = "", .process = "",     \
		.peer = { "", "", "" }, .source = {                                                                    \
			"",                                                                                            \
			"",                                                                                            \
			""                                                                                             \
		}                                                                                                      \
	}

/* Of a document in memory. */
struct ns_shown_edge ns_edge_of_json(const json_t *edge);

/* As ns_document_peer(). */
const char *ns_edge_peer(const struct ns_shown_peer *peer, char buf[static NS_DOCUMENT_PEER_MAX]);
/* "443", "type 8" for ICMP, "" where there is neither. */
const char *ns_edge_port(const struct ns_shown_edge *edge, char buf[static NS_SHOW_FIGURE_MAX]);
/* Cells WORKLOAD, DIRECTION, PEER (transit: "source → peer"), PROTOCOL, PORT. */
void ns_edge_cells(struct ns_table *table, const struct ns_shown_edge *edge);
/* "program (uid 33)". */
void ns_edge_process_cell(struct ns_table *table, const struct ns_shown_edge *edge);

#endif
