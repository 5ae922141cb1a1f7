/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "attachment.h"
#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "log.h"
#include "shift.h"

void ns_outer_wish_release(struct ns_outer_wish *wish)
{
	ns_plan_release(&wish->plan);
}

int ns_outer_index_of_chain(const struct ns_plan_chain *chain)
{
	const char *digits = strrchr(chain->name, '_');
	char *end;
	long value;

	if (!chain->base || !digits)
		return 0;
	value = strtol(digits + 1, &end, 10);
	return *end || value <= 0 || value > INT32_MAX ? 0 : (int)value;
}

size_t ns_outer_add_port(struct ns_port_name *list, size_t n, const struct ns_port_name *port)
{
	bool known = port->index == 0 || n == NS_ENDPOINT_INTERFACES_MAX;

	for (size_t i = 0; i < n && !known; i++)
		known = list[i].index == port->index;
	if (!known)
		list[n++] = *port;
	return n;
}

size_t ns_outer_ports_of(const struct ns_plan *plan, struct ns_port_name *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_chains; i++) {
		struct ns_port_name port = { .index = ns_outer_index_of_chain(&plan->chains[i]) };

		memcpy(port.name, plan->chains[i].device, NS_IFNAME_MAX);
		n = ns_outer_add_port(ret, n, &port);
	}
	return n;
}

/* A table from before this daemon: what it says of the endpoint is what was known when it was locked. Its rules are
 * read when its turn comes. */
static int recall(struct ns_attachment *attachment, struct ns_error *err)
{
	struct ns_outer *outer = &attachment->outer;
	NS_CLEANUP(ns_plan_release) struct ns_plan found = NS_PLAN_INIT;
	bool ports_known = attachment->engine->found.whole;
	int r = ns_lock_look(outer->lock, err);

	outer->there = r != -ENOENT;
	outer->unrecalled = r < 0 && r != -ENOENT;
	if (r < 0)
		return outer->unrecalled ? r : 0;
	r = ports_known ? ns_lock_read_sets(outer->lock, NS_OWN_SETS_PREFIX, &found, err)
			: ns_lock_read(outer->lock, &found, err);
	/* One that holds what no plan says is not our work any more, and is made anew. */
	outer->unrecalled = r < 0 && r != -ENOENT && r != -EBADE;
	if (ports_known)
		outer->n_ports = ns_found_ports(&attachment->engine->found, attachment->endpoint->cookie, outer->ports);
	else if (r == 0)
		outer->n_ports = ns_outer_ports_of(&found, outer->ports);
	if (r == 0)
		ns_own_recall(&outer->own, &found);
	return outer->unrecalled ? r : 0;
}

static int load_figure(void *ctx, const struct ns_counter_base *base)
{
	uint64_t packets, bytes;
	bool is_new;

	return ns_figures_advance(ctx, &base->tuple, base->deny, base->packets, base->bytes, &packets, &bytes, &is_new);
}

uint64_t ns_outer_figures_key(const struct ns_attachment *attachment)
{
	return attachment->endpoint->cookie | UINT64_C(1) << 61;
}

int ns_outer_open(struct ns_attachment *attachment, struct ns_error *err)
{
	struct ns_outer *outer = &attachment->outer;
	char table[NS_NFT_NAME_MAX];
	int r;

	if (!attachment->engine->host)
		return 0;
	ns_outer_table_name(attachment->endpoint->cookie, table);
	r = ns_lock_open_on(attachment->engine->host, NFPROTO_NETDEV, table, &outer->lock, err);
	if (r < 0)
		return r;
	(void)recall(attachment, NULL); /* what fails is tried again before anything is made of it */
	return ns_store_list_counters(attachment->engine->store, ns_outer_figures_key(attachment), load_figure,
				      &outer->figures, err);
}

void ns_outer_close(struct ns_outer *outer)
{
	outer->lock = ns_lock_close(outer->lock);
	ns_figures_release(&outer->figures);
	ns_words_set(&outer->failure, NULL);
}

/* Its own ports; and a port that was under this lock and leads elsewhere now. With NET_ADMIN a container can move its
 * link into a namespace that nobody knows of, and go on sending from there: the lock goes with it. */
static size_t find_ports(struct ns_attachment *attachment, struct ns_outer_wish *wish)
{
	size_t n;
	const struct ns_port *ports = ns_watch_ports(attachment->engine->watch, &n);

	for (size_t i = 0; i < n && wish->n_ports < NS_ENDPOINT_INTERFACES_MAX; i++) {
		bool is_its = ports[i].far == NS_PORT_ENDPOINT && ports[i].cookie == attachment->endpoint->cookie;

		if (!is_its && (ports[i].far == NS_PORT_ENDPOINT || !ns_outer_had(&attachment->outer, &ports[i])))
			continue;
		wish->ports[wish->n_ports].index = ports[i].index;
		memcpy(wish->ports[wish->n_ports++].name, ports[i].name, NS_IFNAME_MAX);
		if (is_its)
			wish->interfaces[wish->n_interfaces++] = ports[i].peer_index;
	}
	return wish->n_ports;
}

int ns_outer_wanted(struct ns_attachment *attachment, const struct ns_policy *policy, enum ns_mode mode,
		    struct ns_outer_wish *ret, struct ns_error *err)
{
	struct ns_engine *engine = attachment->engine;
	struct ns_prefix links[NS_ENDPOINT_ADDRESSES_MAX];
	struct ns_outer_options options = {
		.cookie = attachment->endpoint->cookie,
		.ports = ret->ports,
		.own = ret->now.addresses,
		.macs = (const uint8_t(*)[6])ret->now.macs,
		.links = links,
		.n_links = ns_attachment_links(attachment, links, NS_ENDPOINT_ADDRESSES_MAX),
		.egress_hook = engine->features.netdev_egress,
	};
	int r;

