/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * attach_store DIRECTORY PREFIX FIRST COUNT RULES: puts an approved policy of RULES rules in force for each of the
 * workloads netns/PREFIX<FIRST> and on, COUNT of them, before there is a daemon. Two rules name the neighbours by
 * number, the others prefixes and addresses, IPv4 and IPv6 in turn.
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
	(void)fprintf(stderr, "attach_store: %s\n", err->text);
	exit(1);
}

static json_t *rule(unsigned n, json_t *peer)
{
	return json_pack("{s:o s:s s:o s:s s:[i]}", "id", json_sprintf("r%u", n), "direction",
			 n % 4 < 2 ? "egress" : "ingress", "peer", peer, "protocol", n % 3 ? "tcp" : "udp", "ports",
			 (int)(1000 + n));
}

static json_t *neighbour(const char *prefix, unsigned n)
{
	return json_pack("{s:s s:o}", "class", "workload", "name", json_sprintf("netns/%s%u", prefix, n));
}

static json_t *network(unsigned n)
{
	json_t *prefix = n % 2 ? json_sprintf("fd90:%x::%s", n, n % 5 ? "1" : "/64")
			       : json_sprintf("10.90.%u.%s", n % 256, n % 5 ? "1" : "0/24");

	return json_pack("{s:s s:o}", "class", "cidr", "prefix", prefix);
}

static json_t *policy(const char *prefix, unsigned number, unsigned n_rules)
{
	json_t *rules = json_array();

	for (unsigned i = 0; i < n_rules; i++)
		json_array_append_new(rules, rule(i, i < 2 ? neighbour(prefix, number + 2 * i - 1) : network(i)));
	return json_pack("{s:s s:o s:i s:s s:o}", "schema", "nanoseg/policy/1", "workload",
			 json_sprintf("netns/%s%u", prefix, number), "revision", 1, "verdict", "drop", "rules", rules);
}

static void put_in_force(struct ns_store *store, const char *prefix, unsigned number, unsigned n_rules)
{
	struct ns_error err = NS_ERROR_INIT;
	NS_JSON json_t *document = policy(prefix, number, n_rules);
	const char *name = json_string_value(json_object_get(document, "workload"));
	char digest[NS_DIGEST_SIZE];
	struct ns_workload workload;

	must(ns_store_meet_workload(store, name, NS_MODE_LEARNING, ns_clock_now(), &workload, &err), &err);
	must(ns_store_add_policy(store, name, 1, document, "manual", &actor, ns_clock_now(), &err), &err);
	must(ns_digest_json(document, digest, &err), &err);
	must(ns_store_decide(store, name, digest, "approve", "test", &actor, ns_clock_now(), &err), &err);
	must(ns_store_set_mode(store, name, NS_MODE_ENFORCING, &actor, "test", ns_clock_now(), &err), &err);
}

int main(int argc, char **argv)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_store *store;
	unsigned first, count, n_rules;

	if (argc != 6) {
		(void)fputs("usage: attach_store DIRECTORY PREFIX FIRST COUNT RULES\n", stderr);
		return 2;
	}
	first = (unsigned)strtoul(argv[3], NULL, 10);
	count = (unsigned)strtoul(argv[4], NULL, 10);
	n_rules = (unsigned)strtoul(argv[5], NULL, 10);
	must(ns_store_open(argv[1], &store, &err), &err);
	for (unsigned i = first; i < first + count; i++)
		put_in_force(store, argv[2], i, n_rules);
	(void)ns_store_close(store);
	return 0;
}
