/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Interned strings: each distinct text is kept once, and equal texts are equal pointers. A million edges name a few
 * thousand workloads and programs.
 */
#ifndef NANOSEG_INTERN_H
#define NANOSEG_INTERN_H

struct ns_strings;

struct ns_strings *ns_strings_new(void); /* NULL without memory */
struct ns_strings *ns_strings_free(struct ns_strings *strings);
/* NULL text counts as "". NULL only without memory. Valid until ns_strings_free. */
const char *ns_strings_intern(struct ns_strings *strings, const char *text);
/* The same, without adding it: NULL when it is not there. */
const char *ns_strings_find_text(const struct ns_strings *strings, const char *text);

#endif
