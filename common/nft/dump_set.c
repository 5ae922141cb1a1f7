/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "cleanup.h"
#include "nft/decode.h"
#include "nft/dump_set.h"
#include "nft/tree.h"

struct nlmsghdr *ns_nft_dump_request(void *buf, uint16_t type, int family, bool dump)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfgen;

	request->nlmsg_type = (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type);
	request->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0));
	nfgen = mnl_nlmsg_put_extra_header(request, sizeof(*nfgen));
	nfgen->nfgen_family = (uint8_t)family;
	nfgen->version = NFNETLINK_V0;
	return request;
}

void ns_nft_dump_pause(unsigned try)
{
	struct timespec t = {.tv_nsec = 200000L << (try < 9 ? try : 9) };

	(void)nanosleep(&t, NULL);
}

struct set_dump {
	const struct ns_nft_scope *scope;
	const struct ns_plan_set *set;
	ns_nft_each_set_element each;
	void *ctx;
	bool odd, stopped;
	struct ns_nft_bounds bounds; /* of a tree */
};

static int each_raw(void *ctx, const struct ns_plan_element *element, bool end, struct ns_error *err)
{
	struct set_dump *dump = ctx;

	if (!element || (end && !ns_nft_set_is_tree(dump->set))) {
		dump->odd = true;
		return 0;
	}
	if (ns_nft_set_is_tree(dump->set))
		return ns_nft_bounds_add(&dump->bounds, element, end, err);
	return dump->each(dump->ctx, element, err);
}

static int each_message(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct set_dump *dump = ctx;
	int r = ns_nft_decode_elements(message, dump->scope, dump->set, each_raw, dump, err);

	dump->stopped = dump->stopped || r < 0;
	return r < 0 ? r : 0;
}

int ns_nft_dump_set(struct ns_nft *nft, const struct ns_nft_scope *scope, const struct ns_plan_set *set, bool settled,
		    ns_nft_each_set_element each, void *ctx, bool *ret_odd, struct ns_error *err)
{
	struct set_dump dump = { .scope = scope, .set = set, .each = each, .ctx = ctx };
	char buf[512];
	struct nlmsghdr *request = ns_nft_dump_request(buf, NFT_MSG_GETSETELEM, scope->family, true);
	int r;

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, scope->table);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, set->name);
	r = ns_nft_request(nft, request, each_message, &dump, err);
	if (r == -EINTR && settled && !dump.stopped)
		r = 0;
	if (r == 0 && ns_nft_set_is_tree(set)) {
		ns_nft_bounds_pair(&dump.bounds, ns_nft_key_length(set));
		for (size_t i = 0; r == 0 && i < dump.bounds.n; i++)
			r = each(ctx, &dump.bounds.bounds[i].element, err);
	}
	ns_nft_bounds_release(&dump.bounds);
	if (r == 0)
		*ret_odd = dump.odd;
	return r;
}
