/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sets and their elements from messages.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/decode.h"

static int malformed(struct ns_error *err, const char *what)
{
	return ns_error_set(err, -EBADMSG, "nf_tables: malformed %s", what);
}

static enum ns_field field_of(uint32_t type)
{
	static const enum ns_field fields[64] = {
		[7] = NS_FIELD_IPV4,  [8] = NS_FIELD_IPV6,  [9] = NS_FIELD_ETHER,   [12] = NS_FIELD_PROTO,
		[13] = NS_FIELD_PORT, [19] = NS_FIELD_MARK, [41] = NS_FIELD_IFNAME, [46] = NS_FIELD_CGROUP,
	};

	return fields[type & 63];
}

/* The fields from nftables' word for the type, which the kernel keeps and does not read; believed only when the
 * lengths, which the kernel does read, agree. */
static void decode_fields(struct ns_plan_set *set, uint32_t type, uint32_t key_length)
{
	unsigned n = 0;

	for (uint32_t rest = type; rest; rest >>= 6)
		n++;
	if (n > NS_KEY_FIELDS_MAX)
		return;
	for (unsigned i = 0; i < n; i++)
		set->fields[i] = field_of(type >> (6 * (n - 1 - i)));
	set->n_fields = (uint8_t)n;
	if (key_length == 0 || ns_nft_key_length(set) != key_length)
		set->n_fields = 0;
}

static bool concat_agrees(struct ns_attrs *desc, const struct ns_plan_set *set)
{
	const struct nlattr *list = desc->by_type[NFTA_SET_DESC_CONCAT], *attr;
	unsigned i = 0;

	if (!ns_attrs_has(desc, NFTA_SET_DESC_CONCAT))
		return !(set->interval && set->n_fields > 1);
	for (attr = ns_attr_first(list); attr; attr = ns_attr_next(list, attr)) {
		struct ns_attrs field;

		ns_attrs_parse_within(&field, attr);
		if (i >= set->n_fields ||
		    ns_attrs_u32(&field, NFTA_SET_FIELD_LEN, 0) != ns_field_length(set->fields[i]))
			return false;
		i++;
	}
	return i == set->n_fields;
}

static bool is_counter(const struct nlattr *expression)
{
	struct ns_attrs attrs;

	ns_attrs_parse_within(&attrs, expression);
	return ns_attrs_string_is(&attrs, NFTA_EXPR_NAME, "counter");
}

/* Whether a plan can say all that the set's attributes say. */
static bool decode_definition(struct ns_attrs *attrs, struct ns_plan_set *set)
{
	const uint32_t known = NFT_SET_INTERVAL | NFT_SET_TIMEOUT | NFT_SET_EVAL | NFT_SET_CONCAT;
	uint32_t flags = ns_attrs_u32(attrs, NFTA_SET_FLAGS, 0);
	struct ns_attrs desc;

	ns_attrs_parse_nested(&desc, attrs, NFTA_SET_DESC);
	set->interval = flags & NFT_SET_INTERVAL;
	set->timeout = flags & NFT_SET_TIMEOUT;
	set->dynamic = flags & NFT_SET_EVAL;
	set->counter = ns_attrs_has(attrs, NFTA_SET_EXPR) && is_counter(attrs->by_type[NFTA_SET_EXPR]);
	/* Before its first rule the kernel does not tell the limit that comes with it. */
	set->size = ns_attrs_u32(&desc, NFTA_SET_DESC_SIZE, set->dynamic ? NS_NFT_DYNAMIC_SET_SIZE : 0);
	decode_fields(set, ns_attrs_u32(attrs, NFTA_SET_KEY_TYPE, 0), ns_attrs_u32(attrs, NFTA_SET_KEY_LEN, 0));
	return !(flags & ~known) && !!(flags & NFT_SET_CONCAT) == (set->interval && set->n_fields > 1) &&
	       concat_agrees(&desc, set) && set->counter == ns_attrs_has(attrs, NFTA_SET_EXPR) &&
	       !ns_attrs_has(attrs, NFTA_SET_EXPRESSIONS) && ns_attrs_u64(attrs, NFTA_SET_TIMEOUT, 0) == 0 &&
	       ns_attrs_u32(attrs, NFTA_SET_GC_INTERVAL, 0) == 0;
}

