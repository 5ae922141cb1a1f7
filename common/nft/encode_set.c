/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sets and their elements as messages. Elements are written attribute by attribute: a hundred thousand of them need no
 * object each.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/encode.h"
#include "nft/tree.h"

NS_DEFINE_CLEANUP(struct nftnl_set *, nftnl_set_free)
NS_DEFINE_CLEANUP(struct nftnl_udata_buf *, nftnl_udata_buf_free)

/* A nested attribute's length has 16 bits; one element is far below the difference. */
#define LIST_BYTES 60000

/* enum byteorder of nftables' include/datatype.h, which it keeps in the set's user data. */
#define BYTEORDER_HOST 1
#define BYTEORDER_BIG  2

/* enum datatypes of nftables' include/datatype.h; a concatenation is six bits for each. */
static uint32_t field_type(enum ns_field field)
{
	switch (field) {
	case NS_FIELD_IPV4:
		return 7;
	case NS_FIELD_IPV6:
		return 8;
	case NS_FIELD_ETHER:
		return 9;
	case NS_FIELD_PROTO:
		return 12;
	case NS_FIELD_PORT:
		return 13;
	case NS_FIELD_MARK:
		return 19;
	case NS_FIELD_IFNAME:
		return 41;
	case NS_FIELD_CGROUP:
		return 46;
	case NS_FIELD_INVALID:
		break;
	}
	return 0;
}

uint32_t ns_nft_key_type(const struct ns_plan_set *set)
{
	uint32_t type = 0;

	for (unsigned i = 0; i < set->n_fields; i++)
		type = (type << 6) | field_type(set->fields[i]);
	return type;
}

size_t ns_nft_key_length(const struct ns_plan_set *set)
{
	size_t length = 0;

	if (set->n_fields == 0 || set->n_fields > NS_KEY_FIELDS_MAX)
		return 0;
	for (unsigned i = 0; i < set->n_fields; i++) {
		size_t padded = ns_field_padded_length(set->fields[i]);

		if (padded == 0)
			return 0;
		length += padded;
	}
	if (length > NS_KEY_MAX)
		return 0;
	return set->n_fields == 1 ? ns_field_length(set->fields[0]) : length;
}

bool ns_nft_set_is_tree(const struct ns_plan_set *set)
{
	return set->interval && set->n_fields == 1;
}

static uint32_t set_flags(const struct ns_plan_set *set)
{
	uint32_t flags = 0;

	if (set->interval)
		flags |= NFT_SET_INTERVAL;
	if (set->interval && set->n_fields > 1)
		flags |= NFT_SET_CONCAT;
	if (set->dynamic)
		flags |= NFT_SET_EVAL;
	if (set->timeout)
		flags |= NFT_SET_TIMEOUT;
	return flags;
}

/* A set whose size is told gets a table of that size at once, zeroed: a megabyte for 65,535 elements (nft_rhash_init).
 * One that packets add to and whose size is not told gets this limit from its first rule (nft_dynset_init), says so
 * when it is read, and a table that grows. */
static bool is_kernels_size(const struct ns_plan_set *set)
{
	return set->dynamic && set->size == NS_NFT_DYNAMIC_SET_SIZE;
}

static bool describe_set(struct nftnl_set *s, const struct ns_plan_set *set)
{
	NS_CLEANUP(nftnl_udata_buf_freep) struct nftnl_udata_buf *notes = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	bool host = set->n_fields == 1 && (set->fields[0] == NS_FIELD_MARK || set->fields[0] == NS_FIELD_CGROUP);
	uint8_t lengths[NS_KEY_FIELDS_MAX];

	if (!notes)
		return false;
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, set_flags(set));
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, ns_nft_key_type(set));
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, (uint32_t)ns_nft_key_length(set));
	if (set->size && !is_kernels_size(set))
		nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, set->size);
	if (set->n_fields > 1) {
		for (unsigned i = 0; i < set->n_fields; i++)
			lengths[i] = (uint8_t)ns_field_length(set->fields[i]);
		if (set->interval && nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, lengths, set->n_fields) < 0)
			return false;
	} else {
		if (!nftnl_udata_put_u32(notes, NFTNL_UDATA_SET_KEYBYTEORDER, host ? BYTEORDER_HOST : BYTEORDER_BIG) ||
		    nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(notes), nftnl_udata_buf_len(notes)) <
			    0)
			return false;
	}
	if (set->counter) {
		struct nftnl_expr *counter = nftnl_expr_alloc("counter");

		if (!counter)
			return false;
		nftnl_set_add_expr(s, counter);
	}
	return true;
}

