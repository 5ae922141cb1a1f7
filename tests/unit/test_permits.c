/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a plan permits, against a plain walk through its elements; and that many questions to many ranges are quick.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <nanoseg/outer.h>

static uint32_t seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE };

static struct ns_addr random_addr(int family)
{
	struct ns_addr addr = { .family = (uint8_t)family };
	size_t length = ns_addr_length(&addr);

	addr.bytes[0] = family == AF_INET ? 10 : 0xfd;
	addr.bytes[length - 2] = (uint8_t)pick(3);
	addr.bytes[length - 1] = (uint8_t)pick(16);
	return addr;
}

static void random_rule(struct ns_rule *rule, unsigned index)
{
	struct ns_addr addr = random_addr(pick(2) ? AF_INET : AF_INET6);
	struct ns_addr source = random_addr(addr.family);
	uint8_t whole = (uint8_t)(ns_addr_length(&addr) * 8);

	(void)snprintf(rule->id, sizeof(rule->id), "r%u", index);
	rule->direction = (enum ns_direction)(1 + pick(3));
	rule->peer.peer_class = pick(10) ? NS_PEER_CIDR : NS_PEER_ANY;
	rule->peer.prefix = ns_prefix_of(&addr, (uint8_t)(whole - pick(5)));
	rule->source.peer_class = pick(4) ? NS_PEER_CIDR : NS_PEER_ANY;
	rule->source.prefix = ns_prefix_of(&source, (uint8_t)(whole - pick(3)));
	rule->any_protocol = pick(12) == 0;
	rule->protocol = rule->any_protocol ? 0 : protocols[pick(5)];
	if (!rule->any_protocol && rule->protocol != IPPROTO_GRE) {
		uint16_t lo = (uint16_t)pick(40);

		rule->spans = calloc(1, sizeof(*rule->spans));
		rule->spans[rule->n_spans++] = (struct ns_span){ lo, (uint16_t)(lo + pick(6)) };
	}
}

static bool plain(const struct ns_plan *plan, const struct ns_tuple *tuple)
{
	for (enum ns_purpose purpose = NS_PURPOSE_ALLOW; purpose <= NS_PURPOSE_ALLOW_RANGE; purpose++) {
		const char *name = ns_layout_set_name(purpose, tuple->direction, tuple->peer.family);
		const struct ns_plan_set *set = ns_plan_find_set(plan, name);
		uint8_t key[NS_KEY_MAX];

		(void)ns_layout_key(ns_layout_role(name), tuple, key);
		for (size_t i = 0; set && i < set->n_elements; i++) {
			bool inside = true;
			size_t at = 0;

			for (unsigned f = 0; f < set->n_fields; at += ns_field_padded_length(set->fields[f++]))
				inside &= memcmp(key + at, set->elements[i].key + at,
						 ns_field_length(set->fields[f])) >= 0 &&
					  memcmp(key + at, set->elements[i].key_end + at,
						 ns_field_length(set->fields[f])) <= 0;
			if (inside)
				return true;
		}
	}
	return false;
}

static void ask(const struct ns_plan *plan, unsigned times, size_t *permitted)
{
	struct ns_permits *permits;

	assert_int_equal(ns_permits_new(plan, &permits, NULL), 0);
	for (unsigned i = 0; i < times; i++) {
		int family = pick(2) ? AF_INET : AF_INET6;
		struct ns_tuple tuple = { .direction = (enum ns_direction)(1 + pick(3)),
					  .protocol = protocols[pick(5)] };
		bool wanted;

		tuple.peer = random_addr(family);
		if (tuple.direction == NS_TRANSIT)
			tuple.source = random_addr(family);
		if (tuple.protocol != IPPROTO_GRE)
			tuple.port = (uint16_t)pick(48);
		wanted = plain(plan, &tuple);
		*permitted += wanted;
		assert_int_equal(ns_permits_tuple(permits, &tuple), wanted);
	}
	ns_permits_free(permits);
}

