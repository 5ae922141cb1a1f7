/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The part of a plan that a change of the book changes, against plans compiled whole: random policies and books, in a
 * world so small that rules, peers and addresses meet all the time.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <nanoseg/outer.h>
#include <nanoseg/part.h>

/* A sanitizer takes several times as long. */
#if defined(__SANITIZE_ADDRESS__)
#define ROUNDS 1000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ROUNDS 1000
#endif
#endif
#ifndef ROUNDS
#define ROUNDS 2000
#endif

enum { RULES_MAX = 12, ADDRESSES = 10, SPANS_MAX = 3 };

static uint32_t seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static struct ns_addr address(unsigned i)
{
	struct ns_addr addr;
	char text[32];

	/* One is the broadcast address of the endpoint's link. */
	(void)snprintf(text, sizeof text, i % 2 ? "10.1.0.%u" : "fd01::%x", i == 1 ? 255 : i + 1);
	assert_int_equal(ns_addr_parse(text, &addr, NULL), 0);
	return addr;
}

/* ---- books ---- */

static const char *const names[] = { "a", "b", "c", "d" };

static void add_holder(struct ns_book *book, unsigned who, const struct ns_addr *addr)
{
	const char *name = names[who % 4];
	int r;

	switch (who / 4) {
	case 0:
		r = ns_book_add_workload(book, name, addr, NULL);
		break;
	case 1:
		r = ns_book_add_service(book, name, addr, NULL);
		break;
	case 2:
		r = ns_book_add_name(book, name, addr, NULL);
		break;
	default:
		r = ns_book_add_host(book, addr, NULL);
		break;
	}
	assert_int_equal(r, 0);
}

struct world {
	bool has[ADDRESSES][13]; /* 4 workloads, 4 services, 4 names, the host */
	bool published;
};

static struct ns_book *make_book(const struct world *world)
{
	struct ns_book *book;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	for (unsigned i = 0; i < ADDRESSES; i++)
		for (unsigned who = 0; who < 13; who++)
			if (world->has[i][who]) {
				struct ns_addr addr = address(i);

				add_holder(book, who, &addr);
			}
	if (world->published) {
		const struct ns_published published = { .protocol = IPPROTO_TCP, .first = 80, .last = 80 };

		assert_int_equal(ns_book_publish(book, "a", &published, NULL), 0);
	}
	return book;
}

static void shake(struct world *world, unsigned n)
{
	while (n-- > 0)
		world->has[pick(ADDRESSES)][pick(13)] ^= true;
}

/* ---- policies ---- */

struct random_policy {
	struct ns_policy policy;
	struct ns_rule rules[RULES_MAX];
	struct ns_span spans[RULES_MAX][SPANS_MAX];
};

static struct ns_peer random_peer(bool wide)
{
	static char published[] = NS_PUBLISHED_PREFIX "a";
	static char copies[4][2] = { "a", "b", "c", "d" };
	struct ns_peer peer = { .name = copies[pick(4)] };
	unsigned kind = pick(wide ? 14 : 10);

	if (kind < 6) {
		peer.peer_class = NS_PEER_WORKLOAD;
	} else if (kind == 6) {
		peer.peer_class = NS_PEER_SERVICE;
		if (pick(8) == 0)
			peer.name = published;
	} else if (kind == 7) {
		peer.peer_class = NS_PEER_NAME;
	} else if (kind == 8) {
		peer.peer_class = NS_PEER_HOST;
		peer.name = NULL;
	} else if (kind == 9) {
		struct ns_addr addr = address(pick(ADDRESSES));

		peer.peer_class = NS_PEER_CIDR;
		peer.name = NULL;
		peer.prefix = (struct ns_prefix){ addr, addr.family == AF_INET ? 32 : 128 };
	} else {
		static const enum ns_peer_class classes[] = { NS_PEER_CIDR, NS_PEER_BROADCAST, NS_PEER_INTERNET,
							      NS_PEER_ANY };
		struct ns_addr addr = address(pick(ADDRESSES));

		peer.peer_class = classes[kind - 10];
		peer.name = NULL;
		peer.prefix = ns_prefix_of(&addr, addr.family == AF_INET ? 29 : 125);
	}
	return peer;
}

