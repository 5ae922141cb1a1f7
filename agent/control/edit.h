/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the daemon makes of a document written by hand: figures are the daemon's own, never the document's, and names
 * that nobody has are pointed out.
 */
#ifndef NANOSEG_EDIT_H
#define NANOSEG_EDIT_H

#include <jansson.h>

#include <nanoseg/policy.h>
#include <nanoseg/store.h>

/* Peers that are warned of one by one; the rest are a number. */
#define NS_EDIT_STRANGERS_MAX 16

/* A document as `policy show` gives it: new reference without the members that tell of the revision and are no part of
 * the policy (digest, mode, state, origin, proposer, created). NULL without memory. */
json_t *ns_edit_strip(const json_t *document);
/* Each rule that says the same as one of `base` takes that one's evidence away from it; the others have none. base
 * NULL: none has. */
int ns_edit_evidence(struct ns_policy *policy, struct ns_policy *base, struct ns_error *err);
/* Rules without evidence: those that somebody wrote. */
size_t ns_edit_by_hand(const struct ns_policy *policy);
/* A line of `warnings` for each peer workload that the store has never met. */
int ns_edit_strangers(struct ns_store *store, const struct ns_policy *policy, json_t *warnings, struct ns_error *err);

#endif
