/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Decoding of rtnetlink messages: links, addresses, namespace ids. Pure; every attribute's type and length is checked,
 * and a message that is not as it should be is passed over.
 */
#ifndef NANOSEG_RTNL_H
#define NANOSEG_RTNL_H

#include <stdbool.h>

#include <linux/netlink.h>

#include <nanoseg/addr.h>
#include <nanoseg/endpoint.h>

/* In which namespace something is, as an id that the asking namespace gave it (0 and above), or: */
#define NS_NSID_SAME    (-2) /* in the asking namespace itself */
#define NS_NSID_UNKNOWN (-1) /* in another one that has no id; NETNSA_NSID_NOT_ASSIGNED */

/* False: no link, or the loopback device. A name's unprintable bytes become '?': the kernel forbids only '/', ':' and
 * white space. */
bool ns_rtnl_link(struct nlmsghdr *header, struct ns_interface *ret);
/* The address with its prefix length, host bits kept, and the interface it is on. False: no address, or one that is of
 * no use as a peer's name (loopback, unspecified, or one whose duplicate check failed). Link-local ones are told. */
bool ns_rtnl_address(struct nlmsghdr *header, struct ns_prefix *ret, int *ret_index);

/* What a message says of a link that may have its other end elsewhere. */
struct ns_link_news {
	int index;
	bool gone;      /* out of this namespace */
	bool has_peer;  /* of a kind that has two ends: veth, netkit */
	int peer_index; /* 0: not told; a pair's first half is announced before there is a second one */
	int peer_nsid;
	int moved_index, moved_nsid; /* gone to another namespace, and how it is called there; index 0: it was not */
	char name[NS_IFNAME_MAX];
};

/* RTM_NEWLINK and RTM_DELLINK of any device, also lo. */
bool ns_rtnl_link_news(struct nlmsghdr *header, struct ns_link_news *ret);
/* RTM_NEWNSID and RTM_DELNSID: the id, or NS_NSID_UNKNOWN. */
bool ns_rtnl_nsid(struct nlmsghdr *header, int *ret);

#endif
