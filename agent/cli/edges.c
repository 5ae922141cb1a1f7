/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edges.h"

#include <string.h>

const char *ns_edge_port(const json_t *edge, char buf[static NS_SHOW_FIGURE_MAX])
{
	const json_t *port = json_object_get(edge, "port"), *type = json_object_get(edge, "icmp_type");

	buf[0] = '\0';
	if (json_is_integer(port))
		(void)snprintf(buf, NS_SHOW_FIGURE_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(port));
	else if (json_is_integer(type))
		(void)snprintf(buf, NS_SHOW_FIGURE_MAX, "type %" JSON_INTEGER_FORMAT, json_integer_value(type));
	return buf;
}

void ns_edge_cells(struct ns_table *table, const json_t *edge)
{
	const json_t *source = json_object_get(edge, "source");
	char from[NS_DOCUMENT_PEER_MAX], peer[NS_DOCUMENT_PEER_MAX], port[NS_SHOW_FIGURE_MAX];

	ns_table_add(table, ns_document_text(edge, "workload"));
	ns_table_add(table, ns_document_text(edge, "direction"));
	(void)ns_document_peer(json_object_get(edge, "peer"), peer);
	if (source)
		ns_table_addf(table, "%s → %s", ns_document_peer(source, from), peer);
	else
		ns_table_add(table, peer);
	ns_table_add(table, ns_document_text(edge, "protocol"));
	ns_table_add(table, ns_edge_port(edge, port));
}

void ns_edge_process_cell(struct ns_table *table, const json_t *edge)
{
	const json_t *uid = json_object_get(edge, "uid");
	const char *process = ns_document_text(edge, "process");

	if (json_is_integer(uid))
		ns_table_addf(table, "%s%suid %" JSON_INTEGER_FORMAT, process, *process ? ", " : "",
			      json_integer_value(uid));
	else
		ns_table_add(table, process);
}
