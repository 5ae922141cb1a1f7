/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The store's inside: one SQLite connection, its statements, and its transactions. Nothing outside common/store
 * includes this.
 *
 * Reading:
 *	NS_STATEMENT sqlite3_stmt *s = NULL;
 *	int r = ns_db_query(store, &s, "SELECT … WHERE a = ?1", NS_VALUES(ns_int(a)), err);
 *	while (r == 0 && (r = ns_db_step(store, s, err)) > 0)
 *		… ns_db_text(store, s, 0) …
 * Writing: ns_db_run() between ns_db_begin() and ns_db_end().
 */
#ifndef NANOSEG_STORE_DB_H
#define NANOSEG_STORE_DB_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include <nanoseg/store.h>

#include "cleanup.h"

#define NS_DB_STATEMENTS_MAX 96
#define NS_DB_STRING_SLOTS   512
#define NS_DB_BOOT_ID_MAX    40
#define NS_DB_CAUSE_MAX      256

/* What the strings table says of a text that was asked for lately. */
struct ns_db_string {
	int64_t id; /* 0: empty slot */
	char text[NS_NAME_MAX];
};

struct ns_store {
	sqlite3 *db;
	int lock_fd;
	char path[PATH_MAX];
	char boot_id[NS_DB_BOOT_ID_MAX];
	struct {
		const char *sql; /* a string literal: the address is the key */
		sqlite3_stmt *statement;
	} statements[NS_DB_STATEMENTS_MAX];
	size_t n_statements;
	bool column_failed;          /* a text could not be read for want of memory; told by the next step */
	bool batch;                  /* between ns_store_begin and commit or rollback */
	struct ns_error batch_error; /* the first failed write of the batch */
	struct ns_db_string strings[NS_DB_STRING_SLOTS];
};

/* ---- values ---- */

enum ns_value_kind { NS_VALUE_NULL = 0, NS_VALUE_INT, NS_VALUE_TEXT, NS_VALUE_BLOB };

struct ns_value {
	enum ns_value_kind kind;
	int64_t integer;
	const void *data; /* borrowed until the statement is reset */
	size_t length;
};

static inline struct ns_value ns_int(int64_t integer)
{
	return (struct ns_value){ .kind = NS_VALUE_INT, .integer = integer };
}

/* SQLite's integers are signed: figures end at INT64_MAX, and cookies keep their bits. */
static inline struct ns_value ns_figure(uint64_t figure)
{
	return ns_int(figure > INT64_MAX ? INT64_MAX : (int64_t)figure);
}

static inline struct ns_value ns_cookie(uint64_t cookie)
{
	return ns_int((int64_t)cookie);
}

static inline struct ns_value ns_text(const char *text)
{
	return (struct ns_value){ .kind = text ? NS_VALUE_TEXT : NS_VALUE_NULL, .data = text };
}

static inline struct ns_value ns_addr_value(const struct ns_addr *addr)
{
	return (struct ns_value){ .kind = NS_VALUE_BLOB, .data = addr->bytes, .length = ns_addr_length(addr) };
}

/* Two arguments: the array and its length. */
#define NS_VALUES(...)                                                                                                 \
	((const struct ns_value[]){ __VA_ARGS__ }),                                                                    \
		(sizeof((const struct ns_value[]){ __VA_ARGS__ }) / sizeof(struct ns_value))
#define NS_NO_VALUES NULL, 0

/* A limit as a part of an SQL text. */
#define NS_SQL_NUMBER_TEXT(number) #number
#define NS_SQL_NUMBER(limit)       NS_SQL_NUMBER_TEXT(limit)

/* ---- statements ---- */

/* sql must be a string literal: the prepared statement is kept under its address. */
int ns_db_query(struct ns_store *store, sqlite3_stmt **ret, const char *sql, const struct ns_value *values, size_t n,
		struct ns_error *err);
/* 1: a row; 0: no more. */
int ns_db_step(struct ns_store *store, sqlite3_stmt *statement, struct ns_error *err);
/* Query, first row as an integer. -ENODATA, with err untouched, when there is no row; NULL counts as 0. */
int ns_db_integer(struct ns_store *store, int64_t *ret, const char *sql, const struct ns_value *values, size_t n,
		  struct ns_error *err);
/* A statement without rows. Returns the number of rows changed. */
int ns_db_run(struct ns_store *store, const char *sql, const struct ns_value *values, size_t n, struct ns_error *err);
/* Any SQL, several statements, nothing kept. */
int ns_db_execute(struct ns_store *store, const char *sql, struct ns_error *err);

/* Column of the row: "" for NULL. When memory ends here too it is "", and the next ns_db_step() or ns_db_row_end()
 * is -ENOMEM: call one of them before trusting the row. */
const char *ns_db_text(struct ns_store *store, sqlite3_stmt *statement, int column);
int ns_db_row_end(struct ns_store *store, struct ns_error *err);
/* -EBADMSG when it is not 0, 4 or 16 bytes. */
int ns_db_addr(struct ns_store *store, sqlite3_stmt *statement, int column, struct ns_addr *ret, struct ns_error *err);

/* Resets, so that the statement can be asked again. */
static inline void ns_db_resetp(sqlite3_stmt **statement)
{
	if (*statement) {
		(void)sqlite3_reset(*statement);
		(void)sqlite3_clear_bindings(*statement);
	}
}
#define NS_STATEMENT NS_CLEANUP(ns_db_resetp)

/* ---- transactions ---- */

enum ns_db_kind { NS_DB_FACT, NS_DB_LEDGER };

/* A fact in a batch joins it; a ledger write commits it first, and ns_db_end() starts it again. */
int ns_db_begin(struct ns_store *store, enum ns_db_kind kind, struct ns_error *err);
/* r is how the writes went: commits when >= 0, otherwise undoes them (in a batch: the whole batch, at its commit).
 * Returns r or what the commit said. */
int ns_db_end(struct ns_store *store, enum ns_db_kind kind, int r, struct ns_error *err);

/* ---- errors ---- */

/* The errno and the line for a result code of SQLite. */
int ns_db_error(struct ns_store *store, int rc, struct ns_error *err);
/* -EBADMSG: what is wrong, where, and what to do. */
int ns_db_damaged(struct ns_store *store, struct ns_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
