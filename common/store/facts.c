/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "store/facts.h"

int ns_tuple_check(const struct ns_tuple *tuple, struct ns_error *err)
{
	if (tuple->direction != NS_INGRESS && tuple->direction != NS_EGRESS && tuple->direction != NS_TRANSIT)
		return ns_error_set(err, -EINVAL, "an edge without a direction");
	if ((tuple->peer.family && !ns_addr_length(&tuple->peer)) ||
	    (tuple->source.family && !ns_addr_length(&tuple->source)))
		return ns_error_set(err, -EINVAL, "an edge with an address of family %u", tuple->peer.family);
	return 0;
}

int ns_edge_check(const struct ns_edge *edge, struct ns_error *err)
{
	if (!*edge->workload || strlen(edge->workload) >= NS_WORKLOAD_MAX)
		return ns_error_set(err, -EINVAL, "an edge without a workload, or with a name beyond %d bytes",
				    NS_WORKLOAD_MAX - 1);
	if (edge->peer_class <= NS_PEER_INVALID || edge->peer_class > NS_PEER_ANY)
		return ns_error_set(err, -EINVAL, "an edge of %s without a peer class", edge->workload);
	if (strlen(edge->peer_name) >= NS_NAME_MAX || strlen(edge->source_name) >= NS_NAME_MAX ||
	    strlen(edge->process) >= NS_PROCESS_MAX)
		return ns_error_set(err, -EINVAL, "an edge of %s with a name that is too long", edge->workload);
	return ns_tuple_check(&edge->tuple, err);
}

int ns_edge_names_find(struct ns_store *store, const struct ns_edge *edge, struct ns_edge_names *ret,
		       struct ns_error *err)
{
	struct ns_edge_names names = { 0 };
	int r = ns_strings_find(store, edge->workload, &names.workload, err);

	if (r == 0)
		r = ns_strings_find(store, edge->peer_name, &names.peer_name, err);
	names.known = names.workload && (names.peer_name || !*edge->peer_name);
	/* The source's name is no part of the identity: a known edge may get a new one. */
	if (r == 0 && names.known)
		r = ns_strings_put(store, edge->source_name, &names.source_name, err);
	if (r == 0)
		*ret = names;
	return r;
}

int ns_edge_names_put(struct ns_store *store, const struct ns_edge *edge, struct ns_edge_names *ret,
		      struct ns_error *err)
{
	struct ns_edge_names names = { .known = true };
	int r = ns_strings_put(store, edge->workload, &names.workload, err);

	if (r == 0)
		r = ns_strings_put(store, edge->peer_name, &names.peer_name, err);
	if (r == 0)
		r = ns_strings_put(store, edge->source_name, &names.source_name, err);
	if (r == 0)
		*ret = names;
	return r;
}

/* Each number into its field, within that field's bounds. */
static bool read_numbers(sqlite3_stmt *s, struct ns_edge *edge)
{
	int64_t direction = sqlite3_column_int64(s, 1), protocol = sqlite3_column_int64(s, 2);
	int64_t port = sqlite3_column_int64(s, 3), peer_class = sqlite3_column_int64(s, 6);
	int64_t source_class = sqlite3_column_int64(s, 8);
	int64_t packets = sqlite3_column_int64(s, 10), bytes = sqlite3_column_int64(s, 11);

	if (direction < NS_INGRESS || direction > NS_TRANSIT || protocol < 0 || protocol > UINT8_MAX || port < 0 ||
	    port > UINT16_MAX || peer_class <= NS_PEER_INVALID || peer_class > NS_PEER_ANY ||
	    source_class < NS_PEER_INVALID || source_class > NS_PEER_ANY || packets < 0 || bytes < 0)
		return false;
	edge->tuple.direction = (enum ns_direction)direction;
	edge->tuple.protocol = (uint8_t)protocol;
	edge->tuple.port = (uint16_t)port;
	edge->peer_class = (enum ns_peer_class)peer_class;
	edge->source_class = (enum ns_peer_class)source_class;
	edge->packets = (uint64_t)packets;
	edge->bytes = (uint64_t)bytes;
	edge->first_seen = sqlite3_column_int64(s, 12);
	edge->last_seen = sqlite3_column_int64(s, 13);
	edge->uid = sqlite3_column_int64(s, 15);
	return true;
}

int ns_edge_row_numbers(struct ns_store *store, sqlite3_stmt *s, struct ns_edge *ret, struct ns_edge_names *ret_names,
			struct ns_error *err)
{
	int r;

	ret->process = ns_db_text(store, s, 14);
	r = ns_db_row_end(store, err);
	if (r == 0)
		r = ns_db_addr(store, s, 4, &ret->tuple.peer, err);
	if (r == 0)
		r = ns_db_addr(store, s, 5, &ret->tuple.source, err);
	if (r < 0)
		return r;
	if (!read_numbers(s, ret))
		return ns_db_damaged(store, err, "an edge that cannot be");
	ret_names->workload = sqlite3_column_int64(s, 0);
	ret_names->peer_name = sqlite3_column_int64(s, 7);
	ret_names->source_name = sqlite3_column_int64(s, 9);
	ret_names->known = true;
	return 0;
}

int ns_edge_row(struct ns_store *store, sqlite3_stmt *s, const struct ns_string_table *strings, struct ns_edge *ret,
		struct ns_error *err)
{
	struct ns_edge edge = { 0 };
	struct ns_edge_names names;
	int r = ns_edge_row_numbers(store, s, &edge, &names, err);

	if (r < 0)
		return r;
	edge.workload = ns_string_table_text(strings, names.workload);
	edge.peer_name = ns_string_table_text(strings, names.peer_name);
	edge.source_name = ns_string_table_text(strings, names.source_name);
	if (!edge.workload || !edge.peer_name || !edge.source_name)
		return ns_db_damaged(store, err, "an edge that cannot be");
	*ret = edge;
	return 0;
}
