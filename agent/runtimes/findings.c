/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "findings.h"
#include "identity.h"

static const char bad_label[] = "label nanoseg.workload is not a usable name and is ignored";

void ns_findings_add(struct ns_endpoint *endpoint, const char *text)
{
	for (size_t i = 0; i < endpoint->n_findings; i++)
		if (strcmp(endpoint->findings[i], text) == 0)
			return;
	if (endpoint->n_findings < NS_ENDPOINT_FINDINGS_MAX)
		(void)snprintf(endpoint->findings[endpoint->n_findings++], sizeof *endpoint->findings, "%s", text);
}

void ns_findings_of_rights(struct ns_endpoint *endpoint)
{
	if (endpoint->privileged)
		ns_findings_add(endpoint, "privileged: it has SYS_ADMIN on this host and can leave its namespaces; no "
					  "lock contains it then");
	if (endpoint->net_admin && endpoint->host_netns)
		ns_findings_add(endpoint,
				"NET_ADMIN: root in it can change the host's addresses, routes and rules that "
				"nobody owns");
	else if (endpoint->net_admin)
		ns_findings_add(endpoint, endpoint->rootless
						  ? "NET_ADMIN: root in it can change its addresses, routes and rules; "
						    "not an owned inner lock"
						  : "NET_ADMIN: root in it can change its addresses, routes and rules; "
						    "not an owned inner lock, nor the outer one");
	if (endpoint->net_raw && endpoint->host_netns)
		ns_findings_add(endpoint,
				"NET_RAW: it can read and send any packet on the host's links, below its rules");
	else if (endpoint->net_raw)
		ns_findings_add(endpoint, endpoint->rootless
						  ? "NET_RAW: it can send below the inner lock, and there is no other"
						  : "NET_RAW: it can send below the inner lock and under other "
						    "addresses; the outer lock refuses that");
}

bool ns_findings_is_bare(const struct ns_interface *interface)
{
	static const char *const leading_out[] = { "", "tun", "wireguard" };

	if (strcmp(interface->kind, "veth") == 0 || strcmp(interface->kind, "netkit") == 0)
		return false;
	for (size_t i = 0; i < sizeof leading_out / sizeof *leading_out; i++)
		if (strcmp(interface->kind, leading_out[i]) == 0)
			return true;
	return interface->peer_outside; /* macvlan, ipvlan, vlan, and tunnels that were made elsewhere */
}

void ns_findings_of_links(struct ns_endpoint *endpoint, const struct ns_bare_link *bare)
{
	char text[sizeof *endpoint->findings];

	if (!*bare->name)
		return;
	if (strcmp(bare->kind, "veth") == 0 || strcmp(bare->kind, "netkit") == 0)
		(void)snprintf(text, sizeof text,
			       "no port: its link %s ends in a namespace that is not the agent's, so only the inner "
			       "lock holds",
			       bare->name);
	else
		(void)snprintf(text, sizeof text,
			       "no veth: its link %s (%s) has no host end, so only the inner lock holds", bare->name,
			       *bare->kind ? bare->kind : "a device");
	ns_findings_add(endpoint, text);
}

void ns_findings_of_rootless(struct ns_endpoint *endpoint, uid_t uid)
{
	char text[sizeof *endpoint->findings];

	(void)snprintf(
		text, sizeof text,
		"rootless: made by user %u, with a tap or pasta and no veth of the host; only the inner lock holds",
		(unsigned)uid);
	ns_findings_add(endpoint, text);
}

static bool has_bad_label(const struct ns_container *container)
{
	return *container->label_workload && !ns_identity_is_workload(container->label_workload);
}

void ns_findings_of_container(struct ns_endpoint *endpoint, const struct ns_container *container)
{
	if (has_bad_label(container))
		ns_findings_add(endpoint, bad_label);
}

void ns_findings_outside(const struct ns_container *container, void (*each)(void *ctx, const char *finding), void *ctx)
{
	if (container->host_network)
		each(ctx, "host-network: it uses the host's own network, so no lock holds it");
	if (container->privileged)
		each(ctx, "privileged: it has SYS_ADMIN on this host; no lock contains it");
	if (container->net_admin)
		each(ctx, "NET_ADMIN: root in it can change the host's addresses, routes and rules that nobody owns");
	if (container->net_raw)
		each(ctx, "NET_RAW: it can read and send any packet on the host's links");
	if (has_bad_label(container))
		each(ctx, bad_label);
}
