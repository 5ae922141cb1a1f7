/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>

#include "cleanup.h"

#include "cut_flow.h"

/* ---- reading ---- */

static void destroy_conntrackp(struct nf_conntrack **ct)
{
	if (*ct)
		nfct_destroy(*ct);
}

static uint16_t read_port(const struct nf_conntrack *ct, enum nf_conntrack_attr attr)
{
	return nfct_attr_is_set(ct, attr) > 0 ? ntohs(nfct_get_attr_u16(ct, attr)) : 0;
}

static int read_address(const struct nf_conntrack *ct, uint8_t family, enum nf_conntrack_attr attr4,
			enum nf_conntrack_attr attr6, struct ns_addr *ret)
{
	enum nf_conntrack_attr attr = family == AF_INET ? attr4 : attr6;
	const void *bytes = nfct_attr_is_set(ct, attr) > 0 ? nfct_get_attr(ct, attr) : NULL;

	if (!bytes)
		return -EBADMSG;
	*ret = ns_addr_from_bytes(family, bytes);
	return 0;
}

static int read_addresses(const struct nf_conntrack *ct, uint8_t family, struct ns_cut_flow *flow)
{
	if (read_address(ct, family, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC, &flow->source.addr) < 0 ||
	    read_address(ct, family, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST, &flow->destination.addr) < 0 ||
	    read_address(ct, family, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC, &flow->reply_source.addr) < 0 ||
	    read_address(ct, family, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST, &flow->reply_destination.addr) < 0)
		return -EBADMSG;
	return 0;
}

/* Conntrack is liberal about windows that it has not seen the beginning of: nf_conntrack_proto_tcp.c, tcp_new(). */
static bool may_be_other_way_round(const struct nf_conntrack *ct, uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return nfct_attr_is_set(ct, ATTR_TCP_FLAGS_ORIG) > 0 &&
		       (nfct_get_attr_u8(ct, ATTR_TCP_FLAGS_ORIG) & IP_CT_TCP_FLAG_BE_LIBERAL) != 0;
	if (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE)
		return nfct_attr_is_set(ct, ATTR_STATUS) > 0 &&
		       (nfct_get_attr_u32(ct, ATTR_STATUS) & IPS_SEEN_REPLY) != 0;
	return false;
}

int ns_cut_flow_read(const struct nlmsghdr *nlh, struct ns_cut_flow *ret)
{
	NS_CLEANUP(destroy_conntrackp) struct nf_conntrack *ct = NULL;
	struct ns_cut_flow flow = { 0 };
	uint8_t family;

	if (nlh->nlmsg_type != ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW) ||
	    nlh->nlmsg_len < NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return -EBADMSG;
	ct = nfct_new();
	if (!ct)
		return -ENOMEM;
	if (nfct_nlmsg_parse(nlh, ct) < 0 || nfct_attr_is_set(ct, ATTR_ORIG_L3PROTO) <= 0 ||
	    nfct_attr_is_set(ct, ATTR_ORIG_L4PROTO) <= 0)
		return -EBADMSG;
	family = nfct_get_attr_u8(ct, ATTR_ORIG_L3PROTO);
	if (family != AF_INET && family != AF_INET6)
		return -EBADMSG;
	if (read_addresses(ct, family, &flow) < 0)
		return -EBADMSG;
	flow.protocol = nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO);
	if (ns_protocol_has_ports(flow.protocol)) {
		flow.source.port = read_port(ct, ATTR_ORIG_PORT_SRC);
		flow.destination.port = read_port(ct, ATTR_ORIG_PORT_DST);
		flow.reply_source.port = read_port(ct, ATTR_REPL_PORT_SRC);
		flow.reply_destination.port = read_port(ct, ATTR_REPL_PORT_DST);
	} else if (ns_protocol_is_icmp(flow.protocol)) {
		if (nfct_attr_is_set(ct, ATTR_ICMP_TYPE) <= 0)
			return -EBADMSG;
		flow.icmp_type = nfct_get_attr_u8(ct, ATTR_ICMP_TYPE);
	}
	flow.either_opened = may_be_other_way_round(ct, flow.protocol);
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
	return ns_permits_tuple(view->permits, &tuple);
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
