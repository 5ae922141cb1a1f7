/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Opening and closing the store. Nothing in the file is trusted before it has been checked: whose it is, its version,
 * its structure, its schema.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/open.h"
#include "store/schema.h"

/* The write-ahead log is cut back to this many bytes after a checkpoint. */
#define WAL_BYTES_KEPT "16777216"

void ns_db_close(struct ns_store *store)
{
	for (size_t i = 0; i < store->n_statements; i++)
		(void)sqlite3_finalize(store->statements[i].statement);
	store->n_statements = 0;
	(void)sqlite3_close(store->db);
	store->db = NULL;
}

int ns_db_open(struct ns_store *store, const char *path, struct ns_error *err)
{
	int rc = sqlite3_open_v2(
		path, &store->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_extended_result_codes(store->db, 1);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(store->db, NS_STORE_BUSY_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (rc != SQLITE_OK)
		return ns_db_error(store, rc, err);
	/* No function with effects runs from a schema that somebody else wrote, and cells are checked as they are read.
	 */
	return ns_db_execute(store,
			     "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON; "
			     "PRAGMA journal_size_limit = " WAL_BYTES_KEPT,
			     err);
}

static int check_structure(struct ns_store *store, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, "PRAGMA quick_check(1)", NS_NO_VALUES, err);
	const char *text;

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r < 0)
		return r;
	text = r ? ns_db_text(store, s, 0) : "no answer";
	r = ns_db_row_end(store, err);
	if (r < 0)
		return r;
	return strcmp(text, "ok") == 0 ? 0 : ns_db_damaged(store, err, "%s", text);
}

static int set_journal(struct ns_store *store, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, "PRAGMA journal_mode = WAL", NS_NO_VALUES, err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r < 0)
		return r;
	if (!r || strcmp(ns_db_text(store, s, 0), "wal") != 0)
		return ns_error_set(err, -EIO, "%s: the file system cannot do write-ahead logging; use a local one",
				    store->path);
	return 0;
}

static int migrate(struct ns_store *store, int version, struct ns_error *err)
{
	int r;

	if (version == ns_schema.version)
		return 0;
	r = ns_db_begin(store, NS_DB_LEDGER, err);
	if (r < 0)
		return r;
	return ns_db_end(store, NS_DB_LEDGER, ns_schema_migrate(store, &ns_schema, version, err), err);
}

/* What was true in an earlier boot of the kernel is not any more: its endpoints ended, at the latest when the agent was
 * last alive, and its elements' figures mean nothing. */
static int leave_earlier_boots(struct ns_store *store, struct ns_error *err)
{
	int64_t same = 0;
	int r = ns_read_line("/proc/sys/kernel/random/boot_id", store->boot_id, sizeof store->boot_id, err);

	if (r == 0)
		r = ns_db_begin(store, NS_DB_FACT, err);
	if (r < 0)
		return r;
	r = ns_db_run(store,
		      "UPDATE endpoint SET ended = max(since, (SELECT value FROM meta WHERE key = 'heartbeat')) "
		      "WHERE ended = 0 AND boot_id IS NOT ?1",
		      NS_VALUES(ns_text(store->boot_id)), err);
	if (r >= 0)
		r = ns_db_integer(store, &same, "SELECT value IS ?1 FROM meta WHERE key = 'counters_boot_id'",
				  NS_VALUES(ns_text(store->boot_id)), err);
	if (r == -ENODATA)
		r = ns_db_damaged(store, err, "meta has no counters_boot_id");
	if (r >= 0 && !same)
		r = ns_db_run(store, "DELETE FROM counter", NS_NO_VALUES, err);
	if (r >= 0 && !same)
		r = ns_db_run(store, "UPDATE meta SET value = ?1 WHERE key = 'counters_boot_id'",
			      NS_VALUES(ns_text(store->boot_id)), err);
	r = ns_db_end(store, NS_DB_FACT, r, err);
	return r < 0 ? r : 0;
}

/* Undoing must work when there is no memory left, so it is prepared while there is some. */
static int prepare_rollback(struct ns_store *store, struct ns_error *err)
{
	int r = ns_db_begin(store, NS_DB_FACT, err);

	if (r < 0)
		return r;
	(void)ns_db_end(store, NS_DB_FACT, -ECANCELED, NULL);
	return sqlite3_get_autocommit(store->db) ? 0 : ns_error_set(err, -ENOMEM, "out of memory for the database");
}

static int open_file(struct ns_store *store, struct ns_error *err)
{
	int version, r = ns_db_open(store, store->path, err);

	if (r == 0)
		r = ns_schema_check(store, &ns_schema, &version, err);
	if (r == 0)
		r = check_structure(store, err);
	if (r == 0)
		r = set_journal(store, err);
	if (r == 0)
		r = ns_db_execute(store, "PRAGMA synchronous = NORMAL", err);
	if (r == 0)
		r = prepare_rollback(store, err);
	if (r == 0)
		r = migrate(store, version, err);
	if (r == 0)
		r = ns_schema_compare(store, &ns_schema, err);
	if (r == 0)
		r = leave_earlier_boots(store, err);
	return r;
}

int ns_store_open(const char *state_dir, struct ns_store **ret, struct ns_error *err)
{
	struct ns_store *store = calloc(1, sizeof *store);
	int r;

	if (!store)
		return ns_error_set(err, -ENOMEM, "out of memory for the database");
	store->lock_fd = -1;
	r = ns_state_dir_open(state_dir, store, err);
	if (r == 0)
		r = ns_state_file_exists(store, err);
	if (r == 0)
		r = ns_state_file_create(store, err);
	if (r >= 0)
		r = open_file(store, err);
	if (r < 0) {
		(void)ns_store_close(store);
		return r;
	}
	*ret = store;
	return 0;
}

void ns_store_rest(struct ns_store *store)
{
	(void)sqlite3_db_release_memory(store->db);
}

struct ns_store *ns_store_close(struct ns_store *store)
{
	if (!store)
		return NULL;
	ns_store_rollback(store);
	ns_db_close(store);
	if (store->lock_fd >= 0)
		(void)close(store->lock_fd);
	free(store);
	return NULL;
}
