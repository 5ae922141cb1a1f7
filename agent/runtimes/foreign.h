/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Words out of documents that others wrote: whole, printable, or not at all. Pure.
 */
#ifndef NANOSEG_FOREIGN_H
#define NANOSEG_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Stands for a value that was there and cannot be used: no name that anybody accepts. */
#define NS_FOREIGN_UNUSABLE "?"

/* The member's text; "" where there is none, or it is no text. Borrowed. */
const char *ns_foreign_text(const json_t *object, const char *name);

/* False, and nothing is done, when it does not fit or is not printable ASCII: a name that was cut could be another
 * one's.
 */
bool ns_foreign_copy(char *to, size_t room, const char *from);

#endif
