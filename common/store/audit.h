/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One entry of the audit chain, as it is hashed and as it stands in the table.
 */
#ifndef NANOSEG_STORE_AUDIT_H
#define NANOSEG_STORE_AUDIT_H

#include "store/ledger.h"

struct ns_audit_entry {
	uint64_t seq; /* from 1 without a hole */
	int64_t time;
	const char *event, *workload; /* workload may be NULL */
	json_t *actor, *detail;       /* borrowed; detail may be JSON null */
	const char *previous;
};

struct ns_audit_row {
	struct ns_audit_entry entry; /* texts are the statement's, until its next step */
	const char *hash;
	json_t *actor, *detail; /* owned */
};

/* The hash over the canonical JSON of all members. */
int ns_audit_hash(const struct ns_audit_entry *entry, char ret[static NS_DIGEST_SIZE], struct ns_error *err);
/* From a row of SELECT * FROM audit. */
int ns_audit_row(struct ns_store *store, sqlite3_stmt *s, struct ns_audit_row *ret, struct ns_error *err);
void ns_audit_row_release(struct ns_audit_row *row);

#endif
