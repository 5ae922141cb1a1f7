/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * nf_tables messages as plan items. Each function takes one message and returns 1 when it is about the scope's table
 * and *ret is filled, 0 when it is about another table or of another kind, -EBADMSG when it is not well-formed, and
 * -EOVERFLOW when it has a name longer than a plan's.
 *
 * What no plan can say (an expression, a chain type, a set property that nobody here writes) is not an error but a
 * thing that equals no plan: a rule gets a statement NS_STMT_INVALID, a base chain the hook NS_NFT_HOOK_FOREIGN, a set
 * no fields. So somebody else's change shows as a difference, and is repaired as one.
 */
#ifndef NANOSEG_NFT_DECODE_H
#define NANOSEG_NFT_DECODE_H

#include <nanoseg/plan.h>

#include "nft/attr.h"
#include "nft/encode.h"

#define NS_NFT_HOOK_FOREIGN UINT32_MAX

struct ns_nft_table {
	uint32_t flags;
	uint32_t owner; /* port id; 0: none */
	uint32_t use;   /* how many chains, sets, objects and flowtables it has */
};
int ns_nft_decode_table(const struct nlmsghdr *message, const struct ns_nft_scope *scope, struct ns_nft_table *ret,
			struct ns_error *err);

/* Name and, of a base chain, hook, priority, policy and device; no rules. */
int ns_nft_decode_chain(const struct nlmsghdr *message, const struct ns_nft_scope *scope, struct ns_plan_chain *ret,
			struct ns_error *err);
/* Name and definition; no elements. A set that no plan can say has n_fields 0. */
int ns_nft_decode_set(const struct nlmsghdr *message, const struct ns_nft_scope *scope, struct ns_plan_set *ret,
		      struct ns_error *err);
/* A named counter with its figures. -EOVERFLOW also for an object that is no counter. */
int ns_nft_decode_counter(const struct nlmsghdr *message, const struct ns_nft_scope *scope, struct ns_plan_counter *ret,
			  struct ns_error *err);
/* A flowtable: always -EOVERFLOW when it is the scope's, since no plan has any. */
int ns_nft_decode_flowtable(const struct nlmsghdr *message, const struct ns_nft_scope *scope, struct ns_error *err);

/* The rule, and the name of its chain. */
int ns_nft_decode_rule(const struct nlmsghdr *message, const struct ns_nft_scope *scope,
		       char ret_chain[static NS_NFT_NAME_MAX], struct ns_plan_rule *ret, struct ns_error *err);

/* The elements in one message; those that have expired are left out. `end` says that the element is the end of an
 * interval in a tree (nft/tree.h). An element without a key (catch-all) or with a key of another length than the
 * set's is given with element NULL. Non-zero from `each` ends the walk and is returned. */
typedef int (*ns_nft_each_raw_element)(void *ctx, const struct ns_plan_element *element, bool end,
				       struct ns_error *err);
int ns_nft_decode_elements(const struct nlmsghdr *message, const struct ns_nft_scope *scope,
			   const struct ns_plan_set *set, ns_nft_each_raw_element each, void *ctx,
			   struct ns_error *err);

/* The figures of a counter expression's attributes (NFTA_COUNTER_*). */
void ns_nft_decode_figures(struct ns_attrs *attrs, uint64_t *ret_packets, uint64_t *ret_bytes);

#endif
