/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Ports of the host that lead to containers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "book_private.h"
#include "cleanup.h"

#define LOOPBACK4_LENGTH 8

static int compare(const struct ns_published *a, const struct ns_published *b)
{
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	return ns_addr_compare(&a->host, &b->host);
}

static bool can_be(const struct ns_published *published)
{
	enum ns_addr_scope scope = ns_addr_scope(&published->host);

	return ns_protocol_has_ports(published->protocol) && published->first <= published->last &&
	       (scope == NS_ADDR_UNSPECIFIED || scope == NS_ADDR_LOOPBACK || scope == NS_ADDR_PRIVATE ||
		scope == NS_ADDR_GLOBAL);
}

int ns_book_publish(struct ns_book *book, const char *workload, const struct ns_published *published,
		    struct ns_error *err)
{
	char name[NS_NAME_MAX];
	const struct ns_book_holder *holder;
	struct ns_book_published *slot;
	size_t at = 0;

	if (!can_be(published) || snprintf(name, sizeof(name), NS_PUBLISHED_PREFIX "%s", workload) >= (int)sizeof(name))
		return 0;
	holder = ns_book_meet_holder(book, NS_PEER_SERVICE, name);
	if (!holder)
		return ns_error_set(err, -ENOMEM, "no memory for the ports of %s", workload);
	for (; at < book->n_published; at++) {
		const struct ns_book_published *other = &book->published[at];
		int order = compare(&other->at, published);

		if (order == 0)
			order = strcmp(other->holder->name, name);
		if (order == 0)
			return 0;
		if (order > 0)
			break;
	}
	slot = ns_book_insert((void **)&book->published, sizeof(*slot), &book->n_published, &book->published_allocated,
			      at);
	if (!slot)
		return ns_error_set(err, -ENOMEM, "no memory for the ports of %s", workload);
	*slot = (struct ns_book_published){ *published, holder };
	return 0;
}

/* Loopback is asked for by whoever is in the host's namespace. */
static bool is_hosts(const struct ns_book *book, const struct ns_addr *addr, bool host)
{
	const struct ns_book_holder *owner = ns_book_owner(book, addr);

	return owner ? owner->peer_class == NS_PEER_HOST : host && ns_addr_scope(addr) == NS_ADDR_LOOPBACK;
}

static bool is_everywhere(const struct ns_published *published)
{
	return ns_addr_scope(&published->host) == NS_ADDR_UNSPECIFIED;
}

struct spread {
	const struct ns_published *at;
	ns_book_each_ported each;
	void *ctx;
};

static int tell(const struct spread *spread, struct ns_addr lo, struct ns_addr hi)
{
	const struct ns_ported ported = { { lo, hi }, spread->at->protocol, spread->at->first, spread->at->last };

	return spread->each(spread->ctx, &ported);
}

static int spread_to(void *ctx, const struct ns_addr *addr)
{
	const struct spread *spread = ctx;

	return addr->family == spread->at->host.family ? tell(spread, *addr, *addr) : 0;
}

static int spread_to_loopback(const struct spread *spread)
{
	const struct ns_addr loopback4 = { AF_INET, { 127 } }, loopback6 = { AF_INET6, { [15] = 1 } };
	struct ns_prefix prefix = { loopback4, LOOPBACK4_LENGTH };
	struct ns_addr_range range = ns_prefix_range(&prefix);

	if (spread->at->host.family == AF_INET6)
		return tell(spread, loopback6, loopback6);
	return tell(spread, range.lo, range.hi);
}

int ns_book_each_published(const struct ns_book *book, const char *service, bool host, ns_book_each_ported each,
			   void *ctx)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < book->n_published; i++) {
		const struct spread spread = { &book->published[i].at, each, ctx };

		if (strcmp(book->published[i].holder->name, service) != 0)
			continue;
		if (!is_everywhere(spread.at)) {
			if (is_hosts(book, &spread.at->host, host))
				r = tell(&spread, spread.at->host, spread.at->host);
			continue;
		}
		r = ns_book_each_host(book, spread_to, ns_unconst(&spread));
		if (r == 0 && host)
			r = spread_to_loopback(&spread);
	}
	return r;
}

enum ns_peer_class ns_book_classify_peer(const struct ns_book *book, const struct ns_book_view *view,
					 const struct ns_tuple *tuple, const char **ret_name)
{
	const struct ns_book_published *best = NULL;

	/* On ingress the peer is who asks, and the port is the endpoint's own. */
	if (tuple->direction == NS_INGRESS || !book->n_published || !is_hosts(book, &tuple->peer, view->host))
		return ns_book_classify(book, view, &tuple->peer, ret_name);
	for (size_t i = 0; i < book->n_published; i++) {
		const struct ns_published *at = &book->published[i].at;
		bool everywhere = is_everywhere(at);

		if (at->protocol != tuple->protocol || tuple->port < at->first || tuple->port > at->last ||
		    at->host.family != tuple->peer.family || (!everywhere && !ns_addr_equal(&at->host, &tuple->peer)))
			continue;
		if (!best || (!everywhere && is_everywhere(&best->at)))
			best = &book->published[i];
	}
	if (!best)
		return ns_book_classify(book, view, &tuple->peer, ret_name);
	*ret_name = best->holder->name;
	return NS_PEER_SERVICE;
}

bool ns_book_publishes_the_same(const struct ns_book *a, const struct ns_book *b)
{
	if (a->n_published != b->n_published)
		return false;
	for (size_t i = 0; i < a->n_published; i++)
		if (compare(&a->published[i].at, &b->published[i].at) != 0 ||
		    strcmp(a->published[i].holder->name, b->published[i].holder->name) != 0)
			return false;
	return true;
}
