/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What of this kernel the locks are built on, found by trying it once, in a scratch network namespace. (Not features.h:
 * the C library has one.)
 */
#ifndef NANOSEG_KERNEL_FEATURES_H
#define NANOSEG_KERNEL_FEATURES_H

#include <stdbool.h>

#include <nanoseg/error.h>

struct ns_features {
	bool owner_persist; /* tables that only their socket can change, and that outlive it (6.9) */
	bool netdev_egress; /* NF_NETDEV_EGRESS (5.16, CONFIG_NETFILTER_EGRESS) */
	bool socket_cgroup; /* rules by the cgroup of a packet's socket (5.13), and a cgroup2 hierarchy to name it in */
	bool device_wildcards; /* chains on "veth*", which also take in links made later (6.16) */
};

/* A few milliseconds. Fails only where nothing can be tried: -EPERM without CAP_SYS_ADMIN and CAP_NET_ADMIN. What was
 * tried and refused is false. */
int ns_features_probe(struct ns_features *ret, struct ns_error *err);

#endif
