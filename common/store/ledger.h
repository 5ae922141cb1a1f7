/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the files of the ledger share: entries of the audit chain, JSON texts in columns, the checking of texts.
 */
#ifndef NANOSEG_STORE_LEDGER_H
#define NANOSEG_STORE_LEDGER_H

#include "digest.h"
#include "store/db.h"

/* Appends one entry inside the caller's ledger transaction. workload and detail may be NULL. */
int ns_audit_append(struct ns_store *store, const char *event, const char *workload, const json_t *detail,
		    const struct ns_actor *actor, int64_t now, uint64_t *ret_seq, struct ns_error *err);

/* -EINVAL when it is longer than max - 1 bytes or not UTF-8: what goes into the ledger must come out of it. */
int ns_ledger_text(const char *text, size_t max, const char *what, struct ns_error *err);
/* Canonical text of a value, decoded again to see that it can be. Malloced. -E2BIG beyond max. */
int ns_ledger_encode(const json_t *json, size_t max, const char *what, char **ret, struct ns_error *err);
/* A JSON text that the store itself wrote. New reference. -EBADMSG when it does not decode. */
int ns_ledger_decode(struct ns_store *store, const char *text, json_t **ret, struct ns_error *err);

/* {"uid","user","pid"}; new reference, NULL without memory or when the user is not UTF-8. */
json_t *ns_actor_json(const struct ns_actor *actor);

/* -ENOENT when unknown; without a transaction of its own. */
int ns_workload_read(struct ns_store *store, const char *name, struct ns_workload *ret, struct ns_error *err);

#endif
