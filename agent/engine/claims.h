/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who may stand for an address. A namespace says itself which addresses it has, and root in it can say anything; a
 * peer's rules must not open for whoever claims the peer's address. So the first to have an address keeps it while it
 * has it, the host's own addresses are the host's, and where two claim an address and nobody was first, neither is
 * believed.
 */
#ifndef NANOSEG_CLAIMS_H
#define NANOSEG_CLAIMS_H

#include <nanoseg/addr.h>
#include <nanoseg/error.h>

struct ns_claim {
	struct ns_addr addr;
	uint64_t cookie;      /* of the endpoint; 0: the host */
	const char *workload; /* borrowed until settled; equal names are replicas, no rivals */
	bool believed;
};

struct ns_claims {
	struct ns_claim *claims;
	size_t n, allocated;
};

#define NS_CLAIMS_INIT                                                                                                 \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_claims_release(struct ns_claims *claims);
int ns_claims_add(struct ns_claims *claims, const struct ns_addr *addr, uint64_t cookie, const char *workload,
		  struct ns_error *err);
/* Sorts by address and sets `believed`; `before` is what was settled the last time. */
void ns_claims_settle(struct ns_claims *claims, const struct ns_claims *before);

/* Whether this endpoint (0: the host) has the address and is believed; of settled claims. */
bool ns_claims_believe(const struct ns_claims *claims, const struct ns_addr *addr, uint64_t cookie);
/* The claim on the address that is believed, if any; of settled claims. */
const struct ns_claim *ns_claims_owner(const struct ns_claims *claims, const struct ns_addr *addr);

#endif
