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
/* Written piece by piece. A regular file, or none yet: in the same directory under another name, synced, then renamed.
 * Mode 0600: it tells who talks to whom. Anything else (a symbolic link, a pipe, a device) is nobody's to replace: it
 * is opened and written to, and a link leads to its target. */
struct ns_file {
	const char *path; /* borrowed */
	char *temporary;
	int fd;
};
#define NS_FILE_INIT                                                                                                   \
	{                                                                                                              \
		.fd = -1                                                                                               \
	}
int ns_file_begin(struct ns_file *file, const char *path, struct ns_error *err);
int ns_file_add(struct ns_file *file, const char *text, size_t length, struct ns_error *err);
int ns_file_end(struct ns_file *file, struct ns_error *err);
/* Without _end nothing takes the name. */
void ns_file_release(struct ns_file *file);
/* Is it what standard output leads to (/dev/stdout)? */
bool ns_file_is_output(const char *path);
int ns_file_write_all(int fd, const char *text, size_t length); /* 0 or -errno */

#endif
