/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The state directory and the making of the file in it.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "clock.h"
#include "digest.h"
#include "store/open.h"
#include "store/schema.h"

/* Every page size of SQLite is a multiple of this. */
#define SMALLEST_PAGE 512

static const char *const side_files[] = { "-wal", "-shm", "-journal" };

static int check_owner(const struct stat *st, const char *path, struct ns_error *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return ns_error_set(err, -EPERM, "%s belongs to uid %u; it must be ours (uid %u) or root's", path,
				    st->st_uid, geteuid());
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return ns_error_set(err, -EPERM, "%s can be written by others (mode %04o); run: chmod go-w %s", path,
				    st->st_mode & 07777, path);
	return 0;
}

static int take_lock(struct ns_store *store, const char *dir, struct ns_error *err)
{
	char path[PATH_MAX + sizeof NS_STORE_LOCK + 1];

	(void)snprintf(path, sizeof path, "%s/" NS_STORE_LOCK, dir);
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock_fd < 0)
		return ns_error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return ns_error_set(err, errno == EWOULDBLOCK ? -EBUSY : -errno,
				    "%s is in use by another nanosegd; give each its own state_dir", dir);
	return 0;
}

int ns_state_dir_open(const char *state_dir, struct ns_store *store, struct ns_error *err)
{
	NS_FREE char *dir = NULL;
	struct stat st;
	int r;

	if (mkdir(state_dir, 0700) < 0 && errno != EEXIST)
		return ns_error_set(err, -errno, "cannot make the state directory %s: %s", state_dir, strerror(errno));
	dir = realpath(state_dir, NULL);
	if (!dir || stat(dir, &st) < 0)
		return ns_error_set(err, -errno, "state directory %s: %s", state_dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return ns_error_set(err, -ENOTDIR, "%s is not a directory", dir);
	r = check_owner(&st, dir, err);
	if (r < 0)
		return r;
	/* Room for the longest side file: SQLite must not cut a name. */
	if (snprintf(store->path, sizeof store->path, "%s/" NS_STORE_FILE, dir) >=
	    (int)(sizeof store->path - sizeof ".new-journal"))
		return ns_error_set(err, -ENAMETOOLONG, "the name of the state directory is too long");
	return take_lock(store, dir, err);
}

/* SQLite fills a last page that was cut with zeros, and goes on. Only a log that is still to be played in may leave the
 * file so: a kill in the middle of a checkpoint. */
static int check_length(struct ns_store *store, const struct stat *st, struct ns_error *err)
{
	char wal[PATH_MAX + 16];
	struct stat log;

	(void)snprintf(wal, sizeof wal, "%s-wal", store->path);
	if (st->st_size == 0)
		return ns_db_damaged(store, err, "the file is empty");
	if (st->st_size % SMALLEST_PAGE && (lstat(wal, &log) < 0 || log.st_size == 0))
		return ns_db_damaged(store, err, "the file was cut off");
	return 0;
}

int ns_state_file_exists(struct ns_store *store, struct ns_error *err)
{
	char path[PATH_MAX + 16];
	struct stat st;
	int r;

	if (lstat(store->path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return ns_error_set(err, -EPERM, "%s is not a regular file; move it away", store->path);
		r = check_length(store, &st, err);
		if (r == 0)
			r = check_owner(&st, store->path, err);
		return r < 0 ? r : 1;
	}
	if (errno != ENOENT)
		return ns_error_set(err, -errno, "%s: %s", store->path, strerror(errno));
	/* A log without its database would be played into the new one. */
	for (size_t i = 0; i < sizeof side_files / sizeof side_files[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", store->path, side_files[i]);
		if (lstat(path, &st) == 0)
			return ns_error_set(err, -EBADMSG,
					    "%.200s is there without its database; restore nanoseg.db, or move this "
					    "file aside too; "
					    "rules in the kernel stay as they are",
					    path);
	}
	return 0;
}

int ns_read_line(const char *path, char *ret, size_t size, struct ns_error *err)
{
	NS_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 || (n = read(fd, ret, size - 1)) < 0)
		return ns_error_set(err, -errno, "%s: %s", path, strerror(errno));
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return *ret ? 0 : ns_error_set(err, -ENODATA, "%s is empty", path);
}

/* /etc/machine-id, or where there is none, a number of our own. */
static int host_id(char ret[static 33], struct ns_error *err)
{
	unsigned char bytes[16];
	size_t n = 0;

	memset(ret, 0, 33);
	if (ns_read_line("/etc/machine-id", ret, 33, NULL) == 0)
		while (isxdigit((unsigned char)ret[n]))
			n++;
	if (n == 32 && ret[n] == '\0')
		return 0;
	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		return ns_error_set(err, -EIO, "no random numbers: %s", strerror(errno));
	for (size_t i = 0; i < sizeof bytes; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* Who and when: what the audit chain starts from. */
static int write_origin(struct ns_store *store, struct ns_error *err)
{
	char host[33], genesis[NS_DIGEST_SIZE];
	int64_t created = ns_clock_now();
	NS_JSON json_t *origin = NULL;
	int r = host_id(host, err);

	if (r < 0)
		return r;
	origin = json_pack("{s:s, s:I}", "host", host, "created", (json_int_t)created);
	if (!origin)
		return ns_error_set(err, -ENOMEM, "out of memory for the database");
	r = ns_digest_json(origin, genesis, err);
	if (r < 0)
		return r;
	r = ns_db_run(store,
		      "INSERT INTO meta VALUES ('host', ?1), ('created', ?2), ('genesis', ?3), ('audit_head', ?3), "
		      "('heartbeat', 0), ('counters_boot_id', '')",
		      NS_VALUES(ns_text(host), ns_int(created), ns_text(genesis)), err);
	return r < 0 ? r : 0;
}

static int fill(struct ns_store *store, struct ns_error *err)
{
	char pragma[64];
	int r;

	(void)snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d", NS_SCHEMA_APPLICATION_ID);
	r = ns_db_execute(store, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE", err);
	if (r == 0)
		r = ns_db_execute(store, pragma, err);
	if (r == 0)
		r = ns_schema_migrate(store, &ns_schema, 0, err);
	if (r == 0)
		r = write_origin(store, err);
	if (r == 0)
		r = ns_db_execute(store, "COMMIT", err);
	if (r == 0)
		r = ns_db_execute(store, "PRAGMA journal_mode = WAL", err);
	return r;
}

static void remove_new(const char *new)
{
	char path[PATH_MAX + 16];

	(void)unlink(new);
	for (size_t i = 0; i < sizeof side_files / sizeof side_files[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", new, side_files[i]);
		(void)unlink(path);
	}
}

static int sync_and_rename(struct ns_store *store, const char *new, struct ns_error *err)
{
	char dir[PATH_MAX];
	NS_CLOSE int file_fd = -1;
	NS_CLOSE int dir_fd = -1;

	memcpy(dir, store->path, sizeof dir);
	*strrchr(dir, '/') = '\0';
	file_fd = open(new, O_RDWR | O_CLOEXEC);
	dir_fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file_fd < 0 || dir_fd < 0 || fsync(file_fd) < 0 || rename(new, store->path) < 0 || fsync(dir_fd) < 0)
		return ns_error_set(err, -errno, "%s: cannot make the database: %s", store->path, strerror(errno));
	return 0;
}

int ns_state_file_create(struct ns_store *store, struct ns_error *err)
{
	char new[PATH_MAX + 16];
	int fd, r;

	(void)snprintf(new, sizeof new, "%s.new", store->path);
	remove_new(new);
	/* Made here for its mode, which the side files inherit. */
	fd = open(new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return ns_error_set(err, -errno, "%s: cannot make the database: %s", new, strerror(errno));
	(void)close(fd);
	r = ns_db_open(store, new, err);
	if (r == 0)
		r = fill(store, err);
	ns_db_close(store);
	if (r == 0)
		r = sync_and_rename(store, new, err);
	if (r < 0)
		remove_new(new);
	return r;
}
