/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One function a feature: does with it what nanoseg does with it, in the scratch namespace. 0: it works.
 */
#ifndef NANOSEG_DOCTOR_PROBES_H
#define NANOSEG_DOCTOR_PROBES_H

#include "scratch.h"

typedef int (*ns_doctor_probe)(struct ns_scratch *scratch, struct ns_error *err);

/* nf_tables by plans: doctor_nft.c */
int ns_probe_inet_table(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_concatenated_sets(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_interval_sets(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_dynamic_sets(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_conntrack(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_fib(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_limit(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_reject(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_netdev_ingress(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_netdev_egress(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_wildcard_device(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_socket_cgroup(struct ns_scratch *scratch, struct ns_error *err);

/* Who owns a table: doctor_owner.c */
int ns_probe_owner(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_persist(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_owner_handed_on(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_notifications(struct ns_scratch *scratch, struct ns_error *err);

/* Other netlink families: doctor_sockets.c */
int ns_probe_log(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_inet_diag(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_inet_diag_destroy(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_conntrack_delete(struct ns_scratch *scratch, struct ns_error *err);
int ns_probe_netns_cookie(struct ns_scratch *scratch, struct ns_error *err);

#endif
