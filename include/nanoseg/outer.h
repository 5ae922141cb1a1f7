/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The outer lock: what an endpoint may send and be sent, held on the host's end of its links, where nothing in the
 * container's own namespace reaches. Stateless, in family netdev; made from the same policy as the inner lock.
 *
 *   netdev nanoseg            the gate: which ports are open at all; one table for the host
 *   netdev nanoseg-COOKIE     the outer lock of one endpoint; base chains on each of its ports
 *
 * A table an endpoint keeps the sets small, so that a change is a small transaction whatever else runs on the host,
 * and a packet meets its own endpoint's sets only. Both are base chains on the same hooks: a packet must pass the gate
 * and then the lock.
 */
#ifndef NANOSEG_OUTER_H
#define NANOSEG_OUTER_H

#include <nanoseg/layout.h>

#define NS_GATE_TABLE         "nanoseg"
#define NS_OUTER_TABLE_PREFIX "nanoseg-"

#define NS_GATE_PRIORITY  (-500)
#define NS_OUTER_PRIORITY (-400)

/* The host's end of a link, in the agent's namespace. */
struct ns_port_name {
	int index;
	char name[NS_IFNAME_MAX];
};

/* "nanoseg-COOKIE" */
void ns_outer_table_name(uint64_t cookie, char ret[static NS_NFT_NAME_MAX]);
/* -EINVAL: not the name of an outer lock. */
int ns_outer_table_cookie(const char *table, uint64_t *ret);

struct ns_outer_options {
	uint64_t cookie;
	const struct ns_port_name *ports; /* at least one */
	size_t n_ports;
	/* What the endpoint may send as: every pair of these is allowed. Link-local addresses among them. */
	const struct ns_addr *own;
	size_t n_own;
	const uint8_t (*macs)[6];
	size_t n_macs;
	const struct ns_prefix *links; /* see struct ns_compile_options */
	size_t n_links;
	bool egress_hook;       /* the kernel has NF_NETDEV_EGRESS (5.16) */
	uint32_t deny_set_size; /* 0: NS_DENY_SET_SIZE */
	bool whole;             /* with the sets and rules that no packet can match by this policy; for tests */
};

/* Named counters of an outer lock, beside deny_overflow and deny_other: */
#define NS_COUNTER_SPOOFED_SOURCE "spoofed_source" /* from the container: a source (address or MAC) not its own */
#define NS_COUNTER_SPOOFED_LINK   "spoofed_link"   /* ARP or neighbour discovery in another's name */
#define NS_COUNTER_FOREIGN_FRAME  "foreign_frame"  /* no IPv4, IPv6 or ARP: VLAN tags and the like; forbidden headers */
/* From the container: it asks whether somebody has an address (duplicate address detection, ARP probe) that is not
 * known to be its own, or not yet. That is refused, for the question alone can make another host give the address up,
 * but is no sign of ill will: every new address begins so. */
#define NS_COUNTER_TENTATIVE "tentative"
#define NS_COUNTER_FLOODED                                                                                             \
	"flooded" /* to the container: meant for somebody else; switches flood what they do not know */

/* The outer lock of one endpoint. The allow and deny sets are those of the layout (egress4 … deny_ingress6), with
 * `egress` what the container opens, `ingress` what is opened to it, `transit` what it forwards. With `auditing` what
 * would be refused is counted and accepted. Which sets and rules there are depends on what kinds of rules the policy
 * has (its directions, protocols, ranges, groups), and not on how many, nor on the addresses that a name has.
 *
 * Where it differs from the inner lock, being stateless and outside:
 * - Whoever may be answered may be sent anything from the answering port, but for what opens a TCP, SCTP or DCCP
 *   connection. Nothing is an answer to a group.
 * - What is forwarded may leave in the container's own name (masquerading): the egress sets allow the destinations of
 *   transit rules too, as the inner lock does not. A container that rewrites destinations (a load balancer with DNAT)
 *   needs an ingress rule for the port that its clients address, which its own rules never see.
 * - Later fragments pass by protocol and address. Neither IP options nor extension headers pass, except what IGMP, MLD
 *   and BIG TCP need, whatever the policy says of the packets that bear them.
 * - Router advertisements and redirects from the container never pass, and neither do proxied ARP or ND.
 * - A container that asks for its address (DHCP) needs a rule for UDP port 67 of the broadcast peer. Clients do that
 * over packet sockets, below the inner lock, so that learning does not see it; auditing does. The answers need no rule.
 * Addresses in `own` that are of no link (loopback, multicast) are passed over. */
int ns_compile_outer(const struct ns_policy *policy, const struct ns_book *book, bool auditing,
		     const struct ns_outer_options *options, struct ns_plan *ret, struct ns_error *err);

struct ns_gate_options {
	bool standing; /* chains on the patterns, there also while no agent runs; a port not in `open` is closed */
	const char *const *patterns; /* "veth*" */
	size_t n_patterns;
	const struct ns_port_name *open; /* standing only */
	size_t n_open;
	const struct ns_port_name *closed; /* not standing only: chains on each of these, that drop everything */
	size_t n_closed;
	bool egress_hook;
};

/* Set of the standing gate: index . name of each open port, so that a port that is renamed, or another one that gets
 * the number, is closed. */
#define NS_SET_OPEN_PORTS "open_ports"

int ns_compile_gate(const struct ns_gate_options *options, struct ns_plan *ret, struct ns_error *err);

/* ---- what a plan says of one tuple ---- */

struct ns_permits;

/* Reads the allow sets of an enforcing plan (inner or outer), which is borrowed. */
int ns_permits_new(const struct ns_plan *plan, struct ns_permits **ret, struct ns_error *err);
struct ns_permits *ns_permits_free(struct ns_permits *permits); /* accepts NULL; returns NULL */
/* Whether a connection with this tuple may be opened. Takes the logarithm of the number of elements, about. */
bool ns_permits_tuple(const struct ns_permits *permits, const struct ns_tuple *tuple);

#endif
