/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The steps of opening that deal with files: the state directory, its lock, and the making of a new database.
 */
#ifndef NANOSEG_STORE_OPEN_H
#define NANOSEG_STORE_OPEN_H

#include "store/db.h"

#define NS_STORE_FILE "nanoseg.db"
#define NS_STORE_LOCK "nanoseg.lock"

/* Makes it when missing, checks owner and mode, takes the lock, fills store->path and ->lock_fd. */
int ns_state_dir_open(const char *state_dir, struct ns_store *store, struct ns_error *err);
/* 1: a database is there; 0: none, and none of its side files. */
int ns_state_file_exists(struct ns_store *store, struct ns_error *err);
/* Makes a database under another name and renames it: one that is there is whole, and an empty file is damage. */
int ns_state_file_create(struct ns_store *store, struct ns_error *err);

/* Opens path with the settings that every connection of ours has. store->db is set even on failure, for its message. */
int ns_db_open(struct ns_store *store, const char *path, struct ns_error *err);
void ns_db_close(struct ns_store *store);

/* The first line of a small file (a /proc or /etc one); -ENODATA when it is empty. */
int ns_read_line(const char *path, char *ret, size_t size, struct ns_error *err);

#endif