int ns_nft_decode_set(const struct nlmsghdr *message, const struct ns_nft_scope *scope, struct ns_plan_set *ret,
		      struct ns_error *err)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(message);
	struct ns_plan_set set = { 0 };
	struct ns_attrs attrs;

	if (message->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWSET))
		return 0;
	ns_attrs_parse_message(&attrs, message);
	if (attrs.malformed)
		return malformed(err, "set");
	if (nfgen->nfgen_family != scope->family || !ns_attrs_string_is(&attrs, NFTA_SET_TABLE, scope->table))
		return 0;
	if (!ns_attrs_has(&attrs, NFTA_SET_NAME))
		return malformed(err, "set");
	if (!ns_attrs_string(&attrs, NFTA_SET_NAME, set.name, sizeof(set.name)) || !set.name[0])
		return ns_error_set(err, -EOVERFLOW, "set with a name of more than %d bytes, or none",
				    NS_NFT_NAME_MAX - 1);
	if (!decode_definition(&attrs, &set))
		set.n_fields = 0;
	if (attrs.malformed)
		return malformed(err, "set");
	*ret = set;
	return 1;
}

static void decode_counter(struct ns_attrs *attrs, struct ns_plan_element *element)
{
	const struct nlattr *expression = attrs->by_type[NFTA_SET_ELEM_EXPR];
	struct ns_attrs e, data;

	if (!expression || !is_counter(expression))
		return;
	ns_attrs_parse_within(&e, expression);
	ns_attrs_parse_nested(&data, &e, NFTA_EXPR_DATA);
	ns_nft_decode_figures(&data, &element->packets, &element->bytes);
}

static const void *key_bytes(struct ns_attrs *attrs, unsigned type, size_t length)
{
	struct ns_attrs value;
	size_t there;
	const void *bytes;

	ns_attrs_parse_nested(&value, attrs, type);
	bytes = ns_attrs_bytes(&value, NFTA_DATA_VALUE, &there);
	return there == length ? bytes : NULL;
}

static int decode_element(const struct nlattr *attr, const struct ns_plan_set *set, size_t key_length,
			  ns_nft_each_raw_element each, void *ctx, struct ns_error *err)
{
	struct ns_plan_element element = { 0 };
	struct ns_attrs attrs;
	const void *key, *key_end;
	uint32_t flags;

	ns_attrs_parse_within(&attrs, attr);
	flags = ns_attrs_u32(&attrs, NFTA_SET_ELEM_FLAGS, 0);
	element.timeout_ms = ns_attrs_u64(&attrs, NFTA_SET_ELEM_TIMEOUT, 0);
	if (ns_attrs_u64(&attrs, NFTA_SET_ELEM_EXPIRATION, 1) == 0)
		return 0;
	if (attrs.malformed)
		return malformed(err, "element");
	key = key_bytes(&attrs, NFTA_SET_ELEM_KEY, key_length);
	key_end = key_bytes(&attrs, NFTA_SET_ELEM_KEY_END, key_length);
	if (!key || (flags & ~(uint32_t)NFT_SET_ELEM_INTERVAL_END) ||
	    (ns_attrs_has(&attrs, NFTA_SET_ELEM_KEY_END) && !key_end))
		return each(ctx, NULL, false, err);
	memcpy(element.key, key, key_length);
	memcpy(element.key_end, key_end ? key_end : key, key_length);
	ns_attrs_comment(&attrs, NFTA_SET_ELEM_USERDATA, NFTNL_UDATA_SET_ELEM_COMMENT, element.tag,
			 sizeof(element.tag));
	decode_counter(&attrs, &element);
	return each(ctx, &element, flags & NFT_SET_ELEM_INTERVAL_END, err);
}

int ns_nft_decode_elements(const struct nlmsghdr *message, const struct ns_nft_scope *scope,
			   const struct ns_plan_set *set, ns_nft_each_raw_element each, void *ctx, struct ns_error *err)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(message);
	size_t key_length = ns_nft_key_length(set);
	const struct nlattr *list, *attr;
	struct ns_attrs attrs;

	if (message->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWSETELEM) || key_length == 0)
		return 0;
	ns_attrs_parse_message(&attrs, message);
	if (attrs.malformed)
		return malformed(err, "elements");
	if (nfgen->nfgen_family != scope->family ||
	    !ns_attrs_string_is(&attrs, NFTA_SET_ELEM_LIST_TABLE, scope->table) ||
	    !ns_attrs_string_is(&attrs, NFTA_SET_ELEM_LIST_SET, set->name))
		return 0;
	list = attrs.by_type[NFTA_SET_ELEM_LIST_ELEMENTS];
	for (attr = list ? ns_attr_first(list) : NULL; attr; attr = ns_attr_next(list, attr)) {
		int r = decode_element(attr, set, key_length, each, ctx, err);

		if (r != 0)
			return r;
	}
	return 1;
}
