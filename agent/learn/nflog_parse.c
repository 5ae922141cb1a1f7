/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "nflog_parse.h"

#define USEC_PER_SEC INT64_C(1000000)

struct attrs {
	const struct nlattr *of[NFULA_MAX + 1];
};

/* The first of each kind counts. Unknown attributes are later kernels' and nobody's concern. */
static int collect(const struct nlattr *attr, void *data)
{
	struct attrs *attrs = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type <= NFULA_MAX && attrs->of[type] == NULL)
		attrs->of[type] = attr;
	return MNL_CB_OK;
}

static bool read_be32(const struct nlattr *attr, uint32_t *ret)
{
	uint32_t value;

	if (attr == NULL || mnl_attr_get_payload_len(attr) != sizeof value)
		return false;
	memcpy(&value, mnl_attr_get_payload(attr), sizeof value);
	*ret = ntohl(value);
	return true;
}

static int64_t read_time(const struct nlattr *attr)
{
	struct nfulnl_msg_packet_timestamp stamp;
	uint64_t seconds, us;

	if (attr == NULL || mnl_attr_get_payload_len(attr) != sizeof stamp)
		return 0;
	memcpy(&stamp, mnl_attr_get_payload(attr), sizeof stamp);
	seconds = be64toh(stamp.sec);
	us = be64toh(stamp.usec);
	if (seconds > INT64_MAX / USEC_PER_SEC - 1 || us >= USEC_PER_SEC)
		return 0;
	return (int64_t)seconds * USEC_PER_SEC + (int64_t)us;
}

static bool read_prefix(const struct nlattr *attr, struct ns_nflog_message *message)
{
	char prefix[NS_LOG_PREFIX_MAX];
	size_t length;

	if (attr == NULL)
		return false;
	length = mnl_attr_get_payload_len(attr);
	if (length == 0 || length > sizeof prefix)
		return false;
	memcpy(prefix, mnl_attr_get_payload(attr), length);
	if (memchr(prefix, '\0', length) != prefix + length - 1) /* one NUL, and that at the end */
		return false;
	return ns_layout_log_parse(prefix, &message->kind, &message->direction) >= 0;
}

int ns_nflog_parse(const struct nlmsghdr *nlh, struct ns_nflog_message *ret)
{
	struct attrs attrs = { { NULL } };
	struct ns_nflog_message message = { .uid = -1 };
	const struct nfgenmsg *nfg;
	uint32_t uid;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
	    nlh->nlmsg_len < NLMSG_HDRLEN + sizeof *nfg)
		return -EBADMSG;
	nfg = mnl_nlmsg_get_payload(nlh);
	/* Not mnl_attr_parse(): that rounds the message's length up, beyond what was received. */
	(void)mnl_attr_parse_payload(nfg + 1, nlh->nlmsg_len - NLMSG_HDRLEN - sizeof *nfg, collect, &attrs);
	message.has_sequence = read_be32(attrs.of[NFULA_SEQ], &message.sequence);
	if (!read_prefix(attrs.of[NFULA_PREFIX], &message)) {
		*ret = (struct ns_nflog_message){ .uid = -1,
						  .has_sequence = message.has_sequence,
						  .sequence = message.sequence };
		return 0;
	}
	if ((nfg->nfgen_family != AF_INET && nfg->nfgen_family != AF_INET6) || attrs.of[NFULA_PAYLOAD] == NULL)
		return -EBADMSG;
	message.family = nfg->nfgen_family;
	message.payload = mnl_attr_get_payload(attrs.of[NFULA_PAYLOAD]);
	message.payload_length = mnl_attr_get_payload_len(attrs.of[NFULA_PAYLOAD]);
	message.time = read_time(attrs.of[NFULA_TIMESTAMP]);
	if (read_be32(attrs.of[NFULA_UID], &uid))
		message.uid = uid;
	(void)read_be32(attrs.of[NFULA_IFINDEX_INDEV], &message.in);
	(void)read_be32(attrs.of[NFULA_IFINDEX_OUTDEV], &message.out);
	*ret = message;
	return 1;
}
