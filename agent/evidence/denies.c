/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What was refused, as JSON.
 */
#include <errno.h>

#include "cleanup.h"
#include "clock.h"
#include "evidence_private.h"
#include "json.h"

static json_t *peer_json(enum ns_peer_class peer_class, const char *name, const struct ns_addr *addr)
{
	char text[NS_ADDR_TEXT_MAX];

	return json_pack("{s:s, s:o, s:o}", "class", ns_peer_class_format(peer_class), "name",
			 *name ? ns_json_text(name) : json_null(), "address",
			 addr->family ? json_string(ns_addr_format(addr, text)) : json_null());
}

static json_t *deny_json(const struct ns_edge *edge, bool audited)
{
	const struct ns_tuple *t = &edge->tuple;
	bool transit = t->direction == NS_TRANSIT;
	char protocol[4];

	return json_pack("{s:s, s:b, s:o, s:o, s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "direction",
			 ns_direction_format(t->direction), "audited", audited, "peer",
			 peer_json(edge->peer_class, edge->peer_name, &t->peer), "source",
			 transit ? peer_json(edge->source_class, edge->source_name, &t->source) : json_null(),
			 "protocol", ns_protocol_format(t->protocol, protocol), "port",
			 ns_protocol_has_ports(t->protocol) ? json_integer(t->port) : json_null(), "icmp_type",
			 ns_protocol_is_icmp(t->protocol) ? json_integer(t->port) : json_null(), "packets",
			 (json_int_t)edge->packets, "bytes", (json_int_t)edge->bytes, "first_seen",
			 ns_time_json(edge->first_seen), "last_seen", ns_time_json(edge->last_seen), "process",
			 *edge->process ? ns_json_text(edge->process) : json_null(), "uid",
			 edge->uid >= 0 ? json_integer(edge->uid) : json_null());
}

static int add(void *ctx, const struct ns_edge *edge, bool audited)
{
	return json_array_append_new(ctx, deny_json(edge, audited)) < 0 ? -ENOMEM : 0;
}

int ns_evidence_denies(struct ns_store *store, const char *workload, json_t **ret, uint64_t *ret_total,
		       struct ns_error *err)
{
	NS_JSON json_t *list = json_array();
	int r = ns_store_count_denies(store, workload, ret_total, err);

	if (r < 0)
		return r;
	r = list ? ns_store_list_newest_denies(store, workload, NS_EVIDENCE_DENIES_MAX, add, list, err) : -ENOMEM;
	if (r == -ENOMEM)
		return ns_error_set(err, r, "out of memory for the evidence");
	if (r < 0)
		return r;
	*ret = NS_TAKE(list);
	return 0;
}
