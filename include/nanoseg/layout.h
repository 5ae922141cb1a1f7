/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The layout of table `inet nanoseg`: which sets there are, what their keys mean, and what the log
 * prefixes say. The compiler writes by this layout, learning and denies read by it.
 *
 *   purpose      sets                                          key
 *   learn        learn_egress4/6, learn_ingress4/6             proto . peer . port
 *                learn_transit4/6                              proto . source . destination . port
 *                learn_ports                                   proto . port   (ingress, complete when the
 *                                                              sets with addresses are full)
 *   spill        spill_egress4 … spill_transit6                 as learn; without counters
 *   allow        egress4/6, ingress4/6, transit4/6             exact, as above
 *   allow_range  egress4_range … transit6_range                the same as intervals
 *   deny         deny_egress4 … deny_transit6                  as learn
 *
 * Besides those, of no role: port_protocols and icmp_protocols (the kinds of protocols), broadcast4 and link6 (the
 * endpoint's links), udp_served. Ingress to a multicast or broadcast address has that address as its peer.
 * An element of allow_range stands for a box of tuples; ns_layout_tuple gives its lowest one.
 *
 * An element's counter is per-CPU memory, which the packet path can only have while some lies ready; namespaces that
 * are being made take much of it, so just when a container starts there may be none. An element without counter is
 * ordinary memory. What could not be added to its learn set is therefore added to its spill set: the edge is kept, its
 * first figures are not.
 *
 * `port` is the destination port; for ICMP and ICMPv6 the type in the first of the two bytes (as the packet
 * has it at that offset); else zero.
 */
#ifndef NANOSEG_LAYOUT_H
#define NANOSEG_LAYOUT_H

#include <nanoseg/book.h>
#include <nanoseg/edge.h>
#include <nanoseg/plan.h>
#include <nanoseg/policy.h>

enum ns_purpose {
	NS_PURPOSE_INVALID = 0,
	NS_PURPOSE_LEARN,
	NS_PURPOSE_SPILL,
	NS_PURPOSE_ALLOW,
	NS_PURPOSE_ALLOW_RANGE,
	NS_PURPOSE_DENY,
};

struct ns_set_role {
	char name[NS_NFT_NAME_MAX];
	enum ns_purpose purpose;
	enum ns_direction direction;
	int family; /* AF_INET, AF_INET6, or 0 for learn_ports */
};

/* NULL: not a set of the layout. Static storage. */
const struct ns_set_role *ns_layout_role(const char *set_name);
const struct ns_set_role *ns_layout_roles(size_t *ret_n); /* all of them */
/* The name of the set with that role; NULL when there is none. */
const char *ns_layout_set_name(enum ns_purpose purpose, enum ns_direction direction, int family);

/* What an element of such a set stands for. -EINVAL when the key cannot be (wrong length or family). */
int ns_layout_tuple(const struct ns_set_role *role, const uint8_t *key, size_t key_length, struct ns_tuple *ret);
/* The other way round: returns the key's length. */
size_t ns_layout_key(const struct ns_set_role *role, const struct ns_tuple *tuple, uint8_t key[static NS_KEY_MAX]);

/* Named counters. */
#define NS_COUNTER_LEARN_OVERFLOW "learn_overflow" /* packets that no learning set had room for */
#define NS_COUNTER_DENY_OVERFLOW  "deny_overflow"  /* refused, and no deny set had room for the tuple */
#define NS_COUNTER_DENY_OTHER     "deny_other"     /* refused, and the packet has no readable tuple */
#define NS_COUNTER_INVALID        "invalid"        /* conntrack calls them invalid */

/* Log prefixes: "nanoseg:learn:egress", "nanoseg:deny:ingress", "nanoseg:audit:transit",
 * "nanoseg:full:egress" (a learning set had no room; at most one a second). */
enum ns_log_kind { NS_LOG_INVALID = 0, NS_LOG_LEARN, NS_LOG_DENY, NS_LOG_AUDIT, NS_LOG_FULL };
void ns_layout_log_prefix(enum ns_log_kind kind, enum ns_direction direction, char ret[static NS_LOG_PREFIX_MAX]);
int ns_layout_log_parse(const char *prefix, enum ns_log_kind *ret_kind, enum ns_direction *ret_direction);

/* ---- compiling: policy + addresses -> plan ---- */

/* Several workloads in one namespace: each member has a table of its own, `inet nanoseg-CGROUP`, that judges what the
 * sockets of its cgroup send and are sent and lets everything else pass; `inet nanoseg` judges what is left. A packet
 * meets all of them, and each but one passes it on. A connection is no member's by having been let through once: as
 * ports are shared, every packet of its original direction, and every answer sent, is looked up again.
 */
struct ns_member_cgroup {
	uint64_t id;
	unsigned level; /* below the root of the hierarchy, from 1 */
};

#define NS_MEMBER_TABLE_PREFIX "nanoseg-" /* as NS_OUTER_TABLE_PREFIX */
/* In the namespace's table: whose packets it leaves to their own, a set a level, "others_2"; its key is the cgroup. */
#define NS_SET_OTHERS_PREFIX "others_"

/* "nanoseg-CGROUP" */
void ns_member_table_name(uint64_t cgroup, char ret[static NS_NFT_NAME_MAX]);
/* -EINVAL: not the name of a member's table. */
int ns_member_table_cgroup(const char *table, uint64_t *ret);

struct ns_compile_options {
	const struct ns_member_cgroup *member; /* the table of this member; NULL: of the whole namespace */
	/* A member in the host's own namespace: what it says over loopback it says to the host, whose addresses those
	 * (127.0.0.0/8, ::1) are then; it is learned and judged like any other. What comes for a group (multicast,
	 * broadcast) is everybody's there, and neither learned nor judged. */
	bool host;
	/* In the table of a whole namespace: the members that have tables of their own. At most NS_MEMBERS_MAX. */
	const struct ns_member_cgroup *others;
	size_t n_others;
	uint16_t nflog_group;    /* 0: NS_NFLOG_GROUP */
	uint32_t learn_set_size; /* 0: default */
	uint32_t deny_set_size;  /* 0: default */
	/* On-link prefixes of the endpoint: where neighbour discovery may go, and which addresses are a
	 * subnet's broadcast. */
	const struct ns_prefix *links;
	size_t n_links;
	/* UDP ports that were already bound when the endpoint was first seen: for three minutes a datagram from one of
	 * them to an ephemeral port is an answer, not a new flow: it is remembered as the ingress it answers, and not
	 * logged. Put into the learning table only. */
	const uint16_t *udp_served;
	size_t n_udp_served;
	bool whole; /* with the sets and rules that no packet can match by this policy; for tests */
};

/* The learning table: accepts everything, remembers every first packet. */
int ns_compile_learn(const struct ns_compile_options *options, struct ns_plan *ret, struct ns_error *err);
/* The enforcing table; with `auditing` the same, but what would be refused is logged, counted and accepted.
 * Peers that resolve to no address now allow nothing now; that is not an error. Which sets and rules there are depends
 * on what kinds of rules the policy has, and not on how many, nor on the addresses that a name has. */
int ns_compile_enforce(const struct ns_policy *policy, const struct ns_book *book, bool auditing,
		       const struct ns_compile_options *options, struct ns_plan *ret, struct ns_error *err);

#endif
