/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * scale_store DIRECTORY ENDED LIVE: fills a store, before there is a daemon, with ENDED endpoints that ended, and with
 * an approved policy in force for each of the workloads netns/c0 and on, LIVE of them: each may ask netns/c0 and the
 * next one.
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
	(void)fprintf(stderr, "scale_store: %s\n", err->text);
	exit(1);
}

static void add_ended(struct ns_store *store, unsigned n)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_endpoint endpoint = { .runtime = "docker", .n_addresses = 2 };

	must(ns_store_begin(store, &err), &err);
	for (unsigned i = 0; i < n; i++) {
		char text[NS_ADDR_TEXT_MAX];

		/* Cookies count up from one, and are nowhere near these. */
		endpoint.cookie = endpoint.netns_cookie = 1000000000u + i;
		endpoint.since = ns_clock_now();
		(void)snprintf(endpoint.workload, sizeof endpoint.workload, "compose/old%u/web", i % 500);
		(void)snprintf(endpoint.container_id, sizeof endpoint.container_id, "%064x", i);
		(void)snprintf(endpoint.name, sizeof endpoint.name, "old%u_web_%u", i % 500, i / 500);
		(void)snprintf(text, sizeof text, "10.80.%u.%u", i / 250 % 250, i % 250 + 1);
		must(ns_prefix_parse(text, &endpoint.addresses[0], &err), &err);
		(void)snprintf(text, sizeof text, "fd80::%x", i + 1);
		must(ns_prefix_parse(text, &endpoint.addresses[1], &err), &err);
		must(ns_store_put_endpoint(store, &endpoint, endpoint.since, &err), &err);
	}
	must(ns_store_commit(store, &err), &err);
}

static json_t *rule(const char *id, const char *direction, const char *peer, int port)
{
	return json_pack("{s:s s:s s:{s:s s:s} s:s s:[i]}", "id", id, "direction", direction, "peer", "class",
			 "workload", "name", peer, "protocol", "tcp", "ports", port);
}

static void put_in_force(struct ns_store *store, unsigned i, unsigned n)
{
	struct ns_error err = NS_ERROR_INIT;
	NS_JSON json_t *document = NULL;
	char name[32], next[32], digest[NS_DIGEST_SIZE];
	struct ns_workload workload;

	(void)snprintf(name, sizeof name, "netns/c%u", i);
	(void)snprintf(next, sizeof next, "netns/c%u", (i + 1) % n);
	document = json_pack("{s:s s:s s:i s:s s:[o o o]}", "schema", "nanoseg/policy/1", "workload", name, "revision",
			     1, "verdict", "drop", "rules", rule("r1", "egress", "netns/c0", 5432),
			     rule("r2", "egress", next, 8080), rule("r3", "ingress", "netns/c0", 9090));
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
	unsigned live;

	if (argc != 4) {
		(void)fputs("usage: scale_store DIRECTORY ENDED LIVE\n", stderr);
		return 2;
	}
	live = (unsigned)strtoul(argv[3], NULL, 10);
	must(ns_store_open(argv[1], &store, &err), &err);
	add_ended(store, (unsigned)strtoul(argv[2], NULL, 10));
	for (unsigned i = 1; i < live; i++)
		put_in_force(store, i, live);
	(void)ns_store_close(store);
	return 0;
}
