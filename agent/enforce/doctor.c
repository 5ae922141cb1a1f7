/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "cleanup.h"

#include "doctor.h"
#include "doctor_probes.h"

static const struct {
	const char *feature;
	bool required;
	ns_doctor_probe probe;
	const char *needed_for, *fallback;
} features[] = {
	{ "nf_tables inet", true, ns_probe_inet_table, "every table nanoseg makes", "none" },
	{ "concatenated sets", true, ns_probe_concatenated_sets, "a constant number of rules, whatever the policy",
	  "none" },
	{ "concatenated interval sets", true, ns_probe_interval_sets, "networks and port ranges in policies", "none" },
	{ "dynamic sets with counters", true, ns_probe_dynamic_sets, "learning that loses no connection", "none" },
	{ "nflog", true, ns_probe_log, "the time, user and process of what is learned and refused", "none" },
	{ "conntrack expression", true, ns_probe_conntrack, "answers to allowed connections", "none" },
	{ "fib expression", true, ns_probe_fib, "letting a container talk to itself, and to nobody else by way of lo",
	  "none" },
	{ "limit expression", true, ns_probe_limit, "saying that a learning set is full, without a flood", "none" },
	{ "namespace cookie", true, ns_probe_netns_cookie, "telling endpoints apart", "none" },
	{ "table owner", false, ns_probe_owner, "nobody else in the namespace can change the rules",
	  "a plain table, read back and repaired" },
	{ "table persist and adoption", false, ns_probe_persist, "owned rules that outlive the daemon",
	  "a plain table, read back and repaired" },
	{ "nf_tables notifications", false, ns_probe_notifications, "noticing at once that somebody changed the rules",
	  "the periodic read-back" },
	{ "reject expression", false, ns_probe_reject, "policies with verdict reject", "verdict drop" },
	{ "inet_diag", false, ns_probe_inet_diag, "connections older than the agent, and the process of a connection",
	  "such connections are learned when they are opened again; no process is named" },
	{ "table owner handed on", false, ns_probe_owner_handed_on,
	  "owned rules without a gap across a crash or an upgrade, where the service manager keeps the socket",
	  "the next daemon adopts the table; in between root in the namespace can change it" },
	{ "inet_diag destroy", false, ns_probe_inet_diag_destroy,
	  "ending open connections that a new policy forbids, at both of their ends",
	  "their packets are refused, and programs wait until they give up" },
	{ "conntrack deletion", false, ns_probe_conntrack_delete, "refusing open connections that a new policy forbids",
	  "they last until they are closed, or their sockets are destroyed" },
	{ "netdev ingress hook", false, ns_probe_netdev_ingress,
	  "the outer lock and the gate: what a container sends past its own lock", "the inner lock only" },
	{ "netdev egress hook", false, ns_probe_netdev_egress,
	  "the outer lock and the gate: what is sent to a container",
	  "what is sent to a container is refused by the inner lock only" },
	{ "wildcard device hook", false, ns_probe_wildcard_device,
	  "the gate: links of new containers are closed from birth, with no daemon running too",
	  "the daemon closes each link when it hears of it; while it does not run, new links are open" },
	{ "socket cgroupv2 expression", false, ns_probe_socket_cgroup,
	  "telling containers apart that share a network namespace: a pod's, or the host's",
	  "the namespace is one workload; containers in the host's are reported, not protected" },
};

static json_t *examine(struct ns_scratch *scratch, size_t i)
{
	struct ns_error why = NS_ERROR_INIT;
	int r = features[i].probe(scratch, &why);

	return json_pack("{s:s, s:b, s:b, s:s, s:s, s:s}", "feature", features[i].feature, "available", r == 0,
			 "required", features[i].required, "needed_for", features[i].needed_for, "fallback",
			 features[i].fallback, "detail", r == 0 ? "" : why.text);
}

int ns_doctor_run(json_t **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_scratch_close) struct ns_scratch scratch = NS_SCRATCH_INIT;
	NS_JSON json_t *report = json_array();
	int r = ns_scratch_open(&scratch, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (json_array_append_new(report, examine(&scratch, i)) < 0)
			return ns_error_set(err, -ENOMEM, "no memory for the report");
	*ret = NS_TAKE(report);
	return 0;
}
