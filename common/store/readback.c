/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the kernel was found to hold, over time.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "store/ledger.h"

/* 1 when the endpoint's latest one says anything else, or there is none. */
static int differs_from_last(struct ns_store *store, const struct ns_readback *b, struct ns_error *err)
{
	int64_t same = 0;
	int r = ns_db_integer(
		store, &same,
		"SELECT workload = ?3 AND revision = ?4 AND mode = ?5 AND plan_digest = ?6 AND kernel_digest = ?7 "
		"AND difference = ?8 FROM readback WHERE cookie = ?1 AND boot_id = ?2 ORDER BY id DESC LIMIT 1",
		NS_VALUES(ns_cookie(b->cookie), ns_text(store->boot_id), ns_text(b->workload), ns_figure(b->revision),
			  ns_text(b->mode), ns_text(b->plan_digest), ns_text(b->kernel_digest), ns_text(b->difference)),
		err);

	return r < 0 && r != -ENODATA ? r : !same;
}

static int prune(struct ns_store *store, const char *workload, bool changed, struct ns_error *err)
{
	if (changed)
		return ns_db_run(
			store,
			"DELETE FROM readback WHERE workload = ?1 AND changed = 1 AND id <= (SELECT id FROM readback "
			"WHERE workload = ?1 AND changed = 1 ORDER BY id DESC LIMIT 1 OFFSET " NS_SQL_NUMBER(
				NS_STORE_CHANGES_MAX) ")",
			NS_VALUES(ns_text(workload)), err);
	return ns_db_run(store,
			 "DELETE FROM readback WHERE workload = ?1 AND changed = 0 AND id <= (SELECT id FROM readback "
			 "WHERE workload = ?1 AND changed = 0 ORDER BY id DESC LIMIT 1 OFFSET " NS_SQL_NUMBER(
				 NS_STORE_READBACKS_MAX) ")",
			 NS_VALUES(ns_text(workload)), err);
}

static int add(struct ns_store *store, const struct ns_readback *b, int64_t now, struct ns_error *err)
{
	int changed = differs_from_last(store, b, err), r = changed;

	if (r >= 0)
		r = ns_db_run(store,
			      "INSERT INTO readback (time, boot_id, cookie, workload, revision, mode, plan_digest, "
			      "kernel_digest, "
			      "difference, changed, extent, table_read) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
			      "?10, ?11, ?12)",
			      NS_VALUES(ns_int(now), ns_text(store->boot_id), ns_cookie(b->cookie),
					ns_text(b->workload), ns_figure(b->revision), ns_text(b->mode),
					ns_text(b->plan_digest), ns_text(b->kernel_digest), ns_text(b->difference),
					ns_int(changed), ns_text(b->extent), ns_int(b->table_read)),
			      err);
	if (r >= 0)
		r = prune(store, b->workload, changed != 0, err);
	return r < 0 ? r : 0;
}

int ns_store_add_readback(struct ns_store *store, const struct ns_readback *readback, int64_t now, struct ns_error *err)
{
	int r = ns_db_begin(store, NS_DB_FACT, err);

	if (r < 0)
		return r;
	return ns_db_end(store, NS_DB_FACT, add(store, readback, now, err), err);
}

static json_t *read_row(struct ns_store *store, sqlite3_stmt *s)
{
	const char *plan = ns_db_text(store, s, 6), *kernel = ns_db_text(store, s, 7);
	const char *difference = ns_db_text(store, s, 8), *extent = ns_db_text(store, s, 10);

	return json_pack("{s:o, s:s, s:I, s:o, s:I, s:o, s:o, s:o, s:b, s:o, s:b, s:o, s:o}", "time",
			 ns_time_json(sqlite3_column_int64(s, 0)), "boot_id", ns_db_text(store, s, 1), "cookie",
			 (json_int_t)sqlite3_column_int64(s, 2), "workload", ns_json_text(ns_db_text(store, s, 3)),
			 "revision", (json_int_t)sqlite3_column_int64(s, 4), "mode",
			 ns_json_text(ns_db_text(store, s, 5)), "plan_digest", ns_json_text(plan), "kernel_digest",
			 ns_json_text(kernel), "equal", strcmp(plan, kernel) == 0 && !*difference, "difference",
			 ns_json_text(difference), "changed", sqlite3_column_int(s, 9), "extent",
			 *extent ? ns_json_text(extent) : json_null(), "table_read",
			 ns_time_json(sqlite3_column_int64(s, 11)));
}

int ns_store_last_plan_digest(struct ns_store *store, uint64_t cookie, char ret[static NS_DIGEST_TEXT_MAX],
			      struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(
		store, &s,
		"SELECT plan_digest FROM readback WHERE boot_id = ?1 AND cookie = ?2 ORDER BY id DESC LIMIT 1",
		NS_VALUES(ns_text(store->boot_id), ns_cookie(cookie)), err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r < 0)
		return r;
	if (r == 0)
		return ns_error_set(err, -ENOENT, "no plan of namespace %llu is known", (unsigned long long)cookie);
	(void)snprintf(ret, NS_DIGEST_TEXT_MAX, "%s", ns_db_text(store, s, 0));
	return ns_db_row_end(store, err);
}

json_t *ns_store_readbacks(struct ns_store *store, const char *workload, size_t max, struct ns_error *err)
{
	NS_JSON json_t *list = json_array();
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = list ? 0 : ns_error_set(err, -ENOMEM, "out of memory for the read-backs");

	if (r == 0)
		r = ns_db_query(store, &s,
				"SELECT time, boot_id, cookie, workload, revision, mode, plan_digest, kernel_digest, "
				"difference, "
				"changed, extent, table_read FROM readback WHERE ?1 IS NULL OR workload = ?1 ORDER BY "
				"id DESC LIMIT ?2",
				NS_VALUES(ns_text(workload), ns_figure(max)), err);
	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		NS_JSON json_t *row = read_row(store, s);

		r = ns_db_row_end(store, err);
		if (r == 0 && json_array_append(list, row) < 0)
			r = ns_error_set(err, -ENOMEM, "out of memory for the read-backs");
	}
	return r < 0 ? NULL : NS_TAKE(list);
}
