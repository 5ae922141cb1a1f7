/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "attachment.h"
#include "cleanup.h"
#include "engine_private.h"
#include "log.h"
#include "orphans.h"

NS_DEFINE_CLEANUP(struct ns_lock *, ns_lock_close)

void ns_orphans_release(struct ns_orphans *orphans)
{
	free(orphans->list);
	memset(orphans, 0, sizeof *orphans);
}

int ns_orphans_add(struct ns_orphans *orphans, uint64_t cookie, const struct ns_port_name *ports, size_t n,
		   struct ns_error *err)
{
	struct ns_orphan *orphan;

	if (orphans->n >= NS_ENDPOINTS_MAX)
		return ns_error_set(err, -ENOSPC, "more than %d links of ended endpoints", NS_ENDPOINTS_MAX);
	if (orphans->n == orphans->allocated) {
		size_t more = orphans->allocated ? orphans->allocated * 2 : 16;
		struct ns_orphan *bigger = reallocarray(orphans->list, more, sizeof *bigger);

		if (!bigger)
			return ns_error_set(err, -ENOMEM, "out of memory for an outer lock");
		orphans->list = bigger;
		orphans->allocated = more;
	}
	orphan = &orphans->list[orphans->n++];
	memset(orphan, 0, sizeof *orphan);
	orphan->cookie = cookie;
	orphan->n_ports = n < NS_ENDPOINT_INTERFACES_MAX ? n : NS_ENDPOINT_INTERFACES_MAX;
	memcpy(orphan->ports, ports, orphan->n_ports * sizeof *ports);
	return 0;
}

static bool has(const struct ns_orphan *orphan, const struct ns_port *port)
{
	for (size_t i = 0; i < orphan->n_ports; i++)
		if (orphan->ports[i].index == port->index)
			return true;
	return false;
}

bool ns_orphans_cover(const struct ns_orphans *orphans, const struct ns_port *port)
{
	for (size_t i = 0; i < orphans->n; i++)
		if (has(&orphans->list[i], port))
			return true;
	return false;
}

static bool is_needed(struct ns_engine *engine, const struct ns_orphan *orphan)
{
	size_t n;
	const struct ns_port *ports = ns_watch_ports(engine->watch, &n);

	for (size_t i = 0; i < n; i++)
		if (ports[i].far != NS_PORT_ENDPOINT && has(orphan, &ports[i]))
			return true;
	return false;
}

static int remove_table(struct ns_engine *engine, uint64_t cookie, struct ns_error *err)
{
	NS_CLEANUP(ns_lock_closep) struct ns_lock *lock = NULL;
	char table[NS_NFT_NAME_MAX];
	int r;

	ns_outer_table_name(cookie, table);
	r = ns_lock_open_on(engine->host, NFPROTO_NETDEV, table, &lock, err);
	return r < 0 ? r : ns_lock_remove(lock, err);
}

void ns_orphans_turn(struct ns_engine *engine)
{
	struct ns_orphans *orphans = &engine->orphans;
	size_t kept = 0;

	for (size_t i = 0; i < orphans->n; i++) {
		struct ns_error err = NS_ERROR_INIT;
		int r = is_needed(engine, &orphans->list[i]) ? 1 : remove_table(engine, orphans->list[i].cookie, &err);

		if (r < 0 && !orphans->list[i].told)
			ns_log_warning("the outer lock of an endpoint that has ended (cookie %llu) stays: %s",
				       (unsigned long long)orphans->list[i].cookie, err.text);
		orphans->list[i].told = r < 0;
		if (r != 0)
			orphans->list[kept++] = orphans->list[i];
	}
	orphans->n = kept;
}
