/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Statements, values and errors of the store's connection.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/db.h"

int ns_db_damaged(struct ns_store *store, struct ns_error *err, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return ns_error_set(err, -EBADMSG,
			    "%.160s: damaged database (%.120s); move it and its -wal file aside or restore a copy, "
			    "then start again; "
			    "rules in the kernel stay as they are",
			    store->path, what);
}

int ns_db_error(struct ns_store *store, int rc, struct ns_error *err)
{
	const char *text = sqlite3_errmsg(store->db);

	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ns_db_damaged(store, err, "%s", text);
	case SQLITE_NOMEM:
		return ns_error_set(err, -ENOMEM, "out of memory for the database");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ns_error_set(err, -EBUSY, "%s: another process holds the database locked", store->path);
	case SQLITE_FULL:
		return ns_error_set(err, -ENOSPC, "%s: no space left for the database", store->path);
	case SQLITE_READONLY:
		return ns_error_set(err, -EROFS, "%s: cannot write the database: %s", store->path, text);
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return ns_error_set(err, -EACCES, "%s: cannot open the database: %s", store->path, text);
	case SQLITE_CONSTRAINT:
		return ns_error_set(err, -EPERM, "%s: the database refuses it: %s", store->path, text);
	case SQLITE_IOERR:
		/* Out of memory in the file layer is not the disk's fault. */
		if (rc == SQLITE_IOERR_NOMEM)
			return ns_error_set(err, -ENOMEM, "out of memory for the database");
		return ns_error_set(err, -EIO, "%s: the disk fails: %s", store->path, text);
	default:
		return ns_error_set(err, -EIO, "%s: %s", store->path, text);
	}
}

/* The statement kept for this text, prepared when it is asked for the first time. */
static int statement_for(struct ns_store *store, const char *sql, sqlite3_stmt **ret, struct ns_error *err)
{
	sqlite3_stmt *statement = NULL;
	int rc;

	for (size_t i = 0; i < store->n_statements; i++) {
		if (store->statements[i].sql != sql)
			continue;
		if (sqlite3_stmt_busy(store->statements[i].statement))
			return ns_error_set(err, -EDEADLK, "a statement of the store is in use: %.80s", sql);
		*ret = store->statements[i].statement;
		return 0;
	}
	if (store->n_statements == NS_DB_STATEMENTS_MAX)
		return ns_error_set(err, -ENOBUFS, "more than %d statements in the store", NS_DB_STATEMENTS_MAX);
	rc = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
	if (rc != SQLITE_OK)
		return ns_db_error(store, rc, err);
	store->statements[store->n_statements].sql = sql;
	store->statements[store->n_statements++].statement = statement;
	*ret = statement;
	return 0;
}

static int bind_value(sqlite3_stmt *statement, int index, const struct ns_value *value)
{
	switch (value->kind) {
	case NS_VALUE_INT:
		return sqlite3_bind_int64(statement, index, value->integer);
	case NS_VALUE_TEXT:
		return sqlite3_bind_text(statement, index, value->data, -1, SQLITE_STATIC);
	case NS_VALUE_BLOB:
		return sqlite3_bind_blob64(statement, index, value->data, value->length, SQLITE_STATIC);
	case NS_VALUE_NULL:
		break;
	}
	return sqlite3_bind_null(statement, index);
}

int ns_db_query(struct ns_store *store, sqlite3_stmt **ret, const char *sql, const struct ns_value *values, size_t n,
		struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *statement = NULL;
	int r = statement_for(store, sql, &statement, err);

	store->column_failed = false;
	for (size_t i = 0; r == 0 && i < n; i++) {
		int rc = bind_value(statement, (int)i + 1, &values[i]);

		if (rc != SQLITE_OK)
			r = ns_db_error(store, rc, err);
	}
	if (r == 0)
		*ret = NS_TAKE(statement);
	return r;
}

int ns_db_row_end(struct ns_store *store, struct ns_error *err)
{
	if (!store->column_failed)
		return 0;
	store->column_failed = false;
	return ns_error_set(err, -ENOMEM, "out of memory for the database");
}

int ns_db_step(struct ns_store *store, sqlite3_stmt *statement, struct ns_error *err)
{
	int r = ns_db_row_end(store, err), rc;

	if (r < 0)
		return r;
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : ns_db_error(store, rc, err);
}

int ns_db_integer(struct ns_store *store, int64_t *ret, const char *sql, const struct ns_value *values, size_t n,
		  struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, sql, values, n, err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r <= 0)
		return r < 0 ? r : -ENODATA;
	*ret = sqlite3_column_int64(s, 0);
	return 0;
}

int ns_db_run(struct ns_store *store, const char *sql, const struct ns_value *values, size_t n, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, sql, values, n, err);

	while (r == 0 && (r = ns_db_step(store, s, err)) > 0)
		r = 0;
	return r < 0 ? r : sqlite3_changes(store->db);
}

int ns_db_execute(struct ns_store *store, const char *sql, struct ns_error *err)
{
	int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : ns_db_error(store, rc, err);
}

const char *ns_db_text(struct ns_store *store, sqlite3_stmt *statement, int column)
{
	const char *text;

	if (sqlite3_column_type(statement, column) == SQLITE_NULL)
		return "";
	text = (const char *)sqlite3_column_text(statement, column);
	if (text)
		return text;
	store->column_failed = true;
	return "";
}

int ns_db_addr(struct ns_store *store, sqlite3_stmt *statement, int column, struct ns_addr *ret, struct ns_error *err)
{
	int length = sqlite3_column_bytes(statement, column);

	if (length != 0 && length != 4 && length != 16)
		return ns_db_damaged(store, err, "an address of %d bytes", length);
	memset(ret, 0, sizeof *ret);
	if (length) {
		ret->family = length == 4 ? AF_INET : AF_INET6;
		memcpy(ret->bytes, sqlite3_column_blob(statement, column), (size_t)length);
	}
	return 0;
}
