/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <net/if.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "cleanup.h"
#include "rtnl.h"

#define MAC_LENGTH 6

static const struct nla_policy link_policy[IFLA_MAX + 1] = {
	[IFLA_IFNAME] = { .type = NLA_STRING, .maxlen = IFNAMSIZ },
	[IFLA_LINK] = { .type = NLA_U32 },
	[IFLA_LINKINFO] = { .type = NLA_NESTED },
	[IFLA_LINK_NETNSID] = { .type = NLA_U32 },
	[IFLA_NEW_NETNSID] = { .type = NLA_U32 },
	[IFLA_NEW_IFINDEX] = { .type = NLA_U32 },
};

/* Cut off at what fits, and every byte one that can be printed. */
static void copy_name(char ret[static NS_IFNAME_MAX], const struct nlattr *attr)
{
	(void)nla_strlcpy(ret, attr, NS_IFNAME_MAX);
	for (char *c = ret; *c; c++)
		if (*c <= ' ' || *c > '~')
			*c = '?';
}

static void copy_kind(char ret[static NS_IFNAME_MAX], struct nlattr *info)
{
	struct nla_policy policy[IFLA_INFO_MAX + 1] = { [IFLA_INFO_KIND] = { .type = NLA_STRING } };
	struct nlattr *attrs[IFLA_INFO_MAX + 1];

	if (info && nla_parse_nested(attrs, IFLA_INFO_MAX, info, policy) == 0 && attrs[IFLA_INFO_KIND])
		copy_name(ret, attrs[IFLA_INFO_KIND]);
}

static int get_index(const struct nlattr *attr)
{
	uint32_t index = attr ? nla_get_u32(attr) : 0;

	return index <= INT32_MAX ? (int)index : 0;
}

static int get_nsid(const struct nlattr *attr)
{
	uint32_t id = nla_get_u32(attr);

	return id <= INT32_MAX ? (int)id : NS_NSID_UNKNOWN;
}

static bool parse_link(struct nlmsghdr *header, struct nlattr *ret[static IFLA_MAX + 1])
{
	const struct ifinfomsg *info;

	if ((header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK) ||
	    nlmsg_parse(header, sizeof *info, ret, IFLA_MAX, ns_unconst(link_policy)) < 0 || !ret[IFLA_IFNAME])
		return false;
	info = nlmsg_data(header);
	/* Bridges send messages of family AF_BRIDGE for their ports as well; one leaving its bridge is not gone. */
	return info->ifi_family == AF_UNSPEC && info->ifi_index > 0;
}

bool ns_rtnl_link(struct nlmsghdr *header, struct ns_interface *ret)
{
	struct nlattr *attrs[IFLA_MAX + 1];
	struct ns_interface found = { 0 };
	const struct ifinfomsg *info = nlmsg_data(header);

	if (header->nlmsg_type != RTM_NEWLINK || !parse_link(header, attrs) || info->ifi_flags & IFF_LOOPBACK)
		return false;
	copy_name(found.name, attrs[IFLA_IFNAME]);
	copy_kind(found.kind, attrs[IFLA_LINKINFO]);
	found.index = info->ifi_index;
	found.peer_index = get_index(attrs[IFLA_LINK]);
	found.peer_outside = attrs[IFLA_LINK_NETNSID] != NULL;
	if (attrs[IFLA_ADDRESS] && nla_len(attrs[IFLA_ADDRESS]) == MAC_LENGTH)
		memcpy(found.mac, nla_data(attrs[IFLA_ADDRESS]), MAC_LENGTH);
	*ret = found;
	return true;
}

bool ns_rtnl_link_news(struct nlmsghdr *header, struct ns_link_news *ret)
{
	struct nlattr *attrs[IFLA_MAX + 1];
	struct ns_link_news found = { .peer_nsid = NS_NSID_SAME, .moved_nsid = NS_NSID_UNKNOWN };
	char kind[NS_IFNAME_MAX] = "";

	if (!parse_link(header, attrs))
		return false;
	found.index = ((const struct ifinfomsg *)nlmsg_data(header))->ifi_index;
	found.gone = header->nlmsg_type == RTM_DELLINK;
	copy_name(found.name, attrs[IFLA_IFNAME]);
	copy_kind(kind, attrs[IFLA_LINKINFO]);
	found.has_peer = strcmp(kind, "veth") == 0 || strcmp(kind, "netkit") == 0;
	found.peer_index = get_index(attrs[IFLA_LINK]);
	if (attrs[IFLA_LINK_NETNSID])
		found.peer_nsid = get_nsid(attrs[IFLA_LINK_NETNSID]);
	if (found.gone && attrs[IFLA_NEW_NETNSID]) {
		found.moved_nsid = get_nsid(attrs[IFLA_NEW_NETNSID]);
		/* Linux 4.16; told only when it is another one there. */
		found.moved_index = attrs[IFLA_NEW_IFINDEX] ? get_index(attrs[IFLA_NEW_IFINDEX]) : found.index;
	}
	*ret = found;
	return true;
}

bool ns_rtnl_nsid(struct nlmsghdr *header, int *ret)
{
	struct nla_policy policy[NETNSA_MAX + 1] = { [NETNSA_NSID] = { .type = NLA_U32 } };
	struct nlattr *attrs[NETNSA_MAX + 1];

	if ((header->nlmsg_type != RTM_NEWNSID && header->nlmsg_type != RTM_DELNSID) ||
	    nlmsg_parse(header, sizeof(struct rtgenmsg), attrs, NETNSA_MAX, policy) < 0 || !attrs[NETNSA_NSID])
		return false;
	*ret = get_nsid(attrs[NETNSA_NSID]);
	return true;
}

static bool is_settled(const struct ifaddrmsg *info, struct nlattr *const *attrs)
{
	uint32_t flags = attrs[IFA_FLAGS] ? nla_get_u32(attrs[IFA_FLAGS]) : info->ifa_flags;

	/* A tentative address may still turn out to be somebody else's, but nothing stops the container from being
	 * reached under it a moment later: it counts, unless the check failed. */
	return !(flags & IFA_F_DADFAILED);
}

bool ns_rtnl_address(struct nlmsghdr *header, struct ns_prefix *ret, int *ret_index)
{
	struct nla_policy policy[IFA_MAX + 1] = {
		[IFA_FLAGS] = { .type = NLA_U32 },
	};
	struct nlattr *attrs[IFA_MAX + 1], *attr;
	const struct ifaddrmsg *info;
	struct ns_addr addr;
	enum ns_addr_scope scope;
	int length;

	if (header->nlmsg_type != RTM_NEWADDR || nlmsg_parse(header, sizeof *info, attrs, IFA_MAX, policy) < 0)
		return false;
	info = nlmsg_data(header);
	if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
		return false;
	/* On a point-to-point link IFA_ADDRESS is the other side. */
	attr = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	length = info->ifa_family == AF_INET ? 4 : 16;
	if (!attr || nla_len(attr) != length || info->ifa_prefixlen > length * 8 || !is_settled(info, attrs))
		return false;
	addr = ns_addr_from_bytes(info->ifa_family, nla_data(attr));
	scope = ns_addr_scope(&addr);
	if (scope == NS_ADDR_LOOPBACK || scope == NS_ADDR_UNSPECIFIED || scope == NS_ADDR_SCOPE_INVALID)
		return false;
	*ret = (struct ns_prefix){ addr, info->ifa_prefixlen };
	*ret_index = info->ifa_index <= INT32_MAX ? (int)info->ifa_index : 0;
	return true;
}
