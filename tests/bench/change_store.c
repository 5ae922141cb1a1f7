/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * change_store DIRECTORY LIVE RULES: fills a store, before there is a daemon, with an approved policy of RULES rules in
 * force for each of the workloads netns/c1 to netns/cLIVE. One rule names netns/c0 and two a neighbour; the others name
 * addresses and prefixes, IPv4 and IPv6, one port or a range, which are others for each workload.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/store.h>

#include "cleanup.h"
#include "clock.h"
#include "digest.h"

static const struct ns_actor actor = { 0, "root", 1 };

static void must(int r, const struct ns_error *err)
{
	if (r == 0)
		return;
	(void)fprintf(stderr, "change_store: %s\n", err->text);
	exit(1);
}

static json_t *rule(const char *direction, json_t *peer, json_t *port)
{
	return json_pack("{s:s s:o s:s s:[o]}", "direction", direction, "peer", peer, "protocol", "tcp", "ports", port);
}

static json_t *named(unsigned workload)
{
	return json_pack("{s:s s:o}", "class", "workload", "name", json_sprintf("netns/c%u", workload));
}

static json_t *prefix(json_t *text)
{
	return json_pack("{s:s s:o}", "class", "cidr", "prefix", text);
}

/* The k-th of workload i; of ten, five are IPv4 addresses, four IPv6 addresses, and one is a prefix with a range. */
static json_t *other_rule(unsigned i, unsigned k)
{
	unsigned n = i * 256 + k;

	switch (k % 10) {
	case 0:
		return rule("egress", prefix(json_sprintf("10.200.%u.0/24", k)), json_string("8000-8010"));
	case 1:
	case 2:
	case 3:
	case 4:
		return rule("egress", prefix(json_sprintf("fd99::%x:%x/128", n >> 16, n & 0xffff)), json_integer(443));
	case 5:
		return rule("ingress", prefix(json_sprintf("10.%u.%u.%u/32", 128 + (n >> 16), n >> 8 & 255, n & 255)),
			    json_integer(8080));
	default:
		return rule("egress", prefix(json_sprintf("10.%u.%u.%u/32", 128 + (n >> 16), n >> 8 & 255, n & 255)),
			    json_integer(443));
	}
}

static json_t *rules_of(unsigned i, unsigned live, unsigned n)
{
	NS_JSON json_t *rules = json_array();

	for (unsigned k = 0; k < n; k++) {
		json_t *one;

		if (k == 0)
			one = rule("egress", named(0), json_integer(5432));
		else if (k == 1)
			one = rule("egress", named(i % live + 1), json_integer(9090));
		else if (k == 2)
			one = rule("ingress", named((i + live - 2) % live + 1), json_integer(9090));
		else
			one = other_rule(i, k);
		if (json_object_set_new(one, "id", json_sprintf("r%u", k)) < 0 || json_array_append_new(rules, one) < 0)
			return NULL;
	}
	return NS_TAKE(rules);
}

static void put_in_force(struct ns_store *store, unsigned i, unsigned live, unsigned n)
{
	struct ns_error err = NS_ERROR_INIT;
	NS_JSON json_t *document = NULL;
	char name[32], digest[NS_DIGEST_SIZE];
	struct ns_workload workload;

	(void)snprintf(name, sizeof name, "netns/c%u", i);
	document = json_pack("{s:s s:s s:i s:s s:o}", "schema", "nanoseg/policy/1", "workload", name, "revision", 1,
			     "verdict", "drop", "rules", rules_of(i, live, n));
	must(ns_store_meet_workload(store, name, NS_MODE_LEARNING, ns_clock_now(), &workload, &err), &err);
	must(ns_store_add_policy(store, name, 1, document, "manual", &actor, ns_clock_now(), &err), &err);
	must(ns_digest_json(document, digest, &err), &err);
	must(ns_store_decide(store, name, digest, "approve", "bench", &actor, ns_clock_now(), &err), &err);
	must(ns_store_set_mode(store, name, NS_MODE_ENFORCING, &actor, "bench", ns_clock_now(), &err), &err);
}

int main(int argc, char **argv)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_store *store;
	unsigned live, n;

	if (argc != 4) {
		(void)fputs("usage: change_store DIRECTORY LIVE RULES\n", stderr);
		return 2;
	}
	live = (unsigned)strtoul(argv[2], NULL, 10);
	n = (unsigned)strtoul(argv[3], NULL, 10);
	must(ns_store_open(argv[1], &store, &err), &err);
	for (unsigned i = 1; i <= live; i++)
		put_in_force(store, i, live, n);
	(void)ns_store_close(store);
	return 0;
}
