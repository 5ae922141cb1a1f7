/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One connection of a namespace as conntrack has it, and what a plan says of it. Pure.
 *
 * A connection is judged as the inner lock would judge its first packet. That asks on output after destination NAT and
 * on input after prerouting, so the ends are the opener's address as it was sent, and what the answers come from.
 */
#ifndef NANOSEG_CUT_FLOW_H
#define NANOSEG_CUT_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nanoseg/addr.h>
#include <nanoseg/outer.h>

struct nlmsghdr;
struct ns_cut_member;
struct ns_cut_owners;

struct ns_cut_end {
	struct ns_addr addr;
	uint16_t port; /* host order; 0 where the protocol has none */
};

struct ns_cut_flow {
	uint8_t protocol;
	uint8_t icmp_type;
	struct ns_cut_end source, destination;             /* of the first packet, as it was sent */
	struct ns_cut_end reply_source, reply_destination; /* of the answers, before they are rewritten back */
	/* The first packet that conntrack saw may have been an answer: TCP picked up in its midst, or datagrams both
	 * ways. */
	bool either_opened;
};

/* The two ends of a connection as a socket of the namespace sees them. */
struct ns_cut_ends {
	uint8_t protocol;
	struct ns_cut_end local, remote;
};

/* Who is judged, and by what; all borrowed. */
struct ns_cut_view {
	const struct ns_permits *permits;
	const struct ns_prefix *own; /* host bits kept */
	size_t n_own;
	/* In a namespace that several share (cut_owner.h); else NULL. */
	const struct ns_cut_member *member;
	const struct ns_cut_owners *owners;
	bool ask_others; /* what a table of the others allows is permitted, too */
};

enum ns_cut_verdict {
	NS_CUT_INVALID = 0,
	NS_CUT_OWN, /* the namespace talks to itself: left alone */
	NS_CUT_KEEP,
	NS_CUT_FORBID,
	NS_CUT_LEAVE, /* another's, or nobody's and allowed to somebody: left alone */
};

/* One IPCTNL_MSG_CT_NEW message, nlh->nlmsg_len bytes long. -EBADMSG: it is none. */
int ns_cut_flow_read(const struct nlmsghdr *nlh, struct ns_cut_flow *ret);

/* One that begins and ends elsewhere is transit: such an address may also be one that the namespace has just lost. One
 * whose opener is not known may be permitted either way round: the policy lets one of its ends open just these ports.
 */
enum ns_cut_verdict ns_cut_judge_flow(const struct ns_cut_view *view, const struct ns_cut_flow *flow);
/* A socket that conntrack knows no connection of: permitted when either end may have opened it. */
enum ns_cut_verdict ns_cut_judge_ends(const struct ns_cut_view *view, const struct ns_cut_ends *ends);

/* The ends as the namespace's own socket sees them. False: forwarded, or over loopback without any NAT, or of a
 * protocol whose sockets nobody can list. */
bool ns_cut_flow_ends(const struct ns_cut_view *view, const struct ns_cut_flow *flow, struct ns_cut_ends *ret);

#endif
