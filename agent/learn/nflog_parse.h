/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One message of nfnetlink_log, taken apart. Pure; every length is checked.
 */
#ifndef NANOSEG_LEARN_NFLOG_PARSE_H
#define NANOSEG_LEARN_NFLOG_PARSE_H

#include <linux/netlink.h>

#include <nanoseg/layout.h>

struct ns_nflog_message {
	enum ns_log_kind kind;
	enum ns_direction direction;
	int family;             /* AF_INET or AF_INET6 */
	const uint8_t *payload; /* from the network header on; in the message */
	size_t payload_length;
	int64_t time;      /* microseconds since the epoch; 0: the message has none (output hook) */
	int64_t uid;       /* of the sending socket; -1 where the packet has none */
	uint32_t in, out;  /* interface indexes; 0: none */
	bool has_sequence; /* NFULNL_CFG_F_SEQ */
	uint32_t sequence; /* one more with every message of the group, delivered or not */
};

/* nlh lies in a buffer of at least nlh->nlmsg_len bytes. Returns 1 when it is a packet with one of our prefixes; 0 when
 * it is a packet that somebody else logs to the group: then only the sequence is filled in. -EBADMSG: not a packet
 * message, or a broken one. */
int ns_nflog_parse(const struct nlmsghdr *nlh, struct ns_nflog_message *ret);

#endif
