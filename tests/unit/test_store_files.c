/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the store finds on the disk: nothing, its own, somebody else's, or rubbish.
 */
#include "store_test.h"

#include <sys/socket.h>
#include <time.h>

#include "clock.h"
#include "store/schema.h"

#define FILE_MAX_BYTES 4194304

static void path_of(const struct fixture *f, const char *name, char ret[static PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/%s", f->path, name);
}

static unsigned mode_of(const struct fixture *f, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	path_of(f, name, path);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static size_t read_file(const struct fixture *f, char **ret)
{
	char path[PATH_MAX];
	NS_CLOSE int fd = -1;
	ssize_t n;

	path_of(f, "nanoseg.db", path);
	*ret = malloc(FILE_MAX_BYTES);
	assert_non_null(*ret);
	fd = open(path, O_RDONLY);
	n = read(fd, *ret, FILE_MAX_BYTES);
	assert_true(n >= 0 && n < FILE_MAX_BYTES);
	return (size_t)n;
}

static void write_file(const struct fixture *f, const char *name, const void *data, size_t length)
{
	char path[PATH_MAX];
	NS_CLOSE int fd = -1;

	path_of(f, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, length), (ssize_t)length);
}

/* Does not open, says what and what to do, and has not touched the file. */
static void refused(struct fixture *f, int code, const char *says)
{
	NS_FREE char *before = NULL;
	NS_FREE char *after = NULL;
	size_t n = read_file(f, &before);
	int r;

	memset(&f->err, 0, sizeof f->err);
	r = ns_store_open(f->path, &f->store, &f->err);
	if (r != code || !strstr(f->err.text, says))
		fail_msg("%d '%s' in place of %d '%s'", r, f->err.text, code, says);
	assert_null(f->store);
	assert_int_equal(f->err.code, code);
	if (code == -EBADMSG || code == -ENOTSUP)
		assert_non_null(strstr(f->err.text, "rules in the kernel stay as they are"));
	assert_int_equal(read_file(f, &after), n);
	assert_memory_equal(before, after, n);
}

static void fill(struct fixture *f)
{
	char digest[NS_DIGEST_TEXT_MAX];

	meet(f, "a");
	for (int i = 0; i < 5; i++) {
		propose(f, "a", i, digest);
		approve(f, "a", digest);
	}
	MUST(f, ns_store_begin(f->store, &f->err));
	for (unsigned i = 0; i < 2000; i++) {
		struct ns_edge edge = edge_to("a", AF_INET6, i, 80);

		MUST(f, ns_store_add_edge(f->store, &edge, &f->err));
	}
	MUST(f, ns_store_commit(f->store, &f->err));
}

static int setup_filled(void **state)
{
	struct fixture *f;

	(void)setup(state);
	f = *state;
	fill(f);
	f->store = ns_store_close(f->store);
	return 0;
}

static void test_modes_of_files(void **state)
{
	struct fixture *f = *state;

	umask(0); /* whatever the umask: nobody else may read who talks to whom */
	reopen(f);
	meet(f, "a");
	assert_int_equal(mode_of(f, "."), 0700);
	assert_int_equal(mode_of(f, "nanoseg.db"), 0600);
	assert_int_equal(mode_of(f, "nanoseg.db-wal"), 0600);
	assert_int_equal(mode_of(f, "nanoseg.db-shm"), 0600);
	assert_int_equal(mode_of(f, "nanoseg.lock"), 0600);
	umask(022);
}

static void test_two_daemons(void **state)
{
	struct fixture *f = *state;
	struct ns_store *second = NULL;

	assert_int_equal(ns_store_open(f->path, &second, &f->err), -EBUSY);
	assert_non_null(strstr(f->err.text, "in use by another nanosegd"));
	assert_null(second);
	meet(f, "a"); /* the first one goes on */
}

static void test_directory(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	f->store = ns_store_close(f->store);
	assert_int_equal(chmod(f->path, 0770), 0);
	refused(f, -EPERM, "run: chmod go-w");
	assert_int_equal(chmod(f->path, 0702), 0);
	refused(f, -EPERM, "can be written by others");
	assert_int_equal(chmod(f->path, 0755), 0);
	reopen(f);
	f->store = ns_store_close(f->store);
	path_of(f, "nanoseg.db", path);
	assert_int_equal(chmod(path, 0660), 0);
	refused(f, -EPERM, "nanoseg.db can be written by others");
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		assert_int_equal(seteuid(1), 0);
		assert_true(ns_store_open(f->path, &f->store, &f->err) < 0); /* neither ours nor root's */
		assert_int_equal(seteuid(0), 0);
		refused(f, -EPERM, "belongs to uid 12345");
	}
}

