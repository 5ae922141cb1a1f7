/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The agent's own namespace: one socket that owns the gate and all outer locks, and who else changes them.
 */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attachment.h"
#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "fdstore.h"
#include "log.h"
#include "netns.h"

static bool is_ours(void *ctx, uint32_t port)
{
	struct ns_engine *engine = ctx;

	return port == ns_nft_port(engine->host) || ns_drifted_is_member_port(engine, engine->own_cookie, port);
}

static void seen(void *ctx, const struct ns_drift_event *event)
{
	struct ns_engine *engine = ctx;
	struct ns_attachment *attachment;
	struct ns_drifted_words *words;
	uint64_t cookie;

	if (!event->ours && !event->lost)
		return;
	ns_drifted_members_seen(engine, engine->own_cookie, event);
	engine->gate.recheck = engine->gate.recheck || event->lost || strcmp(event->table, NS_GATE_TABLE) == 0;
	if (event->lost) {
		NS_FOREACH_ENDPOINT(engine, endpoint)
		{
			attachment = ns_attachment_of(endpoint);
			if (attachment && attachment->outer.there)
				attachment->recheck = attachment->dirty = true;
		}
	} else if (event->family == NFPROTO_NETDEV && ns_outer_table_cookie(event->table, &cookie) == 0) {
		attachment = ns_engine_find_attachment(engine, cookie);
		if (attachment) {
			attachment->recheck = attachment->dirty = true;
			attachment->drifted.ours++;
			attachment->drifted.last = ns_clock_now();
			attachment->drifted.pid = event->pid;
			words = ns_drifted_words(&attachment->drifted);
			memcpy(words->command, event->command, sizeof words->command);
			(void)snprintf(words->what, sizeof words->what, "outer lock");
		}
	}
	ns_engine_schedule(engine);
}

/* The socket that systemd kept while no agent ran still owns the tables. */
int ns_engine_open_nft(struct ns_engine *engine, int netns_fd, uint64_t key, uint64_t netns_cookie, struct ns_nft **ret,
		       struct ns_error *err)
{
	struct ns_fdstore *fdstore = engine->config.fdstore;
	struct ns_error local = NS_ERROR_INIT;
	int fd = fdstore ? ns_fdstore_take(fdstore, key) : -1, r;

	if (fd >= 0) {
		if (ns_nft_adopt(fd, netns_cookie, ret, &local) == 0)
			return 0;
		ns_log_warning("the socket kept for namespace %llu is of no use: %s", (unsigned long long)key,
			       local.text);
		(void)close(fd);
	}
	r = ns_nft_open(netns_fd, ret, err);
	if (r == 0 && fdstore && ns_fdstore_keep(fdstore, key, ns_nft_fd(*ret), &local) < 0)
		ns_log_warning("the socket of namespace %llu cannot be kept across restarts: %s",
			       (unsigned long long)key, local.text);
	return r;
}

static void fail(struct ns_engine *engine, const char *what, const struct ns_error *why)
{
	(void)snprintf(engine->host_failure, sizeof engine->host_failure, "failed: %s: %s", what, why->text);
	ns_log_error("%s: %s", what, why->text);
}

void ns_engine_open_host(struct ns_engine *engine)
{
	struct ns_error err = NS_ERROR_INIT;

	if (ns_features_probe(&engine->features, &err) < 0)
		fail(engine, "what this kernel can do could not be tried", &err);
	if (ns_netns_own_cookie(&engine->own_cookie, &err) < 0 ||
	    ns_engine_open_nft(engine, -1, engine->own_cookie, engine->own_cookie, &engine->host, &err) < 0) {
		fail(engine, "there can be no outer locks", &err);
		return;
	}
	if (ns_gate_open(engine, &err) < 0) {
		ns_gate_close(engine);
		fail(engine, "there can be no gate", &err);
	}
	if (ns_drift_open(engine->event, -1, is_ours, seen, engine, &engine->drift, &err) < 0 ||
	    ns_drift_skip(engine->drift, ns_nft_port(engine->host), &err) < 0)
		fail(engine, "changes of the outer locks by others are not noticed", &err);
}

void ns_engine_close_host(struct ns_engine *engine)
{
	engine->drift = ns_drift_close(engine->drift);
	ns_gate_close(engine);
	engine->host = ns_nft_close(engine->host);
}

void ns_engine_host_drifted(struct ns_engine *engine, const char *table, const char *difference)
{
	struct ns_actor actor = { .uid = (int64_t)getuid(), .user = "nanosegd", .pid = (int64_t)getpid() };
	NS_JSON json_t *detail = json_pack("{s:s s:s}", "table", table, "what", difference);
	struct ns_error err = NS_ERROR_INIT;

	ns_log_warning("table netdev %s was changed by another process and has been repaired: %s", table, difference);
	if (ns_store_audit(engine->store, "drift", "", detail, &actor, ns_clock_now(), &err) < 0)
		ns_log_error("drift could not be written to the audit log: %s", err.text);
}
