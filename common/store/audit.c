/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The audit chain: appending and listing. Each entry carries the hash of the one before, so that none can be changed
 * or taken out without all later ones being wrong; `audit_head` in meta says which one is the last.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "store/audit.h"

int ns_audit_hash(const struct ns_audit_entry *entry, char ret[static NS_DIGEST_SIZE], struct ns_error *err)
{
	NS_JSON json_t *json = json_pack("{s:I, s:I, s:s, s:s?, s:O, s:O, s:s}", "seq", (json_int_t)entry->seq, "time",
					 (json_int_t)entry->time, "event", entry->event, "workload", entry->workload,
					 "actor", entry->actor, "detail", entry->detail, "previous", entry->previous);

	if (!json)
		return ns_error_set(err, -ENOMEM, "out of memory for an audit entry");
	return ns_digest_json(json, ret, err);
}

/* The end of the chain, which must be the one that meta names. */
static int read_head(struct ns_store *store, uint64_t *ret_seq, char ret_hash[static NS_DIGEST_SIZE],
		     struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	char head[NS_DIGEST_SIZE];
	uint64_t seq;
	int r = ns_db_query(store, &s,
			    "SELECT a.seq, coalesce(a.hash, (SELECT value FROM meta WHERE key = 'genesis')), h.value "
			    "FROM meta AS h LEFT JOIN (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1) AS a "
			    "WHERE h.key = 'audit_head'",
			    NS_NO_VALUES, err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r == 0)
		return ns_db_damaged(store, err, "meta has no audit_head");
	if (r < 0)
		return r;
	seq = (uint64_t)sqlite3_column_int64(s, 0);
	(void)snprintf(head, sizeof head, "%s", ns_db_text(store, s, 1));
	if (strcmp(head, ns_db_text(store, s, 2)) != 0)
		return ns_db_damaged(store, err, "the audit log does not end where it was left, after entry %llu",
				     (unsigned long long)seq);
	r = ns_db_row_end(store, err);
	if (r < 0)
		return r;
	*ret_seq = seq;
	memcpy(ret_hash, head, sizeof head);
	return 0;
}

static int insert(struct ns_store *store, const struct ns_audit_entry *entry, const char *actor, const char *detail,
		  const char *hash, struct ns_error *err)
{
	int r = ns_db_run(store, "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			  NS_VALUES(ns_int((int64_t)entry->seq), ns_int(entry->time), ns_text(entry->event),
				    ns_text(entry->workload), ns_text(actor), ns_text(detail), ns_text(entry->previous),
				    ns_text(hash)),
			  err);

	if (r >= 0)
		r = ns_db_run(store, "UPDATE meta SET value = ?1 WHERE key = 'audit_head'", NS_VALUES(ns_text(hash)),
			      err);
	return r < 0 ? r : 0;
}

int ns_audit_append(struct ns_store *store, const char *event, const char *workload, const json_t *detail,
		    const struct ns_actor *actor, int64_t now, uint64_t *ret_seq, struct ns_error *err)
{
	char previous[NS_DIGEST_SIZE], hash[NS_DIGEST_SIZE];
	NS_JSON json_t *actor_json = ns_actor_json(actor);
	NS_JSON json_t *detail_json = json_deep_copy(detail ? detail : json_null());
	NS_FREE char *actor_text = NULL;
	NS_FREE char *detail_text = NULL;
	struct ns_audit_entry entry = { .time = now, .event = event, .workload = workload, .previous = previous };
	uint64_t last = 0;
	int r;

	if (!actor_json || !detail_json)
		return ns_error_set(err, -ENOMEM, "out of memory for an audit entry");
	r = ns_ledger_encode(actor_json, NS_STORE_DETAIL_MAX, "the actor", &actor_text, err);
	if (r == 0 && !json_is_null(detail_json))
		r = ns_ledger_encode(detail_json, NS_STORE_DETAIL_MAX, "the detail of the event", &detail_text, err);
	if (r == 0)
		r = read_head(store, &last, previous, err);
	if (r < 0)
		return r;
	entry.seq = last + 1;
	entry.actor = actor_json;
	entry.detail = detail_json;
	r = ns_audit_hash(&entry, hash, err);
	if (r == 0)
		r = insert(store, &entry, actor_text, detail_text ? detail_text : "null", hash, err);
	if (r == 0 && ret_seq)
		*ret_seq = entry.seq;
	return r;
}

static int check_event(const char *event, const char *workload, const json_t *detail, const struct ns_actor *actor,
		       struct ns_error *err)
{
	int r = ns_ledger_text(event, NS_NAME_MAX, "the event", err);

	if (r == 0 && workload)
		r = ns_ledger_text(workload, NS_WORKLOAD_MAX, "the workload's name", err);
	if (r == 0)
		r = ns_ledger_text(actor->user, sizeof actor->user, "the user's name", err);
	if (r == 0 && detail && !json_is_object(detail) && !json_is_array(detail) && !json_is_null(detail))
		r = ns_error_set(err, -EINVAL, "the detail of an event is an object, an array, or nothing");
	return r;
}

int ns_store_audit(struct ns_store *store, const char *event, const char *workload, const json_t *detail,
		   const struct ns_actor *actor, int64_t now, struct ns_error *err)
{
	int r;

	if (workload && !*workload)
		workload = NULL;
	r = check_event(event, workload, detail, actor, err);
	if (r == 0)
		r = ns_db_begin(store, NS_DB_LEDGER, err);
	if (r < 0)
		return r;
	r = ns_audit_append(store, event, workload, detail, actor, now, NULL, err);
	return ns_db_end(store, NS_DB_LEDGER, r, err);
}

