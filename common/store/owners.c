/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who had which address, as far as the store knows.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "store/db.h"

#define ADDRESSES_BYTES_MAX 65536
#define ADDRESSES_DEPTH_MAX 2

struct walk {
	ns_store_each_owner each;
	void *ctx;
};

/* ["10.0.0.2/24", …] of a workload. */
static int tell_addresses(const struct walk *walk, const char *text, const char *workload, struct ns_error *err)
{
	NS_JSON json_t *list = NULL;
	int r = ns_json_decode(text, strlen(text), ADDRESSES_BYTES_MAX, ADDRESSES_DEPTH_MAX, &list, err);

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const char *item = json_string_value(json_array_get(list, i));
		char plain[NS_ADDR_TEXT_MAX];
		struct ns_addr addr;

		if (!item ||
		    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(item, "/"), item) >= (int)sizeof plain ||
		    ns_addr_parse(plain, &addr, NULL) < 0)
			return ns_error_set(err, -EBADMSG, "the addresses of an endpoint of %s are none", workload);
		r = walk->each(walk->ctx, &addr, workload);
	}
	return r;
}

int ns_store_list_owners(struct ns_store *store, ns_store_each_owner each, void *ctx, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	const struct walk walk = { each, ctx };
	int r = ns_db_query(
		store, &s,
		"SELECT workload, addresses FROM endpoint WHERE boot_id = ?1 AND ended = 0 AND cookie < ?2 "
		"ORDER BY since DESC LIMIT ?3",
		NS_VALUES(ns_text(store->boot_id), ns_cookie(NS_ENDPOINT_MEMBER_BIT), ns_figure(NS_ENDPOINTS_MAX)),
		err);

	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		const char *workload = ns_db_text(store, s, 0);

		r = tell_addresses(&walk, ns_db_text(store, s, 1), workload, err);
		if (r == 0)
			r = ns_db_row_end(store, err);
	}
	return r;
}
