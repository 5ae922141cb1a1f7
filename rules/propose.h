/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From edges to rules, one edge at a time: choose who the peer is (sides), widen where there are too many addresses for
 * one port (crowd for one side, transit for two), and tally what was seen for the rule that it belongs to. In the end
 * rules are built from the tallies. What is kept grows with the rules, not with the edges.
 */
#ifndef NANOSEG_PROPOSE_H
#define NANOSEG_PROPOSE_H

#include <nanoseg/policy.h>

#define NS_WIDEN_AT_DEFAULT 32

/* The sizes of a link. */
#define NS_NETWORK4_LENGTH 24
#define NS_NETWORK6_LENGTH 64
#define NS_NETWORK4_FILLED (256 / 8)

/* Linux gives clients and port-0 binds these (net.ipv4.ip_local_port_range). A server that was seen on so many of them,
 * with one peer and one program, takes whichever it is given. */
#define NS_EPHEMERAL_FIRST    32768
#define NS_EPHEMERAL_LAST     60999
#define NS_EPHEMERAL_EVIDENCE 8

/* How an address came to be what its rule will say. In the order of what they widen. */
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
	struct ns_peer peer; /* the name is the edge's */
	enum ns_step step;
};

int ns_side_compare(const struct ns_side *a, const struct ns_side *b);
/* Whether it stands for more than one address. */
bool ns_side_is_wide(const struct ns_side *side);

/* ---- propose_sides.c ---- */

struct ns_side ns_side_of(enum ns_peer_class peer_class, const char *name, const struct ns_addr *addr);
struct ns_side ns_side_network(const struct ns_addr *addr);
struct ns_side ns_side_internet(void);
/* Whether an ingress set ran out of room, so that only ports are known to be complete. */
bool ns_propose_ingress_was_full(const struct ns_graph *gaps, const char *workload);

/* ---- propose_tally.c: what was seen, rule by rule ---- */

struct ns_tallies;

int ns_tallies_new(struct ns_tallies **ret, struct ns_error *err);
struct ns_tallies *ns_tallies_free(struct ns_tallies *tallies); /* accepts NULL; returns NULL */
/* For each pair of sides and protocol the edges must come by port, and for each port with equal addresses together.
 * -E2BIG when there are more rules than a policy holds. */
int ns_tally(struct ns_tallies *tallies, const struct ns_edge *edge, const struct ns_side *peer,
	     const struct ns_side *source, struct ns_error *err);
/* propose_build.c: the rules, in their order. Takes what the tallies hold: free them after it. */
int ns_propose_build(struct ns_tallies *tallies, struct ns_policy *ret, struct ns_error *err);

/* ---- propose_crowd.c: the peers of one direction, protocol and port ---- */

struct ns_crowd;

int ns_crowd_new(struct ns_tallies *tallies, unsigned widen_at, struct ns_crowd **ret, struct ns_error *err);
struct ns_crowd *ns_crowd_free(struct ns_crowd *crowd); /* accepts NULL; returns NULL */
/* Edges by address, within each family. */
int ns_crowd_add(struct ns_crowd *crowd, const struct ns_edge *edge, struct ns_error *err);
/* No more edges of this port. */
int ns_crowd_end(struct ns_crowd *crowd, struct ns_error *err);

/* ---- propose_transit.c: both sides of one protocol and port, which takes all of its edges at once ---- */

int ns_propose_transit(const struct ns_graph *edges, unsigned widen_at, struct ns_tallies *tallies,
		       struct ns_error *err);

/* ---- propose_widen.c ---- */

struct ns_item {
	const struct ns_edge *edge;
	struct ns_side peer, source;
};

struct ns_items {
	struct ns_item *items;
	size_t n;
};

/* Widens one side of the items: `source` or the peer. */
void ns_propose_widen(struct ns_items *items, bool source, unsigned widen_at);

#endif
