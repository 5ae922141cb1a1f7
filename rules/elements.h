/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A policy's rules as elements of the sets that allow.
 */
#ifndef NANOSEG_ELEMENTS_H
#define NANOSEG_ELEMENTS_H

#include <nanoseg/layout.h>

/* Sets that only the outer lock has: where later fragments, that have no ports, may go to and come from; made of all
 * the policy's rules without their ports. By family: fragments4 { proto . peer }; group_fragments4, the same of the
 * groups that it may send to; transit_fragments4 { proto . source . destination }; and their twins for ranges. */
enum ns_fragments { NS_FRAGMENTS_PEER, NS_FRAGMENTS_GROUP, NS_FRAGMENTS_TRANSIT, NS_FRAGMENTS_KINDS };
const char *ns_fragments_set_name(enum ns_fragments kind, int family, bool range);

/* Fills the sets of NS_PURPOSE_ALLOW (one address, one port or ICMP type) and NS_PURPOSE_ALLOW_RANGE (all else,
 * disjoint), which must be there and empty. Where two rules allow the same, the element bears the first one's id. */
int ns_compile_elements(struct ns_plan *plan, const struct ns_policy *policy, const struct ns_book *book,
			const struct ns_compile_options *options, struct ns_error *err);

/* The same for an outer lock, which has the sets of fragments too. What a namespace forwards may leave it in its own
 * name (masquerading), which nothing outside can tell from what it opens itself: the egress sets have that too. */
int ns_compile_outer_elements(struct ns_plan *plan, const struct ns_policy *policy, const struct ns_book *book,
			      const struct ns_compile_options *options, struct ns_error *err);

/* Who and what a part of a plan is about. */
struct ns_elements_of {
	const struct ns_addr *addrs; /* sorted */
	size_t n_addrs;
	const struct ns_peer *holders; /* by class and name: all who have one of them in one of the books */
	size_t n_holders;
	bool hosts; /* one is the host's, or was */
};
/* Likewise, but only the elements with one address that is one of these; there need be no set for the others. What that
 * leaves out is the same in both books, or it is -EOPNOTSUPP (nanoseg/part.h). */
int ns_compile_elements_of(struct ns_plan *plan, const struct ns_policy *policy, const struct ns_book *book,
			   const struct ns_compile_options *options, bool outer, const struct ns_elements_of *of,
			   struct ns_error *err);
/* Whether the rule may have some of them: 1, 0; -EOPNOTSUPP. */
int ns_elements_of_rule(const struct ns_elements_of *of, const struct ns_rule *rule, struct ns_error *err);
bool ns_elements_of_address(const struct ns_elements_of *of, const struct ns_addr *addr);
bool ns_elements_of_holder(const struct ns_elements_of *of, const struct ns_peer *peer);

#endif