	ret->mode = mode;
	if (!ns_mode_in_force(mode))
		return 0; /* a member still learns */
	if (!attachment->outer.lock || find_ports(attachment, ret) == 0)
		return 0;
	/* Which addresses were its own is in the table that is there: without it any would be. */
	if (attachment->outer.unrecalled) {
		r = recall(attachment, err);
		if (r < 0)
			return r;
	}
	ns_own_now(&attachment->outer.own, attachment->endpoint, &engine->claims, ret->interfaces, ret->n_interfaces,
		   &ret->now);
	options.n_ports = ret->n_ports;
	options.n_own = ret->now.n_addresses;
	options.n_macs = ret->now.n_macs;
	r = ns_compile_outer(policy, engine->book, mode == NS_MODE_AUDITING, &options, &ret->plan, err);
	if (r == 0)
		r = ns_plan_digest(&ret->plan, ret->digest, err);
	ret->wanted = r == 0;
	return r;
}

static int remove_table(struct ns_attachment *attachment, struct ns_error *err)
{
	struct ns_outer *outer = &attachment->outer;
	int r = ns_lock_remove(outer->lock, err);

	if (r < 0)
		return r;
	outer->there = false;
	outer->digest[0] = '\0';
	outer->n_ports = 0;
	outer->mode = NS_MODE_INVALID;
	ns_figures_release(&outer->figures);
	(void)ns_store_forget_counters(attachment->engine->store, ns_outer_figures_key(attachment), NULL);
	return 0;
}

/* What is known of its addresses is forgotten when no policy is in force any more, and not when its links are away. */
static int unlock(struct ns_attachment *attachment, const struct ns_outer_wish *wish, struct ns_error *err)
{
	int r = attachment->outer.there ? remove_table(attachment, err) : 0;

	if (r == 0 && !ns_mode_in_force(wish->mode))
		ns_own_unlocked(&attachment->outer.own);
	return r;
}

/* As the inner lock, of which the caller has asked the same. */
static bool has_followed(const struct ns_attachment *attachment, const struct ns_outer_wish *wish)
{
	const struct ns_outer *outer = &attachment->outer;
	struct ns_lock_result result;

	return attachment->behind && !attachment->dirty && outer->there && outer->mode == wish->mode &&
	       !outer->failure && ns_shift_settle(outer->lock, &wish->plan, &result, NULL) > 0;
}

static int put_table(struct ns_attachment *attachment, const struct ns_outer_wish *wish, bool forced,
		     struct ns_error *err)
{
	struct ns_outer *outer = &attachment->outer;
	struct ns_lock_result result = { 0 };
	bool known = outer->digest[0] && strcmp(outer->digest, wish->digest) == 0 && !attachment->behind;
	int r = !forced && has_followed(attachment, wish) ? 0 : ns_lock_apply(outer->lock, &wish->plan, &result, err);

	if (r < 0)
		return r;
	if (known && ns_drifted_found(&result))
		ns_drifted_repaired(attachment, "outer", result.before);
	outer->there = true;
	outer->mode = wish->mode;
	memcpy(outer->digest, wish->digest, sizeof outer->digest);
	memcpy(outer->ports, wish->ports, sizeof outer->ports);
	outer->n_ports = wish->n_ports;
	ns_own_locked(&outer->own, &wish->now, wish->interfaces, wish->n_interfaces, ns_clock_elapsed());
	return 0;
}

int ns_outer_apply(struct ns_attachment *attachment, struct ns_outer_wish *wish, bool forced, struct ns_error *err)
{
	struct ns_outer *outer = &attachment->outer;
	struct ns_error local = NS_ERROR_INIT;
	int r = 0;

	if (!outer->lock)
		return 0;
	if (!wish->wanted)
		r = unlock(attachment, wish, &local);
	else if (forced || !outer->there || outer->failure || attachment->behind ||
		 strcmp(outer->digest, wish->digest) != 0)
		r = put_table(attachment, wish, forced, &local);
	if (r == 0) {
		ns_words_set(&outer->failure, NULL);
		return 0;
	}
	if (!ns_words_are(outer->failure, local.text))
		ns_log_error("%s (cookie %llu): the outer lock is not as wanted: %s", attachment->workload,
			     (unsigned long long)attachment->endpoint->cookie, local.text);
	ns_words_set(&outer->failure, local.text);
	return ns_error_set(err, r, "outer lock: %s", local.text);
}

void ns_outer_end(struct ns_attachment *attachment)
{
	struct ns_engine *engine = attachment->engine;
	struct ns_outer *outer = &attachment->outer;
	struct ns_error err = NS_ERROR_INIT;

	if (!outer->lock)
		return;
	(void)ns_store_forget_counters(engine->store, ns_outer_figures_key(attachment), NULL);
	if (!outer->there)
		return;
	if (ns_orphans_add(&engine->orphans, attachment->endpoint->cookie, outer->ports, outer->n_ports, &err) < 0)
		ns_log_warning("%s: its outer lock stays until the next start: %s", attachment->workload, err.text);
	ns_orphans_turn(engine);
}

bool ns_outer_had(const struct ns_outer *outer, const struct ns_port *port)
{
	for (size_t i = 0; outer->there && i < outer->n_ports; i++)
		if (outer->ports[i].index == port->index)
			return true;
	return false;
}

bool ns_outer_covers(const struct ns_outer *outer, const struct ns_port *port)
{
	for (size_t i = 0; outer->there && i < outer->n_ports; i++)
		if (outer->ports[i].index == port->index && strcmp(outer->ports[i].name, port->name) == 0)
			return true;
	return false;
}
