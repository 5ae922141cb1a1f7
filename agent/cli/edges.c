/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edges.h"

#include <inttypes.h>
#include <string.h>

static struct ns_shown_peer peer_of_json(const json_t *peer)
{
	return (struct ns_shown_peer){ ns_document_text(peer, "class"), ns_document_text(peer, "name"),
				       ns_document_text(peer, "address") };
}

struct ns_shown_edge ns_edge_of_json(const json_t *edge)
{
	const json_t *source = json_object_get(edge, "source"), *port = json_object_get(edge, "port");
	const json_t *type = json_object_get(edge, "icmp_type"), *uid = json_object_get(edge, "uid");

	return (struct ns_shown_edge){
		.workload = ns_document_text(edge, "workload"),
		.direction = ns_document_text(edge, "direction"),
		.protocol = ns_document_text(edge, "protocol"),
		.first_seen = ns_document_text(edge, "first_seen"),
		.last_seen = ns_document_text(edge, "last_seen"),
		.process = ns_document_text(edge, "process"),
		.peer = peer_of_json(json_object_get(edge, "peer")),
		.source = peer_of_json(source),
		.has_source = source != NULL,
		.has_port = json_is_integer(port),
		.has_type = json_is_integer(type),
		.has_uid = json_is_integer(uid),
		.port = json_integer_value(port),
		.type = json_integer_value(type),
		.uid = json_integer_value(uid),
		.packets = ns_document_number(edge, "packets"),
		.bytes = ns_document_number(edge, "bytes"),
	};
}

const char *ns_edge_peer(const struct ns_shown_peer *peer, char buf[static NS_DOCUMENT_PEER_MAX])
{
	/* The everyday peer: its name says it all. */
	const char *word = strcmp(peer->peer_class, "workload") == 0 && *peer->name ? "" : peer->peer_class;
	const char *const parts[] = { word, peer->name, peer->address };
	size_t used = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t length = strlen(parts[i]), room = NS_DOCUMENT_PEER_MAX - 2 - used;

		if (length == 0 || used >= NS_DOCUMENT_PEER_MAX - 2)
			continue;
		if (used > 0)
			buf[used++] = ' ';
		length = length < room ? length : room;
		memcpy(buf + used, parts[i], length);
		used += length;
	}
	buf[used] = '\0';
	return buf;
}

const char *ns_edge_port(const struct ns_shown_edge *edge, char buf[static NS_SHOW_FIGURE_MAX])
{
	buf[0] = '\0';
	if (edge->has_port)
		(void)snprintf(buf, NS_SHOW_FIGURE_MAX, "%" PRId64, edge->port);
	else if (edge->has_type)
		(void)snprintf(buf, NS_SHOW_FIGURE_MAX, "type %" PRId64, edge->type);
	return buf;
}

void ns_edge_cells(struct ns_table *table, const struct ns_shown_edge *edge)
{
	char from[NS_DOCUMENT_PEER_MAX], peer[NS_DOCUMENT_PEER_MAX], port[NS_SHOW_FIGURE_MAX];

	ns_table_add(table, edge->workload);
	ns_table_add(table, edge->direction);
	(void)ns_edge_peer(&edge->peer, peer);
	if (edge->has_source)
		ns_table_addf(table, "%s → %s", ns_edge_peer(&edge->source, from), peer);
	else
		ns_table_add(table, peer);
	ns_table_add(table, edge->protocol);
	if (edge->has_port && edge->port >= 0)
		ns_table_add_number(table, (uint64_t)edge->port);
	else
		ns_table_add(table, ns_edge_port(edge, port));
}

void ns_edge_process_cell(struct ns_table *table, const struct ns_shown_edge *edge)
{
	char cell[NS_DOCUMENT_PEER_MAX], *to = cell;

	if (edge->has_uid && edge->uid >= 0 && strlen(edge->process) < sizeof(cell) - NS_SHOW_FIGURE_MAX) {
		if (*edge->process)
			to = ns_show_copy(ns_show_copy(to, edge->process), ", ");
		(void)ns_show_number((uint64_t)edge->uid, ns_show_copy(to, "uid "));
		ns_table_add(table, cell);
	} else if (edge->has_uid)
		ns_table_addf(table, "%s%suid %" PRId64, edge->process, *edge->process ? ", " : "", edge->uid);
	else
		ns_table_add(table, edge->process);
}
