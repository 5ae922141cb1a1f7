/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Notes on the tables:
 * - audit, policy and decision only grow. Triggers refuse UPDATE, DELETE, and INSERT OR REPLACE (which fires no delete
 *   trigger); they guard against mistakes, the hash chain against more.
 * - what state a policy is in, and which one is active, follows from the decisions and is not stored.
 * - edge, deny and counter have their identity as primary key and no rowid: one tree each.
 * - an address is a BLOB of 0 (none), 4 or 16 bytes. Times are microseconds since the epoch, 0: never.
 */
#include <errno.h>
#include <string.h>

#include "store/schema.h"

#define TUPLE                                                                                                          \
	"direction INTEGER NOT NULL CHECK (direction BETWEEN 1 AND 3), protocol INTEGER NOT NULL CHECK (protocol "     \
	"BETWEEN 0 AND 255), port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535), peer BLOB NOT NULL, source BLOB " \
	"NOT NULL"
#define OBSERVED                                                                                                       \
	TUPLE ", peer_class INTEGER NOT NULL, peer_name INTEGER NOT NULL, source_class INTEGER NOT NULL, source_name " \
	      "INTEGER NOT NULL, packets INTEGER NOT NULL, bytes INTEGER NOT NULL, first_seen INTEGER NOT NULL, "      \
	      "last_seen INTEGER NOT NULL, process TEXT NOT NULL, uid INTEGER NOT NULL"
#define IDENTITY "workload, direction, protocol, port, peer, source, peer_class, peer_name"
#define GROWS_ONLY(table)                                                                                              \
	"CREATE TRIGGER " table "_no_update BEFORE UPDATE ON " table " BEGIN SELECT RAISE(ABORT, '" table              \
	" is append-only'); END;"                                                                                      \
	"CREATE TRIGGER " table "_no_delete BEFORE DELETE ON " table " BEGIN SELECT RAISE(ABORT, '" table              \
	" is append-only'); END;"