static void test_wrong_paths(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], file[PATH_MAX];

	f->store = ns_store_close(f->store);
	path_of(f, "no/such/parent", path);
	assert_int_equal(ns_store_open(path, &f->store, &f->err), -ENOENT);
	path_of(f, "nanoseg.lock", path);
	assert_int_equal(ns_store_open(path, &f->store, &f->err), -ENOTDIR);
	path_of(f, "nanoseg.db", path);
	path_of(f, "elsewhere", file);
	assert_int_equal(rename(path, file), 0);
	assert_int_equal(symlink(file, path), 0);
	assert_int_equal(ns_store_open(f->path, &f->store, &f->err), -EPERM);
	assert_non_null(strstr(f->err.text, "not a regular file"));
}

static void test_truncated(void **state)
{
	struct fixture *f = *state;
	NS_FREE char *whole = NULL;
	size_t n = read_file(f, &whole);
	const size_t lengths[] = { 0, 1, 99, 100, 512, 4095, 4096, 8192, n / 2, n / 2 + 1, n - 4096, n - 1 };

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		write_file(f, "nanoseg.db", whole, lengths[i]);
		refused(f, -EBADMSG, "damaged database");
		assert_non_null(strstr(f->err.text, "aside or restore a copy"));
	}
	write_file(f, "nanoseg.db", whole, n);
	reopen(f);
	assert_int_equal(get(f, "a").newest_revision, 5);
}

static void test_rubbish(void **state)
{
	struct fixture *f = *state;
	static char rubbish[65536];

	for (size_t i = 0; i < sizeof rubbish; i++)
		rubbish[i] = (char)random();
	write_file(f, "nanoseg.db", rubbish, sizeof rubbish);
	refused(f, -EBADMSG, "damaged database");
	write_file(f, "nanoseg.db", "hello\n", 6);
	refused(f, -EBADMSG, "damaged database");
}

/* A page of random bytes, anywhere: either it is refused, or whatever is then asked of the store neither crashes it nor
 * gives out a policy that is not the one under that digest. */
static void test_random_pages(void **state)
{
	struct fixture *f = *state;
	NS_FREE char *whole = NULL;
	NS_FREE char *copy = malloc(FILE_MAX_BYTES);
	size_t n = read_file(f, &whole), n_refused = 0, pages = n / 4096;

	assert_non_null(copy);
	srandom(7);
	for (size_t page = 0; page < pages; page++) {
		struct ns_graph graph = NS_GRAPH_INIT;
		char head[NS_DIGEST_TEXT_MAX];
		uint64_t entries;

		memcpy(copy, whole, n);
		for (size_t i = 0; i < 4096; i++)
			copy[page * 4096 + i] = (char)random();
		write_file(f, "nanoseg.db", copy, n);
		if (ns_store_open(f->path, &f->store, &f->err) < 0) {
			assert_int_equal(f->err.code, -EBADMSG);
			n_refused++;
			continue;
		}
		(void)ns_store_load_graph(f->store, NULL, &graph, &f->err);
		ns_graph_release(&graph);
		(void)ns_store_audit_verify(f->store, &entries, head, &f->err);
		f->store = ns_store_close(f->store);
	}
	print_message("%zu of %zu random pages were refused\n", n_refused, pages);
	assert_true(n_refused > 0 && n_refused >= pages - 2); /* but for pages that are free */
}

