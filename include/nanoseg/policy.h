/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A policy: the allow list of one workload. What is not listed is refused.
 * The JSON form is described by rules/policy.schema.json; this is the same thing in memory.
 *
 *   {"schema":"nanoseg/policy/1","workload":"compose/shop/api","revision":3,"verdict":"drop",
 *    "rules":[{"id":"r1","direction":"egress","peer":{"class":"workload","name":"compose/shop/db"},
 *              "protocol":"tcp","ports":[5432,"6000-6010"],
 *              "evidence":{"packets":12,"bytes":900,"connections_seen":3,"first_seen":"…Z",
 *                          "last_seen":"…Z","processes":["/usr/bin/api"],"widened_by":0,"why":"…"}}]}
 *
 * peer members by class: workload, service, name: "name"; cidr, multicast: "prefix"; host, internet,
 * broadcast, any: nothing more. "protocol" is a name, a decimal number as a string, or "any".
 * "ports" only and always for protocols with ports (["any"] is written as "0-65535"); "icmp" (array of
 * types, or ["0-255"]) only and always for icmp and icmpv6. "source" (a peer) only and always for
 * transit. "evidence" and "comment" may be absent. Unknown members are errors.
 */
#ifndef NANOSEG_POLICY_H
#define NANOSEG_POLICY_H

#include <jansson.h>

#include <nanoseg/edge.h>

#define NS_POLICY_SCHEMA "nanoseg/policy/1"

enum ns_verdict {
	NS_VERDICT_INVALID = 0, /* a missing verdict is never "accept" */
	NS_VERDICT_DROP,
	NS_VERDICT_REJECT, /* TCP reset, ICMP administratively prohibited */
};

struct ns_peer {
	enum ns_peer_class peer_class;
	char *name;              /* workload, service, name; else NULL */
	struct ns_prefix prefix; /* cidr, multicast */
};

struct ns_span {
	uint16_t lo, hi; /* inclusive: ports, or ICMP types (0..255) */
};

struct ns_evidence {
	uint64_t packets, bytes;
	uint64_t edges; /* observed edges that this rule stands for; 0: written by hand */
	int64_t first_seen, last_seen;
	char **processes; /* sorted, distinct */
	size_t n_processes;
	uint64_t widened_by; /* address x port pairs allowed and never seen; UINT64_MAX: more than that */
	char *why;           /* the step that made this rule; NULL: none */
};

struct ns_rule {
	char id[NS_RULE_ID_MAX]; /* unique in the policy; [a-z0-9-] */
	enum ns_direction direction;
	struct ns_peer peer;
	struct ns_peer source; /* transit only */
	bool any_protocol;
	uint8_t protocol;
	struct ns_span *spans; /* sorted, disjoint, never adjacent; ports or ICMP types */
	size_t n_spans;
	struct ns_evidence evidence;
	char *comment; /* NULL: none */
};

struct ns_policy {
	char *workload;
	uint64_t revision; /* from 1 */
	enum ns_verdict verdict;
	struct ns_rule *rules;
	size_t n_rules;
};

#define NS_POLICY_INIT                                                                                                 \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_policy_release(struct ns_policy *policy); /* contents; accepts half-built */
const char *ns_verdict_format(enum ns_verdict verdict);
enum ns_verdict ns_verdict_parse(const char *text);

/* Strict: text of at most NS_POLICY_BYTES_MAX bytes, depth at most NS_POLICY_DEPTH_MAX, no unknown or
 * duplicate member, no overlapping spans. The error is one line with the JSON path, for example
 * `$.rules[3].ports[0]: 70000 is not a port; use 0 to 65535`. *ret must be NS_POLICY_INIT. */
int ns_policy_parse(const char *text, size_t length, struct ns_policy *ret, struct ns_error *err);
/* The same from a decoded value (borrowed). */
int ns_policy_from_json(const json_t *json, struct ns_policy *ret, struct ns_error *err);
/* New reference; NULL only without memory. */
json_t *ns_policy_to_json(const struct ns_policy *policy);

/* SHA-256 of the canonical JSON: members sorted by name, no white space, integers only, UTF-8. */
int ns_policy_digest(const struct ns_policy *policy, char ret[static NS_DIGEST_TEXT_MAX], struct ns_error *err);

/* What changes between two policies, as JSON for people and programs:
 * {"added":[rule…],"removed":[rule…],"changed":[{"id","from","to"}…]}; evidence is not compared.
 * `from` may be NULL: everything is added. New reference. */
json_t *ns_policy_diff(const struct ns_policy *from, const struct ns_policy *to);

/* ---- proposing: graph -> policy ---- */

struct ns_propose_options {
	enum ns_verdict verdict;
	/* More distinct addresses than this for one (direction, protocol, port) outside workloads, host and
	 * services become one wider rule; 0: default (32). */
	unsigned widen_at;
};

/* Takes edges one by one and keeps what their rules need, not the edges: those of one workload, ordered by direction,
 * protocol and port, and for each port those of one family by peer, then source. `gaps` (borrowed during the call):
 * graph->gaps of the window. */
struct ns_proposer;
int ns_proposer_new(const char *workload, const struct ns_propose_options *options, const struct ns_graph *gaps,
		    struct ns_proposer **ret, struct ns_error *err);
struct ns_proposer *ns_proposer_free(struct ns_proposer *proposer); /* accepts NULL; returns NULL */
/* -E2BIG when they need more than NS_POLICY_RULES_MAX rules. */
int ns_proposer_add(struct ns_proposer *proposer, const struct ns_edge *edge, struct ns_error *err);
uint64_t ns_proposer_edges(const struct ns_proposer *proposer); /* so far */
/* No more edges: the policy, once. */
int ns_proposer_end(struct ns_proposer *proposer, uint64_t revision, struct ns_policy *ret, struct ns_error *err);

/* The policy that allows what the graph holds of `workload`, and says of each rule what it widens.
 * Deterministic: the same edges in any order give the same document. revision is the caller's. */
int ns_propose(const struct ns_graph *graph, const char *workload, uint64_t revision,
	       const struct ns_propose_options *options, struct ns_policy *ret, struct ns_error *err);

#endif
