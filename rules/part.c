/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is compiled is what the whole would have of these addresses: an element with one address is there, with the tag
 * that it has, for what the rules say of that address and no other.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>

#include <nanoseg/part.h>

#include "book_private.h"
#include "cleanup.h"
#include "compile.h"
#include "elements.h"
#include "shape.h"

struct ns_part {
	const struct ns_book *before, *after;
	struct ns_addr addrs[NS_PART_ADDRESSES_MAX + 1];
	struct ns_peer *holders; /* names are the books' */
	size_t n_holders, holders_allocated;
	struct ns_elements_of of;
	bool published;             /* ports of the host lead to others now */
	struct ns_plan plans[2][2]; /* [outer][after]: the sets, filled and emptied again */
};

NS_DEFINE_CLEANUP(struct ns_part *, ns_part_free)

static int compare_peers(const void *a, const void *b)
{
	const struct ns_peer *x = a, *y = b;

	if (x->peer_class != y->peer_class)
		return x->peer_class < y->peer_class ? -1 : 1;
	return x->peer_class == NS_PEER_HOST ? 0 : strcmp(x->name, y->name);
}

static int compare_addrs(const void *a, const void *b)
{
	return ns_addr_compare(a, b);
}

bool ns_elements_of_address(const struct ns_elements_of *of, const struct ns_addr *addr)
{
	return of->n_addrs && bsearch(addr, of->addrs, of->n_addrs, sizeof(*addr), compare_addrs);
}

bool ns_elements_of_holder(const struct ns_elements_of *of, const struct ns_peer *peer)
{
	switch (peer->peer_class) {
	case NS_PEER_WORKLOAD:
	case NS_PEER_SERVICE:
	case NS_PEER_NAME:
	case NS_PEER_HOST:
		return of->n_holders && bsearch(peer, of->holders, of->n_holders, sizeof(*peer), compare_peers);
	default:
		return false;
	}
}

static bool is_published(const struct ns_peer *peer)
{
	return peer->peer_class == NS_PEER_SERVICE &&
	       strncmp(peer->name, NS_PUBLISHED_PREFIX, strlen(NS_PUBLISHED_PREFIX)) == 0;
}

int ns_elements_of_rule(const struct ns_elements_of *of, const struct ns_rule *rule, struct ns_error *err)
{
	const struct ns_peer *peer = &rule->peer;

	if (rule->direction == NS_TRANSIT)
		return ns_error_set(err, -EOPNOTSUPP, "a rule of transit");
	if (of->hosts && is_published(peer))
		return ns_error_set(err, -EOPNOTSUPP, "a published port of the host");
	switch (peer->peer_class) {
	case NS_PEER_WORKLOAD:
	case NS_PEER_SERVICE:
	case NS_PEER_NAME:
	case NS_PEER_HOST:
		return ns_elements_of_holder(of, peer);
	case NS_PEER_CIDR:
	case NS_PEER_MULTICAST:
		return ns_elements_of_address(of, &peer->prefix.addr);
	default:
		return 1;
	}
}

static int note_address(void *ctx, const struct ns_addr *addr, enum ns_peer_class peer_class, const char *name,
			bool lost)
{
	struct ns_part *part = ctx;

	/* They come in order of the addresses. */
	if (part->of.n_addrs && ns_addr_equal(&part->addrs[part->of.n_addrs - 1], addr))
		return 0;
	if (part->of.n_addrs == NS_PART_ADDRESSES_MAX)
		return -E2BIG;
	part->addrs[part->of.n_addrs++] = *addr;
	return 0;
}

static int note_holders(struct ns_part *part, const struct ns_book *book, struct ns_error *err)
{
	for (size_t i = 0; i < book->n_owned; i++) {
		const struct ns_book_holder *holder = book->owned[i].holder;
		struct ns_peer *peer;

		if (!ns_elements_of_address(&part->of, &book->owned[i].addr))
			continue;
		peer = ns_book_insert((void **)&part->holders, sizeof(*peer), &part->n_holders,
				      &part->holders_allocated, part->n_holders);
		if (!peer)
			return ns_error_set(err, -ENOMEM, "no memory for who has an address");
		*peer = (struct ns_peer){ .peer_class = holder->peer_class, .name = ns_unconst(holder->name) };
		part->of.hosts = part->of.hosts || holder->peer_class == NS_PEER_HOST;
	}
	return 0;
}

