/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a runtime hands over, read whole and within bounds.
 */
#ifndef NANOSEG_HOOKS_INPUT_H
#define NANOSEG_HOOKS_INPUT_H

#include <stddef.h>

#include <nanoseg/error.h>

/* Up to the end of file. *ret is malloced and has a NUL behind its *ret_length bytes. -EFBIG: more than
 * NS_HOOK_BYTES_MAX. `name` stands for it in errors. */
int ns_input_read(int fd, const char *name, char **ret, size_t *ret_length, struct ns_error *err);
/* The same of a regular file. */
int ns_input_read_file(const char *path, char **ret, size_t *ret_length, struct ns_error *err);

#endif
