/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/decode.h"
#include "nft/dump_set.h"
#include "nft/listing.h"
#include "nft/socket.h"

#define REQUEST_BYTES 512
#define TRIES         3 /* of a listing that transactions came under: whoever asks has another way */

/* linux/netfilter/nf_tables.h, newer than Debian 12's. */
#define NS_NFTA_SET_COUNT 20

struct sets {
	const struct ns_nft_scope *scope;
	ns_nft_each_listed each;
	void *ctx;
};

/* A count of zero is believed of sets with a limit only: of the others the kernel keeps none. */
static bool is_empty(const struct nlmsghdr *message, const struct ns_plan_set *set)
{
	struct ns_attrs attrs;

	ns_attrs_parse_message(&attrs, message);
	return set->size != 0 && ns_attrs_has(&attrs, NS_NFTA_SET_COUNT) &&
	       ns_attrs_u32(&attrs, NS_NFTA_SET_COUNT, 1) == 0;
}

static int each_set(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	const struct sets *sets = ctx;
	struct ns_plan_set set;
	int r = ns_nft_decode_set(message, sets->scope, &set, err);

	if (r == -EOVERFLOW)
		return 0; /* nobody's that we know */
	return r > 0 ? sets->each(sets->ctx, &set, is_empty(message, &set)) : r;
}

int ns_nft_list_sets(struct ns_nft *nft, int family, const char *table, ns_nft_each_listed each, void *ctx,
		     struct ns_error *err)
{
	const struct ns_nft_scope scope = { .family = family, .table = table };
	struct sets sets = { .scope = &scope, .each = each, .ctx = ctx };
	int r = -EINTR;

	if (strlen(table) >= NS_NFT_NAME_MAX)
		return ns_error_set(err, -ENAMETOOLONG, "table %.64s: a name of more than %d bytes", table,
				    NS_NFT_NAME_MAX - 1);
	for (unsigned try = 0; try < TRIES && r == -EINTR; try++) {
		char buf[REQUEST_BYTES];
		struct nlmsghdr *request = ns_nft_dump_request(buf, NFT_MSG_GETSET, family, true);

		mnl_attr_put_strz(request, NFTA_SET_TABLE, table);
		r = ns_nft_request(nft, request, each_set, &sets, err);
	}
	if (r < 0)
		ns_error_context(err, "sets of table %s", table);
	return r;
}

struct walk {
	ns_nft_each_element each;
	void *ctx;
	size_t key_length;
};

static int pass_on(void *ctx, const struct ns_plan_element *element, struct ns_error *err)
{
	const struct walk *walk = ctx;
	int r = walk->each(walk->ctx, element, walk->key_length);

	return r < 0 ? ns_error_set(err, r, "stopped by the caller: %s", strerror(-r)) : r;
}

int ns_nft_dump_listed(struct ns_nft *nft, int family, const char *table, const struct ns_plan_set *set,
		       ns_nft_each_element each, void *ctx, struct ns_error *err)
{
	const struct ns_nft_scope scope = { .family = family, .table = table };
	struct walk walk = { .each = each, .ctx = ctx, .key_length = ns_plan_set_key_length(set) };
	bool odd;
	int r;

	/* What comes under the dump of any other set has to be waited for. */
	if (!set->dynamic)
		return ns_nft_dump_elements(nft, family, table, set->name, each, ctx, err);
	if (set->n_fields == 0)
		r = ns_error_set(err, -EBADMSG, "not a set of ours");
	else
		r = ns_nft_dump_set(nft, &scope, set, true, pass_on, &walk, &odd, err);
	if (r < 0)
		ns_error_context(err, "elements of set %s", set->name);
	return r;
}

struct counters {
	int family;
	ns_nft_each_counter each;
	void *ctx;
};

static int each_counter(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(message);
	const struct counters *counters = ctx;
	char table[NS_NFT_NAME_MAX];
	struct ns_nft_scope scope = { .family = counters->family, .table = table };
	struct ns_plan_counter counter;
	struct ns_attrs attrs;
	int r;

	if (message->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWOBJ) ||
	    nfgen->nfgen_family != counters->family)
		return 0;
	ns_attrs_parse_message(&attrs, message);
	if (!ns_attrs_string(&attrs, NFTA_OBJ_TABLE, table, sizeof(table)))
		return 0; /* nobody's that we know, as below */
	r = ns_nft_decode_counter(message, &scope, &counter, err);
	if (r == -EOVERFLOW)
		return 0;
	return r > 0 ? counters->each(counters->ctx, table, counter.name, counter.packets, counter.bytes) : r;
}

int ns_nft_list_counters(struct ns_nft *nft, int family, ns_nft_each_counter each, void *ctx, struct ns_error *err)
{
	struct counters counters = { .family = family, .each = each, .ctx = ctx };
	char buf[REQUEST_BYTES];
	struct nlmsghdr *request = ns_nft_dump_request(buf, NFT_MSG_GETOBJ, family, true);
	int r;

	mnl_attr_put_u32(request, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	r = ns_nft_request(nft, request, each_counter, &counters, err);
	if (r < 0)
		ns_error_context(err, "counters");
	return r;
}