/* The sets of exact elements, as the two locks have them. */
static int make_sets(struct ns_plan *plan, bool outer, struct ns_error *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct ns_builder b = { .plan = plan, .err = err };

	plan->family = outer ? NFPROTO_NETDEV : NFPROTO_INET;
	ns_compile_member_sets(&b, NS_PURPOSE_ALLOW, 0, !outer); /* without those of transit */
	for (size_t i = 0; outer && i < 2 * sizeof(families) / sizeof(families[0]); i++) {
		struct ns_plan_set set = { .fields = { NS_FIELD_PROTO, i % 2 ? NS_FIELD_IPV6 : NS_FIELD_IPV4 },
					   .n_fields = 2 };

		(void)snprintf(
			set.name, sizeof(set.name), "%s",
			ns_fragments_set_name(i / 2 ? NS_FRAGMENTS_GROUP : NS_FRAGMENTS_PEER, families[i % 2], false));
		ns_builder_set(&b, &set);
	}
	ns_plan_normalise(plan);
	return b.code;
}

static int prepare(struct ns_part *part, struct ns_error *err)
{
	int r = ns_book_compare(part->before, part->after, note_address, part);

	if (r < 0)
		return ns_error_set(err, r, "more than %d addresses have moved", NS_PART_ADDRESSES_MAX);
	part->of.addrs = part->addrs;
	part->published = !ns_book_publishes_the_same(part->before, part->after);
	r = note_holders(part, part->before, err);
	if (r == 0)
		r = note_holders(part, part->after, err);
	if (part->n_holders)
		qsort(part->holders, part->n_holders, sizeof(*part->holders), compare_peers);
	part->of.holders = part->holders;
	part->of.n_holders = part->n_holders;
	part->of.hosts = part->of.hosts || part->published;
	for (unsigned i = 0; r == 0 && i < 4; i++)
		r = make_sets(&part->plans[i / 2][i % 2], i / 2, err);
	return r;
}

int ns_part_new(const struct ns_book *before, const struct ns_book *after, struct ns_part **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_part_freep) struct ns_part *part = calloc(1, sizeof(*part));
	int r;

	if (!part)
		return ns_error_set(err, -ENOMEM, "no memory for what has moved");
	part->before = before;
	part->after = after;
	r = prepare(part, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(part);
	return 0;
}

struct ns_part *ns_part_free(struct ns_part *part)
{
	if (part) {
		for (unsigned i = 0; i < 4; i++)
			ns_plan_release(&part->plans[i / 2][i % 2]);
		free(part->holders);
		free(part);
	}
	return NULL;
}

int ns_part_compile(struct ns_part *part, const struct ns_policy *policy, const struct ns_compile_options *options,
		    bool outer, const struct ns_plan **ret_before, const struct ns_plan **ret_after,
		    struct ns_error *err)
{
	for (size_t i = 0; i < part->of.n_addrs; i++)
		if (ns_shape_is_group(&part->addrs[i], options)) /* other rules are needed where groups are peers */
			return ns_error_set(err, -EOPNOTSUPP, "an address that is a group's");
	for (unsigned i = 0; i < 2; i++) {
		struct ns_plan *plan = &part->plans[outer][i];
		int r;

		for (size_t k = 0; k < plan->n_sets; k++)
			plan->sets[k].n_elements = 0;
		r = ns_compile_elements_of(plan, policy, i ? part->after : part->before, options, outer, &part->of,
					   err);
		if (r < 0)
			return r;
		ns_plan_normalise(plan);
	}
	*ret_before = &part->plans[outer][0];
	*ret_after = &part->plans[outer][1];
	return 0;
}
