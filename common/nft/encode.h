/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Plan items as nf_tables messages of a batch. Nothing is returned: the batch latches the first error. All of them
 * speak of one table, the scope.
 */
#ifndef NANOSEG_NFT_ENCODE_H
#define NANOSEG_NFT_ENCODE_H

#include <stdbool.h>

#include <nanoseg/plan.h>

#include "nft/batch.h"

/* Not in every distribution's linux/netfilter/nf_tables.h: persist is of 6.9, the prefix of a device name of 6.16. */
#define NS_NFT_TABLE_F_OWNER   0x2u
#define NS_NFT_TABLE_F_PERSIST 0x4u
#define NS_NFTA_DEVICE_NAME    1
#define NS_NFTA_DEVICE_PREFIX  2

struct ns_nft_scope {
	int family;
	const char *table;
};

/* Makes the table, or changes the flags of the one that is there. */
void ns_nft_put_table(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, uint32_t flags);
void ns_nft_delete_table(struct ns_nft_batch *batch, const struct ns_nft_scope *scope);

void ns_nft_put_counter(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name);
void ns_nft_delete_counter(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name);

/* The chain without its rules. */
void ns_nft_put_chain(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct ns_plan_chain *chain);
/* The policy of a base chain that is there. */
void ns_nft_put_chain_policy(struct ns_nft_batch *batch, const struct ns_nft_scope *scope,
			     const struct ns_plan_chain *chain);
void ns_nft_flush_chain(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name);
void ns_nft_delete_chain(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name);
/* At the end of its chain. number: its place, for messages. */
void ns_nft_put_rule(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *chain, size_t number,
		     const struct ns_plan_rule *rule);

/* The set without its elements. */
void ns_nft_put_set(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct ns_plan_set *set);
void ns_nft_delete_set(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name);
/* The length of a key as the kernel has it: padded fields when they are several, the bare one otherwise. 0: the
 * fields are no key. */
size_t ns_nft_key_length(const struct ns_plan_set *set);
/* What nft(8) calls the type of the key. */
uint32_t ns_nft_key_type(const struct ns_plan_set *set);
/* A set of intervals over one field is a tree of bounds, not of ranges. */
bool ns_nft_set_is_tree(const struct ns_plan_set *set);

/* Elements, spread over as many messages as it takes:
 *	ns_nft_elements_begin(&writer, batch, &scope, set, false);
 *	for (…) ns_nft_elements_add(&writer, element);
 *	ns_nft_elements_end(&writer);
 * Where the set counts, an element's figures are what it begins with.
 * Nothing else may be added to the batch in between. An element that is no key of the set (a range in a set without
 * intervals, ends the wrong way round, a range of marks, whose byte order is not their order) latches -EINVAL. */
struct ns_nft_elements {
	struct ns_nft_batch *batch;
	const struct ns_nft_scope *scope;
	const struct ns_plan_set *set;
	bool deleting;
	size_t key_length;
	struct nlmsghdr *nlh; /* the message being written; NULL: none */
	struct nlattr *list;
};
void ns_nft_elements_begin(struct ns_nft_elements *writer, struct ns_nft_batch *batch, const struct ns_nft_scope *scope,
			   const struct ns_plan_set *set, bool deleting);
void ns_nft_elements_add(struct ns_nft_elements *writer, const struct ns_plan_element *element);
void ns_nft_elements_end(struct ns_nft_elements *writer);

#endif
