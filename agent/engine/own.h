/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an endpoint may send as: the addresses and MACs that the outer lock lets out of its ports.
 *
 * A namespace says itself which addresses it has, and root with NET_ADMIN in it can say anything. So an address must be
 * believed to be the endpoint's (claims.h), and where a process in it has NET_ADMIN, the addresses and the MAC of an
 * interface are those it had when they had settled under the lock, that is when they had stayed the same for
 * NS_OWN_SETTLE_US, and at the latest NS_OWN_SETTLE_MAX_US after the lock: what appears later is a stranger. A system
 * container that sets its addresses itself while it starts thus gets them. An interface of its own making, which leads
 * to no port, has no say then. Without NET_ADMIN only the runtime can have changed them, and they are followed.
 */
#ifndef NANOSEG_OWN_H
#define NANOSEG_OWN_H

#include <nanoseg/endpoint.h>
#include <nanoseg/plan.h>

#include "claims.h"

#define NS_OWN_SETTLE_US     INT64_C(5000000)
#define NS_OWN_SETTLE_MAX_US INT64_C(10000000)
#define NS_OWN_SETS_PREFIX   "own" /* of the sets that it is recalled from */

/* Interfaces by their index in the namespace. */
struct ns_own {
	int64_t changed;                        /* when the addresses last changed; ns_clock_elapsed() */
	int64_t since;                          /* of the lock, with an address; 0: none yet */
	bool recalled;                          /* from a lock of before: what it holds is settled */
	int locked[NS_ENDPOINT_INTERFACES_MAX]; /* those with a locked port */
	size_t n_locked;
	int settled[NS_ENDPOINT_INTERFACES_MAX];
	size_t n_settled;
	struct ns_addr known[NS_ENDPOINT_ADDRESSES_MAX];
	size_t n_known;
	uint8_t macs[NS_ENDPOINT_INTERFACES_MAX][6];
	size_t n_macs;
	size_t strangers; /* addresses it has and may not send from */
	char stranger[NS_ADDR_TEXT_MAX];
};

/* What holds now. */
struct ns_own_now {
	struct ns_addr addresses[NS_ENDPOINT_ADDRESSES_MAX];
	size_t n_addresses;
	uint8_t macs[NS_ENDPOINT_INTERFACES_MAX][6];
	size_t n_macs;
};

/* `interfaces`: those at the other ends of its ports. Also counts the strangers. */
void ns_own_now(struct ns_own *own, const struct ns_endpoint *endpoint, const struct ns_claims *claims,
		const int *interfaces, size_t n_interfaces, struct ns_own_now *ret);
/* Whether the endpoint's address came too late; such a one is no claim to the address either. */
bool ns_own_is_stranger(const struct ns_own *own, const struct ns_endpoint *endpoint, size_t address);
/* Addresses or links have changed at `time`. To be told before ns_own_now() sees the new ones: what was locked and had
 * stayed the same is settled now. */
void ns_own_changed(struct ns_own *own, int64_t time);
/* The lock with these is in, on the ports of these interfaces. */
void ns_own_locked(struct ns_own *own, const struct ns_own_now *now, const int *interfaces, size_t n, int64_t time);
/* There is no lock any more. */
void ns_own_unlocked(struct ns_own *own);
/* From an outer lock that was found in the kernel: it remembers what was settled by a daemon before this one. */
void ns_own_recall(struct ns_own *own, const struct ns_plan *found);

#endif
