/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "nft/attr.h"

#include "cut_owner.h"

/* ---- reading ----
 *
 * libnetfilter_conntrack ends the process when an attribute is not as it expects (abi_breakage in its src/utils.c), so
 * reading is done here. */

static int read_address(struct ns_attrs *ip, uint8_t family, unsigned type4, unsigned type6, struct ns_addr *ret)
{
	size_t length;
	const void *bytes = ns_attrs_bytes(ip, family == AF_INET ? type4 : type6, &length);

	if (!bytes || length != (family == AF_INET ? 4 : 16))
		return -EBADMSG;
	*ret = ns_addr_from_bytes(family, bytes);
	return 0;
}

/* CTA_TUPLE_ORIG or CTA_TUPLE_REPLY. */
static int read_tuple(struct ns_attrs *attrs, unsigned type, uint8_t family, struct ns_cut_flow *flow,
		      struct ns_cut_end *source, struct ns_cut_end *destination)
{
	struct ns_attrs tuple, ip, proto;

	ns_attrs_parse_nested(&tuple, attrs, type);
	ns_attrs_parse_nested(&ip, &tuple, CTA_TUPLE_IP);
	ns_attrs_parse_nested(&proto, &tuple, CTA_TUPLE_PROTO);
	if (read_address(&ip, family, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &source->addr) < 0 ||
	    read_address(&ip, family, CTA_IP_V4_DST, CTA_IP_V6_DST, &destination->addr) < 0 ||
	    !ns_attrs_has(&proto, CTA_PROTO_NUM))
		return -EBADMSG;
	flow->protocol = ns_attrs_u8(&proto, CTA_PROTO_NUM, 0);
	if (ns_protocol_has_ports(flow->protocol)) {
		source->port = ns_attrs_u16(&proto, CTA_PROTO_SRC_PORT, 0);
		destination->port = ns_attrs_u16(&proto, CTA_PROTO_DST_PORT, 0);
	} else if (ns_protocol_is_icmp(flow->protocol)) {
		type = flow->protocol == IPPROTO_ICMP ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE;
		if (!ns_attrs_has(&proto, type))
			return -EBADMSG;
		flow->icmp_type = ns_attrs_u8(&proto, type, 0);
	}
	return tuple.malformed || ip.malformed || proto.malformed ? -EBADMSG : 0;
}

/* Conntrack is liberal about windows that it has not seen the beginning of: nf_conntrack_proto_tcp.c, tcp_new(). */
static bool may_be_other_way_round(struct ns_attrs *attrs, uint8_t protocol)
{
	struct ns_attrs info, tcp;
	struct nf_ct_tcp_flags flags;
	const void *bytes;
	size_t length;

	if (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE)
		return (ns_attrs_u32(attrs, CTA_STATUS, 0) & IPS_SEEN_REPLY) != 0;
	if (protocol != IPPROTO_TCP)
		return false;
	ns_attrs_parse_nested(&info, attrs, CTA_PROTOINFO);
	ns_attrs_parse_nested(&tcp, &info, CTA_PROTOINFO_TCP);
	bytes = ns_attrs_bytes(&tcp, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, &length);
	if (!bytes || length < sizeof(flags))
		return false;
	memcpy(&flags, bytes, sizeof(flags));
	return (flags.flags & IP_CT_TCP_FLAG_BE_LIBERAL) != 0;
}

int ns_cut_flow_read(const struct nlmsghdr *nlh, struct ns_cut_flow *ret)
{
	struct ns_cut_flow flow = { 0 }, reply = { 0 };
	struct nfgenmsg nfgen;
	struct ns_attrs attrs;

	if (nlh->nlmsg_type != ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW) ||
	    nlh->nlmsg_len < NLMSG_HDRLEN + sizeof(nfgen))
		return -EBADMSG;
	memcpy(&nfgen, (const char *)nlh + NLMSG_HDRLEN, sizeof(nfgen));
	if (nfgen.nfgen_family != AF_INET && nfgen.nfgen_family != AF_INET6)
		return -EBADMSG;
	ns_attrs_parse_message(&attrs, nlh);
	if (read_tuple(&attrs, CTA_TUPLE_ORIG, nfgen.nfgen_family, &flow, &flow.source, &flow.destination) < 0 ||
	    read_tuple(&attrs, CTA_TUPLE_REPLY, nfgen.nfgen_family, &reply, &reply.source, &reply.destination) < 0 ||
	    flow.protocol != reply.protocol)
		return -EBADMSG;
	flow.reply_source = reply.source;
	flow.reply_destination = reply.destination;
	flow.either_opened = may_be_other_way_round(&attrs, flow.protocol);
	if (attrs.malformed)
		return -EBADMSG;
	*ret = flow;
	return 0;
}

/* ---- judging ---- */

