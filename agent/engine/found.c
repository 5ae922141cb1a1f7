/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "engine_private.h"
#include "found.h"
#include "log.h"
#include "nft/tables.h"

static int note_chain(void *ctx, const char *table, const struct ns_plan_chain *chain, struct ns_error *err)
{
	struct ns_found *found = ctx;
	struct ns_found_port port = { .port.index = ns_outer_index_of_chain(chain) };

	if (!port.port.index || ns_outer_table_cookie(table, &port.cookie) < 0)
		return 0;
	memcpy(port.port.name, chain->device, NS_IFNAME_MAX);
	if (found->n == found->allocated) {
		size_t more = found->allocated ? found->allocated * 2 : 64;
		struct ns_found_port *bigger = reallocarray(found->ports, more, sizeof *bigger);

		if (!bigger)
			return ns_error_set(err, -ENOMEM, "out of memory for outer locks");
		found->ports = bigger;
		found->allocated = more;
	}
	found->ports[found->n++] = port;
	return 0;
}

static int by_cookie(const void *a, const void *b)
{
	const struct ns_found_port *x = a, *y = b;

	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

void ns_found_look(struct ns_engine *engine)
{
	struct ns_found *found = &engine->found;
	struct ns_error err = NS_ERROR_INIT;

	if (!engine->host)
		return;
	/* Where that fails each is adopted by itself when its turn comes, and says why it cannot be. */
	if (ns_lock_adopt_all(engine->host, NFPROTO_NETDEV, NS_OUTER_TABLE_PREFIX, &err) < 0)
		ns_log_debug("outer locks could not be taken over together: %s", err.text);
	if (ns_nft_list_chains(engine->host, NFPROTO_NETDEV, NS_OUTER_TABLE_PREFIX, note_chain, found, &err) < 0) {
		ns_found_release(found);
		return;
	}
	if (found->n)
		qsort(found->ports, found->n, sizeof *found->ports, by_cookie);
	found->whole = true;
}

size_t ns_found_ports(const struct ns_found *found, uint64_t cookie, struct ns_port_name *ret)
{
	size_t low = 0, high = found->n, n = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (found->ports[middle].cookie < cookie)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < found->n && found->ports[low].cookie == cookie; low++)
		n = ns_outer_add_port(ret, n, &found->ports[low].port);
	return n;
}

void ns_found_release(struct ns_found *found)
{
	free(found->ports);
	*found = (struct ns_found){ 0 };
}
