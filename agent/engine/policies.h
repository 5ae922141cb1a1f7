/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Policies in force, each read from the store and parsed once for all endpoints of its workload: a revision never
 * changes. Each knows whom it names, so that a change of the address book touches only the endpoints whose rules it
 * changes.
 */
#ifndef NANOSEG_ENGINE_POLICIES_H
#define NANOSEG_ENGINE_POLICIES_H

#include <nanoseg/policy.h>
#include <nanoseg/store.h>

#include "packed.h"

/* A peer whose addresses are the book's: a workload, a service, a name; or the host (""). */
struct ns_named {
	enum ns_peer_class peer_class;
	const char *name; /* the policy's own text */
};

struct ns_loaded {
	struct ns_policy policy; /* as approved, but for its rules, which are there while it is used */
	struct ns_packed packed; /* its rules */
	uint64_t revision;
	struct ns_named *named; /* sorted, distinct */
	size_t n_named;
	size_t references;
	char workload[]; /* whose it was asked for */
};

#define NS_POLICIES_UNPACKED_MAX 16

struct ns_policies {
	struct ns_loaded *unpacked[NS_POLICIES_UNPACKED_MAX]; /* the last that were used */
	size_t next_unpacked;
	struct ns_loaded **loaded; /* by workload, then revision */
	size_t n, allocated;
};

/* A reference to the policy, read now if nobody holds it. -ENOENT and the like: as ns_store_get_policy. */
int ns_policies_get(struct ns_policies *policies, struct ns_store *store, const char *workload, uint64_t revision,
		    struct ns_loaded **ret, struct ns_error *err);
/* As approved, without what only people read of it; until others are asked for. Nobody changes it. NULL: no memory. */
const struct ns_policy *ns_policies_read(struct ns_policies *policies, struct ns_loaded *loaded);
/* Gives a reference back; returns NULL. Accepts NULL. */
struct ns_loaded *ns_policies_put(struct ns_policies *policies, struct ns_loaded *loaded);
/* All references have been given back. */
void ns_policies_release(struct ns_policies *policies);

int ns_named_compare(const struct ns_named *a, const struct ns_named *b);

#endif
