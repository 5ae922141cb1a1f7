/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The graph in the database.
 */
#include <errno.h>
#include <string.h>

#include "store/facts.h"

/* Counts one more edge of the workload: 1, or 0 when it has as many as it may. */
static int count_one(struct ns_store *store, int64_t workload, struct ns_error *err)
{
	int r = ns_db_run(
		store,
		"UPDATE tally SET edges = edges + 1 WHERE workload = ?1 AND edges < " NS_SQL_NUMBER(NS_STORE_EDGES_MAX),
		NS_VALUES(ns_int(workload)), err);

	if (r == 0)
		r = ns_db_run(store, "INSERT INTO tally VALUES (?1, 1, 0) ON CONFLICT DO NOTHING",
			      NS_VALUES(ns_int(workload)), err);
	return r;
}

static int insert(struct ns_store *store, const struct ns_edge *edge, struct ns_error *err)
{
	struct ns_edge_names names;
	int64_t workload;
	int r = ns_strings_put(store, edge->workload, &workload, err);

	if (r == 0)
		r = count_one(store, workload, err);
	if (r == 0)
		return ns_gap_open(store, edge->workload, edge->last_seen,
				   "graph full: " NS_SQL_NUMBER(NS_STORE_EDGES_MAX) " edges", err);
	if (r > 0)
		r = ns_edge_names_put(store, edge, &names, err);
	if (r == 0)
		r = ns_db_run(store,
			      "INSERT INTO edge (" NS_EDGE_COLUMNS
			      ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
			      NS_EDGE_VALUES(edge, &names), err);
	return r;
}

static int add(struct ns_store *store, const struct ns_edge *edge, struct ns_error *err)
{
	struct ns_edge_names names;
	int r = ns_edge_names_find(store, edge, &names, err);

	if (r == 0 && names.known)
		r = ns_db_run(store, "UPDATE edge SET " NS_EDGE_ADD "WHERE " NS_EDGE_SAME, NS_EDGE_VALUES(edge, &names),
			      err);
	if (r == 0)
		r = insert(store, edge, err);
	return r < 0 ? r : 0;
}

int ns_store_add_edge(struct ns_store *store, const struct ns_edge *edge, struct ns_error *err)
{
	int r = ns_edge_check(edge, err);

	if (r == 0)
		r = ns_db_begin(store, NS_DB_FACT, err);
	if (r < 0)
		return r;
	return ns_db_end(store, NS_DB_FACT, add(store, edge, err), err);
}

static int load_edges(struct ns_store *store, const char *workload, int64_t since,
		      const struct ns_string_table *strings, struct ns_graph *graph, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int64_t id = 0;
	int r = workload ? ns_strings_find(store, workload, &id, err) : 0;

	if (r < 0 || (workload && !id))
		return r;
	if (workload)
		r = ns_db_query(store, &s,
				"SELECT " NS_EDGE_COLUMNS " FROM edge WHERE workload = ?1 AND last_seen >= ?2",
				NS_VALUES(ns_int(id), ns_int(since)), err);
	else
		r = ns_db_query(store, &s, "SELECT " NS_EDGE_COLUMNS " FROM edge WHERE last_seen >= ?1",
				NS_VALUES(ns_int(since)), err);
	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		struct ns_edge edge;

		r = ns_edge_row(store, s, strings, &edge, err);
		if (r == 0)
			r = ns_graph_add_edge(graph, &edge, err);
	}
	return r;
}

int ns_store_load_window(struct ns_store *store, const char *workload, int64_t since, struct ns_graph *ret,
			 struct ns_error *err)
{
	NS_CLEANUP(ns_string_table_release) struct ns_string_table strings = { 0 };
	NS_CLEANUP(ns_graph_release) struct ns_graph graph = NS_GRAPH_INIT;
	int r = ns_string_table_load(store, &strings, err);

	if (r == 0)
		r = load_edges(store, workload, since, &strings, &graph, err);
	if (r == 0)
		r = ns_gap_load(store, workload, since, &graph, err);
	if (r < 0)
		return r;
	*ret = graph;
	memset(&graph, 0, sizeof graph);
	return 0;
}

int ns_store_load_graph(struct ns_store *store, const char *workload, struct ns_graph *ret, struct ns_error *err)
{
	return ns_store_load_window(store, workload, INT64_MIN, ret, err);
}

int ns_store_count_edges(struct ns_store *store, const char *workload, uint64_t *ret, struct ns_error *err)
{
	int64_t id = 0, n = 0;
	int r = workload ? ns_strings_find(store, workload, &id, err) : 0;

	if (r == 0 && (!workload || id))
		r = ns_db_integer(store, &n, "SELECT coalesce(sum(edges), 0) FROM tally WHERE ?1 = 0 OR workload = ?1",
				  NS_VALUES(ns_int(id)), err);
	if (r == 0)
		*ret = (uint64_t)n;
	return r;
}
