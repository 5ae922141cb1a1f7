/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Walking the audit chain, and holding the policies and decisions against it.
 */
#include <errno.h>
#include <string.h>

#include "store/audit.h"

static int broken(struct ns_store *store, uint64_t seq, const char *why, struct ns_error *err)
{
	return ns_error_set(err, -EBADMSG, "%s: the audit chain is broken at entry %llu: %s", store->path,
			    (unsigned long long)seq, why);
}

static int read_meta(struct ns_store *store, const char *key, char *ret, size_t size, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, "SELECT value FROM meta WHERE key = ?1", NS_VALUES(ns_text(key)), err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r == 0)
		return ns_db_damaged(store, err, "meta has no %s", key);
	if (r < 0)
		return r;
	(void)snprintf(ret, size, "%s", ns_db_text(store, s, 0));
	return ns_db_row_end(store, err);
}

/* The genesis is what host and creation time make it. */
static int check_genesis(struct ns_store *store, char ret[static NS_DIGEST_SIZE], struct ns_error *err)
{
	char host[NS_NAME_MAX], genesis[NS_DIGEST_SIZE];
	NS_JSON json_t *origin = NULL;
	int64_t created = 0;
	int r = read_meta(store, "host", host, sizeof host, err);

	if (r == 0)
		r = read_meta(store, "genesis", genesis, sizeof genesis, err);
	if (r == 0)
		r = ns_db_integer(store, &created, "SELECT value FROM meta WHERE key = 'created'", NS_NO_VALUES, err);
	if (r == -ENODATA)
		return ns_db_damaged(store, err, "meta has no created");
	if (r < 0)
		return r;
	origin = json_pack("{s:s, s:I}", "host", host, "created", (json_int_t)created);
	if (!origin)
		return ns_error_set(err, -ENOMEM, "out of memory for the audit log");
	r = ns_digest_json(origin, ret, err);
	if (r == 0 && strcmp(ret, genesis) != 0)
		r = broken(store, 0, "the genesis is not that of this host and creation time", err);
	return r;
}

/* One entry: in order, linked to `head`, and hashed right. Then it is the head. */
static int check_entry(struct ns_store *store, sqlite3_stmt *s, uint64_t seq, char head[static NS_DIGEST_SIZE],
		       struct ns_error *err)
{
	NS_CLEANUP(ns_audit_row_release) struct ns_audit_row row = { 0 };
	char hash[NS_DIGEST_SIZE];
	int r = ns_audit_row(store, s, &row, err);

	if (r == -EBADMSG)
		return broken(store, seq, "it does not decode", err);
	if (r < 0)
		return r;
	if (row.entry.seq != seq)
		return broken(store, seq, "it is missing", err);
	if (strcmp(row.entry.previous, head) != 0)
		return broken(store, seq, "it does not follow the one before", err);
	r = ns_audit_hash(&row.entry, hash, err);
	if (r < 0)
		return r;
	if (strcmp(hash, row.hash) != 0)
		return broken(store, seq, "its content was changed", err);
	memcpy(head, hash, sizeof hash);
	return 0;
}

/* Entries in order, from the one behind walk->entries on. 1: there may be more. */
static int check_chain(struct ns_store *store, struct ns_audit_walk *walk, size_t max, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	char end[NS_DIGEST_SIZE];
	size_t n = 0;
	int r = ns_db_query(store, &s, "SELECT * FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",
			    NS_VALUES(ns_figure(walk->entries), ns_figure(max)), err);

	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		n++;
		r = check_entry(store, s, ++walk->entries, walk->head, err);
	}
	if (r < 0 || n == max)
		return r < 0 ? r : 1;
	r = read_meta(store, "audit_head", end, sizeof end, err);
	if (r == 0 && strcmp(end, walk->head) != 0)
		r = broken(store, walk->entries + 1, "entries at the end are missing", err);
	return r;
}

