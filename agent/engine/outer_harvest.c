/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the outer locks refused -> store; and tables whose endpoints are gone.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "attachment.h"
#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "log.h"
#include "nft/dump.h"

NS_DEFINE_CLEANUP(struct ns_lock *, ns_lock_close)

struct harvest {
	struct ns_attachment *attachment;
	const struct ns_set_role *role;
	struct ns_error *err;
};

#define EPHEMERAL_FIRST 32768 /* net.ipv4.ip_local_port_range */

/* While auditing, what the inner lock would refuse goes on, and the outer one, which knows no connections, meets its
 * answers: they are no tuples that anybody would open. The inner lock tells the connection itself. */
static bool may_be_an_answer(const struct ns_tuple *tuple)
{
	switch (tuple->protocol) {
	case IPPROTO_ICMP:
		return tuple->port == ICMP_ECHOREPLY || tuple->port == ICMP_TIMESTAMPREPLY;
	case IPPROTO_ICMPV6:
		return tuple->port == ICMP6_ECHO_REPLY;
	default:
		return ns_protocol_has_ports(tuple->protocol) && tuple->port >= EPHEMERAL_FIRST;
	}
}

static int harvest_element(void *ctx, const struct ns_plan_element *element, size_t key_length)
{
	struct harvest *harvest = ctx;
	struct ns_attachment *attachment = harvest->attachment;
	struct ns_observation observation = {
		.kind = ns_attachment_audits(attachment, attachment->outer.mode) ? NS_LOG_AUDIT : NS_LOG_DENY,
		.time = ns_clock_now(),
		.process = "",
		.uid = -1,
	};
	struct ns_counter_base base = { .deny = true, .packets = element->packets, .bytes = element->bytes };
	uint64_t packets, bytes;
	bool is_new;
	int r;

	if (ns_layout_tuple(harvest->role, element->key, key_length, &observation.tuple) < 0)
		return 0;
	if (observation.kind == NS_LOG_AUDIT && may_be_an_answer(&observation.tuple))
		return 0;
	base.tuple = observation.tuple;
	r = ns_figures_advance(&attachment->outer.figures, &base.tuple, true, base.packets, base.bytes, &packets,
			       &bytes, &is_new);
	if (r < 0)
		return ns_error_set(harvest->err, r, "out of memory for the figures of %s", attachment->workload);
	if (!is_new && packets == 0)
		return 0;
	if (!ns_attachment_doubts(attachment, &observation))
		r = ns_attachment_record(attachment, &observation, packets, bytes, harvest->err);
	if (r < 0)
		return r;
	return ns_store_put_counter(attachment->engine->store, ns_outer_figures_key(attachment), &base, harvest->err);
}

int ns_outer_harvest(struct ns_attachment *attachment, struct ns_error *err)
{
	struct harvest harvest = { .attachment = attachment, .err = err };
	char table[NS_NFT_NAME_MAX];
	size_t n;
	const struct ns_set_role *roles = ns_layout_roles(&n);

	if (!attachment->outer.lock || !attachment->outer.there)
		return 0;
	ns_outer_table_name(attachment->endpoint->cookie, table);
	for (size_t i = 0; i < n; i++) {
		int r;

		if (roles[i].purpose != NS_PURPOSE_DENY)
			continue;
		harvest.role = &roles[i];
		r = ns_nft_dump_elements(attachment->engine->host, NFPROTO_NETDEV, table, roles[i].name,
					 harvest_element, &harvest, err);
		/* -EINTR: others changed rules meanwhile; all elements were seen all the same. */
		if (r < 0 && r != -ENOENT && r != -EINTR)
			return r;
	}
	return 0;
}

static uint64_t packets_of(const struct ns_attachment *attachment, const char *counter)
{
	char table[NS_NFT_NAME_MAX];
	uint64_t packets = 0, bytes;

	ns_outer_table_name(attachment->endpoint->cookie, table);
	if (ns_nft_get_counter(attachment->engine->host, NFPROTO_NETDEV, table, counter, &packets, &bytes, NULL) < 0)
		return 0;
	return packets;
}

bool ns_outer_refused(const struct ns_attachment *attachment, struct ns_outer_refused *ret)
{
	if (!attachment->outer.lock || !attachment->outer.there)
		return false;
	ret->source = packets_of(attachment, NS_COUNTER_SPOOFED_SOURCE);
	ret->link = packets_of(attachment, NS_COUNTER_SPOOFED_LINK);
	ret->frame = packets_of(attachment, NS_COUNTER_FOREIGN_FRAME);
	return ret->source || ret->link || ret->frame;
}

struct sweep {
	struct ns_engine *engine;
	char (*tables)[NS_NFT_NAME_MAX];
	size_t n, allocated;
};

static int note_table(void *ctx, const char *table)
{
	struct sweep *sweep = ctx;

	if (strlen(table) >= NS_NFT_NAME_MAX)
		return 0;
	if (sweep->n == sweep->allocated) {
		size_t more = sweep->allocated ? sweep->allocated * 2 : 64;
		void *bigger = reallocarray(sweep->tables, more, NS_NFT_NAME_MAX);

		if (!bigger)
			return -ENOMEM;
		sweep->tables = bigger;
		sweep->allocated = more;
	}
	memcpy(sweep->tables[sweep->n++], table, strlen(table) + 1);
	return 0;
}

static void sweep_table(struct ns_engine *engine, const char *table)
{
	NS_CLEANUP(ns_lock_closep) struct ns_lock *lock = NULL;
	NS_CLEANUP(ns_plan_release) struct ns_plan plan = NS_PLAN_INIT;
	struct ns_port_name ports[NS_ENDPOINT_INTERFACES_MAX];
	struct ns_error err = NS_ERROR_INIT;
	uint64_t cookie;

	if (ns_outer_table_cookie(table, &cookie) < 0 || ns_engine_find_attachment(engine, cookie))
		return;
	if (ns_lock_open_on(engine->host, NFPROTO_NETDEV, table, &lock, &err) < 0 ||
	    ns_lock_read(lock, &plan, &err) < 0 ||
	    ns_orphans_add(&engine->orphans, cookie, ports, ns_outer_ports_of(&plan, ports), &err) < 0)
		ns_log_warning("table netdev %s of an endpoint that is no more stays: %s", table, err.text);
}

void ns_outer_sweep(struct ns_engine *engine)
{
	struct sweep sweep = { .engine = engine };
	struct ns_error err = NS_ERROR_INIT;

	if (engine->host &&
	    ns_lock_list(engine->host, NFPROTO_NETDEV, NS_OUTER_TABLE_PREFIX, note_table, &sweep, &err) < 0)
		ns_log_warning("tables of ended endpoints could not be looked for: %s", err.text);
	for (size_t i = 0; i < sweep.n; i++)
		sweep_table(engine, sweep.tables[i]);
	free(sweep.tables);
	ns_orphans_turn(engine);
}
