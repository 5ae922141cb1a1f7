/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shape of the database and how older shapes become this one.
 *
 * PRAGMA application_id says that the file is ours, PRAGMA user_version which steps it has seen. A step, once released,
 * is never changed: a new one is added.
 */
#ifndef NANOSEG_STORE_SCHEMA_H
#define NANOSEG_STORE_SCHEMA_H

#include "store/db.h"

#define NS_SCHEMA_APPLICATION_ID 0x6e736567 /* "nseg" */

struct ns_schema {
	const char *const *steps; /* step i makes version i + 1 of version i */
	int version;              /* the number of steps */
};

extern const struct ns_schema ns_schema;

/* -EBADMSG: not ours; -ENOTSUP: newer than we are. *ret_version is what the file has. */
int ns_schema_check(struct ns_store *store, const struct ns_schema *schema, int *ret_version, struct ns_error *err);
/* All missing steps in the caller's transaction; does nothing when there are none. */
int ns_schema_migrate(struct ns_store *store, const struct ns_schema *schema, int version, struct ns_error *err);
/* The tables, indexes and triggers are the ones that the steps make: a dropped trigger is damage. */
int ns_schema_compare(struct ns_store *store, const struct ns_schema *schema, struct ns_error *err);

#endif
