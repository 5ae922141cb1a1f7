/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Endpoints that were seen, and the sign of life that tells since when the agent was down.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "store/ledger.h"

enum { ADDRESSES, INTERFACES, FINDINGS, N_LISTS };

/* The lists of an endpoint as JSON texts. */
struct lists {
	char *text[N_LISTS];
};

static void release(struct lists *lists)
{
	for (int i = 0; i < N_LISTS; i++)
		free(lists->text[i]);
}

static json_t *addresses_json(const struct ns_endpoint *endpoint)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < endpoint->n_addresses; i++) {
		char address[NS_ADDR_TEXT_MAX], text[NS_PREFIX_TEXT_MAX];

		/* The prefix length is said always: this is an interface's address, not a rule's. */
		(void)snprintf(text, sizeof text, "%s/%u", ns_addr_format(&endpoint->addresses[i].addr, address),
			       endpoint->addresses[i].length);
		(void)json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *interfaces_json(const struct ns_endpoint *endpoint)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < endpoint->n_interfaces; i++)
		(void)json_array_append_new(list, json_pack("{s:o, s:i, s:i}", "name",
							    ns_json_text(endpoint->interfaces[i].name), "index",
							    endpoint->interfaces[i].index, "peer_index",
							    endpoint->interfaces[i].peer_index));
	return list;
}

static json_t *findings_json(const struct ns_endpoint *endpoint)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < endpoint->n_findings; i++)
		(void)json_array_append_new(list, ns_json_text(endpoint->findings[i]));
	return list;
}

static int make_lists(const struct ns_endpoint *endpoint, struct lists *ret, struct ns_error *err)
{
	const size_t expected[N_LISTS] = { endpoint->n_addresses, endpoint->n_interfaces, endpoint->n_findings };
	json_t *json[N_LISTS] = { addresses_json(endpoint), interfaces_json(endpoint), findings_json(endpoint) };
	int r = 0;

	for (int i = 0; i < N_LISTS; i++) {
		/* A list that is shorter than it should be lacked memory for an item. */
		if (json[i] && json_array_size(json[i]) == expected[i])
			ret->text[i] = ns_json_canonical(json[i]);
		if (!ret->text[i])
			r = ns_error_set(err, -ENOMEM, "out of memory for an endpoint");
		json_decref(json[i]);
	}
	return r;
}

static int put(struct ns_store *store, const struct ns_endpoint *e, int64_t ended, const struct lists *lists,
	       struct ns_error *err)
{
	int r = ns_db_run(
		store,
		"INSERT OR REPLACE INTO endpoint VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
		"?14, ?15, ?16, ?17)",
		NS_VALUES(ns_text(store->boot_id), ns_cookie(e->cookie), ns_text(e->workload), ns_text(e->runtime),
			  ns_text(e->container_id), ns_text(e->name), ns_text(e->image), ns_text(e->image_digest),
			  ns_int(e->pid), ns_text(e->netns_path), ns_int(e->since), ns_int(ended),
			  ns_int(e->joined_late), ns_int(e->provisional), ns_text(lists->text[ADDRESSES]),
			  ns_text(lists->text[INTERFACES]), ns_text(lists->text[FINDINGS])),
		err);
	if (r >= 0 && ended)
		r = ns_db_run(store,
			      "DELETE FROM endpoint WHERE ended <> 0 AND ended < (SELECT ended FROM endpoint "
			      "WHERE ended <> 0 ORDER BY ended DESC LIMIT 1 OFFSET " NS_SQL_NUMBER(
				      NS_STORE_ENDPOINTS_MAX) " - 1)",
			      NS_NO_VALUES, err);
	return r < 0 ? r : 0;
}

int ns_store_put_endpoint(struct ns_store *store, const struct ns_endpoint *endpoint, int64_t ended,
			  struct ns_error *err)
{
	NS_CLEANUP(release) struct lists lists = { 0 };
	int r = make_lists(endpoint, &lists, err);

	if (r == 0)
		r = ns_db_begin(store, NS_DB_FACT, err);
	if (r < 0)
		return r;
	return ns_db_end(store, NS_DB_FACT, put(store, endpoint, ended, &lists, err), err);
}

int ns_store_endpoint_workload(struct ns_store *store, uint64_t cookie, char ret[static NS_WORKLOAD_MAX],
			       struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	char workload[NS_WORKLOAD_MAX];
	int r = ns_db_query(store, &s, "SELECT workload FROM endpoint WHERE boot_id = ?1 AND cookie = ?2",
			    NS_VALUES(ns_text(store->boot_id), ns_cookie(cookie)), err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r == 0)
		return ns_error_set(err, -ENOENT, "endpoint %llu was never met", (unsigned long long)cookie);
	if (r < 0)
		return r;
	(void)snprintf(workload, sizeof workload, "%s", ns_db_text(store, s, 0));
	r = ns_db_row_end(store, err);
	if (r == 0)
		memcpy(ret, workload, sizeof workload);
	return r;
}

