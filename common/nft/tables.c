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
#include "nft/dump_set.h"
#include "nft/socket.h"
#include "nft/tables.h"

#define REQUEST_BYTES 64

typedef char table_name[NS_NFT_NAME_MAX];

struct listing {
	int family;
	const char *prefix;
	table_name *names;
	size_t n, allocated;
};

static void listing_release(struct listing *listing)
{
	free(listing->names);
}

static int each_table(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(message);
	struct listing *listing = ctx;
	struct ns_attrs attrs;
	table_name name;

	if (message->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWTABLE))
		return 0;
	ns_attrs_parse_message(&attrs, message);
	if (attrs.malformed)
		return ns_error_set(err, -EBADMSG, "nf_tables: malformed table");
	if (nfgen->nfgen_family != listing->family || !ns_attrs_string(&attrs, NFTA_TABLE_NAME, name, sizeof(name)) ||
	    strncmp(name, listing->prefix, strlen(listing->prefix)) != 0)
		return 0;
	if (listing->n == listing->allocated) {
		size_t allocated = listing->allocated ? 2 * listing->allocated : 64;
		table_name *names = reallocarray(listing->names, allocated, sizeof(*names));

		if (!names)
			return ns_error_set(err, -ENOMEM, "no memory for the names of tables");
		listing->names = names;
		listing->allocated = allocated;
	}
	memcpy(listing->names[listing->n++], name, sizeof(name));
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

int ns_nft_list_tables(struct ns_nft *nft, int family, const char *prefix, int (*each)(void *ctx, const char *table),
		       void *ctx, struct ns_error *err)
{
	NS_CLEANUP(listing_release) struct listing listing = { .family = family, .prefix = prefix };
	char buf[REQUEST_BYTES];
	int r;

	for (unsigned try = 0;; try++) {
		r = ns_nft_request(nft, ns_nft_dump_request(buf, NFT_MSG_GETTABLE, family, true), each_table, &listing,
				   err);
		if (r != -EINTR || try + 1 == NS_NFT_DUMP_TRIES)
			break;
		listing.n = 0;
		ns_nft_dump_pause(try);
	}
	if (r < 0) {
		ns_error_context(err, "list tables");
		return r;
	}
	if (listing.n > 0)
		qsort(listing.names, listing.n, sizeof(*listing.names), compare_names);
	for (size_t i = 0; i < listing.n; i++) {
		r = each(ctx, listing.names[i]);
		if (r != 0)
			return r < 0 ? ns_error_set(err, r, "table %s: %s", listing.names[i], strerror(-r)) : r;
	}
	return 0;
}
