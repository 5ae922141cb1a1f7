/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/decode.h"
#include "nft/dump.h"
#include "nft/dump_set.h"
#include "nft/socket.h"

#define REQUEST_BYTES 512

struct walk {
	ns_nft_each_element each;
	void *ctx;
	size_t key_length;
};

struct one {
	const struct ns_nft_scope *scope;
	struct ns_plan_set set;
	struct ns_plan_counter counter;
	bool found;
};

static int check_names(const char *table, const char *name, struct ns_error *err)
{
	if (strlen(table) >= NS_NFT_NAME_MAX || strlen(name) >= NS_NFT_NAME_MAX)
		return ns_error_set(err, -ENAMETOOLONG, "%.64s %.64s: nf_tables names have at most %d bytes here",
				    table, name, NS_NFT_NAME_MAX - 1);
	return 0;
}

static int each_set(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct one *one = ctx;
	int r = ns_nft_decode_set(message, one->scope, &one->set, err);

	one->found = one->found || r > 0;
	return r < 0 ? r : 0;
}

static int get_set(struct ns_nft *nft, const struct ns_nft_scope *scope, const char *name, struct ns_plan_set *ret,
		   struct ns_error *err)
{
	struct one one = { .scope = scope };
	char buf[REQUEST_BYTES];
	struct nlmsghdr *request = ns_nft_dump_request(buf, NFT_MSG_GETSET, scope->family, false);
	int r;

	mnl_attr_put_strz(request, NFTA_SET_TABLE, scope->table);
	mnl_attr_put_strz(request, NFTA_SET_NAME, name);
	r = ns_nft_request(nft, request, each_set, &one, err);
	if (r < 0)
		return r;
	if (!one.found)
		return ns_error_set(err, -ENOENT, "nf_tables did not describe the set");
	if (one.set.n_fields == 0)
		return ns_error_set(err, -EBADMSG, "not a set of ours");
	*ret = one.set;
	return 0;
}

static int pass_on(void *ctx, const struct ns_plan_element *element, struct ns_error *err)
{
	const struct walk *walk = ctx;
	int r = walk->each(walk->ctx, element, walk->key_length);

	return r < 0 ? ns_error_set(err, r, "stopped by the caller: %s", strerror(-r)) : r;
}

int ns_nft_dump_elements(struct ns_nft *nft, int family, const char *table, const char *name, ns_nft_each_element each,
			 void *ctx, struct ns_error *err)
{
	const struct ns_nft_scope scope = { .family = family, .table = table };
	struct walk walk = { .each = each, .ctx = ctx };
	struct ns_plan_set set = { 0 };
	bool odd;
	int r = check_names(table, name, err);

	if (r < 0)
		return r;
	for (unsigned try = 0; try < NS_NFT_DUMP_TRIES; try++) {
		r = get_set(nft, &scope, name, &set, err);
		if (r == 0) {
			walk.key_length = ns_plan_set_key_length(&set);
			r = ns_nft_dump_set(nft, &scope, &set, set.dynamic, pass_on, &walk, &odd, err);
		}
		if (r != -EINTR)
			break;
		ns_nft_dump_pause(try);
	}
	if (r < 0)
		ns_error_context(err, "elements of set %s", name);
	return r;
}

static int each_counter(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct one *one = ctx;
	int r = ns_nft_decode_counter(message, one->scope, &one->counter, err);

	one->found = one->found || r > 0;
	return r < 0 ? r : 0;
}

int ns_nft_get_counter(struct ns_nft *nft, int family, const char *table, const char *name, uint64_t *ret_packets,
		       uint64_t *ret_bytes, struct ns_error *err)
{
	const struct ns_nft_scope scope = { .family = family, .table = table };
	struct one one = { .scope = &scope };
	char buf[REQUEST_BYTES];
	struct nlmsghdr *request;
	int r = check_names(table, name, err);

	if (r < 0)
		return r;
	request = ns_nft_dump_request(buf, NFT_MSG_GETOBJ, family, false);
	mnl_attr_put_strz(request, NFTA_OBJ_TABLE, table);
	mnl_attr_put_strz(request, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(request, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	r = ns_nft_request(nft, request, each_counter, &one, err);
	if (r == 0 && !one.found)
		r = ns_error_set(err, -ENOENT, "nf_tables did not describe it");
	if (r < 0) {
		ns_error_context(err, "counter %s", name);
		return r;
	}
	*ret_packets = one.counter.packets;
	*ret_bytes = one.counter.bytes;
	return 0;
}
