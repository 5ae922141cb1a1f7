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

void ns_outer_wish_release(struct ns_outer_wish *wish)
{
	ns_plan_release(&wish->plan);
}

/* The index in a chain's name, "from_7"; 0: not such a chain. */
static int index_of_chain(const struct ns_plan_chain *chain)
{
	const char *digits = strrchr(chain->name, '_');
	char *end;
	long value;

	if (!chain->base || !digits)
		return 0;
	value = strtol(digits + 1, &end, 10);
	return *end || value <= 0 || value > INT32_MAX ? 0 : (int)value;
}

static void remember_port(struct ns_outer *outer, const struct ns_plan_chain *chain, int index)
{
	for (size_t i = 0; i < outer->n_ports; i++)
		if (outer->ports[i].index == index)
			return;
	if (outer->n_ports == NS_ENDPOINT_INTERFACES_MAX)
		return;
	outer->ports[outer->n_ports].index = index;
	memcpy(outer->ports[outer->n_ports++].name, chain->device, NS_IFNAME_MAX);
}

/* The interfaces in the endpoint's namespace that lead to these ports. */
static size_t interfaces_of(const struct ns_endpoint *endpoint, const struct ns_port_name *ports, size_t n, int *ret)
{
	size_t found = 0;

	for (size_t i = 0; i < endpoint->n_interfaces; i++)
		for (size_t k = 0; k < n; k++)
			if (endpoint->interfaces[i].peer_index == ports[k].index)
				ret[found++] = endpoint->interfaces[i].index;
	return found;
}

/* A table from before this daemon: what it says of the endpoint is what was known when it was locked. */
static void recall(struct ns_attachment *attachment)
{
	struct ns_outer *outer = &attachment->outer;
	struct ns_plan found = NS_PLAN_INIT;
	int interfaces[NS_ENDPOINT_INTERFACES_MAX];
	int r = ns_lock_read(outer->lock, &found, NULL);

	outer->there = r != -ENOENT;
	if (r < 0)
		return;
	for (size_t i = 0; i < found.n_chains; i++) {
		int index = index_of_chain(&found.chains[i]);

		if (index)
			remember_port(outer, &found.chains[i], index);
	}
	ns_own_recall(&outer->own, &found, interfaces,
		      interfaces_of(attachment->endpoint, outer->ports, outer->n_ports, interfaces));
	ns_plan_release(&found);
}

static int load_figure(void *ctx, const struct ns_counter_base *base)
{
	uint64_t packets, bytes;
	bool is_new;

	return ns_figures_advance(ctx, &base->tuple, base->deny, base->packets, base->bytes, &packets, &bytes, &is_new);
}

uint64_t ns_outer_figures_key(const struct ns_attachment *attachment)
{
	return attachment->endpoint->cookie | UINT64_C(1) << 62;
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
	recall(attachment);
	return ns_store_list_counters(attachment->engine->store, ns_outer_figures_key(attachment), load_figure,
				      &outer->figures, err);
}

void ns_outer_close(struct ns_outer *outer)
{
	outer->lock = ns_lock_close(outer->lock);
	ns_figures_release(&outer->figures);
}

static size_t find_ports(struct ns_attachment *attachment, struct ns_outer_wish *wish)
{
	size_t n;
	const struct ns_port *ports = ns_watch_ports(attachment->engine->watch, &n);

	for (size_t i = 0; i < n && wish->n_ports < NS_ENDPOINT_INTERFACES_MAX; i++) {
		if (ports[i].far != NS_PORT_ENDPOINT || ports[i].cookie != attachment->endpoint->cookie)
			continue;
		wish->ports[wish->n_ports].index = ports[i].index;
		memcpy(wish->ports[wish->n_ports].name, ports[i].name, NS_IFNAME_MAX);
		wish->interfaces[wish->n_ports++] = ports[i].peer_index;
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
	if (!attachment->outer.lock || find_ports(attachment, ret) == 0)
		return 0;
	ns_own_now(&attachment->outer.own, attachment->endpoint, &engine->claims, &ret->now);
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
	ns_own_unlocked(&outer->own);
	ns_figures_release(&outer->figures);
	(void)ns_store_forget_counters(attachment->engine->store, ns_outer_figures_key(attachment), NULL);
	return 0;
}

static int put_table(struct ns_attachment *attachment, const struct ns_outer_wish *wish, struct ns_error *err)
{
	struct ns_outer *outer = &attachment->outer;
	struct ns_lock_result result = { 0 };
	bool known = outer->digest[0] && strcmp(outer->digest, wish->digest) == 0;
	int r = ns_lock_apply(outer->lock, &wish->plan, &result, err);

	if (r < 0)
		return r;
	if (known && ns_drifted_found(&result))
		ns_drifted_repaired(attachment, "outer", result.before);
	outer->there = true;
	outer->mode = wish->mode;
	memcpy(outer->digest, wish->digest, sizeof outer->digest);
	memcpy(outer->ports, wish->ports, sizeof outer->ports);
	outer->n_ports = wish->n_ports;
	ns_own_locked(&outer->own, &wish->now, wish->interfaces, wish->n_ports);
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
		r = outer->there ? remove_table(attachment, &local) : 0;
	else if (forced || !outer->there || outer->failure[0] || strcmp(outer->digest, wish->digest) != 0)
		r = put_table(attachment, wish, &local);
	if (r == 0) {
		outer->failure[0] = '\0';
		return 0;
	}
	if (strcmp(outer->failure, local.text) != 0)
		ns_log_error("%s (cookie %llu): the outer lock is not as wanted: %s", attachment->workload,
			     (unsigned long long)attachment->endpoint->cookie, local.text);
	(void)snprintf(outer->failure, sizeof outer->failure, "%s", local.text);
	return ns_error_set(err, r, "outer lock: %s", local.text);
}

void ns_outer_end(struct ns_attachment *attachment)
{
	struct ns_error err = NS_ERROR_INIT;

	if (!attachment->outer.lock)
		return;
	if (attachment->outer.there && remove_table(attachment, &err) < 0)
		ns_log_warning("%s: its outer lock could not be removed: %s", attachment->workload, err.text);
	(void)ns_store_forget_counters(attachment->engine->store, ns_outer_figures_key(attachment), NULL);
}

bool ns_outer_covers(const struct ns_outer *outer, const struct ns_port *port)
{
	for (size_t i = 0; outer->there && i < outer->n_ports; i++)
		if (outer->ports[i].index == port->index && strcmp(outer->ports[i].name, port->name) == 0)
			return true;
	return false;
}
