/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Intervals in which the graph may be incomplete.
 */
#include <errno.h>
#include <string.h>

#include "store/facts.h"

int ns_gap_open(struct ns_store *store, const char *workload, int64_t from, const char *cause, struct ns_error *err)
{
	int64_t id = 0, there = 0, open = 0;
	int r = ns_strings_put(store, workload, &id, err);

	if (r == 0)
		r = ns_db_integer(store, &there,
				  "SELECT EXISTS (SELECT 1 FROM gap WHERE workload = ?1 AND ended = 0 AND cause = ?2)",
				  NS_VALUES(ns_int(id), ns_text(cause)), err);
	if (r < 0 || there)
		return r;
	r = ns_db_integer(store, &open, "SELECT count(*) FROM gap WHERE workload = ?1 AND ended = 0",
			  NS_VALUES(ns_int(id)), err);
	if (r < 0)
		return r;
	if (open >= NS_STORE_GAPS_MAX)
		return ns_error_set(err, -ENOSPC, "%s has %d open gaps already", workload, NS_STORE_GAPS_MAX);
	r = ns_db_run(store, "INSERT INTO gap (workload, started, ended, cause) VALUES (?1, ?2, 0, ?3)",
		      NS_VALUES(ns_int(id), ns_int(from), ns_text(cause)), err);
	return r < 0 ? r : 0;
}

/* The oldest two closed gaps become one that covers both, which never says less than they did. */
static int fold_two(struct ns_store *store, int64_t workload, struct ns_error *err)
{
	static const char one[] = "SELECT id FROM gap WHERE workload = ?1 AND ended <> 0 ORDER BY started, id LIMIT 1";
	static const char two[] =
		"SELECT id FROM gap WHERE workload = ?1 AND ended <> 0 ORDER BY started, id LIMIT 1 OFFSET 1";
	int64_t first = 0, second = 0;
	int r = ns_db_integer(store, &first, one, NS_VALUES(ns_int(workload)), err);

	if (r == 0)
		r = ns_db_integer(store, &second, two, NS_VALUES(ns_int(workload)), err);
	if (r < 0)
		return r;
	r = ns_db_run(store,
		      "UPDATE gap SET ended = max(gap.ended, o.ended), "
		      "cause = CASE WHEN gap.cause = o.cause THEN gap.cause "
		      "WHEN gap.cause LIKE 'set full%' OR o.cause LIKE 'set full%' THEN 'set full: several' "
		      "ELSE 'several' END "
		      "FROM (SELECT ended, cause FROM gap WHERE id = ?2) AS o WHERE gap.id = ?1",
		      NS_VALUES(ns_int(first), ns_int(second)), err);
	if (r >= 0)
		r = ns_db_run(store, "DELETE FROM gap WHERE id = ?1", NS_VALUES(ns_int(second)), err);
	return r;
}

static int fold(struct ns_store *store, int64_t workload, struct ns_error *err)
{
	int64_t closed = 0;
	int r = ns_db_integer(store, &closed, "SELECT count(*) FROM gap WHERE workload = ?1 AND ended <> 0",
			      NS_VALUES(ns_int(workload)), err);

	for (; r >= 0 && closed > NS_STORE_GAPS_MAX; closed--)
		r = fold_two(store, workload, err);
	return r < 0 ? r : 0;
}

int ns_store_open_gap(struct ns_store *store, const char *workload, int64_t from, const char *cause,
		      struct ns_error *err)
{
	int r;

	if (!*workload || strlen(workload) >= NS_WORKLOAD_MAX || strlen(cause) >= NS_DB_CAUSE_MAX)
		return ns_error_set(err, -EINVAL, "a gap without a workload, or with a text that is too long");
	r = ns_db_begin(store, NS_DB_FACT, err);
	if (r < 0)
		return r;
	return ns_db_end(store, NS_DB_FACT, ns_gap_open(store, workload, from, cause, err), err);
}

static int close_one(struct ns_store *store, int64_t workload, const char *cause, int64_t to, struct ns_error *err)
{
	/* 0 stands for open, and a clock that was set back must not make an end before the start. */
	int r = ns_db_run(store,
			  "UPDATE gap SET ended = max(started, ?3, 1) WHERE workload = ?1 AND ended = 0 AND cause = ?2",
			  NS_VALUES(ns_int(workload), ns_text(cause), ns_int(to)), err);

	return r > 0 ? fold(store, workload, err) : r;
}

int ns_store_close_gap(struct ns_store *store, const char *workload, const char *cause, int64_t to,
		       struct ns_error *err)
{
	int64_t id = 0;
	int r = ns_db_begin(store, NS_DB_FACT, err);

	if (r < 0)
		return r;
	r = ns_strings_find(store, workload, &id, err);
	if (r == 0)
		r = close_one(store, id, cause, to, err);
	return ns_db_end(store, NS_DB_FACT, r, err);
}

int ns_store_close_all_gaps(struct ns_store *store, const char *cause, int64_t to, struct ns_error *err)
{
	int64_t id = 0;
	int r = ns_db_begin(store, NS_DB_FACT, err);

	if (r < 0)
		return r;
	do {
		r = ns_db_integer(store, &id, "SELECT workload FROM gap WHERE ended = 0 AND cause = ?1 LIMIT 1",
				  NS_VALUES(ns_text(cause)), err);
		if (r == 0)
			r = close_one(store, id, cause, to, err);
	} while (r == 0);
	return ns_db_end(store, NS_DB_FACT, r == -ENODATA ? 0 : r, err);
}

/* Rows: workload, started, ended, cause. */
static int query(struct ns_store *store, const char *workload, int64_t since, sqlite3_stmt **ret, struct ns_error *err)
{
	return ns_db_query(
		store, ret,
		"SELECT s.text, g.started, g.ended, g.cause FROM gap AS g JOIN string AS s ON s.id = g.workload "
		"WHERE (?1 IS NULL OR s.text = ?1) AND (g.ended = 0 OR g.ended >= ?2) "
		"ORDER BY g.started, s.text, g.id",
		NS_VALUES(ns_text(workload), ns_int(since)), err);
}

int ns_gap_load(struct ns_store *store, const char *workload, int64_t since, struct ns_graph *graph,
		struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = query(store, workload, since, &s, err);

	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		struct ns_gap gap = { ns_db_text(store, s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2),
				      ns_db_text(store, s, 3) };

		r = ns_db_row_end(store, err);
		if (r == 0)
			r = ns_graph_add_gap(graph, &gap, err);
	}
	return r;
}

int ns_store_load_gaps(struct ns_store *store, const char *workload, struct ns_graph *ret, struct ns_error *err)
{
	return ns_store_load_window_gaps(store, workload, INT64_MIN, ret, err);
}

int ns_store_load_window_gaps(struct ns_store *store, const char *workload, int64_t since, struct ns_graph *ret,
			      struct ns_error *err)
{
	NS_CLEANUP(ns_graph_release) struct ns_graph graph = NS_GRAPH_INIT;
	int r = ns_gap_load(store, workload, since, &graph, err);

	if (r < 0)
		return r;
	*ret = graph;
	memset(&graph, 0, sizeof graph);
	return 0;
}
