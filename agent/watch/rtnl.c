/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <net/if.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "rtnl.h"

bool ns_rtnl_link(struct nlmsghdr *header, struct ns_interface *ret)
{
	struct nla_policy policy[IFLA_MAX + 1] = {
		[IFLA_IFNAME] = { .type = NLA_STRING, .maxlen = IFNAMSIZ },
		[IFLA_LINK] = { .type = NLA_U32 },
	};
	struct nlattr *attrs[IFLA_MAX + 1];
	struct ns_interface found = { 0 };
	const struct ifinfomsg *info;

	if (header->nlmsg_type != RTM_NEWLINK || nlmsg_parse(header, sizeof *info, attrs, IFLA_MAX, policy) < 0 ||
	    !attrs[IFLA_IFNAME])
		return false;
	info = nlmsg_data(header);
	/* Bridges send RTM_NEWLINK of family AF_BRIDGE for their ports as well. */
	if (info->ifi_family != AF_UNSPEC || info->ifi_flags & IFF_LOOPBACK || info->ifi_index <= 0)
		return false;
	(void)nla_strlcpy(found.name, attrs[IFLA_IFNAME], sizeof found.name);
	for (char *c = found.name; *c; c++)
		if (*c <= ' ' || *c > '~')
			*c = '?';
	found.index = info->ifi_index;
	if (attrs[IFLA_LINK]) {
		uint32_t link = nla_get_u32(attrs[IFLA_LINK]);

		found.peer_index = link <= INT32_MAX ? (int)link : 0;
	}
	*ret = found;
	return true;
}

static bool is_settled(const struct ifaddrmsg *info, struct nlattr *const *attrs)
{
	uint32_t flags = attrs[IFA_FLAGS] ? nla_get_u32(attrs[IFA_FLAGS]) : info->ifa_flags;

	/* A tentative address may still turn out to be somebody else's, but nothing stops the container from being
	 * reached under it a moment later: it counts, unless the check failed. */
	return !(flags & IFA_F_DADFAILED);
}

bool ns_rtnl_address(struct nlmsghdr *header, struct ns_prefix *ret)
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
	return true;
}
