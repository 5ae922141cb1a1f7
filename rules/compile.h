/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the learning and the enforcing table have in common. Both let the same packets pass unasked, for otherwise
 * enforcing would refuse what learning had no reason to remember.
 */
#ifndef NANOSEG_COMPILE_H
#define NANOSEG_COMPILE_H

#include <nanoseg/layout.h>

#include "builder.h"

#define NS_PRIORITY_FILTER    0
#define NS_PRIORITY_AFTER_NAT 300 /* so that the real destination is judged, whatever rewrote it */

#define NS_TCP_FLAGS_OFFSET    13
#define NS_TCP_FIN_SYN_RST_ACK 0x17
#define NS_TCP_SYN             0x02
#define NS_TCP_RST             0x04

/* Where a member's packets go to; each ends in a verdict for whatever comes. */
#define NS_CHAIN_MEMBER_IN  "member_in"
#define NS_CHAIN_MEMBER_OUT "member_out"

#define NS_LOOPBACK_IFINDEX 1 /* in every network namespace */

#define NS_SET_BROADCAST4 "broadcast4" /* broadcast addresses of the links, and the limited one */
#define NS_SET_LINK6      "link6"      /* where neighbour discovery may go */
#define NS_SET_UDP_SERVED "udp_served" /* see struct ns_compile_options */

/* Starts the table with the sets both have: protocols by kind, broadcast4, link6; a member's has no link6. */
void ns_compile_begin(struct ns_builder *b, const struct ns_compile_options *options);
/* Adds the sets of one purpose, empty, as the layout names them. Elements count packets when `counters` says so. */
void ns_compile_sets(struct ns_builder *b, enum ns_purpose purpose, uint32_t size, bool counters);
/* The same without those of transit: a member forwards nothing. */
void ns_compile_member_sets(struct ns_builder *b, enum ns_purpose purpose, uint32_t size, bool counters);

/* Members (member.c). Latches an error when the options contradict each other. */
void ns_compile_check_members(struct ns_builder *b, const struct ns_compile_options *options);
/* What a member is sent and is accepted before anything is asked. */
void ns_compile_member_in(struct ns_builder *b, const struct ns_compile_options *options);
/* The base chains of a member's table, which lead what is its own to NS_CHAIN_MEMBER_IN and _OUT. */
void ns_compile_member_bases(struct ns_builder *b, const struct ns_member_cgroup *member);
/* In the table of a namespace, when there are others: their sets, and the first rules of input and output. */
void ns_compile_others_sets(struct ns_builder *b, const struct ns_compile_options *options);
void ns_compile_others_rules(struct ns_builder *b, const struct ns_compile_options *options);

/* An element of one of those sets; `length` is that of its whole key, key_end the same as key when NULL. */
void ns_compile_element(struct ns_builder *b, const char *set_name, const void *key, const void *key_end,
			size_t length);

/* Chains link_in and link_out: what IPv6 needs on a link, and nothing else that could carry data away. */
void ns_compile_link_chains(struct ns_builder *b);
/* Rules of base chains. */
void ns_compile_jump_link(struct ns_builder *b, const char *chain);
/* In a rule for IPv6: the source is link-local. */
void ns_compile_from_link_local(struct ns_builder *b);
void ns_compile_loopback_in(struct ns_builder *b);
void ns_compile_loopback_out(struct ns_builder *b);
void ns_compile_related_icmp(struct ns_builder *b);
void ns_compile_is_answer(struct ns_builder *b); /* condition: from the end that did not open the connection */
void ns_compile_state(struct ns_builder *b, uint32_t bits); /* condition: ct state & bits != 0 */
/* Rules that leave a chain of ingress for `chain` when the packet went to a multicast or broadcast group. */
void ns_compile_groups(struct ns_builder *b, int32_t verdict, const char *chain);

/* On failure *plan is released; on success it is normalised and moved to *ret. */
int ns_compile_finish(struct ns_builder *b, struct ns_plan *plan, struct ns_plan *ret);

static inline const struct ns_member_cgroup *ns_compile_member(const struct ns_compile_options *options)
{
	return options ? options->member : NULL;
}

static inline bool ns_compile_has_others(const struct ns_compile_options *options)
{
	return options && options->n_others > 0;
}

static inline uint16_t ns_compile_nflog_group(const struct ns_compile_options *options)
{
	return options && options->nflog_group ? options->nflog_group : NS_NFLOG_GROUP;
}

#endif
