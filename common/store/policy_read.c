/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading policies, their history, and the decisions.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "store/ledger.h"

/* Columns: workload, revision, digest, state, origin, proposer, created. */
#define SELECT_POLICY                                                                                                  \
	"SELECT p.workload, p.revision, p.digest, "                                                                    \
	"CASE WHEN p.revision = (SELECT max(revision) FROM decision WHERE workload = p.workload "                      \
	"AND decision = 'approve') THEN 'approved' WHEN d.decision = 'reject' THEN 'rejected' "                        \
	"WHEN d.decision IS NULL AND p.revision = (SELECT max(revision) FROM policy WHERE workload = p.workload) "     \
	"THEN 'proposed' ELSE 'superseded' END, p.origin, p.proposer, p.created, p.document "                          \
	"FROM policy AS p LEFT JOIN decision AS d ON d.workload = p.workload AND d.revision = p.revision "

static int info_json(struct ns_store *store, sqlite3_stmt *s, json_t **ret, struct ns_error *err)
{
	NS_JSON json_t *proposer = NULL;
	NS_JSON json_t *info = NULL;
	int r = ns_ledger_decode(store, ns_db_text(store, s, 5), &proposer, err);

	if (r < 0)
		return r;
	info = json_pack("{s:s, s:I, s:s, s:s, s:s, s:O, s:o}", "workload", ns_db_text(store, s, 0), "revision",
			 (json_int_t)sqlite3_column_int64(s, 1), "digest", ns_db_text(store, s, 2), "state",
			 ns_db_text(store, s, 3), "origin", ns_db_text(store, s, 4), "proposer", proposer, "created",
			 ns_time_json(sqlite3_column_int64(s, 6)));
	if (!info)
		return ns_error_set(err, -ENOMEM, "out of memory for a policy");
	r = ns_db_row_end(store, err);
	if (r == 0)
		*ret = NS_TAKE(info);
	return r;
}

static int read_document(struct ns_store *store, sqlite3_stmt *s, json_t **ret, struct ns_error *err)
{
	const char *text = ns_db_text(store, s, 7);
	char digest[NS_DIGEST_SIZE];
	int r = ns_digest_bytes(text, strlen(text), digest, err);

	if (r == 0)
		r = ns_db_row_end(store, err);
	if (r == 0 && strcmp(digest, ns_db_text(store, s, 2)) != 0)
		r = ns_db_damaged(store, err, "policy %.64s revision %lld is not what its digest says",
				  ns_db_text(store, s, 0), (long long)sqlite3_column_int64(s, 1));
	return r < 0 ? r : ns_ledger_decode(store, text, ret, err);
}

int ns_store_get_policy(struct ns_store *store, const char *workload, uint64_t revision, json_t **ret_document,
			json_t **ret_info, struct ns_error *err)
{
	NS_JSON json_t *document = NULL;
	NS_JSON json_t *info = NULL;
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s,
			    SELECT_POLICY "WHERE p.workload = ?1 AND p.revision = CASE WHEN ?2 = 0 "
					  "THEN (SELECT max(revision) FROM policy WHERE workload = ?1) ELSE ?2 END",
			    NS_VALUES(ns_text(workload), ns_figure(revision)), err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r == 0 && revision)
		return ns_error_set(err, -ENOENT, "%s has no policy revision %llu", workload,
				    (unsigned long long)revision);
	if (r == 0)
		return ns_error_set(err, -ENOENT, "%s has no policy", workload);
	if (r > 0)
		r = info_json(store, s, &info, err);
	if (r == 0)
		r = read_document(store, s, &document, err);
	if (r < 0)
		return r;
	if (ret_document)
		*ret_document = NS_TAKE(document);
	if (ret_info)
		*ret_info = NS_TAKE(info);
	return 0;
}

typedef int (*row_json)(struct ns_store *store, sqlite3_stmt *s, json_t **ret, struct ns_error *err);

/* All rows as an array; NULL on failure. r is how the query went. */
static json_t *rows_json(struct ns_store *store, sqlite3_stmt *s, int r, row_json row, struct ns_error *err)
{
	NS_JSON json_t *list = json_array();

	if (!list && r == 0)
		r = ns_error_set(err, -ENOMEM, "out of memory for a list");
	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		json_t *json = NULL;

		r = row(store, s, &json, err);
		if (r == 0 && json_array_append_new(list, json) < 0)
			r = ns_error_set(err, -ENOMEM, "out of memory for a list");
	}
	return r < 0 ? NULL : NS_TAKE(list);
}

json_t *ns_store_policy_history(struct ns_store *store, const char *workload, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, SELECT_POLICY "WHERE p.workload = ?1 ORDER BY p.revision DESC",
			    NS_VALUES(ns_text(workload)), err);

	return rows_json(store, s, r, info_json, err);
}

static int decision_json(struct ns_store *store, sqlite3_stmt *s, json_t **ret, struct ns_error *err)
{
	NS_JSON json_t *actor = NULL;
	NS_JSON json_t *json = NULL;
	int r = ns_ledger_decode(store, ns_db_text(store, s, 7), &actor, err);

	if (r < 0)
		return r;
	json = json_pack("{s:I, s:o, s:s, s:I, s:s, s:s, s:s, s:O}", "seq", (json_int_t)sqlite3_column_int64(s, 0),
			 "time", ns_time_json(sqlite3_column_int64(s, 1)), "workload", ns_db_text(store, s, 2),
			 "revision", (json_int_t)sqlite3_column_int64(s, 3), "digest", ns_db_text(store, s, 4),
			 "decision", ns_db_text(store, s, 5), "reason", ns_db_text(store, s, 6), "actor", actor);
	if (!json)
		return ns_error_set(err, -ENOMEM, "out of memory for a decision");
	r = ns_db_row_end(store, err);
	if (r == 0)
		*ret = NS_TAKE(json);
	return r;
}

json_t *ns_store_approvals(struct ns_store *store, const char *workload, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, "SELECT * FROM decision WHERE ?1 IS NULL OR workload = ?1 ORDER BY seq",
			    NS_VALUES(ns_text(workload)), err);

	return rows_json(store, s, r, decision_json, err);
}
