/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tables, chains, objects and flowtables from messages.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/decode.h"

static int malformed(struct ns_error *err, const char *what)
{
	return ns_error_set(err, -EBADMSG, "nf_tables: malformed %s", what);
}

/* Names of ours are short; somebody else's may not be. */
static int take_name(struct ns_attrs *attrs, unsigned type, char ret[static NS_NFT_NAME_MAX], const char *what,
		     struct ns_error *err)
{
	if (!ns_attrs_has(attrs, type))
		return malformed(err, what);
	if (!ns_attrs_string(attrs, type, ret, NS_NFT_NAME_MAX) || !ret[0])
		return ns_error_set(err, -EOVERFLOW, "%s with a name of more than %d bytes, or none", what,
				    NS_NFT_NAME_MAX - 1);
	return 0;
}

/* 1: of this kind, and of the family; its attributes are in *ret. */
static int open_message(const struct nlmsghdr *message, uint16_t type, const struct ns_nft_scope *scope,
			struct ns_attrs *ret)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | type))
		return 0;
	ns_attrs_parse_message(ret, message);
	if (ret->malformed)
		return -EBADMSG;
	return nfgen->nfgen_family == scope->family;
}

int ns_nft_decode_table(const struct nlmsghdr *message, const struct ns_nft_scope *scope, struct ns_nft_table *ret,
			struct ns_error *err)
{
	struct ns_nft_table table;
	struct ns_attrs attrs;
	int r = open_message(message, NFT_MSG_NEWTABLE, scope, &attrs);

	if (r < 0)
		return malformed(err, "table");
	if (r == 0 || !ns_attrs_string_is(&attrs, NFTA_TABLE_NAME, scope->table))
		return 0;
	table.flags = ns_attrs_u32(&attrs, NFTA_TABLE_FLAGS, 0);
	table.owner = ns_attrs_u32(&attrs, NFTA_TABLE_OWNER, 0);
	table.use = ns_attrs_u32(&attrs, NFTA_TABLE_USE, 0);
	if (attrs.malformed)
		return malformed(err, "table");
	*ret = table;
	return 1;
}

/* "eth0", or "veth*". False for what a plan cannot say: several devices, a name that is too long. */
static bool decode_device(struct ns_attrs *hook, char ret[static NS_IFNAME_MAX])
{
	const struct nlattr *list = hook->by_type[NFTA_HOOK_DEVS], *attr, *only = NULL;
	unsigned n = 0;
	struct ns_attrs one;

	ret[0] = '\0';
	if (!list)
		return !ns_attrs_has(hook, NFTA_HOOK_DEV) || ns_attrs_string(hook, NFTA_HOOK_DEV, ret, NS_IFNAME_MAX);
	for (attr = ns_attr_first(list); attr; attr = ns_attr_next(list, attr)) {
		only = attr;
		n++;
	}
	if (n != 1)
		return false;
	ns_attrs_parse(&one, only, only->nla_len);
	if (ns_attrs_has(&one, NS_NFTA_DEVICE_PREFIX)) {
		size_t length;

		if (!ns_attrs_string(&one, NS_NFTA_DEVICE_PREFIX, ret, NS_IFNAME_MAX - 1))
			return false;
		length = strlen(ret);
		ret[length] = '*';
		ret[length + 1] = '\0';
		return true;
	}
	return ns_attrs_string(&one, NS_NFTA_DEVICE_NAME, ret, NS_IFNAME_MAX);
}

static bool decode_base(struct ns_attrs *attrs, struct ns_plan_chain *chain)
{
	struct ns_attrs hook;
	bool plain;

	ns_attrs_parse_nested(&hook, attrs, NFTA_CHAIN_HOOK);
	chain->base = true;
	chain->hook = ns_attrs_u32(&hook, NFTA_HOOK_HOOKNUM, NS_NFT_HOOK_FOREIGN);
	chain->priority = (int32_t)ns_attrs_u32(&hook, NFTA_HOOK_PRIORITY, 0);
	chain->policy = ns_attrs_u32(attrs, NFTA_CHAIN_POLICY, NF_ACCEPT);
	plain = decode_device(&hook, chain->device) && ns_attrs_string_is(attrs, NFTA_CHAIN_TYPE, "filter") &&
		!(ns_attrs_u32(attrs, NFTA_CHAIN_FLAGS, 0) & ~(uint32_t)NFT_CHAIN_BASE);
	if (!plain)
		chain->hook = NS_NFT_HOOK_FOREIGN;
	return !hook.malformed || !plain;
}

int ns_nft_decode_chain(const struct nlmsghdr *message, const struct ns_nft_scope *scope, struct ns_plan_chain *ret,
			struct ns_error *err)
{
	struct ns_plan_chain chain = { 0 };
	struct ns_attrs attrs;
	int r = open_message(message, NFT_MSG_NEWCHAIN, scope, &attrs);

	if (r < 0)
		return malformed(err, "chain");
	if (r == 0 || !ns_attrs_string_is(&attrs, NFTA_CHAIN_TABLE, scope->table))
		return 0;
	r = take_name(&attrs, NFTA_CHAIN_NAME, chain.name, "chain", err);
	if (r < 0)
		return r;
	if (ns_attrs_has(&attrs, NFTA_CHAIN_HOOK) && !decode_base(&attrs, &chain))
		return malformed(err, "chain");
	if (attrs.malformed)
		return malformed(err, "chain");
	*ret = chain;
	return 1;
}

void ns_nft_decode_figures(struct ns_attrs *attrs, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	*ret_packets = ns_attrs_u64(attrs, NFTA_COUNTER_PACKETS, 0);
	*ret_bytes = ns_attrs_u64(attrs, NFTA_COUNTER_BYTES, 0);
}

int ns_nft_decode_counter(const struct nlmsghdr *message, const struct ns_nft_scope *scope, struct ns_plan_counter *ret,
			  struct ns_error *err)
{
	struct ns_plan_counter counter = { 0 };
	struct ns_attrs attrs, data;
	int r = open_message(message, NFT_MSG_NEWOBJ, scope, &attrs);

	if (r < 0)
		return malformed(err, "object");
	if (r == 0 || !ns_attrs_string_is(&attrs, NFTA_OBJ_TABLE, scope->table))
		return 0;
	r = take_name(&attrs, NFTA_OBJ_NAME, counter.name, "object", err);
	if (r < 0)
		return r;
	if (ns_attrs_u32(&attrs, NFTA_OBJ_TYPE, NFT_OBJECT_UNSPEC) != NFT_OBJECT_COUNTER)
		return ns_error_set(err, -EOVERFLOW, "object %s is no counter", counter.name);
	ns_attrs_parse_nested(&data, &attrs, NFTA_OBJ_DATA);
	ns_nft_decode_figures(&data, &counter.packets, &counter.bytes);
	if (data.malformed || attrs.malformed)
		return malformed(err, "counter");
	*ret = counter;
	return 1;
}

int ns_nft_decode_flowtable(const struct nlmsghdr *message, const struct ns_nft_scope *scope, struct ns_error *err)
{
	char name[NS_NFT_NAME_MAX];
	struct ns_attrs attrs;
	int r = open_message(message, NFT_MSG_NEWFLOWTABLE, scope, &attrs);

	if (r < 0)
		return malformed(err, "flowtable");
	if (r == 0 || !ns_attrs_string_is(&attrs, NFTA_FLOWTABLE_TABLE, scope->table))
		return 0;
	r = take_name(&attrs, NFTA_FLOWTABLE_NAME, name, "flowtable", err);
	return r < 0 ? r : ns_error_set(err, -EOVERFLOW, "flowtable %s", name);
}
