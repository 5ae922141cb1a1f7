/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "peers.h"

struct collector {
	struct ns_ranges *ranges;
	struct ns_error *err;
};

void ns_ranges_release(struct ns_ranges *ranges)
{
	free(ranges->ranges);
	free(ranges->ported);
	*ranges = (struct ns_ranges){ 0 };
}

static int add_range(struct ns_ranges *ranges, const struct ns_addr_range *range, struct ns_error *err)
{
	if (ranges->n == ranges->allocated) {
		size_t more = ranges->allocated ? ranges->allocated * 2 : 16;
		struct ns_addr_range *grown = reallocarray(ranges->ranges, more, sizeof(*grown));

		if (!grown)
			return ns_error_set(err, -ENOMEM, "no memory for %zu addresses of a peer", more);
		ranges->ranges = grown;
		ranges->allocated = more;
	}
	ranges->ranges[ranges->n++] = *range;
	return 0;
}

static int collect(void *ctx, const struct ns_addr *addr)
{
	struct collector *collector = ctx;
	struct ns_addr_range range = { *addr, *addr };

	return add_range(collector->ranges, &range, collector->err);
}

static int collect_ported(void *ctx, const struct ns_ported *ported)
{
	struct collector *collector = ctx;
	struct ns_ranges *ranges = collector->ranges;

	if (ranges->n_ported == ranges->ported_allocated) {
		size_t more = ranges->ported_allocated ? ranges->ported_allocated * 2 : 16;
		struct ns_ported *grown = reallocarray(ranges->ported, more, sizeof(*grown));

		if (!grown)
			return ns_error_set(collector->err, -ENOMEM, "no memory for %zu addresses of a peer", more);
		ranges->ported = grown;
		ranges->ported_allocated = more;
	}
	ranges->ported[ranges->n_ported++] = *ported;
	return 0;
}

static int add_prefix(struct ns_ranges *ret, int family, uint8_t length, struct ns_error *err)
{
	struct ns_prefix prefix = { { .family = (uint8_t)family }, length };
	struct ns_addr_range range = ns_prefix_range(&prefix);

	return add_range(ret, &range, err);
}

static bool has_range(const struct ns_ranges *ranges, const struct ns_addr *addr)
{
	for (size_t i = 0; i < ranges->n; i++)
		if (ns_addr_equal(&ranges->ranges[i].lo, addr))
			return true;
	return false;
}

static int add_broadcasts(const struct ns_compile_options *options, struct ns_ranges *ret, struct ns_error *err)
{
	const struct ns_addr limited = { AF_INET, { 255, 255, 255, 255 } };
	size_t before = ret->n;
	int r = add_range(ret, &(struct ns_addr_range){ limited, limited }, err);

	for (size_t i = 0; r == 0 && options && i < options->n_links; i++) {
		struct ns_addr broadcast = ns_prefix_broadcast(&options->links[i]);
		struct ns_ranges own = { .ranges = ret->ranges + before, .n = ret->n - before };

		if (broadcast.family == AF_INET && !has_range(&own, &broadcast))
			r = add_range(ret, &(struct ns_addr_range){ broadcast, broadcast }, err);
	}
	return r;
}

static int add_internet(struct ns_ranges *ret, struct ns_error *err)
{
	size_t n;
	const struct ns_addr_range *ranges = ns_internet_ranges(&n);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_range(ret, &ranges[i], err);
	return r;
}

static int add_service(const char *name, const struct ns_book *book, bool host, struct collector *collector)
{
	int r = ns_book_each_service(book, name, collect, collector);

	return r < 0 ? r : ns_book_each_published(book, name, host, collect_ported, collector);
}

static int add_host(const struct ns_book *book, bool host, struct collector *collector)
{
	const struct ns_prefix loopback4 = { { AF_INET, { 127 } }, 8 }, loopback6 = { { AF_INET6, { [15] = 1 } }, 128 };
	struct ns_addr_range range4 = ns_prefix_range(&loopback4), range6 = ns_prefix_range(&loopback6);
	int r = ns_book_each_host(book, collect, collector);

	if (r == 0 && host)
		r = add_range(collector->ranges, &range4, collector->err);
	if (r == 0 && host)
		r = add_range(collector->ranges, &range6, collector->err);
	return r;
}

int ns_peer_resolve(const struct ns_peer *peer, const struct ns_book *book, const struct ns_compile_options *options,
		    struct ns_ranges *ret, struct ns_error *err)
{
	struct collector collector = { ret, err };
	struct ns_addr_range range;
	int r;

	switch (peer->peer_class) {
	case NS_PEER_WORKLOAD:
		return ns_book_each_workload(book, peer->name, collect, &collector);
	case NS_PEER_HOST:
		return add_host(book, options && options->host, &collector);
	case NS_PEER_SERVICE:
		return add_service(peer->name, book, options && options->host, &collector);
	case NS_PEER_NAME:
		return ns_book_each_name(book, peer->name, collect, &collector);
	case NS_PEER_CIDR:
	case NS_PEER_MULTICAST:
		range = ns_prefix_range(&peer->prefix);
		return add_range(ret, &range, err);
	case NS_PEER_INTERNET:
		return add_internet(ret, err);
	case NS_PEER_BROADCAST:
		return add_broadcasts(options, ret, err);
	case NS_PEER_ANY:
		r = add_prefix(ret, AF_INET, 0, err);
		return r < 0 ? r : add_prefix(ret, AF_INET6, 0, err);
	case NS_PEER_INVALID:
		break;
	}
	return ns_error_set(err, -EINVAL, "a peer without a class");
}
