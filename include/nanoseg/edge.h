/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The graph: what was observed. A tuple is what the kernel saw; an edge is a tuple with names and
 * counts. Times are microseconds since the Unix epoch (CLOCK_REALTIME), 0: never.
 */
#ifndef NANOSEG_EDGE_H
#define NANOSEG_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nanoseg/addr.h>
#include <nanoseg/limits.h>

enum ns_direction {
	NS_DIRECTION_INVALID = 0,
	NS_INGRESS, /* the peer opened it */
	NS_EGRESS,  /* the workload opened it */
	NS_TRANSIT, /* the namespace forwarded it */
};

/* Who the other side is: a class first, an address last. */
enum ns_peer_class {
	NS_PEER_INVALID = 0,
	NS_PEER_WORKLOAD,  /* name: the workload */
	NS_PEER_HOST,      /* any address of the machine the agent runs on */
	NS_PEER_SERVICE,   /* name: a virtual service address from the configuration */
	NS_PEER_NAME,      /* name: a DNS name */
	NS_PEER_CIDR,      /* prefix */
	NS_PEER_INTERNET,  /* any globally routable unicast address */
	NS_PEER_MULTICAST, /* prefix: the group */
	NS_PEER_BROADCAST, /* the limited broadcast, or that of a link the endpoint is on */
	NS_PEER_ANY,       /* every address: only where the peers are unknowable (a full set) or by hand */
};

/* What the kernel's sets hold. For egress the peer is the destination, for ingress the source, for
 * transit the destination, with `source` beside it. On ingress to a multicast or broadcast group the
 * peer is the group: sources of a group are nobody's to enumerate. */
struct ns_tuple {
	enum ns_direction direction;
	uint8_t protocol;      /* IPPROTO_* */
	uint16_t port;         /* host order: destination port; ICMP and ICMPv6: the type; else 0 */
	struct ns_addr peer;   /* family 0: any (the set without addresses) */
	struct ns_addr source; /* transit only */
};

/* TCP, UDP, SCTP, DCCP, UDP-Lite: protocols whose bytes 2 and 3 are the destination port. */
bool ns_protocol_has_ports(uint8_t protocol);
bool ns_protocol_is_icmp(uint8_t protocol); /* ICMP or ICMPv6 */

struct ns_edge {
	const char *workload; /* owned by the graph, as all strings here */
	struct ns_tuple tuple;
	enum ns_peer_class peer_class;
	const char *peer_name;           /* "" where the class has none */
	enum ns_peer_class source_class; /* transit only */
	const char *source_name;
	uint64_t packets, bytes; /* original direction, L3 bytes */
	int64_t first_seen, last_seen;
	const char *process; /* "" unknown */
	int64_t uid;         /* -1 unknown */
};

/* An interval in which the graph may be incomplete, and why. */
struct ns_gap {
	const char *workload;
	int64_t from, to;  /* to 0: still open */
	const char *cause; /* "agent down", "set full: egress4", "log overrun", "joined late", … */
};

struct ns_graph {
	struct ns_edge *edges;
	size_t n_edges, edges_allocated;
	struct ns_gap *gaps;
	size_t n_gaps, gaps_allocated;
	struct ns_strings *strings; /* interned: equal strings are equal pointers within one graph */
};

#define NS_GRAPH_INIT                                                                                                  \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_graph_release(struct ns_graph *graph);
/* Copies *edge, interning its strings. */
int ns_graph_add_edge(struct ns_graph *graph, const struct ns_edge *edge, struct ns_error *err);
int ns_graph_add_gap(struct ns_graph *graph, const struct ns_gap *gap, struct ns_error *err);

/* Words of the JSON and of the command line. _parse returns the INVALID member for other words. */
const char *ns_direction_format(enum ns_direction direction);
enum ns_direction ns_direction_parse(const char *text);
const char *ns_peer_class_format(enum ns_peer_class peer_class);
enum ns_peer_class ns_peer_class_parse(const char *text);
/* "tcp", "icmpv6", "gre"; a number as decimal where there is no name. buf is used for those. */
const char *ns_protocol_format(uint8_t protocol, char buf[static 4]);
int ns_protocol_parse(const char *text, uint8_t *ret); /* name or decimal; -EINVAL */

#endif