int ns_audit_row(struct ns_store *store, sqlite3_stmt *s, struct ns_audit_row *ret, struct ns_error *err)
{
	struct ns_audit_row row = { .entry = { .seq = (uint64_t)sqlite3_column_int64(s, 0),
					       .time = sqlite3_column_int64(s, 1) } };
	int r;

	row.entry.event = ns_db_text(store, s, 2);
	row.entry.workload = sqlite3_column_type(s, 3) == SQLITE_NULL ? NULL : ns_db_text(store, s, 3);
	row.entry.previous = ns_db_text(store, s, 6);
	row.hash = ns_db_text(store, s, 7);
	r = ns_ledger_decode(store, ns_db_text(store, s, 4), &row.actor, err);
	if (r == 0)
		r = ns_ledger_decode(store, ns_db_text(store, s, 5), &row.detail, err);
	if (r == 0)
		r = ns_db_row_end(store, err);
	if (r < 0) {
		ns_audit_row_release(&row);
		return r;
	}
	row.entry.actor = row.actor;
	row.entry.detail = row.detail;
	*ret = row;
	return 0;
}

void ns_audit_row_release(struct ns_audit_row *row)
{
	json_decref(row->actor);
	json_decref(row->detail);
	memset(row, 0, sizeof *row);
}

static json_t *row_json(const struct ns_audit_row *row)
{
	const struct ns_audit_entry *e = &row->entry;

	return json_pack("{s:I, s:o, s:s, s:s?, s:O, s:O, s:s, s:s}", "seq", (json_int_t)e->seq, "time",
			 ns_time_json(e->time), "event", e->event, "workload", e->workload, "actor", e->actor, "detail",
			 e->detail, "previous", e->previous, "hash", row->hash);
}

/* All rows as an array; NULL on failure. r is how the query went. */
static json_t *entries_json(struct ns_store *store, sqlite3_stmt *s, int r, struct ns_error *err)
{
	NS_JSON json_t *list = json_array();

	if (!list && r == 0)
		r = ns_error_set(err, -ENOMEM, "out of memory for the audit log");
	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		NS_CLEANUP(ns_audit_row_release) struct ns_audit_row row = { 0 };

		r = ns_audit_row(store, s, &row, err);
		if (r == 0 && json_array_append_new(list, row_json(&row)) < 0)
			r = ns_error_set(err, -ENOMEM, "out of memory for the audit log");
	}
	return r < 0 ? NULL : NS_TAKE(list);
}

json_t *ns_store_audit_entries(struct ns_store *store, uint64_t after_seq, size_t max, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, "SELECT * FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",
			    NS_VALUES(ns_figure(after_seq), ns_figure(max)), err);

	return entries_json(store, s, r, err);
}

json_t *ns_store_audit_entries_of(struct ns_store *store, const char *workload, const char *event, uint64_t after_seq,
				  size_t max, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r;

	if (workload)
		r = ns_db_query(store, &s,
				"SELECT * FROM audit WHERE workload = ?1 AND seq > ?2 AND (?3 IS NULL OR event = ?3) "
				"ORDER BY seq LIMIT ?4",
				NS_VALUES(ns_text(workload), ns_figure(after_seq), ns_text(event), ns_figure(max)),
				err);
	else
		r = ns_db_query(
			store, &s,
			"SELECT * FROM audit WHERE seq > ?1 AND (?2 IS NULL OR event = ?2) ORDER BY seq LIMIT ?3",
			NS_VALUES(ns_figure(after_seq), ns_text(event), ns_figure(max)), err);
	return entries_json(store, s, r, err);
}

int ns_store_audit_bound(struct ns_store *store, const char *workload, const char *event, uint64_t last, size_t max,
			 uint64_t *ret_total, uint64_t *ret_after, struct ns_error *err)
{
	const struct ns_value values[] = { ns_text(workload), ns_text(event), ns_figure(last ? last : UINT64_MAX),
					   ns_figure(max) };
	int64_t total = 0, after = 0;
	int r;

	if (workload) {
		r = ns_db_integer(store, &total,
				  "SELECT count(*) FROM audit WHERE workload = ?1 AND (?2 IS NULL OR event = ?2) AND "
				  "seq <= ?3",
				  values, 3, err);
		if (r == 0)
			r = ns_db_integer(store, &after,
					  "SELECT seq FROM audit WHERE workload = ?1 AND (?2 IS NULL OR event = ?2) "
					  "AND seq <= ?3 ORDER BY seq DESC LIMIT 1 OFFSET ?4",
					  values, 4, err);
	} else {
		r = ns_db_integer(store, &total,
				  "SELECT count(*) FROM audit WHERE ?1 IS NULL AND (?2 IS NULL OR event = ?2) AND seq "
				  "<= ?3",
				  values, 3, err);
		if (r == 0)
			r = ns_db_integer(
				store, &after,
				"SELECT seq FROM audit WHERE ?1 IS NULL AND (?2 IS NULL OR event = ?2) AND seq "
				"<= ?3 ORDER BY seq DESC LIMIT 1 OFFSET ?4",
				values, 4, err);
	}
	if (r < 0 && r != -ENODATA) /* no more than `max` */
		return r;
	*ret_total = (uint64_t)total;
	*ret_after = (uint64_t)after;
	return 0;
}
