/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <nanoseg/limits.h>

#include "cleanup.h"
#include "nft/attr.h"
#include "nft/batch.h"
#include "nft/decode.h"
#include "nft/dump_set.h"
#include "nft/socket.h"
#include "nft/tables.h"

#define REQUEST_BYTES 64
#define ORPHANS_MAX   16384 /* in one transaction; whoever is left adopts his own */

struct listed {
	char name[NS_NFT_NAME_MAX];
	uint32_t flags;
};

struct listing {
	int family;
	const char *prefix;
	struct listed *tables;
	size_t n, allocated;
};

static void listing_release(struct listing *listing)
{
	free(listing->tables);
}

static int each_table(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(message);
	struct listing *listing = ctx;
	struct listed table;
	struct ns_attrs attrs;

	if (message->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWTABLE))
		return 0;
	ns_attrs_parse_message(&attrs, message);
	if (attrs.malformed)
		return ns_error_set(err, -EBADMSG, "nf_tables: malformed table");
	if (nfgen->nfgen_family != listing->family ||
	    !ns_attrs_string(&attrs, NFTA_TABLE_NAME, table.name, sizeof(table.name)) ||
	    strncmp(table.name, listing->prefix, strlen(listing->prefix)) != 0)
		return 0;
	if (listing->n == listing->allocated) {
		size_t allocated = listing->allocated ? 2 * listing->allocated : 64;
		struct listed *tables = reallocarray(listing->tables, allocated, sizeof(*tables));

		if (!tables)
			return ns_error_set(err, -ENOMEM, "no memory for the names of tables");
		listing->tables = tables;
		listing->allocated = allocated;
	}
	table.flags = ns_attrs_u32(&attrs, NFTA_TABLE_FLAGS, 0);
	listing->tables[listing->n++] = table;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int list(struct ns_nft *nft, struct listing *listing, struct ns_error *err)
{
	char buf[REQUEST_BYTES];
	int r;

	for (unsigned try = 0;; try++) {
		r = ns_nft_request(nft, ns_nft_dump_request(buf, NFT_MSG_GETTABLE, listing->family, true), each_table,
				   listing, err);
		if (r != -EINTR || try + 1 == NS_NFT_DUMP_TRIES)
			break;
		listing->n = 0;
		ns_nft_dump_pause(try);
	}
	if (r < 0) {
		ns_error_context(err, "list tables");
		return r;
	}
	if (listing->n > 0)
		qsort(listing->tables, listing->n, sizeof(*listing->tables), compare_names);
	return 0;
}

int ns_nft_list_tables(struct ns_nft *nft, int family, const char *prefix, int (*each)(void *ctx, const char *table),
		       void *ctx, struct ns_error *err)
{
	NS_CLEANUP(listing_release) struct listing listing = { .family = family, .prefix = prefix };
	int r = list(nft, &listing, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < listing.n; i++) {
		const char *name = listing.tables[i].name;

		r = each(ctx, name);
		if (r != 0)
			return r < 0 ? ns_error_set(err, r, "table %s: %s", name, strerror(-r)) : r;
	}
	return 0;
}

int ns_nft_put_orphans(struct ns_nft *nft, struct ns_nft_batch *batch, int family, const char *prefix,
		       struct ns_error *err)
{
	NS_CLEANUP(listing_release) struct listing listing = { .family = family, .prefix = prefix };
	int r = list(nft, &listing, err), n = 0;

	for (size_t i = 0; r == 0 && i < listing.n && n < ORPHANS_MAX; i++) {
		const struct ns_nft_scope scope = { .family = family, .table = listing.tables[i].name };

		if (listing.tables[i].flags != NS_NFT_TABLE_F_PERSIST)
			continue;
		ns_nft_put_table(batch, &scope, NS_NFT_TABLE_F_OWNER | NS_NFT_TABLE_F_PERSIST);
		n++;
	}
	return r < 0 ? r : n;
}

struct chains {
	int family;
	const char *prefix;
	ns_nft_each_chain each;
	void *ctx;
};

static int each_chain(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	const struct chains *chains = ctx;
	struct ns_error why = NS_ERROR_INIT;
	struct ns_plan_chain chain;
	char table[NS_NFT_NAME_MAX];
	const struct ns_nft_scope scope = { .family = chains->family, .table = table };
	struct ns_attrs attrs;
	int r;

	ns_attrs_parse_message(&attrs, message);
	if (!ns_attrs_string(&attrs, NFTA_CHAIN_TABLE, table, sizeof(table)) ||
	    strncmp(table, chains->prefix, strlen(chains->prefix)) != 0)
		return 0;
	r = ns_nft_decode_chain(message, &scope, &chain, &why);
	if (r <= 0) /* a name that none of ours has, or of another family */
		return r == -EOVERFLOW || r == 0 ? 0 : ns_error_set(err, r, "%s", why.text);
	return chains->each(chains->ctx, table, &chain, err);
}

int ns_nft_list_chains(struct ns_nft *nft, int family, const char *prefix, ns_nft_each_chain each, void *ctx,
		       struct ns_error *err)
{
	struct chains chains = { .family = family, .prefix = prefix, .each = each, .ctx = ctx };
	char buf[REQUEST_BYTES];

	return ns_nft_request(nft, ns_nft_dump_request(buf, NFT_MSG_GETCHAIN, family, true), each_chain, &chains, err);
}