static const char version_1[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER meta_no_update BEFORE UPDATE ON meta WHEN OLD.key IN ('host', 'created', 'genesis') "
	"BEGIN SELECT RAISE(ABORT, 'the origin is fixed'); END;"
	"CREATE TRIGGER meta_no_delete BEFORE DELETE ON meta WHEN OLD.key IN ('host', 'created', 'genesis') "
	"BEGIN SELECT RAISE(ABORT, 'the origin is fixed'); END;"

	"CREATE TABLE string (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;"

	"CREATE TABLE workload (name TEXT PRIMARY KEY, mode TEXT NOT NULL, since INTEGER NOT NULL, "
	"learning_since INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

	/* the ledger */
	"CREATE TABLE audit (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, event TEXT NOT NULL, workload TEXT, "
	"actor TEXT NOT NULL, detail TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL) STRICT;"
	"CREATE TRIGGER audit_in_order BEFORE INSERT ON audit "
	"WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit) "
	"BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;" GROWS_ONLY("audit")

		"CREATE TABLE policy (workload TEXT NOT NULL, revision INTEGER NOT NULL, digest TEXT NOT NULL, "
		"document TEXT NOT NULL, origin TEXT NOT NULL, proposer TEXT NOT NULL, created INTEGER NOT NULL, "
		"seq INTEGER NOT NULL UNIQUE REFERENCES audit (seq), PRIMARY KEY (workload, revision)) STRICT;"
		"CREATE TRIGGER policy_in_order BEFORE INSERT ON policy "
		"WHEN NEW.revision IS NOT (SELECT coalesce(max(revision), 0) + 1 FROM policy WHERE workload = "
		"NEW.workload) "
		"BEGIN SELECT RAISE(ABORT, 'policy is append-only'); END;" GROWS_ONLY("policy")

			"CREATE TABLE decision (seq INTEGER PRIMARY KEY REFERENCES audit (seq), time INTEGER NOT NULL, "
			"workload TEXT NOT NULL, revision INTEGER NOT NULL, digest TEXT NOT NULL, "
			"decision TEXT NOT NULL CHECK (decision IN ('approve', 'reject')), reason TEXT NOT NULL, actor "
			"TEXT NOT NULL, "
			"UNIQUE (workload, revision), FOREIGN KEY (workload, revision) REFERENCES policy (workload, "
			"revision)) STRICT;"
			"CREATE TRIGGER decision_in_order BEFORE INSERT ON decision "
			"WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM decision) "
			"OR EXISTS (SELECT 1 FROM decision WHERE workload = NEW.workload AND revision = NEW.revision) "
			"BEGIN SELECT RAISE(ABORT, 'decision is append-only'); END;" GROWS_ONLY("decision")

	/* facts */
	"CREATE TABLE edge (workload INTEGER NOT NULL, " OBSERVED ", PRIMARY KEY (" IDENTITY ")) STRICT, WITHOUT ROWID;"
	"CREATE TABLE deny (workload INTEGER NOT NULL, audited INTEGER NOT NULL, " OBSERVED ", PRIMARY KEY (" IDENTITY
	", audited)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE tally (workload INTEGER PRIMARY KEY, edges INTEGER NOT NULL, denies INTEGER NOT NULL) STRICT;"

	"CREATE TABLE counter (cookie INTEGER NOT NULL, deny INTEGER NOT NULL, " TUPLE
	", packets INTEGER NOT NULL, bytes INTEGER NOT NULL, "
	"PRIMARY KEY (cookie, deny, direction, protocol, port, peer, source)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE gap (id INTEGER PRIMARY KEY, workload INTEGER NOT NULL, started INTEGER NOT NULL, "
	"ended INTEGER NOT NULL, cause TEXT NOT NULL) STRICT;"
	"CREATE INDEX gap_by_workload ON gap (workload, ended, started);"

	"CREATE TABLE endpoint (boot_id TEXT NOT NULL, cookie INTEGER NOT NULL, workload TEXT NOT NULL, "
	"runtime TEXT NOT NULL, container_id TEXT NOT NULL, name TEXT NOT NULL, image TEXT NOT NULL, "
	"image_digest TEXT NOT NULL, pid INTEGER NOT NULL, netns_path TEXT NOT NULL, since INTEGER NOT NULL, "
	"ended INTEGER NOT NULL, joined_late INTEGER NOT NULL, provisional INTEGER NOT NULL, addresses TEXT NOT NULL, "
	"interfaces TEXT NOT NULL, findings TEXT NOT NULL, PRIMARY KEY (boot_id, cookie)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX endpoint_by_end ON endpoint (ended);"

	"CREATE TABLE readback (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, boot_id TEXT NOT NULL, "
	"cookie INTEGER NOT NULL, workload TEXT NOT NULL, revision INTEGER NOT NULL, mode TEXT NOT NULL, "
	"plan_digest TEXT NOT NULL, kernel_digest TEXT NOT NULL, difference TEXT NOT NULL, "
	"changed INTEGER NOT NULL) STRICT;"
	"CREATE INDEX readback_by_workload ON readback (workload, changed, id);"
	"CREATE INDEX readback_by_endpoint ON readback (cookie, boot_id, id);";

/* What is asked of one workload is found without reading what is of the others. */
static const char version_2[] = "CREATE INDEX audit_by_workload ON audit (workload, seq);"
				"CREATE INDEX endpoint_by_workload ON endpoint (workload, since);";

/* What was read for a read-back, and when all was: '' and 0 where that was not told yet. */
static const char version_3[] = "ALTER TABLE readback ADD COLUMN extent TEXT NOT NULL DEFAULT '';"
				"ALTER TABLE readback ADD COLUMN table_read INTEGER NOT NULL DEFAULT 0;";

static const char *const steps[] = { version_1, version_2, version_3 };

const struct ns_schema ns_schema = { steps, (int)(sizeof steps / sizeof steps[0]) };

int ns_schema_check(struct ns_store *store, const struct ns_schema *schema, int *ret_version, struct ns_error *err)
{
	int64_t id = 0, version = 0;
	int r = ns_db_integer(store, &id, "PRAGMA application_id", NS_NO_VALUES, err);

	if (r == 0)
		r = ns_db_integer(store, &version, "PRAGMA user_version", NS_NO_VALUES, err);
	if (r < 0)
		return r;
	if (id != NS_SCHEMA_APPLICATION_ID)
		return ns_db_damaged(store, err, "made by another program, application id %#llx",
				     (unsigned long long)id & 0xffffffffu);
	if (version > schema->version)
		return ns_error_set(err, -ENOTSUP,
				    "%s: made by a newer nanoseg (schema %lld, this one knows %d); install that "
				    "version, or restore "
				    "a copy from before; rules in the kernel stay as they are",
				    store->path, (long long)version, schema->version);
	if (version < 0 || (version == 0 && schema == &ns_schema))
		return ns_db_damaged(store, err, "schema version %lld", (long long)version);
	*ret_version = (int)version;
	return 0;
}

int ns_schema_migrate(struct ns_store *store, const struct ns_schema *schema, int version, struct ns_error *err)
{
	char pragma[64];
	int r = 0;

	if (version == schema->version)
		return 0;
	for (; r == 0 && version < schema->version; version++)
		r = ns_db_execute(store, schema->steps[version], err);
	if (r < 0) {
		ns_error_context(err, "bringing the schema to version %d", version);
		return r;
	}
	(void)snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", version);
	return ns_db_execute(store, pragma, err);
}

#define LIST_SCHEMA "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"

/* Walks both lists side by side. */
static int compare(struct ns_store *store, sqlite3_stmt *ours, sqlite3_stmt *theirs, struct ns_error *err)
{
	for (;;) {
		int a = sqlite3_step(ours), b = sqlite3_step(theirs);
		const char *name, *sql, *their_name, *their_sql;

		if ((a != SQLITE_ROW && a != SQLITE_DONE) || (b != SQLITE_ROW && b != SQLITE_DONE))
			return ns_db_error(store, a != SQLITE_ROW && a != SQLITE_DONE ? a : b, err);
		if (a == SQLITE_DONE && b == SQLITE_DONE)
			return 0;
		name = a == SQLITE_ROW ? (const char *)sqlite3_column_text(ours, 0) : "nothing more";
		their_name = b == SQLITE_ROW ? (const char *)sqlite3_column_text(theirs, 0) : "nothing more";
		sql = a == SQLITE_ROW ? (const char *)sqlite3_column_text(ours, 1) : "";
		their_sql = b == SQLITE_ROW ? (const char *)sqlite3_column_text(theirs, 1) : "";
		if (!name || !their_name || !sql || !their_sql)
			return ns_db_error(store, SQLITE_NOMEM, err);
		if (strcmp(name, their_name) != 0)
			return ns_db_damaged(store, err, "schema: %s where %s belongs", their_name, name);
		if (strcmp(sql, their_sql) != 0)
			return ns_db_damaged(store, err, "schema: %s was altered", name);
	}
}

static void close_memory(sqlite3 **db)
{
	(void)sqlite3_close(*db);
}

static void finalize(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

int ns_schema_compare(struct ns_store *store, const struct ns_schema *schema, struct ns_error *err)
{
	NS_CLEANUP(close_memory) sqlite3 *memory = NULL;
	NS_CLEANUP(finalize) sqlite3_stmt *ours = NULL;
	NS_CLEANUP(finalize) sqlite3_stmt *theirs = NULL;
	int rc = sqlite3_open_v2(":memory:", &memory, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	for (int i = 0; rc == SQLITE_OK && i < schema->version; i++)
		rc = sqlite3_exec(memory, schema->steps[i], NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(memory, LIST_SCHEMA, -1, &ours, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(store->db, LIST_SCHEMA, -1, &theirs, NULL);
	if (rc != SQLITE_OK)
		return ns_db_error(store, rc, err);
	return compare(store, ours, theirs, err);
}
