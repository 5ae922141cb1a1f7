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
#include "nft/listing.h"
#include "sets.h"

NS_DEFINE_CLEANUP(struct ns_lock *, ns_lock_close)

#define TALLY_TRIES 5 /* of a listing that transactions came under */

struct harvest {
	struct ns_attachment *attachment;
	int64_t now;
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

/* The outer lock logs nothing, so when it refused somebody is not told. Where an address has changed hands since its
 * sets were read, they are read soon after that, and what they have of it is more likely of the time before. */
static int64_t time_of(const struct harvest *harvest, const struct ns_tuple *tuple)
{
	const struct ns_attachment *attachment = harvest->attachment;
	const struct ns_leases *leases = &attachment->engine->leases;
	int64_t before = attachment->outer.passed - 1;

	if (!attachment->outer.passed)
		return harvest->now;
	return ns_leases_at(leases, &tuple->peer, before, harvest->now) ||
			       (tuple->direction == NS_TRANSIT &&
				ns_leases_at(leases, &tuple->source, before, harvest->now))
		       ? before
		       : harvest->now;
}

static int harvest_element(void *ctx, const struct ns_set_role *role, const struct ns_plan_element *element,
			   size_t key_length)
{
	struct harvest *harvest = ctx;
	struct ns_attachment *attachment = harvest->attachment;
	struct ns_observation observation = {
		.kind = ns_attachment_audits(attachment, attachment->outer.mode) ? NS_LOG_AUDIT : NS_LOG_DENY,
		.process = "",
		.uid = -1,
	};
	struct ns_counter_base base = { .deny = true, .packets = element->packets, .bytes = element->bytes };
	uint64_t packets, bytes;
	bool is_new;
	int r;

	if (ns_layout_tuple(role, element->key, key_length, &observation.tuple) < 0)
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
	r = ns_attachment_begin(attachment, harvest->err);
	if (r < 0)
		return r;
	observation.time = time_of(harvest, &observation.tuple);
	if (!ns_attachment_doubts(attachment, &observation))
		r = ns_attachment_record(attachment, &observation, packets, bytes, harvest->err);
	if (r < 0)
		return r;
	return ns_store_put_counter(attachment->engine->store, ns_outer_figures_key(attachment), &base, harvest->err);
}

int ns_outer_harvest(struct ns_attachment *attachment, struct ns_error *err)
{
	struct harvest harvest = { .attachment = attachment, .now = ns_clock_now(), .err = err };
	char table[NS_NFT_NAME_MAX];
	unsigned there;
	int r;

	if (!attachment->outer.lock || !attachment->outer.there)
		return 0;
	ns_outer_table_name(attachment->endpoint->cookie, table);
	r = ns_sets_read(attachment->engine->host, NFPROTO_NETDEV, table, NS_SETS(NS_PURPOSE_DENY),
			 &attachment->outer.seen, harvest_element, &harvest, &there, err);
	return r == -ENOENT ? 0 : r;
}

static int note_refused(void *ctx, const char *table, const char *counter, uint64_t packets, uint64_t bytes)
{
	struct ns_outer_tally *tally = ctx;
	struct ns_outer_refused *refused;
	uint64_t cookie;

	if (packets == 0 || ns_outer_table_cookie(table, &cookie) < 0)
		return 0;
	/* The counters of a table come one after the other. */
	if (tally->n == 0 || tally->list[tally->n - 1].cookie != cookie) {
		if (tally->n == tally->allocated) {
			size_t more = tally->allocated ? tally->allocated * 2 : 64;
			void *bigger = reallocarray(tally->list, more, sizeof *tally->list);

			if (!bigger)
				return -ENOMEM;
			tally->list = bigger;
			tally->allocated = more;
		}
		tally->list[tally->n++] = (struct ns_outer_refused){ .cookie = cookie };
	}
	refused = &tally->list[tally->n - 1];
	if (strcmp(counter, NS_COUNTER_SPOOFED_SOURCE) == 0)
		refused->source = packets;
	else if (strcmp(counter, NS_COUNTER_SPOOFED_LINK) == 0)
		refused->link = packets;
	else if (strcmp(counter, NS_COUNTER_FOREIGN_FRAME) == 0)
		refused->frame = packets;
	return 0;
}

static int compare_refused(const void *a, const void *b)
{
	const struct ns_outer_refused *x = a, *y = b;

	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

void ns_outer_tally(struct ns_engine *engine, struct ns_outer_tally *ret)
{
	int r = -EINTR;

	*ret = (struct ns_outer_tally){ 0 };
	for (int i = 0; engine->host && r == -EINTR && i < TALLY_TRIES; i++) {
		ret->n = 0;
		r = ns_nft_list_counters(engine->host, NFPROTO_NETDEV, note_refused, ret, NULL);
	}
	if (ret->n > 1)
		qsort(ret->list, ret->n, sizeof *ret->list, compare_refused);
}

void ns_outer_tally_release(struct ns_outer_tally *tally)
{
	free(tally->list);
	*tally = (struct ns_outer_tally){ 0 };
}

const struct ns_outer_refused *ns_outer_refused(const struct ns_outer_tally *tally,
						const struct ns_attachment *attachment)
{
	const struct ns_outer_refused wanted = { .cookie = attachment->endpoint->cookie }, *found = NULL;

	if (attachment->outer.lock && attachment->outer.there && tally->n > 0)
		found = bsearch(&wanted, tally->list, tally->n, sizeof *tally->list, compare_refused);
	return found && (found->source || found->link || found->frame) ? found : NULL;
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