static bool is_home(const struct ns_cut_view *view, const struct ns_addr *addr)
{
	for (size_t i = 0; i < view->n_own; i++)
		if (ns_addr_equal(&view->own[i].addr, addr))
			return true;
	return ns_addr_scope(addr) == NS_ADDR_LOOPBACK;
}

static bool is_group(const struct ns_cut_view *view, const struct ns_addr *addr)
{
	enum ns_addr_scope scope = ns_addr_scope(addr);

	if (scope == NS_ADDR_MULTICAST || scope == NS_ADDR_BROADCAST)
		return true;
	for (size_t i = 0; i < view->n_own; i++) {
		struct ns_prefix link = ns_prefix_of(&view->own[i].addr, view->own[i].length);
		struct ns_addr broadcast = ns_prefix_broadcast(&link);

		if (broadcast.family != 0 && ns_addr_equal(&broadcast, addr))
			return true;
	}
	return false;
}

/* `opener` and `other` are the ends as the inner lock sees them; the port is the other's. */
static bool is_permitted(const struct ns_cut_view *view, enum ns_direction direction, const struct ns_cut_flow *flow,
			 const struct ns_cut_end *opener, const struct ns_cut_end *other)
{
	struct ns_tuple tuple = { .direction = direction, .protocol = flow->protocol, .port = other->port };

	if (ns_protocol_is_icmp(flow->protocol))
		tuple.port = flow->icmp_type;
	switch (direction) {
	case NS_EGRESS:
		tuple.peer = other->addr;
		break;
	case NS_INGRESS:
		tuple.peer = is_group(view, &other->addr) ? other->addr : opener->addr;
		break;
	case NS_TRANSIT:
		tuple.peer = other->addr;
		tuple.source = opener->addr;
		break;
	case NS_DIRECTION_INVALID:
		return false;
	}
	if (direction == NS_TRANSIT && view->owners && view->owners->of_member)
		return true; /* nothing is forwarded in a member's name */
	return ns_permits_tuple(view->permits, &tuple) || (view->ask_others && view->member->others_permit &&
							   view->member->others_permit(view->member->ctx, &tuple));
}

/* By who is at home. The lock asks by the hook a packet passes: what comes for a group passes input, or is forwarded;
 * what has no source yet is on its way out, or comes in for a group. */
static bool is_permitted_one_way(const struct ns_cut_view *view, const struct ns_cut_flow *flow,
				 const struct ns_cut_end *opener, const struct ns_cut_end *other)
{
	bool nameless = ns_addr_scope(&opener->addr) == NS_ADDR_UNSPECIFIED;

	if (is_home(view, &opener->addr))
		return is_permitted(view, NS_EGRESS, flow, opener, other);
	if (nameless && is_permitted(view, NS_EGRESS, flow, opener, other))
		return true;
	if (is_home(view, &other->addr))
		return is_permitted(view, NS_INGRESS, flow, opener, other);
	if (is_group(view, &other->addr) && is_permitted(view, NS_INGRESS, flow, opener, other))
		return true;
	return is_permitted(view, NS_TRANSIT, flow, opener, other);
}

enum ns_cut_verdict ns_cut_judge_flow(const struct ns_cut_view *view, const struct ns_cut_flow *flow)
{
	if (is_home(view, &flow->source.addr) && is_home(view, &flow->reply_source.addr))
		return NS_CUT_OWN;
	if (is_permitted_one_way(view, flow, &flow->source, &flow->reply_source))
		return NS_CUT_KEEP;
	if (flow->either_opened && is_permitted_one_way(view, flow, &flow->reply_source, &flow->source))
		return NS_CUT_KEEP;
	return NS_CUT_FORBID;
}

enum ns_cut_verdict ns_cut_judge_ends(const struct ns_cut_view *view, const struct ns_cut_ends *ends)
{
	struct ns_cut_flow flow = { .protocol = ends->protocol };

	if (is_home(view, &ends->remote.addr) || ns_addr_equal(&ends->local.addr, &ends->remote.addr))
		return NS_CUT_OWN;
	if (is_permitted(view, NS_EGRESS, &flow, &ends->local, &ends->remote) ||
	    is_permitted(view, NS_INGRESS, &flow, &ends->remote, &ends->local))
		return NS_CUT_KEEP;
	return NS_CUT_FORBID;
}

bool ns_cut_flow_ends(const struct ns_cut_view *view, const struct ns_cut_flow *flow, struct ns_cut_ends *ret)
{
	if (flow->protocol != IPPROTO_TCP && flow->protocol != IPPROTO_UDP && flow->protocol != IPPROTO_UDPLITE)
		return false;
	if (is_home(view, &flow->source.addr)) {
		if (is_home(view, &flow->destination.addr))
			return false;
		*ret = (struct ns_cut_ends){ flow->protocol, flow->source, flow->destination };
		return true;
	}
	if (!is_home(view, &flow->reply_source.addr))
		return false;
	*ret = (struct ns_cut_ends){ flow->protocol, flow->reply_source, flow->reply_destination };
	return true;
}
