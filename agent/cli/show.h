/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Text for people: foreign bytes made harmless, widths as a terminal counts them, figures in words.
 */
#ifndef NANOSEG_CLI_SHOW_H
#define NANOSEG_CLI_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NS_SHOW_FIGURE_MAX 32

bool ns_show_valid(const char *text); /* UTF-8 from end to end */

/* Control characters, invalid UTF-8, and the characters that turn the direction of writing or take no room become
 * "\x1b" or "\u202e"; a backslash stays. Malloced; NULL without memory. */
char *ns_show_escape(const char *text);
/* For JSON text (valid UTF-8) that goes to a terminal: the same characters, beyond those that JSON escapes anyway,
 * as \uXXXX, which is the same document. Malloced; NULL without memory. */
char *ns_show_escape_json(const char *json);

/* Columns of escaped text. */
size_t ns_show_width(const char *text);
/* How many bytes of it fit into so many columns; *ret_width is what they take, one less before a wide character. */
size_t ns_show_cut(const char *text, size_t width, size_t *ret_width);

/* Copies the text and its NUL to where there is room for it; returns the place of the NUL. */
static inline char *ns_show_copy(char *to, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n + 1);
	return to + n;
}

const char *ns_show_number(uint64_t number, char buf[static NS_SHOW_FIGURE_MAX]);
const char *ns_show_bytes(uint64_t bytes, char buf[static NS_SHOW_FIGURE_MAX]); /* "1.4 MiB" */
const char *ns_show_duration(int64_t us, char buf[static NS_SHOW_FIGURE_MAX]);  /* "3d 4h", "5min 2s", "250ms" */

#endif