static void test_as_the_plan_says(void **state)
{
	struct ns_port_name port = { .index = 1, .name = "veth" };
	struct ns_outer_options options = { .cookie = 1, .ports = &port, .n_ports = 1 };
	struct ns_book *book;
	size_t permitted = 0;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	for (unsigned round = 0; round < 100; round++) {
		struct ns_policy policy = { .workload = strdup("w"), .revision = 1, .verdict = NS_VERDICT_DROP };
		struct ns_plan inner = NS_PLAN_INIT, outer = NS_PLAN_INIT;

		policy.n_rules = pick(60);
		policy.rules = calloc(policy.n_rules + 1, sizeof(*policy.rules));
		for (unsigned i = 0; i < policy.n_rules; i++)
			random_rule(&policy.rules[i], i);
		assert_int_equal(ns_compile_enforce(&policy, book, false, NULL, &inner, NULL), 0);
		assert_int_equal(ns_compile_outer(&policy, book, false, &options, &outer, NULL), 0);
		ask(&inner, 200, &permitted);
		ask(&outer, 200, &permitted);
		ns_plan_release(&inner);
		ns_plan_release(&outer);
		ns_policy_release(&policy);
	}
	ns_book_free(book);
	assert_in_range(permitted, 4000, 36000); /* of 40000: both answers are tried */
}

static void test_other_families_and_sets(void **state)
{
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_permits *permits = NULL;
	struct ns_tuple tuple = { .direction = NS_EGRESS, .protocol = IPPROTO_TCP, .port = 80 };
	struct ns_plan_set *set;

	assert_int_equal(ns_permits_new(&plan, &permits, NULL), 0);
	assert_false(ns_permits_tuple(permits, &tuple)); /* no sets, and no address */
	permits = ns_permits_free(permits);
	set = ns_plan_add_set(&plan, "egress4", NULL);
	set->fields[0] = NS_FIELD_PROTO;
	set->n_fields = 1;
	assert_int_equal(ns_permits_new(&plan, &permits, NULL), -EINVAL);
	assert_null(permits);
	ns_plan_release(&plan);
	assert_null(ns_permits_free(NULL));
}

#define MANY     100000
#define RANGES   10000
#define SECONDS  5.0 /* a walk through all ranges for each question takes minutes */
#define FIRST_IP 0x0a000000u

static double seconds(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void put32(uint8_t *to, uint32_t value)
{
	for (int i = 3; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

/* Ranges apart in their addresses, or all of them of every address and apart in their ports. */
static void many(bool by_port)
{
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_plan_set *set = ns_plan_add_set(&plan, "egress4_range", NULL);
	struct ns_permits *permits;
	double begun = seconds();
	size_t permitted = 0;

	set->fields[0] = NS_FIELD_PROTO;
	set->fields[1] = NS_FIELD_IPV4;
	set->fields[2] = NS_FIELD_PORT;
	set->n_fields = 3;
	set->interval = true;
	for (uint32_t i = 0; i < RANGES; i++) {
		struct ns_plan_element *e = ns_plan_add_element(set, NULL);
		uint32_t port = by_port ? 6 * i : 0;

		e->key[0] = e->key_end[0] = IPPROTO_TCP;
		put32(e->key + 4, by_port ? 0 : FIRST_IP + 256 * i);
		put32(e->key_end + 4, by_port ? UINT32_MAX : FIRST_IP + 256 * i + 127);
		e->key[8] = (uint8_t)(port >> 8);
		e->key[9] = (uint8_t)port;
		port = by_port ? port + 2 : 65535;
		e->key_end[8] = (uint8_t)(port >> 8);
		e->key_end[9] = (uint8_t)port;
	}
	ns_plan_normalise(&plan);
	assert_int_equal(ns_permits_new(&plan, &permits, NULL), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		struct ns_tuple tuple = { .direction = NS_EGRESS,
					  .protocol = IPPROTO_TCP,
					  .port = (uint16_t)(i % 60000) };

		tuple.peer.family = AF_INET;
		put32(tuple.peer.bytes, FIRST_IP + 25 * i);
		permitted += ns_permits_tuple(permits, &tuple);
	}
	assert_in_range(permitted, MANY / 3, 2 * MANY / 3);
	ns_permits_free(permits);
	ns_plan_release(&plan);
	assert_true(seconds() - begun < SECONDS);
}

static void test_many(void **state)
{
	many(false);
	many(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_the_plan_says),
		cmocka_unit_test(test_other_families_and_sets),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
