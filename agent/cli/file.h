/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files of the user: read whole within a bound, written so that a reader sees the old one or the new one.
 */
#ifndef NANOSEG_CLI_FILE_H
#define NANOSEG_CLI_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <nanoseg/error.h>

/* path "-": standard input. -EFBIG beyond max. *ret is malloced, with a NUL behind it. */
int ns_file_read(const char *path, size_t max, char **ret, size_t *ret_length, struct ns_error *err);
/* A regular file, or none yet: in the same directory under another name, synced, then renamed. Mode 0600: it tells who
 * talks to whom. Anything else (a symbolic link, a pipe, a device) is nobody's to replace: it is opened and written to,
 * and a link leads to its target. */
int ns_file_save(const char *path, const char *text, size_t length, struct ns_error *err);
/* Is it what standard output leads to (/dev/stdout)? */
bool ns_file_is_output(const char *path);
int ns_file_write_all(int fd, const char *text, size_t length); /* 0 or -errno */

#endif