static int read_lists(struct ns_store *store, sqlite3_stmt *s, json_t *endpoint, struct ns_error *err)
{
	static const char *const names[N_LISTS] = { "addresses", "interfaces", "findings" };

	for (int i = 0; i < N_LISTS; i++) {
		json_t *list = NULL;
		int r = ns_ledger_decode(store, ns_db_text(store, s, 14 + i), &list, err);

		if (r < 0)
			return r;
		if (json_object_set_new(endpoint, names[i], list) < 0)
			return ns_error_set(err, -ENOMEM, "out of memory for the endpoints");
	}
	return 0;
}

static int read_row(struct ns_store *store, sqlite3_stmt *s, json_t **ret, struct ns_error *err)
{
	static const char *const names[] = { "boot_id", NULL,    "workload",     "runtime", "container_id",
					     "name",    "image", "image_digest", NULL,      "netns_path" };
	NS_JSON json_t *e =
		json_pack("{s:I, s:I, s:o, s:o, s:b, s:b}", "cookie", (json_int_t)sqlite3_column_int64(s, 1), "pid",
			  (json_int_t)sqlite3_column_int64(s, 8), "since", ns_time_json(sqlite3_column_int64(s, 10)),
			  "ended", ns_time_json(sqlite3_column_int64(s, 11)), "joined_late", sqlite3_column_int(s, 12),
			  "provisional", sqlite3_column_int(s, 13));
	int r = e ? 0 : ns_error_set(err, -ENOMEM, "out of memory for the endpoints");

	for (int i = 0; r == 0 && i < (int)(sizeof names / sizeof names[0]); i++)
		if (names[i] && json_object_set_new(e, names[i], ns_json_text(ns_db_text(store, s, i))) < 0)
			r = ns_error_set(err, -ENOMEM, "out of memory for the endpoints");
	if (r == 0)
		r = read_lists(store, s, e, err);
	if (r == 0)
		r = ns_db_row_end(store, err);
	if (r == 0)
		*ret = NS_TAKE(e);
	return r;
}

/* All rows as an array; NULL on failure. r is how the query went. */
static json_t *rows_json(struct ns_store *store, sqlite3_stmt *s, int r, struct ns_error *err)
{
	NS_JSON json_t *list = json_array();

	if (!list && r == 0)
		r = ns_error_set(err, -ENOMEM, "out of memory for the endpoints");
	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		json_t *endpoint = NULL;

		r = read_row(store, s, &endpoint, err);
		if (r == 0 && json_array_append_new(list, endpoint) < 0)
			r = ns_error_set(err, -ENOMEM, "out of memory for the endpoints");
	}
	return r < 0 ? NULL : NS_TAKE(list);
}

json_t *ns_store_endpoints(struct ns_store *store, size_t max, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, "SELECT * FROM endpoint ORDER BY since DESC, boot_id, cookie DESC LIMIT ?1",
			    NS_VALUES(ns_figure(max)), err);

	return rows_json(store, s, r, err);
}

json_t *ns_store_workload_endpoints(struct ns_store *store, const char *workload, size_t max, uint64_t *ret_total,
				    struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int64_t total = 0;
	int r = ns_db_integer(store, &total, "SELECT count(*) FROM endpoint WHERE workload = ?1",
			      NS_VALUES(ns_text(workload)), err);

	if (r == 0)
		r = ns_db_query(store, &s,
				"SELECT * FROM endpoint WHERE workload = ?1 ORDER BY since DESC, boot_id, cookie DESC "
				"LIMIT ?2",
				NS_VALUES(ns_text(workload), ns_figure(max)), err);
	*ret_total = (uint64_t)total;
	return rows_json(store, s, r, err);
}

int ns_store_heartbeat(struct ns_store *store, int64_t now, struct ns_error *err)
{
	int r = ns_db_begin(store, NS_DB_FACT, err);

	if (r < 0)
		return r;
	r = ns_db_run(store, "UPDATE meta SET value = ?1 WHERE key = 'heartbeat'", NS_VALUES(ns_int(now)), err);
	if (r == 0)
		r = ns_db_damaged(store, err, "meta has no heartbeat");
	r = ns_db_end(store, NS_DB_FACT, r, err);
	return r < 0 ? r : 0;
}

int ns_store_last_heartbeat(struct ns_store *store, int64_t *ret, struct ns_error *err)
{
	int r = ns_db_integer(store, ret, "SELECT value FROM meta WHERE key = 'heartbeat'", NS_NO_VALUES, err);

	return r == -ENODATA ? ns_db_damaged(store, err, "meta has no heartbeat") : r;
}