/* Single bytes, many rounds: the same, and a change of the ledger that gets through opening does not verify. */
static void test_flipped_bytes(void **state)
{
	struct fixture *f = *state;
	NS_FREE char *whole = NULL;
	NS_FREE char *copy = malloc(FILE_MAX_BYTES);
	size_t n = read_file(f, &whole);
	unsigned refused_at_open = 0, seen_later = 0;

	assert_non_null(copy);
	srandom(11);
	for (int round = 0; round < 300; round++) {
		NS_JSON json_t *policy = NULL;
		struct ns_graph graph = NS_GRAPH_INIT;
		char head[NS_DIGEST_TEXT_MAX];
		uint64_t entries;

		memcpy(copy, whole, n);
		for (int i = 0; i < 4; i++)
			copy[(size_t)random() % n] ^= (char)(1 << random() % 8);
		write_file(f, "nanoseg.db", copy, n);
		if (ns_store_open(f->path, &f->store, &f->err) < 0) {
			refused_at_open++;
			continue;
		}
		if (ns_store_load_graph(f->store, NULL, &graph, &f->err) == 0)
			ns_graph_release(&graph);
		(void)ns_store_get_policy(f->store, "a", 5, &policy, NULL, &f->err);
		json_decref(ns_store_audit_entries(f->store, 0, 100, &f->err));
		seen_later += ns_store_audit_verify(f->store, &entries, head, &f->err) < 0;
		f->store = ns_store_close(f->store);
	}
	print_message("300 files with four flipped bits: %u refused, %u more with a chain that does not verify\n",
		      refused_at_open, seen_later);
	assert_true(refused_at_open + seen_later > 0);
}

static void test_of_another_program(void **state)
{
	struct fixture *f = *state;

	behind(f, "PRAGMA application_id = 252006673"); /* a Fossil check-out */
	refused(f, -EBADMSG, "made by another program, application id 0xf055111");
}

static void test_newer(void **state)
{
	struct fixture *f = *state;

	behind(f, "PRAGMA user_version = 900");
	refused(f, -ENOTSUP, "made by a newer nanoseg (schema 900");
}

static void test_altered_schema(void **state)
{
	static const char *const sql[][2] = {
		{ "DROP TRIGGER audit_no_update", "where trigger audit_no_update belongs" },
		{ "DROP INDEX gap_by_workload", "where index gap_by_workload belongs" },
		{ "CREATE TABLE extra (a)", "table extra where" },
		{ "ALTER TABLE workload ADD COLUMN also TEXT", "schema: table workload was altered" },
		{ "DROP TABLE workload", "schema: " },
		{ "PRAGMA user_version = 0", "schema version 0" },
	};

	for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
		void *one;

		(void)setup_filled(&one);
		behind(one, sql[i][0]);
		refused(one, -EBADMSG, sql[i][1]);
		(void)teardown(&one);
	}
}

/* A log without its database must not be played into a new one. */
static void test_log_alone(void **state)
{
	struct fixture *f = *state;
	char db[PATH_MAX], wal[PATH_MAX];

	path_of(f, "nanoseg.db", db);
	path_of(f, "nanoseg.db-wal", wal);
	write_file(f, "nanoseg.db-wal", "log", 3);
	assert_int_equal(unlink(db), 0);
	assert_int_equal(ns_store_open(f->path, &f->store, &f->err), -EBADMSG);
	assert_non_null(strstr(f->err.text, "nanoseg.db-wal is there without its database"));
	assert_int_equal(access(db, F_OK), -1);
	assert_int_equal(unlink(wal), 0);
	reopen(f); /* a new one */
	assert_int_equal(ns_store_get_workload(f->store, "a", &(struct ns_workload){ 0 }, &f->err), -ENOENT);
}