void ns_nft_put_set(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct ns_plan_set *set)
{
	NS_CLEANUP(nftnl_set_freep) struct nftnl_set *s = nftnl_set_alloc();
	struct nlmsghdr *nlh;

	if (ns_nft_key_length(set) == 0) {
		ns_nft_batch_fail(batch, -EINVAL, "set %s: its fields are no key", set->name);
		return;
	}
	if (!s || !describe_set(s, set) || nftnl_set_set_str(s, NFTNL_SET_TABLE, scope->table) < 0 ||
	    nftnl_set_set_str(s, NFTNL_SET_NAME, set->name) < 0) {
		ns_nft_batch_fail(batch, -ENOMEM, "no memory for set %s", set->name);
		return;
	}
	nftnl_set_set_u32(s, NFTNL_SET_ID, ns_nft_batch_id(batch));
	nlh = ns_nft_batch_add(batch, NFT_MSG_NEWSET, scope->family, NLM_F_CREATE, "set %s", set->name);
	if (nlh)
		nftnl_set_nlmsg_build_payload(nlh, s);
}

void ns_nft_delete_set(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *name)
{
	struct nlmsghdr *nlh = ns_nft_batch_add(batch, NFT_MSG_DELSET, scope->family, 0, "set %s", name);

	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, scope->table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, name);
}

static bool is_host_order(enum ns_field field)
{
	return field == NS_FIELD_MARK || field == NS_FIELD_CGROUP;
}

/* The key is one of the set's: ends in order in every field, and a range only where there can be one. */
static bool element_fits(const struct ns_plan_set *set, const struct ns_plan_element *element)
{
	size_t at = 0;

	for (unsigned i = 0; i < set->n_fields; i++) {
		size_t length = ns_field_padded_length(set->fields[i]);
		int order = memcmp(element->key + at, element->key_end + at, length);

		if (order > 0 || (order < 0 && (!set->interval || is_host_order(set->fields[i]))))
			return false;
		at += length;
	}
	return true;
}

void ns_nft_elements_begin(struct ns_nft_elements *writer, struct ns_nft_batch *batch, const struct ns_nft_scope *scope,
			   const struct ns_plan_set *set, bool deleting)
{
	*writer = (struct ns_nft_elements){
		.batch = batch, .scope = scope, .set = set, .deleting = deleting, .key_length = ns_nft_key_length(set)
	};
}

void ns_nft_elements_end(struct ns_nft_elements *writer)
{
	if (writer->nlh)
		mnl_attr_nest_end(writer->nlh, writer->list);
	writer->nlh = NULL;
}

