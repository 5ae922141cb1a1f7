/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From edges to rules in steps: collect (an item for each edge), widen (many addresses become a prefix or the
 * internet), build (items about the same subject become a rule with their ports and their evidence).
 */
#ifndef NANOSEG_PROPOSE_H
#define NANOSEG_PROPOSE_H

#include <nanoseg/policy.h>

#define NS_WIDEN_AT_DEFAULT 32

/* Linux gives clients and port-0 binds these (net.ipv4.ip_local_port_range). A server that was seen on so many of them,
 * with one peer and one program, takes whichever it is given. */
#define NS_EPHEMERAL_FIRST    32768
#define NS_EPHEMERAL_LAST     60999
#define NS_EPHEMERAL_EVIDENCE 8

/* How an item's address came to be what its rule will say. In the order of what they widen. */
enum ns_step {
	NS_STEP_NONE = 0, /* no such side: source of ingress and egress */
	NS_STEP_NAMED,    /* workload, host, service, DNS name: follows the name's addresses */
	NS_STEP_EXACT,    /* this address */
	NS_STEP_GROUP,    /* multicast, broadcast */
	NS_STEP_UNNAMED,  /* an address whose name no policy can hold */
	NS_STEP_PREFIX,   /* many addresses of a prefix */
	NS_STEP_INTERNET, /* many addresses of the internet */
	NS_STEP_ANY,      /* the sets with addresses were full */
};

struct ns_side {
	struct ns_peer peer; /* the name is the graph's */
	enum ns_step step;
};

struct ns_item {
	const struct ns_edge *edge;
	struct ns_side peer, source;
};

struct ns_items {
	struct ns_item *items;
	size_t n;
};

/* Items of the workload's edges, in the order that makes the result independent of the graph's. */
int ns_propose_collect(const struct ns_graph *graph, const char *workload, struct ns_items *ret, struct ns_error *err);

/* Widens one side of the items: `source` or the peer. */
void ns_propose_widen(struct ns_items *items, bool source, unsigned widen_at);

/* By subject, then port, then address: what becomes one rule stands together. */
void ns_propose_sort(struct ns_items *items);
int ns_side_compare(const struct ns_side *a, const struct ns_side *b);

/* Appends the rules of n items that have one subject; several when the ports are too many for one. */
int ns_propose_build(const struct ns_item *items, size_t n, struct ns_policy *ret, struct ns_error *err);

/* Evidence of a rule that stands for these items. rule->spans must be final. */
int ns_propose_evidence(const struct ns_item *items, size_t n, bool ephemeral, struct ns_rule *rule,
			struct ns_error *err);

#endif
