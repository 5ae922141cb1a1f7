/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rules that take a packet's tuple into registers and ask a set for it, or add it to one. One rule is needed for
 * each family (the address has its length) and each kind of protocol (the last field is a port, an ICMP type, or zero),
 * whatever the policy: that is why the number of rules is constant.
 *
 * A load that the packet is too short for, or that a fragment has no header for, ends the rule and the next one is
 * tried. A packet can thus fall out of all of them, and what follows must be ready for it.
 */
#ifndef NANOSEG_TUPLE_KEY_H
#define NANOSEG_TUPLE_KEY_H

#include <nanoseg/layout.h>

#include "builder.h"

#define NS_SET_PORT_PROTOCOLS "port_protocols"
#define NS_SET_ICMP_PROTOCOLS "icmp_protocols"

#define NS_IPV4_SOURCE      12 /* offsets in the network header */
#define NS_IPV4_DESTINATION 16
#define NS_IPV6_HOP_LIMIT   7
#define NS_IPV6_SOURCE      8
#define NS_IPV6_DESTINATION 24

enum ns_key_kind { NS_KIND_PORTS, NS_KIND_ICMP, NS_KIND_OTHER, NS_KINDS };

/* Where a packet's own bytes, counted from its network header, have its protocol and its transport header. */
struct ns_tuple_place {
	uint8_t protocol, transport;
};

enum ns_key_shape {
	NS_KEY_DESTINATION,   /* proto . daddr . dport: egress, and ingress to a group */
	NS_KEY_SOURCE,        /* proto . saddr . dport: ingress */
	NS_KEY_BOTH,          /* proto . saddr . daddr . dport: transit */
	NS_KEY_ANSWER,        /* proto . daddr . sport: an answer on its way out, taken for the ingress it answers */
	NS_KEY_SOURCE_ANSWER, /* proto . saddr . sport: an answer on its way in, taken for the egress it answers */
	NS_KEY_BOTH_ANSWER,   /* proto . daddr . saddr . sport: an answer to what was forwarded */
};

struct ns_tuple_rules {
	enum ns_purpose purpose; /* with direction: which sets */
	enum ns_direction direction;
	enum ns_key_shape shape;
	int family; /* AF_INET or AF_INET6 where nothing else comes; 0: both, each asked for by its number */
	const struct ns_tuple_place *place; /* NULL: where the kernel has found them */
	enum ns_log_kind log;               /* adding only; NS_LOG_INVALID: not logged */
	uint16_t nflog_group;
	bool ports_only; /* nothing comes but protocols with ports */
	int32_t verdict;
	const char *chain; /* of the verdict; NULL: none */
};

/* One rule begun for each kind and family: condition, key, look-up, verdict. Of what allows only those that may find
 * something (shape.h). */
void ns_tuple_lookups(struct ns_builder *b, const struct ns_tuple_rules *rules);
/* The same, but adding; a full set breaks the rule and the next one is tried. */
void ns_tuple_adds(struct ns_builder *b, const struct ns_tuple_rules *rules);
/* proto . port without an address: one rule for each kind, and no verdict. */
void ns_tuple_add_ports(struct ns_builder *b, const char *set, const struct ns_tuple_rules *rules);

/* Within a rule: the key's fields into registers from 0 on, for packets that are known to be of that family and kind;
 * NS_KIND_OTHER has no port to be an answer's. Returns the last field's register. */
uint8_t ns_tuple_load(struct ns_builder *b, int family, const struct ns_tuple_place *place, enum ns_key_kind kind,
		      enum ns_key_shape shape);
/* The same with the protocol in its register already. */
uint8_t ns_tuple_load_rest(struct ns_builder *b, int family, const struct ns_tuple_place *place, enum ns_key_kind kind,
			   enum ns_key_shape shape);
/* Within a rule: one address; returns the register behind it. */
uint8_t ns_tuple_load_address(struct ns_builder *b, int family, bool source, uint8_t reg);

/* A rule for packets whose tuple can be read, one a kind: begins it with that condition, calls `rest` to finish it. */
void ns_tuple_each_readable(struct ns_builder *b, const struct ns_tuple_place *place, enum ns_key_shape shape,
			    void (*rest)(struct ns_builder *b, const void *ctx), const void *ctx);

/* Within a rule: neither ports nor ICMP types, into register 0. */
void ns_tuple_others(struct ns_builder *b);

/* "meta nfproto ipv4" or "ipv6", into register 0. */
void ns_builder_family(struct ns_builder *b, int family);
void ns_builder_protocol(struct ns_builder *b, uint8_t protocol); /* meta l4proto ==, in register 0 */

#endif