/* `ranges`: the rule may have what is no single element. */
static void random_rule(struct random_policy *p, size_t i, bool ranges)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE };
	struct ns_rule *rule = &p->rules[i];
	size_t n = 1 + pick(SPANS_MAX);

	(void)snprintf(rule->id, sizeof rule->id, "r%zu", i);
	rule->direction = pick(2) ? NS_EGRESS : NS_INGRESS;
	rule->peer = random_peer(ranges || pick(4) == 0);
	rule->protocol = protocols[pick(sizeof protocols)];
	rule->any_protocol = ranges && pick(4) == 0;
	rule->spans = p->spans[i];
	rule->n_spans = rule->any_protocol || rule->protocol == IPPROTO_GRE ? 0 : n;
	for (size_t k = 0; k < n; k++) {
		uint16_t lo = (uint16_t)(k * 10 + pick(3));

		p->spans[i][k] = (struct ns_span){ lo, (uint16_t)(lo + (ranges && pick(3) == 0 ? pick(4) : 0)) };
	}
}

static void random_policy(struct random_policy *p, bool ranges)
{
	memset(p, 0, sizeof *p);
	p->policy = (struct ns_policy){ .verdict = NS_VERDICT_DROP, .rules = p->rules, .n_rules = 1 + pick(RULES_MAX) };
	for (size_t i = 0; i < p->policy.n_rules; i++)
		random_rule(p, i, ranges && pick(4) == 0);
	if (pick(40) == 0) {
		p->rules[0].direction = NS_TRANSIT;
		p->rules[0].source = random_peer(false);
	}
}

/* ---- comparing ---- */

static size_t place(const struct ns_plan_set *set, const struct ns_plan_element *element)
{
	for (size_t i = 0; i < set->n_elements; i++)
		if (ns_plan_element_compare(set, &set->elements[i], element) == 0)
			return strcmp(set->elements[i].tag, element->tag) == 0 ? i : SIZE_MAX;
	return SIZE_MAX;
}

static struct ns_plan_set *same_set(struct ns_plan *whole, const struct ns_plan_set *set)
{
	struct ns_plan_set *found = ns_plan_find_set(whole, set->name);

	assert_non_null(found);
	assert_true(ns_plan_set_same_definition(found, set));
	return found;
}

/* The whole of before, with one part in place of the other, is the whole of after. */
static void assert_exact(struct ns_plan *whole, struct ns_plan *next, const struct ns_plan *before,
			 const struct ns_plan *after)
{
	char *difference;

	assert_int_equal(before->n_sets, after->n_sets);
	for (size_t i = 0; i < before->n_sets; i++) {
		struct ns_plan_set *set;

		assert_string_equal(before->sets[i].name, after->sets[i].name);
		if (before->sets[i].n_elements == 0 && after->sets[i].n_elements == 0)
			continue; /* the plan may be without it */
		set = same_set(whole, &before->sets[i]);
		for (size_t k = 0; k < before->sets[i].n_elements; k++) {
			size_t at = place(set, &before->sets[i].elements[k]);

			assert_true(at != SIZE_MAX);
			set->elements[at] = set->elements[--set->n_elements];
		}
		for (size_t k = 0; k < after->sets[i].n_elements; k++) {
			struct ns_plan_element *element = ns_plan_add_element(set, NULL);

			assert_non_null(element);
			*element = after->sets[i].elements[k];
		}
	}
	for (size_t i = 0; i < whole->n_sets; i++) {
		size_t n = whole->sets[i].n_elements;

		ns_plan_normalise(whole);
		assert_int_equal(whole->sets[i].n_elements, n); /* nothing was there already */
	}
	assert_int_equal(ns_plan_difference(next, whole, 5, &difference, NULL), 0);
	assert_string_equal(difference, "");
	free(difference);
}

static void compile(const struct ns_policy *policy, const struct ns_book *book,
		    const struct ns_compile_options *options, bool outer, struct ns_plan *ret)
{
	const struct ns_port_name port = { 7, "v7" };
	const struct ns_outer_options outer_options = { .cookie = 5,
							.ports = &port,
							.n_ports = 1,
							.links = options->links,
							.n_links = options->n_links,
							.egress_hook = true };

	*ret = (struct ns_plan)NS_PLAN_INIT;
	assert_int_equal(outer ? ns_compile_outer(policy, book, false, &outer_options, ret, NULL)
			       : ns_compile_enforce(policy, book, false, options, ret, NULL),
			 0);
}