/* Goes on in the message being written, or begins another. */
static bool have_message(struct ns_nft_elements *writer)
{
	const struct ns_plan_set *set = writer->set;

	if (writer->nlh &&
	    (const char *)mnl_nlmsg_get_payload_tail(writer->nlh) - (const char *)writer->list < LIST_BYTES)
		return true;
	ns_nft_elements_end(writer);
	if (writer->key_length == 0) {
		ns_nft_batch_fail(writer->batch, -EINVAL, "set %s: its fields are no key", set->name);
		return false;
	}
	if (writer->deleting)
		writer->nlh = ns_nft_batch_add(writer->batch, NFT_MSG_DELSETELEM, writer->scope->family, 0,
					       "elements to remove from set %s", set->name);
	else
		writer->nlh = ns_nft_batch_add(writer->batch, NFT_MSG_NEWSETELEM, writer->scope->family,
					       NLM_F_CREATE | NLM_F_EXCL, "elements of set %s", set->name);
	if (!writer->nlh)
		return false;
	mnl_attr_put_strz(writer->nlh, NFTA_SET_ELEM_LIST_TABLE, writer->scope->table);
	mnl_attr_put_strz(writer->nlh, NFTA_SET_ELEM_LIST_SET, set->name);
	writer->list = mnl_attr_nest_start(writer->nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	return true;
}

static void put_key(struct ns_nft_elements *writer, uint16_t type, const uint8_t *key)
{
	struct nlattr *nest = mnl_attr_nest_start(writer->nlh, type);

	mnl_attr_put(writer->nlh, NFTA_DATA_VALUE, writer->key_length, key);
	mnl_attr_nest_end(writer->nlh, nest);
}

/* What it has counted until now; elsewhere it begins at nothing. */
static void put_figures(struct ns_nft_elements *writer, const struct ns_plan_element *element)
{
	struct nlattr *expression = mnl_attr_nest_start(writer->nlh, NFTA_SET_ELEM_EXPR), *data;

	mnl_attr_put_strz(writer->nlh, NFTA_EXPR_NAME, "counter");
	data = mnl_attr_nest_start(writer->nlh, NFTA_EXPR_DATA);
	mnl_attr_put_u64(writer->nlh, NFTA_COUNTER_BYTES, htobe64(element->bytes));
	mnl_attr_put_u64(writer->nlh, NFTA_COUNTER_PACKETS, htobe64(element->packets));
	mnl_attr_nest_end(writer->nlh, data);
	mnl_attr_nest_end(writer->nlh, expression);
}

/* What is said only when adding. */
static void put_properties(struct ns_nft_elements *writer, const struct ns_plan_element *element)
{
	size_t length = strnlen(element->tag, sizeof(element->tag) - 1);
	uint8_t note[2 + NS_RULE_ID_MAX] = { NFTNL_UDATA_SET_ELEM_COMMENT, (uint8_t)(length + 1) };

	if (element->timeout_ms)
		mnl_attr_put_u64(writer->nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(element->timeout_ms));
	if (length) {
		memcpy(note + 2, element->tag, length);
		mnl_attr_put(writer->nlh, NFTA_SET_ELEM_USERDATA, 2 + length + 1, note);
	}
	if (writer->set->counter && (element->packets || element->bytes))
		put_figures(writer, element);
}

static void put_bound(struct ns_nft_elements *writer, const uint8_t *key)
{
	struct nlattr *nest = mnl_attr_nest_start(writer->nlh, NFTA_LIST_ELEM);

	mnl_attr_put_u32(writer->nlh, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	put_key(writer, NFTA_SET_ELEM_KEY, key);
	mnl_attr_nest_end(writer->nlh, nest);
}

void ns_nft_elements_add(struct ns_nft_elements *writer, const struct ns_plan_element *element)
{
	uint8_t bound[NS_KEY_MAX];
	struct nlattr *nest;

	if (!element_fits(writer->set, element)) {
		ns_nft_batch_fail(writer->batch, -EINVAL, "set %s: an element (%s) is no key of it", writer->set->name,
				  element->tag);
		return;
	}
	if (!have_message(writer))
		return;
	nest = mnl_attr_nest_start(writer->nlh, NFTA_LIST_ELEM);
	put_key(writer, NFTA_SET_ELEM_KEY, element->key);
	if (writer->set->interval && writer->set->n_fields > 1)
		put_key(writer, NFTA_SET_ELEM_KEY_END, element->key_end);
	if (!writer->deleting)
		put_properties(writer, element);
	mnl_attr_nest_end(writer->nlh, nest);
	if (!ns_nft_set_is_tree(writer->set))
		return;
	/* The bound is the first key behind the range; a range up to the last key has none. */
	memcpy(bound, element->key_end, sizeof(bound));
	if (ns_nft_key_increment(bound, writer->key_length))
		put_bound(writer, bound);
}
