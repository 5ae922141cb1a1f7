/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "log.h"

int ns_engine_rebuild_book(struct ns_engine *engine, struct ns_error *err)
{
	struct ns_prefix host[256];
	size_t n = ns_watch_host_addresses(engine->watch, host, sizeof host / sizeof host[0]);
	int r = 0;

	ns_book_clear(engine->book);
	for (size_t i = 0; i < n && r == 0; i++)
		r = ns_book_add_host(engine->book, &host[i].addr, err);
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		const struct ns_attachment *attachment = ns_attachment_of(endpoint);

		for (size_t i = 0; attachment && attachment->identified && i < endpoint->n_addresses && r == 0; i++)
			r = ns_book_add_workload(engine->book, attachment->workload, &endpoint->addresses[i].addr, err);
	}
	if (r == 0)
		engine->book_dirty = false;
	return r;
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

		if (attachment && attachment->adopted)
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
	engine->starting = true;
	r = ns_book_new(&engine->book, err);
	if (r == 0)
		r = ns_engine_make_sources(engine, err);
	if (r == 0)
		r = ns_watch_new(event, &config->watch, &ns_engine_watch_events, engine, &engine->watch, err);
	if (r < 0)
		return r;
	engine->starting = false;
	engine->book_dirty = true;
	record_downtime(engine);
	ns_engine_turn(engine);
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
	engine->watch = ns_watch_free(engine->watch);
	engine->book = ns_book_free(engine->book);
	(void)sd_event_source_disable_unref(engine->turn);
	(void)sd_event_source_disable_unref(engine->harvest);
	(void)sd_event_source_disable_unref(engine->retry);
	(void)sd_event_unref(engine->event);
	free(engine->queued);
	free(engine);
	return NULL;
}

void ns_engine_reconfigure(struct ns_engine *engine, const struct ns_engine_config *config)
{
	struct ns_watch_config watch = engine->config.watch;

	engine->config = *config;
	engine->config.watch = watch; /* what is watched needs a restart */
}

struct ns_store *ns_engine_store(struct ns_engine *engine)
{
	return engine->store;
}

const struct ns_engine_config *ns_engine_settings(const struct ns_engine *engine)
{
	return &engine->config;
}
