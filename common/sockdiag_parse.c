/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/sock_diag.h>

#include "sockdiag.h"

static bool is_mapped(const struct ns_addr *addr)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return addr->family == AF_INET6 && memcmp(addr->bytes, prefix, sizeof prefix) == 0;
}

static bool is_any(const struct ns_addr *addr)
{
	static const uint8_t zero[16];

	return memcmp(addr->bytes, zero, sizeof zero) == 0;
}

/* An IPv6 socket that speaks IPv4 has mapped addresses; where it is not connected its remote end is "::". */
static void unmap(struct ns_diag_socket *s)
{
	bool local = is_mapped(&s->local), remote = is_mapped(&s->remote);

	if (!(local && (remote || is_any(&s->remote))) && !(remote && is_any(&s->local)))
		return;
	s->local = ns_addr_from_bytes(AF_INET, s->local.bytes + 12);
	s->remote = ns_addr_from_bytes(AF_INET, s->remote.bytes + 12);
}

static int read_attr(const struct nlattr *attr, void *data)
{
	struct ns_diag_socket *s = data;

	if (mnl_attr_get_type(attr) == INET_DIAG_SKV6ONLY && mnl_attr_get_payload_len(attr) >= 1)
		s->v6only = mnl_attr_get_u8(attr) != 0;
	if (mnl_attr_get_type(attr) == INET_DIAG_CGROUP_ID && mnl_attr_get_payload_len(attr) == sizeof s->cgroup)
		memcpy(&s->cgroup, mnl_attr_get_payload(attr), sizeof s->cgroup);
	return MNL_CB_OK;
}

int ns_diag_parse(const struct nlmsghdr *nlh, struct ns_diag_socket *ret)
{
	struct ns_diag_socket s = { 0 };
	struct inet_diag_msg msg;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || nlh->nlmsg_len < NLMSG_HDRLEN + sizeof msg)
		return -EBADMSG;
	memcpy(&msg, mnl_nlmsg_get_payload(nlh), sizeof msg);
	if (msg.idiag_family != AF_INET && msg.idiag_family != AF_INET6)
		return -EBADMSG;
	s.state = msg.idiag_state;
	s.family = msg.idiag_family;
	s.id = msg.id;
	s.local = ns_addr_from_bytes(msg.idiag_family, msg.id.idiag_src);
	s.remote = ns_addr_from_bytes(msg.idiag_family, msg.id.idiag_dst);
	s.local_port = ntohs(msg.id.idiag_sport);
	s.remote_port = ntohs(msg.id.idiag_dport);
	s.interface = msg.id.idiag_if;
	s.inode = msg.idiag_inode;
	s.uid = msg.idiag_inode != 0 ? (int64_t)msg.idiag_uid : -1; /* without a file the kernel says 0 */
	/* Not mnl_attr_parse(): that rounds the message's length up, beyond what was received. */
	(void)mnl_attr_parse_payload(mnl_nlmsg_get_payload_offset(nlh, sizeof msg),
				     nlh->nlmsg_len - NLMSG_HDRLEN - sizeof msg, read_attr, &s);
	unmap(&s);
	*ret = s;
	return 0;
}
