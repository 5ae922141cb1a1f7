/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cleanup.h"

#include "doctor_probes.h"
#include "kernel_features.h"

int ns_features_probe(struct ns_features *ret, struct ns_error *err)
{
	NS_CLEANUP(ns_scratch_close) struct ns_scratch scratch = NS_SCRATCH_INIT;
	int r = ns_scratch_open(&scratch, err);

	if (r < 0)
		return r;
	ret->owner_persist = ns_probe_persist(&scratch, NULL) == 0;
	ret->netdev_egress = ns_probe_netdev_egress(&scratch, NULL) == 0;
	ret->socket_cgroup = ns_probe_socket_cgroup(&scratch, NULL) == 0;
	ret->device_wildcards = ns_probe_wildcard_device(&scratch, NULL) == 0;
	return 0;
}