/* Each document is what its digest says, and was proposed under that digest. */
static int check_policies(struct ns_store *store, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	char digest[NS_DIGEST_SIZE];
	int r = ns_db_query(store, &s,
			    "SELECT p.seq, p.digest, p.document, a.seq IS NOT NULL AND a.event = 'policy.propose' "
			    "AND a.workload = p.workload AND a.time = p.created AND a.actor = p.proposer "
			    "AND json_extract(a.detail, '$.revision') = p.revision "
			    "AND json_extract(a.detail, '$.origin') = p.origin "
			    "AND json_extract(a.detail, '$.digest') = p.digest "
			    "FROM policy AS p LEFT JOIN audit AS a ON a.seq = p.seq ORDER BY p.seq",
			    NS_NO_VALUES, err);

	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		const char *document = ns_db_text(store, s, 2);
		uint64_t seq = (uint64_t)sqlite3_column_int64(s, 0);

		r = ns_digest_bytes(document, strlen(document), digest, err);
		if (r == 0)
			r = ns_db_row_end(store, err);
		if (r == 0 && strcmp(digest, ns_db_text(store, s, 1)) != 0)
			r = broken(store, seq, "the policy that it proposed was changed", err);
		if (r == 0 && !sqlite3_column_int(s, 3))
			r = broken(store, seq, "it is not the proposal of the policy that refers to it", err);
	}
	return r;
}

static int check_decisions(struct ns_store *store, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s,
			    "SELECT d.seq FROM decision AS d LEFT JOIN audit AS a ON a.seq = d.seq "
			    "LEFT JOIN policy AS p ON p.workload = d.workload AND p.revision = d.revision "
			    "WHERE NOT coalesce(a.event = 'policy.' || d.decision AND a.workload = d.workload "
			    "AND a.time = d.time AND a.actor = d.actor AND p.digest = d.digest "
			    "AND json_extract(a.detail, '$.revision') = d.revision "
			    "AND json_extract(a.detail, '$.reason') = d.reason "
			    "AND json_extract(a.detail, '$.digest') = d.digest, 0) ORDER BY d.seq LIMIT 1",
			    NS_NO_VALUES, err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r > 0)
		return broken(store, (uint64_t)sqlite3_column_int64(s, 0), "it is not the decision that refers to it",
			      err);
	return r;
}

/* The other way round: an entry whose policy or decision was taken out. */
static int check_nothing_missing(struct ns_store *store, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(
		store, &s,
		"SELECT seq FROM audit WHERE (event = 'policy.propose' AND seq NOT IN (SELECT seq FROM policy)) "
		"OR (event IN ('policy.approve', 'policy.reject') AND seq NOT IN (SELECT seq FROM decision)) "
		"ORDER BY seq LIMIT 1",
		NS_NO_VALUES, err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r > 0)
		return broken(store, (uint64_t)sqlite3_column_int64(s, 0),
			      "the policy or decision that it records is missing", err);
	return r;
}

int ns_store_audit_verify_some(struct ns_store *store, struct ns_audit_walk *walk, size_t max, struct ns_error *err)
{
	int r = walk->head[0] ? 0 : check_genesis(store, walk->head, err);

	_Static_assert(NS_DIGEST_SIZE == NS_DIGEST_TEXT_MAX, "a digest's text fits");
	if (r == 0)
		r = check_chain(store, walk, max, err);
	if (r != 0)
		return r;
	r = check_policies(store, err);
	if (r == 0)
		r = check_decisions(store, err);
	if (r == 0)
		r = check_nothing_missing(store, err);
	return r;
}

#define SLICE 1024

int ns_store_audit_verify(struct ns_store *store, uint64_t *ret_entries, char ret_head[static NS_DIGEST_TEXT_MAX],
			  struct ns_error *err)
{
	struct ns_audit_walk walk = { 0 };
	int r;

	while ((r = ns_store_audit_verify_some(store, &walk, SLICE, err)) > 0)
		;
	if (r < 0)
		return r;
	*ret_entries = walk.entries;
	memcpy(ret_head, walk.head, sizeof walk.head);
	return 0;
}
