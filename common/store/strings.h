/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names are kept once, in the table `string`, and stand as numbers in the graph. "" is 0 and has no row.
 */
#ifndef NANOSEG_STORE_STRINGS_H
#define NANOSEG_STORE_STRINGS_H

#include "store/db.h"

/* *ret 0: not there (or ""). */
int ns_strings_find(struct ns_store *store, const char *text, int64_t *ret, struct ns_error *err);
/* Adds it when it is not there; inside a transaction. */
int ns_strings_put(struct ns_store *store, const char *text, int64_t *ret, struct ns_error *err);
/* After a rollback: what the cache says may not be so any more. */
void ns_strings_forget(struct ns_store *store);

/* All of them at once, for loading a graph. Half a table is left on failure: release it either way. */
struct ns_string_table {
	char **texts; /* by id; [0] is "" */
	size_t n;
};
int ns_string_table_load(struct ns_store *store, struct ns_string_table *ret, struct ns_error *err);
void ns_string_table_release(struct ns_string_table *table);
/* NULL: no such id. */
const char *ns_string_table_text(const struct ns_string_table *table, int64_t id);

#endif
