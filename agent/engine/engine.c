/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "log.h"

/* A user gives his namespaces any address, also one that a container will have. Behind slirp4netns or pasta, who carry
 * on what he sends, nobody meets it; by a link of this host that root gave him they do. */
static bool is_met_by_nobody(const struct ns_engine *engine, const struct ns_endpoint *endpoint)
{
	const char *why;
	size_t n = 0;

	if (endpoint->rootless)
		(void)ns_gate_is_open_for(engine, endpoint->cookie, &n, &why);
	return endpoint->rootless && n == 0;
}

static const struct ns_interface *interface_of(const struct ns_endpoint *endpoint, size_t address)
{
	for (size_t i = 0; i < endpoint->n_interfaces; i++)
		if (endpoint->interfaces[i].index == endpoint->address_index[address])
			return &endpoint->interfaces[i];
	return NULL;
}

static bool has_port(const struct ns_engine *engine, const struct ns_endpoint *endpoint, int interface)
{
	size_t n;
	const struct ns_port *ports = ns_watch_ports(engine->watch, &n);

	for (size_t i = 0; i < n; i++)
		if (ports[i].far == NS_PORT_ENDPOINT && ports[i].cookie == endpoint->cookie &&
		    ports[i].peer_index == interface)
			return true;
	return false;
}

/* Who has NET_ADMIN makes interfaces and gives them any address: of his addresses those count that are on a link which
 * leads out of his reach: one with a port, or one whose lower device is in another namespace, as that of a macvlan
 * which a runtime has made; or a device that is no software's. */
static bool leads_out(const struct ns_engine *engine, const struct ns_endpoint *endpoint, size_t address)
{
	const struct ns_interface *interface;

	if (!endpoint->net_admin)
		return true;
	interface = interface_of(endpoint, address);
	if (!interface)
		return false;
	if (strcmp(interface->kind, "veth") == 0 || strcmp(interface->kind, "netkit") == 0)
		return has_port(engine, endpoint, interface->index);
	return interface->kind[0] == '\0' || interface->peer_outside;
}

bool ns_engine_may_claim(const struct ns_engine *engine, const struct ns_endpoint *endpoint, size_t address)
{
	return !is_met_by_nobody(engine, endpoint) && leads_out(engine, endpoint, address);
}

static int claim_all(struct ns_engine *engine, struct ns_claims *claims, struct ns_error *err)
{
	struct ns_prefix host[NS_HOST_ADDRESSES_MAX];
	size_t n = ns_watch_host_addresses(engine->watch, host, NS_HOST_ADDRESSES_MAX);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = ns_claims_add(claims, &host[i].addr, 0, "", err);
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		/* The addresses of a member are its namespace's. */
		if (!attachment || !attachment->identified || ns_endpoint_is_member(endpoint))
			continue;
		attachment->disputed = 0;
		for (size_t i = 0; i < endpoint->n_addresses && r == 0; i++)
			if (ns_engine_may_claim(engine, endpoint, i) &&
			    !ns_own_is_stranger(&attachment->outer.own, endpoint, i))
				r = ns_claims_add(claims, &endpoint->addresses[i].addr, endpoint->cookie,
						  attachment->workload, err);
	}
	return r;
}

/* A claim that is not believed is the endpoint's finding; on a link of its own everybody has the same local addresses.
 */
static void dispute(struct ns_engine *engine, const struct ns_claim *claim)
{
	enum ns_addr_scope scope = ns_addr_scope(&claim->addr);
	struct ns_attachment *attachment;
	char text[NS_ADDR_TEXT_MAX];

	if (!claim->cookie || (scope != NS_ADDR_PRIVATE && scope != NS_ADDR_GLOBAL))
		return;
	attachment = ns_engine_find_attachment(engine, claim->cookie);
	if (attachment && attachment->disputed++ == 0)
		(void)snprintf(attachment->disputed_first, sizeof attachment->disputed_first, "%s",
			       ns_addr_format(&claim->addr, text));
}

static int fill_book(struct ns_engine *engine, const struct ns_claims *claims, struct ns_book *book,
		     struct ns_error *err)
{
	int r = 0;

	for (size_t i = 0; i < claims->n && r == 0; i++) {
		const struct ns_claim *claim = &claims->claims[i];

		if (!claim->believed)
			dispute(engine, claim);
		else if (claim->cookie)
			r = ns_book_add_workload(book, claim->workload, &claim->addr, err);
		else
			r = ns_book_add_host(book, &claim->addr, err);
	}
	return r;
}

static void mark_all_dirty(struct ns_engine *engine)
{
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (attachment)
			attachment->dirty = true;
	}
	ns_engine_schedule(engine);
}

NS_DEFINE_CLEANUP(struct ns_book *, ns_book_free)

