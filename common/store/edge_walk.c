/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading the graph in slices. A slice begins behind the last edge of the one before, which its key tells: between two
 * slices no statement is open, so nothing holds the write-ahead log back, and whoever writes in between is not in the
 * way. Edges are never taken out, so each that is there when the walk begins comes once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/facts.h"

/* Peers' names that are kept at once. A slot is chosen by the name's number, and the next name with it takes it over.
 */
#define PEER_NAMES 4096

struct name {
	int64_t id; /* 0: empty slot, or the empty name */
	char *text;
};

/* The primary key of the last edge. */
struct key {
	int64_t workload;
	int64_t direction, protocol, port;
	struct ns_addr peer, source;
	int64_t peer_class, peer_name;
};

struct ns_edge_walk {
	struct ns_store *store;
	int64_t since, last_workload;
	struct key key;
	bool done;
	/* An edge has one name of each kind, so that no look-up takes the text of another away. */
	struct name workload, source, peers[PEER_NAMES];
};

int ns_store_walk_edges(struct ns_store *store, const char *workload, int64_t since, struct ns_edge_walk **ret,
			struct ns_error *err)
{
	struct ns_edge_walk *walk = calloc(1, sizeof *walk);
	int64_t id = 0;
	int r = walk ? 0 : ns_error_set(err, -ENOMEM, "out of memory for the graph");

	if (r == 0 && workload)
		r = ns_strings_find(store, workload, &id, err);
	if (r < 0) {
		free(walk);
		return r;
	}
	walk->store = store;
	walk->since = since;
	/* No edge has the number 0, or the direction 0. */
	walk->key.workload = id;
	walk->last_workload = workload ? id : INT64_MAX;
	walk->done = workload && !id;
	*ret = walk;
	return 0;
}

struct ns_edge_walk *ns_edge_walk_free(struct ns_edge_walk *walk)
{
	if (!walk)
		return NULL;
	free(walk->workload.text);
	free(walk->source.text);
	for (size_t i = 0; i < PEER_NAMES; i++)
		free(walk->peers[i].text);
	free(walk);
	return NULL;
}

static int read_name(struct ns_store *store, int64_t id, struct name *ret, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	char *text;
	int r = ns_db_query(store, &s, "SELECT text FROM string WHERE id = ?1", NS_VALUES(ns_int(id)), err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r == 0)
		return ns_db_damaged(store, err, "string %lld is missing", (long long)id);
	if (r < 0)
		return r;
	text = strdup(ns_db_text(store, s, 0));
	r = ns_db_row_end(store, err);
	if (r == 0 && !text)
		r = ns_error_set(err, -ENOMEM, "out of memory for the graph");
	if (r < 0) {
		free(text);
		return r;
	}
	free(ret->text);
	*ret = (struct name){ id, text };
	return 0;
}

static int name_of(struct ns_store *store, int64_t id, struct name *slot, const char **ret, struct ns_error *err)
{
	int r = 0;

	if (id == 0) {
		*ret = "";
		return 0;
	}
	if (slot->id != id)
		r = read_name(store, id, slot, err);
	if (r == 0)
		*ret = slot->text;
	return r;
}

static int read_names(struct ns_edge_walk *walk, const struct ns_edge_names *names, struct ns_edge *edge,
		      struct ns_error *err)
{
	struct name *peer = &walk->peers[(uint64_t)names->peer_name % PEER_NAMES];
	int r = name_of(walk->store, names->workload, &walk->workload, &edge->workload, err);

	if (r == 0)
		r = name_of(walk->store, names->peer_name, peer, &edge->peer_name, err);
	if (r == 0)
		r = name_of(walk->store, names->source_name, &walk->source, &edge->source_name, err);
	return r;
}

/* `k` must stay as it is while the statement is in use. */
static int query(const struct ns_edge_walk *walk, const struct key *k, size_t max, sqlite3_stmt **ret,
		 struct ns_error *err)
{
	return ns_db_query(
		walk->store, ret,
		"SELECT " NS_EDGE_COLUMNS " FROM edge WHERE "
		"(workload, direction, protocol, port, peer, source, peer_class, peer_name) > "
		"(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) AND workload <= ?9 "
		"ORDER BY workload, direction, protocol, port, peer, source, peer_class, peer_name LIMIT ?10",
		NS_VALUES(ns_int(k->workload), ns_int(k->direction), ns_int(k->protocol), ns_int(k->port),
			  ns_addr_value(&k->peer), ns_addr_value(&k->source), ns_int(k->peer_class),
			  ns_int(k->peer_name), ns_int(walk->last_workload), ns_figure(max)),
		err);
}

/* Where the next slice begins. */
static void keep_key(struct ns_edge_walk *walk, const struct ns_edge *edge, const struct ns_edge_names *names)
{
	walk->key = (struct key){ .workload = names->workload,
				  .direction = edge->tuple.direction,
				  .protocol = edge->tuple.protocol,
				  .port = edge->tuple.port,
				  .peer = edge->tuple.peer,
				  .source = edge->tuple.source,
				  .peer_class = edge->peer_class,
				  .peer_name = names->peer_name };
}

int ns_edge_walk_some(struct ns_edge_walk *walk, size_t max, ns_store_each_edge each, void *ctx, struct ns_error *err)
{
	const struct key from = walk->key;
	NS_STATEMENT sqlite3_stmt *s = NULL;
	struct ns_edge_names names;
	struct ns_edge edge = { 0 };
	size_t n = 0;
	int r = walk->done ? 0 : query(walk, &from, max, &s, err);

	while (!walk->done && r == 0 && (r = ns_db_step(walk->store, s, err)) > 0) {
		r = ns_edge_row_numbers(walk->store, s, &edge, &names, err);
		if (r < 0)
			break;
		if (++n == max)
			keep_key(walk, &edge, &names);
		if (edge.last_seen < walk->since) /* not of the window */
			continue;
		r = read_names(walk, &names, &edge, err);
		if (r == 0)
			r = each(ctx, &edge);
	}
	if (r < 0)
		return r;
	walk->done = walk->done || n < max;
	return !walk->done;
}
