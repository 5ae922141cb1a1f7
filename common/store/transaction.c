/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Transactions. One connection serves both kinds of write: synchronous=FULL is set outside of a transaction, for the
 * ledger alone. In WAL mode a FULL commit syncs the whole log, hence all facts before it too.
 *
 * Every writer begins IMMEDIATE: a lock that somebody else holds is met at once, within the busy timeout, and never in
 * the middle, where SQLite could only give up.
 */
#include <errno.h>
#include <string.h>

#include "store/db.h"
#include "store/strings.h"

static void rollback(struct ns_store *store)
{
	/* SQLite may have rolled back by itself (disk full, no memory). */
	if (!sqlite3_get_autocommit(store->db))
		(void)ns_db_run(store, "ROLLBACK", NS_NO_VALUES, NULL);
	ns_strings_forget(store);
}

static int begin(struct ns_store *store, struct ns_error *err)
{
	int r;

	if (!sqlite3_get_autocommit(store->db)) /* an earlier rollback had no memory to work with */
		rollback(store);
	r = ns_db_run(store, "BEGIN IMMEDIATE", NS_NO_VALUES, err);
	return r < 0 ? r : 0;
}

static int commit(struct ns_store *store, struct ns_error *err)
{
	int r;

	if (sqlite3_get_autocommit(store->db)) /* rolled back behind our back: nothing is there to commit */
		r = ns_error_set(err, -EIO, "%s: the transaction was undone", store->path);
	else
		r = ns_db_run(store, "COMMIT", NS_NO_VALUES, err);
	if (r < 0)
		rollback(store);
	return r < 0 ? r : 0;
}

static int batch_failed(struct ns_store *store, struct ns_error *err)
{
	return ns_error_set(err, store->batch_error.code, "%s", store->batch_error.text);
}

/* The first failure is kept for the commit. */
static void fail_batch(struct ns_store *store, int r, const struct ns_error *err)
{
	if (!store->batch_error.code)
		(void)ns_error_set(&store->batch_error, r, "%s",
				   err && err->code ? err->text : "a write of the batch failed");
}

static int begin_ledger(struct ns_store *store, struct ns_error *err)
{
	int r = 0;

	if (store->batch && store->batch_error.code)
		return batch_failed(store, err);
	if (store->batch) {
		struct ns_error why = NS_ERROR_INIT;

		r = commit(store, &why);
		if (r < 0) {
			fail_batch(store, r, &why);
			return ns_error_set(err, r, "%s", why.text);
		}
	}
	r = ns_db_execute(store, "PRAGMA synchronous = FULL", err);
	if (r == 0)
		r = begin(store, err);
	return r;
}

static void resume(struct ns_store *store)
{
	struct ns_error why = NS_ERROR_INIT;
	int r;

	/* When this fails the connection stays at FULL: slower, and as safe. */
	(void)sqlite3_exec(store->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	if (!store->batch || store->batch_error.code)
		return;
	r = begin(store, &why);
	if (r < 0)
		fail_batch(store, r, &why);
}

int ns_db_begin(struct ns_store *store, enum ns_db_kind kind, struct ns_error *err)
{
	if (kind == NS_DB_LEDGER) {
		int r = begin_ledger(store, err);

		if (r < 0)
			resume(store);
		return r;
	}
	if (!store->batch)
		return begin(store, err);
	return store->batch_error.code ? batch_failed(store, err) : 0;
}

int ns_db_end(struct ns_store *store, enum ns_db_kind kind, int r, struct ns_error *err)
{
	if (kind == NS_DB_FACT && store->batch) {
		if (r < 0)
			fail_batch(store, r, err);
		return r;
	}
	if (r < 0) {
		rollback(store);
	} else {
		int committed = commit(store, err);

		if (committed < 0)
			r = committed;
	}
	if (kind == NS_DB_LEDGER)
		resume(store);
	return r;
}

int ns_store_begin(struct ns_store *store, struct ns_error *err)
{
	int r;

	if (store->batch)
		return ns_error_set(err, -EALREADY, "a batch of the store is open already");
	r = begin(store, err);
	if (r < 0)
		return r;
	store->batch = true;
	memset(&store->batch_error, 0, sizeof store->batch_error);
	return 0;
}

int ns_store_commit(struct ns_store *store, struct ns_error *err)
{
	if (!store->batch)
		return ns_error_set(err, -EINVAL, "no batch of the store is open");
	store->batch = false;
	if (store->batch_error.code) {
		rollback(store);
		return batch_failed(store, err);
	}
	return commit(store, err);
}

void ns_store_rollback(struct ns_store *store)
{
	if (!store->batch)
		return;
	store->batch = false;
	rollback(store);
}
