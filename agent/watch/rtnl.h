/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Decoding of rtnetlink messages: links and addresses. Pure; every attribute's type and length is checked, and a
 * message that is not as it should be is passed over.
 */
#ifndef NANOSEG_RTNL_H
#define NANOSEG_RTNL_H

#include <stdbool.h>

#include <linux/netlink.h>

#include <nanoseg/addr.h>
#include <nanoseg/endpoint.h>

/* False: no link, or the loopback device. A name's unprintable bytes become '?': the kernel forbids only '/', ':' and
 * white space. */
bool ns_rtnl_link(struct nlmsghdr *header, struct ns_interface *ret);
/* The address with its prefix length, host bits kept. False: no address, or one that is of no use as a peer's name
 * (loopback, unspecified, or one whose duplicate check failed). Link-local ones are told. */
bool ns_rtnl_address(struct nlmsghdr *header, struct ns_prefix *ret);

#endif
