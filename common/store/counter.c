/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The kernel's figures as they were last read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/facts.h"

int ns_store_put_counter(struct ns_store *store, uint64_t cookie, const struct ns_counter_base *base,
			 struct ns_error *err)
{
	const struct ns_tuple *t = &base->tuple;
	int r = ns_tuple_check(t, err);

	if (r == 0)
		r = ns_db_begin(store, NS_DB_FACT, err);
	if (r < 0)
		return r;
	r = ns_db_run(store,
		      "INSERT INTO counter VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
		      "ON CONFLICT DO UPDATE SET packets = ?8, bytes = ?9",
		      NS_VALUES(ns_cookie(cookie), ns_int(base->deny), ns_int(t->direction), ns_int(t->protocol),
				ns_int(t->port), ns_addr_value(&t->peer), ns_addr_value(&t->source),
				ns_figure(base->packets), ns_figure(base->bytes)),
		      err);
	r = ns_db_end(store, NS_DB_FACT, r, err);
	return r < 0 ? r : 0;
}

static int read_row(struct ns_store *store, sqlite3_stmt *s, struct ns_counter_base *ret, struct ns_error *err)
{
	struct ns_counter_base base = {
		.deny = sqlite3_column_int(s, 0) != 0,
		.tuple = { .direction = (enum ns_direction)sqlite3_column_int(s, 1),
			   .protocol = (uint8_t)sqlite3_column_int(s, 2),
			   .port = (uint16_t)sqlite3_column_int(s, 3) },
		.packets = (uint64_t)sqlite3_column_int64(s, 6),
		.bytes = (uint64_t)sqlite3_column_int64(s, 7),
	};
	int r = ns_db_addr(store, s, 4, &base.tuple.peer, err);

	if (r == 0)
		r = ns_db_addr(store, s, 5, &base.tuple.source, err);
	if (r == 0)
		*ret = base;
	return r;
}

int ns_store_list_counters(struct ns_store *store, uint64_t cookie, ns_store_each_counter each, void *ctx,
			   struct ns_error *err)
{
	NS_FREE struct ns_counter_base *list = NULL;
	NS_STATEMENT sqlite3_stmt *s = NULL;
	size_t n = 0, allocated = 0;
	int r = ns_db_query(
		store, &s,
		"SELECT deny, direction, protocol, port, peer, source, packets, bytes FROM counter WHERE cookie = ?1",
		NS_VALUES(ns_cookie(cookie)), err);

	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		if (n == allocated) {
			size_t more = allocated ? 2 * allocated : 64;
			struct ns_counter_base *bigger = reallocarray(list, more, sizeof *list);

			if (!bigger)
				return ns_error_set(err, -ENOMEM, "out of memory for the counters");
			list = bigger;
			allocated = more;
		}
		r = read_row(store, s, &list[n++], err);
	}
	ns_db_resetp(&s); /* the callback may list again */
	for (size_t i = 0; r == 0 && i < n; i++)
		r = each(ctx, &list[i]);
	return r;
}

int ns_store_forget_counters(struct ns_store *store, uint64_t cookie, struct ns_error *err)
{
	int r = ns_db_begin(store, NS_DB_FACT, err);

	if (r < 0)
		return r;
	r = ns_db_run(store, "DELETE FROM counter WHERE cookie = ?1", NS_VALUES(ns_cookie(cookie)), err);
	r = ns_db_end(store, NS_DB_FACT, r, err);
	return r < 0 ? r : 0;
}
