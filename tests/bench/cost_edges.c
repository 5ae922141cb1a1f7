/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cost_edges DIRECTORY EDGES WORKLOADS: fills a store, before there is a daemon, with EDGES edges, which are of the
 * workloads app/0 and on, WORKLOADS of them, that are learning; the same number of each. Of a hundred edges of one
 * workload seventy are clients from the internet at two ports, twenty are others in private networks that it asks, IPv4
 * and IPv6, and ten are other workloads, at a few ports each: no two are the same.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/store.h>

#include "clock.h"

#define BATCH 10000 /* edges in one transaction */

static void must(int r, const struct ns_error *err)
{
	if (r == 0)
		return;
	(void)fprintf(stderr, "cost_edges: %s\n", err->text);
	exit(1);
}

static void set_peer(struct ns_edge *edge, const char *format, unsigned high, unsigned low)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_prefix prefix;
	char text[NS_ADDR_TEXT_MAX];

	if (strchr(format, ':'))
		(void)snprintf(text, sizeof text, "%s%x:%x", format, high, low);
	else
		(void)snprintf(text, sizeof text, "%s%u.%u.%u", format, high & 255, low >> 8 & 255, low & 255);
	must(ns_prefix_parse(text, &prefix, &err), &err);
	edge->tuple.peer = prefix.addr;
}

/* The k-th edge of a workload. */
static void fill(struct ns_edge *edge, unsigned k, char name[static 32])
{
	edge->peer_name = "";
	edge->tuple.protocol = IPPROTO_TCP;
	if (k % 10 < 7) {
		edge->peer_class = NS_PEER_INTERNET;
		edge->tuple.direction = NS_INGRESS;
		edge->tuple.port = k % 2 ? 443 : 80;
		set_peer(edge, k % 10 < 5 ? "81." : "2a01:4f8::", k >> 16, k & 0xffff);
	} else if (k % 10 < 9) {
		edge->peer_class = NS_PEER_CIDR;
		edge->tuple.direction = NS_EGRESS;
		edge->tuple.port = 5432;
		set_peer(edge, k % 2 ? "10." : "fd00::", k / 10 >> 16, k / 10 & 0xffff);
	} else {
		unsigned n = k / 10;

		edge->peer_class = NS_PEER_WORKLOAD;
		edge->tuple.direction = NS_EGRESS;
		edge->tuple.port = (uint16_t)(8000 + n % 20);
		(void)snprintf(name, 32, "peer/%u", n / 20 % 1000);
		edge->peer_name = name;
		set_peer(edge, "172.", n / 20 >> 16 | 16, n / 20 & 0xffff);
	}
}

int main(int argc, char **argv)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_store *store;
	struct ns_workload row;
	unsigned edges, workloads;
	int64_t now = ns_clock_now();

	if (argc != 4) {
		(void)fputs("usage: cost_edges DIRECTORY EDGES WORKLOADS\n", stderr);
		return 2;
	}
	edges = (unsigned)strtoul(argv[2], NULL, 10);
	workloads = (unsigned)strtoul(argv[3], NULL, 10);
	must(ns_store_open(argv[1], &store, &err), &err);
	for (unsigned i = 0; i < edges; i++) {
		struct ns_edge edge = { .packets = 3 + i % 97,
					.bytes = 180 + i % 9973,
					.first_seen = now,
					.last_seen = now + i % 100000,
					.source_name = "",
					.process = "/usr/bin/app",
					.uid = 1000 };
		char workload[32], name[32];

		(void)snprintf(workload, sizeof workload, "app/%u", i % workloads);
		edge.workload = workload;
		fill(&edge, i / workloads, name);
		if (i % BATCH == 0)
			must(ns_store_begin(store, &err), &err);
		if (i < workloads)
			must(ns_store_meet_workload(store, workload, NS_MODE_LEARNING, now - 3600000000, &row, &err),
			     &err);
		must(ns_store_add_edge(store, &edge, &err), &err);
		if (i % BATCH == BATCH - 1 || i == edges - 1)
			must(ns_store_commit(store, &err), &err);
	}
	(void)ns_store_close(store);
	return 0;
}
