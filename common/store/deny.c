/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What was refused, or would have been.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/facts.h"

/* Counts one more: 1, or 0 when the workload has as many as it may. */
static int count_one(struct ns_store *store, int64_t workload, struct ns_error *err)
{
	int r = ns_db_run(store,
			  "UPDATE tally SET denies = denies + 1 WHERE workload = ?1 AND denies < " NS_SQL_NUMBER(
				  NS_STORE_DENIES_MAX),
			  NS_VALUES(ns_int(workload)), err);

	if (r == 0)
		r = ns_db_run(store, "INSERT INTO tally VALUES (?1, 0, 1) ON CONFLICT DO NOTHING",
			      NS_VALUES(ns_int(workload)), err);
	return r;
}

static int insert(struct ns_store *store, const struct ns_edge *edge, bool audited, struct ns_error *err)
{
	struct ns_edge_names names;
	int64_t workload;
	int r = ns_strings_put(store, edge->workload, &workload, err);

	if (r == 0)
		r = count_one(store, workload, err);
	if (r == 0)
		return ns_gap_open(store, edge->workload, edge->last_seen,
				   "denies full: " NS_SQL_NUMBER(NS_STORE_DENIES_MAX) " tuples", err);
	if (r > 0)
		r = ns_edge_names_put(store, edge, &names, err);
	if (r == 0)
		r = ns_db_run(store,
			      "INSERT INTO deny (" NS_EDGE_COLUMNS ", audited) "
			      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
			      NS_DENY_VALUES(edge, &names, audited), err);
	return r;
}

static int add(struct ns_store *store, const struct ns_edge *edge, bool audited, struct ns_error *err)
{
	struct ns_edge_names names;
	int r = ns_edge_names_find(store, edge, &names, err);

	if (r == 0 && names.known)
		r = ns_db_run(store, "UPDATE deny SET " NS_EDGE_ADD "WHERE " NS_EDGE_SAME " AND audited = ?17",
			      NS_DENY_VALUES(edge, &names, audited), err);
	if (r == 0)
		r = insert(store, edge, audited, err);
	return r < 0 ? r : 0;
}

int ns_store_add_deny(struct ns_store *store, const struct ns_edge *edge, bool audited, struct ns_error *err)
{
	int r = ns_edge_check(edge, err);

	if (r == 0)
		r = ns_db_begin(store, NS_DB_FACT, err);
	if (r < 0)
		return r;
	return ns_db_end(store, NS_DB_FACT, add(store, edge, audited, err), err);
}

/* Two lists side by side: the graph owns the edges' texts. */
struct denies {
	struct ns_graph graph;
	bool *audited;
	size_t allocated;
};

static void release(struct denies *denies)
{
	ns_graph_release(&denies->graph);
	free(denies->audited);
}

static int append(struct denies *denies, const struct ns_edge *edge, bool audited, struct ns_error *err)
{
	if (denies->graph.n_edges == denies->allocated) {
		size_t more = denies->allocated ? 2 * denies->allocated : 64;
		bool *bigger = reallocarray(denies->audited, more, sizeof *bigger);

		if (!bigger)
			return ns_error_set(err, -ENOMEM, "out of memory for the denies");
		denies->audited = bigger;
		denies->allocated = more;
	}
	denies->audited[denies->graph.n_edges] = audited;
	return ns_graph_add_edge(&denies->graph, edge, err);
}

#define SELECT_DENIES                                                                                                  \
	"SELECT " NS_EDGE_COLUMNS ", audited FROM deny WHERE (?1 = 0 OR workload = ?1) AND last_seen > ?2 ORDER BY "
#define IN_ORDER "last_seen, workload, direction, protocol, port, peer, source, peer_class, peer_name, audited"

static int load(struct ns_store *store, const char *workload, int64_t seen_after, size_t max, struct denies *denies,
		struct ns_error *err)
{
	NS_CLEANUP(ns_string_table_release) struct ns_string_table strings = { 0 };
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int64_t id = 0;
	int r = workload ? ns_strings_find(store, workload, &id, err) : 0;

	if (r < 0 || (workload && !id))
		return r;
	r = ns_string_table_load(store, &strings, err);
	if (r == 0)
		r = ns_db_query(
			store, &s,
			"SELECT * FROM (" SELECT_DENIES "last_seen DESC, workload DESC, direction DESC, protocol "
			"DESC, port DESC, peer DESC, source DESC, peer_class DESC, peer_name DESC, audited DESC LIMIT "
			"?3) ORDER BY " IN_ORDER,
			NS_VALUES(ns_int(id), ns_int(seen_after), ns_figure(max)), err);
	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		struct ns_edge edge;

		r = ns_edge_row(store, s, &strings, &edge, err);
		if (r == 0)
			r = append(denies, &edge, sqlite3_column_int(s, 16) != 0, err);
	}
	return r;
}

int ns_store_list_denies(struct ns_store *store, const char *workload, int64_t seen_after, ns_store_each_deny each,
			 void *ctx, struct ns_error *err)
{
	NS_CLEANUP(release) struct denies denies = { .graph = NS_GRAPH_INIT };
	int r = load(store, workload, seen_after, SIZE_MAX, &denies, err);

	for (size_t i = 0; r == 0 && i < denies.graph.n_edges; i++)
		r = each(ctx, &denies.graph.edges[i], denies.audited[i]);
	return r;
}

int ns_store_list_newest_denies(struct ns_store *store, const char *workload, size_t max, ns_store_each_deny each,
				void *ctx, struct ns_error *err)
{
	NS_CLEANUP(release) struct denies denies = { .graph = NS_GRAPH_INIT };
	int r = load(store, workload, INT64_MIN, max, &denies, err);

	for (size_t i = 0; r == 0 && i < denies.graph.n_edges; i++)
		r = each(ctx, &denies.graph.edges[i], denies.audited[i]);
	return r;
}

int ns_store_count_denies(struct ns_store *store, const char *workload, uint64_t *ret, struct ns_error *err)
{
	int64_t id = 0, n = 0;
	int r = ns_strings_find(store, workload, &id, err);

	if (r == 0 && id)
		r = ns_db_integer(store, &n, "SELECT coalesce(sum(denies), 0) FROM tally WHERE workload = ?1",
				  NS_VALUES(ns_int(id)), err);
	if (r == 0)
		*ret = (uint64_t)n;
	return r;
}
