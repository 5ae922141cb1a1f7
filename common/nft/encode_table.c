/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tables, named counters and chains as messages.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/table.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/encode.h"

NS_DEFINE_CLEANUP(struct nftnl_table *, nftnl_table_free)
NS_DEFINE_CLEANUP(struct nftnl_chain *, nftnl_chain_free)
NS_DEFINE_CLEANUP(struct nftnl_obj *, nftnl_obj_free)

static void fail_memory(struct ns_nft_batch *batch, const char *what)
{
	ns_nft_batch_fail(batch, -ENOMEM, "no memory for %s", what);
}

static void write_table(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, uint16_t type, uint16_t flags,
			const uint32_t *table_flags)
{
	NS_CLEANUP(nftnl_table_freep) struct nftnl_table *table = nftnl_table_alloc();
	struct nlmsghdr *nlh;

	if (!table || nftnl_table_set_str(table, NFTNL_TABLE_NAME, scope->table) < 0) {
		fail_memory(batch, scope->table);
		return;
	}
	if (table_flags)
		nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, *table_flags);
	nlh = ns_nft_batch_add(batch, type, scope->family, flags, "table %s", scope->table);
	if (nlh)
		nftnl_table_nlmsg_build_payload(nlh, table);
}

void ns_nft_put_table(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, uint32_t flags)
{
	write_table(batch, scope, NFT_MSG_NEWTABLE, NLM_F_CREATE, &flags);
}

void ns_nft_delete_table(struct ns_nft_batch *batch, const struct ns_nft_scope *scope)
{
	write_table(batch, scope, NFT_MSG_DELTABLE, 0, NULL);
}

static void write_counter(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, uint16_t type, uint16_t flags,
			  const char *name)
{
	NS_CLEANUP(nftnl_obj_freep) struct nftnl_obj *object = nftnl_obj_alloc();
	struct nlmsghdr *nlh;

	if (!object) {
		fail_memory(batch, name);
		return;
	}
	nftnl_obj_set_u32(object, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	nftnl_obj_set_str(object, NFTNL_OBJ_TABLE, scope->table);
	nftnl_obj_set_str(object, NFTNL_OBJ_NAME, name);
	nlh = ns_nft_batch_add(batch, type, scope->family, flags, "counter %s", name);
	if (nlh)
		nftnl_obj_nlmsg_build_payload(nlh, object);
}

void ns_nft_put_counter(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name)
{
	write_counter(batch, scope, NFT_MSG_NEWOBJ, NLM_F_CREATE, name);
}

void ns_nft_delete_counter(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name)
{
	write_counter(batch, scope, NFT_MSG_DELOBJ, 0, name);
}

static struct nftnl_chain *new_chain(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain || nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, scope->table) < 0 ||
	    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name) < 0) {
		if (chain)
			nftnl_chain_free(chain);
		fail_memory(batch, name);
		return NULL;
	}
	return chain;
}

/* Written here because libnftnl 1.2.4 has no word for a prefix ("veth*"). */
static void put_hook(struct nlmsghdr *nlh, const struct ns_plan_chain *chain)
{
	size_t length = strlen(chain->device);
	struct nlattr *hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);

	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(chain->hook));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((uint32_t)chain->priority));
	if (length > 0 && chain->device[length - 1] == '*') {
		struct nlattr *devices = mnl_attr_nest_start(nlh, NFTA_HOOK_DEVS);
		char prefix[NS_IFNAME_MAX] = "";

		memcpy(prefix, chain->device, length - 1);
		mnl_attr_put_strz(nlh, NS_NFTA_DEVICE_PREFIX, prefix);
		mnl_attr_nest_end(nlh, devices);
	} else if (length > 0) {
		mnl_attr_put_strz(nlh, NFTA_HOOK_DEV, chain->device);
	}
	mnl_attr_nest_end(nlh, hook);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
}

void ns_nft_put_chain(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct ns_plan_chain *chain)
{
	NS_CLEANUP(nftnl_chain_freep) struct nftnl_chain *c = new_chain(batch, scope, chain->name);
	struct nlmsghdr *nlh;

	if (!c)
		return;
	if (chain->base)
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, chain->policy);
	nlh = ns_nft_batch_add(batch, NFT_MSG_NEWCHAIN, scope->family, NLM_F_CREATE,
			       chain->base && chain->device[0] ? "chain %s on device %s" : "chain %s", chain->name,
			       chain->device);
	if (!nlh)
		return;
	nftnl_chain_nlmsg_build_payload(nlh, c);
	if (chain->base)
		put_hook(nlh, chain);
}

void ns_nft_put_chain_policy(struct ns_nft_batch *batch, const struct ns_nft_scope *scope,
			     const struct ns_plan_chain *chain)
{
	NS_CLEANUP(nftnl_chain_freep) struct nftnl_chain *c = new_chain(batch, scope, chain->name);
	struct nlmsghdr *nlh;

	if (!c)
		return;
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, chain->policy);
	nlh = ns_nft_batch_add(batch, NFT_MSG_NEWCHAIN, scope->family, 0, "policy of chain %s", chain->name);
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
}

void ns_nft_flush_chain(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name)
{
	struct nlmsghdr *nlh = ns_nft_batch_add(batch, NFT_MSG_DELRULE, scope->family, 0, "rules of chain %s", name);

	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, scope->table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, name);
}

void ns_nft_delete_chain(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name)
{
	struct nlmsghdr *nlh = ns_nft_batch_add(batch, NFT_MSG_DELCHAIN, scope->family, 0, "chain %s", name);

	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, scope->table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
}