static bool one_round(const struct world *world, const struct world *moved, const struct ns_policy *policy, bool outer)
{
	struct ns_prefix link;
	struct ns_compile_options options = { .links = &link, .n_links = 1 };
	struct ns_book *before = make_book(world), *after = make_book(moved);
	const struct ns_plan *part_before, *part_after;
	struct ns_plan whole, next;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_part *part;
	int r;

	assert_int_equal(ns_prefix_parse("10.1.0.0/24", &link, NULL), 0);
	assert_int_equal(ns_part_new(before, after, &part, NULL), 0);
	for (unsigned again = 0; again < 2; again++) { /* a part is used for many policies */
		r = ns_part_compile(part, policy, &options, outer, &part_before, &part_after, &err);
		assert_true(r == 0 || r == -EOPNOTSUPP);
		if (r < 0)
			continue;
		compile(policy, before, &options, outer, &whole);
		compile(policy, after, &options, outer, &next);
		assert_exact(&whole, &next, part_before, part_after);
		ns_plan_release(&whole);
		ns_plan_release(&next);
	}
	ns_part_free(part);
	ns_book_free(before);
	ns_book_free(after);
	return r == 0;
}

static unsigned rounds(bool ranges, bool published)
{
	unsigned told = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct world world = { .published = published }, moved;
		static struct random_policy p;

		shake(&world, 12);
		moved = world;
		shake(&moved, 1 + pick(3));
		moved.published ^= published && pick(4) == 0;
		random_policy(&p, ranges);
		told += one_round(&world, &moved, &p.policy, round % 2);
	}
	return told;
}

static void test_elements(void **state)
{
	assert_in_range(rounds(false, false), ROUNDS * 3 / 4, ROUNDS);
}

/* Where it is not exact it is refused. */
static void test_ranges(void **state)
{
	assert_in_range(rounds(true, false), ROUNDS / 4, ROUNDS - 1);
}

static void test_published(void **state)
{
	assert_in_range(rounds(false, true), ROUNDS / 4, ROUNDS - 1);
}

/* What nobody's rule names is no part. */
static void test_nothing(void **state)
{
	struct world world = { 0 }, moved = { 0 };
	struct ns_book *before, *after;
	const struct ns_plan *part_before, *part_after;
	static struct random_policy p;
	struct ns_part *part;

	moved.has[2][1] = true;
	random_rule(&p, 0, false);
	p.policy = (struct ns_policy){ .verdict = NS_VERDICT_DROP, .rules = p.rules, .n_rules = 1 };
	p.rules[0].peer = (struct ns_peer){ .peer_class = NS_PEER_WORKLOAD, .name = p.rules[0].id };
	before = make_book(&world);
	after = make_book(&moved);
	assert_int_equal(ns_part_new(before, after, &part, NULL), 0);
	assert_int_equal(ns_part_compile(part, &p.policy, NULL, true, &part_before, &part_after, NULL), 0);
	for (size_t i = 0; i < part_after->n_sets; i++)
		assert_int_equal(part_before->sets[i].n_elements + part_after->sets[i].n_elements, 0);
	ns_part_free(part);
	ns_book_free(before);
	ns_book_free(after);
}

static void test_too_many(void **state)
{
	struct ns_book *before, *after;
	struct ns_part *part = NULL;
	struct ns_addr addr = address(1);

	assert_int_equal(ns_book_new(&before, NULL), 0);
	assert_int_equal(ns_book_new(&after, NULL), 0);
	for (unsigned i = 0; i <= NS_PART_ADDRESSES_MAX; i++) {
		addr.bytes[3] = (uint8_t)i;
		assert_int_equal(ns_book_add_workload(i % 2 ? before : after, "a", &addr, NULL), 0);
	}
	assert_int_equal(ns_part_new(before, after, &part, NULL), -E2BIG);
	assert_null(part);
	ns_book_free(before);
	ns_book_free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_elements), cmocka_unit_test(test_ranges),
					    cmocka_unit_test(test_published), cmocka_unit_test(test_nothing),
					    cmocka_unit_test(test_too_many) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
