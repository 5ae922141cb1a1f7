/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The user's own editor on a file, as git does it: $VISUAL, else $EDITOR, else `editor`, else `vi`.
 */
#ifndef NANOSEG_CLI_EDITOR_H
#define NANOSEG_CLI_EDITOR_H

#include <nanoseg/error.h>

#define NS_EDITOR_WORDS_MAX  16
#define NS_EDITOR_LENGTH_MAX 1024 /* of the variable, with its NUL */

/* Waits for it. No shell is involved: the variable is split at blanks. An editor that cannot be started or ends with
 * another status than 0 is an error. */
int ns_editor_run(const char *path, struct ns_error *err);

#endif