int ns_engine_rebuild_book(struct ns_engine *engine, struct ns_error *err)
{
	NS_CLEANUP(ns_claims_release) struct ns_claims claims = NS_CLAIMS_INIT;
	NS_CLEANUP(ns_book_freep) struct ns_book *next = NULL;
	struct ns_claims before = engine->claims;
	int r = claim_all(engine, &claims, err);

	if (r == 0)
		r = ns_book_new(&next, err);
	if (r == 0) {
		ns_claims_settle(&claims, &engine->claims);
		r = fill_book(engine, &claims, next, err);
	}
	if (r == 0)
		r = ns_engine_add_services(engine, next, err);
	if (r == 0)
		r = ns_affected_mark(engine, &(struct ns_believed){ engine->book, &before },
				     &(struct ns_believed){ next, &claims }, err);
	if (r < 0) {
		mark_all_dirty(engine);
		return r;
	}
	engine->claims = claims;
	claims = before;
	ns_engine_change_book(engine, NS_TAKE(next));
	engine->book_dirty = false;
	return 0;
}

/* While the agent was away the kernel went on remembering, so no edge is lost where a table stood; when and by whom is.
 */
static void record_downtime(struct ns_engine *engine)
{
	int64_t last = 0, now = ns_clock_now();

	if (ns_store_last_heartbeat(engine->store, &last, NULL) < 0 || last == 0)
		return;
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (attachment && (attachment->adopted || attachment->was_here))
			ns_attachment_gap(attachment, last, now, "agent down");
	}
}

NS_DEFINE_CLEANUP(struct ns_engine *, ns_engine_free)

int ns_engine_new(sd_event *event, const struct ns_engine_config *config, struct ns_store *store,
		  struct ns_engine **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_engine_freep) struct ns_engine *engine = calloc(1, sizeof *engine);
	int r;

	if (!engine)
		return ns_error_set(err, -ENOMEM, "out of memory");
	engine->config = *config;
	engine->event = sd_event_ref(event);
	engine->store = store;
	engine->starting = engine->first = true;
	engine->round = 1;
	ns_engine_open_host(engine);
	ns_found_look(engine);
	r = ns_book_new(&engine->book, err);
	if (r == 0)
		r = ns_engine_make_sources(engine, err);
	if (r == 0)
		r = ns_watch_new(event, &config->watch, &ns_engine_watch_events, engine, &engine->watch, err);
	if (r < 0)
		return r;
	engine->starting = false;
	ns_found_release(&engine->found);
	engine->book_dirty = true;
	if (config->only_remove) {
		*ret = NS_TAKE(engine);
		return 0;
	}
	engine->gate.wants_standing = ns_engine_wants_standing(engine);
	record_downtime(engine);
	ns_engine_turn(engine);
	ns_outer_sweep(engine);
	ns_members_sweep(engine);
	*ret = NS_TAKE(engine);
	return 0;
}

struct ns_engine *ns_engine_free(struct ns_engine *engine)
{
	if (!engine)
		return NULL;
	if (engine->watch) {
		NS_FOREACH_ENDPOINT(engine, endpoint)
		endpoint->user = ns_attachment_free(ns_attachment_of(endpoint));
	}
	ns_engine_close_host(engine);
	ns_orphans_release(&engine->orphans);
	engine->watch = ns_watch_free(engine->watch);
	ns_follow_release(engine);
	engine->book = ns_book_free(engine->book);
	ns_claims_release(&engine->claims);
	ns_leases_release(&engine->leases);
	ns_heirlooms_release(&engine->heirlooms);
	ns_policies_release(&engine->policies);
	ns_affected_release(&engine->affected);
	(void)sd_event_source_disable_unref(engine->turn);
	(void)sd_event_source_disable_unref(engine->tighten);
	ns_harvests_close(engine);
	(void)sd_event_source_disable_unref(engine->retry);
	(void)sd_event_unref(engine->event);
	free(engine->queued);
	free(engine->members);
	free(engine->by_cookie);
	ns_found_release(&engine->found);
	free(engine);
	return NULL;
}

void ns_engine_reconfigure(struct ns_engine *engine, const struct ns_engine_config *config)
{
	struct ns_watch_config watch = engine->config.watch;

	struct ns_fdstore *fdstore = engine->config.fdstore;

	engine->config = *config;
	engine->config.watch = watch; /* what is watched needs a restart */
	engine->config.fdstore = fdstore;
	engine->gate.wants_standing = ns_engine_wants_standing(engine);
	engine->gate.dirty = true; /* its links' names may be others */
	engine->book_dirty = true; /* and its services */
	ns_engine_schedule(engine);
}

struct ns_store *ns_engine_store(struct ns_engine *engine)
{
	return engine->store;
}

const struct ns_engine_config *ns_engine_settings(const struct ns_engine *engine)
{
	return &engine->config;
}