/* Killed while making it: what is left over is in nobody's way. */
static void test_leftovers_of_making(void **state)
{
	struct fixture *f = *state;
	char db[PATH_MAX];

	path_of(f, "nanoseg.db", db);
	assert_int_equal(unlink(db), 0);
	write_file(f, "nanoseg.db.new", "half", 4);
	write_file(f, "nanoseg.db.new-journal", "half", 4);
	reopen(f);
	meet(f, "a");
	path_of(f, "nanoseg.db.new", db);
	assert_int_equal(access(db, F_OK), -1);
}

static void test_locked_by_another(void **state)
{
	struct fixture *f = *state;
	struct ns_edge edge = edge_to("a", AF_INET, 1, 80);
	char path[PATH_MAX];
	sqlite3 *db = NULL;
	int64_t start;

	path_of(f, "nanoseg.db", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	start = ns_clock_elapsed();
	assert_int_equal(ns_store_add_edge(f->store, &edge, &f->err), -EBUSY);
	assert_true(ns_clock_elapsed() - start < INT64_C(2) * NS_STORE_BUSY_MS * 1000);
	assert_non_null(strstr(f->err.text, "holds the database locked"));
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM edge", NULL, NULL, NULL), SQLITE_OK);
	MUST(f, ns_store_add_edge(f->store, &edge, &f->err)); /* readers are in nobody's way */
	sqlite3_close(db);
}

static int64_t version_of(struct ns_store *store)
{
	int64_t version = -1;

	(void)ns_db_integer(store, &version, "PRAGMA user_version", NS_NO_VALUES, NULL);
	return version;
}

/* Steps that are missing are made in one go or not at all. */
static void test_migration(void **state)
{
	struct fixture *f = *state;
	const char *const good[] = { NULL, NULL, NULL, "CREATE TABLE two (a) STRICT",
				     "CREATE TABLE three (a INT) STRICT" };
	const char *const steps[] = { NULL, NULL, NULL, "CREATE TABLE two (a INT) STRICT",
				      "CREATE TABLE three (a INT) STRICT" };
	const struct ns_schema bad = { good, 5 }, next = { steps, 5 };
	int version = 0;

	MUST(f, ns_schema_check(f->store, &next, &version, &f->err));
	assert_int_equal(version, ns_schema.version);
	MUST(f, ns_db_begin(f->store, NS_DB_LEDGER, &f->err)); /* the first step is not SQL that SQLite takes */
	assert_true(ns_db_end(f->store, NS_DB_LEDGER, ns_schema_migrate(f->store, &bad, 3, &f->err), &f->err) < 0);
	assert_non_null(strstr(f->err.text, "bringing the schema to version 4: "));
	assert_int_equal(version_of(f->store), 3);

	MUST(f, ns_db_begin(f->store, NS_DB_LEDGER, &f->err));
	MUST(f, ns_db_end(f->store, NS_DB_LEDGER, ns_schema_migrate(f->store, &next, 3, &f->err), &f->err));
	assert_int_equal(version_of(f->store), 5);
	f->store = ns_store_close(f->store);
	refused(f, -ENOTSUP, "made by a newer nanoseg (schema 5"); /* for the steps that really are */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_modes_of_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_daemons, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup_filled, teardown),
		cmocka_unit_test_setup_teardown(test_rubbish, setup_filled, teardown),
		cmocka_unit_test_setup_teardown(test_random_pages, setup_filled, teardown),
		cmocka_unit_test_setup_teardown(test_flipped_bytes, setup_filled, teardown),
		cmocka_unit_test_setup_teardown(test_of_another_program, setup_filled, teardown),
		cmocka_unit_test_setup_teardown(test_newer, setup_filled, teardown),
		cmocka_unit_test(test_altered_schema),
		cmocka_unit_test_setup_teardown(test_log_alone, setup_filled, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers_of_making, setup_filled, teardown),
		cmocka_unit_test_setup_teardown(test_locked_by_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_migration, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
