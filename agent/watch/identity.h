/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From what is known of a namespace to the identity of the endpoint: the lasting name of its workload first. Pure.
 *
 *   label nanoseg.workload   its value             final
 *   compose labels           compose/PROJECT/SERVICE   final
 *   engine knows the name    docker/NAME           final (podman/NAME)
 *   /run/netns/NAME          netns/NAME            final
 *   LXC, nspawn              lxc/NAME, nspawn/NAME final
 *   cgroup tells the id      docker/<12 hex>       provisional (podman, containerd, crio)
 *   only a runtime's file    docker/<file name>    provisional
 *
 * An id is no lasting name: it is another one after the next start.
 */
#ifndef NANOSEG_IDENTITY_H
#define NANOSEG_IDENTITY_H

#include <nanoseg/endpoint.h>

#include "cgroup.h"
#include "docker_json.h"

struct ns_identity_facts {
	const char *netns_path; /* "": none */
	pid_t pid;
	struct ns_cgroup_identity cgroup; /* runtime "": none */
	/* Containers that the engines say live in the namespace; the first is the one that made it. */
	const struct ns_container *const *containers;
	size_t n_containers;
	bool truncated; /* more addresses or interfaces than can be kept */
};

/* Rewrites workload, runtime, container_id, name, image, image_digest, provisional and findings of the endpoint; true
 * when one of them is not what it was. */
bool ns_identity_decide(const struct ns_identity_facts *facts, struct ns_endpoint *endpoint);

/* A name that may stand in policies, files and terminals: letters, digits and any of "._-/@:+", not starting with '/'.
 */
bool ns_identity_is_workload(const char *text);

/* The workload a container is named after, without a namespace: for those on the host's network. */
void ns_identity_workload(const struct ns_container *container, char ret[static NS_WORKLOAD_MAX]);

/* What of a container's privileges weakens a lock inside its namespace: calls `each` with each word. */
void ns_identity_findings(const struct ns_container *container, void (*each)(void *ctx, const char *finding),
			  void *ctx);

/* The runtime whose file this is by the manner of its name ("docker", "podman", "containerd"), or NULL: somebody's own
 * `ip netns add`. */
const char *ns_identity_file_runtime(const char *path);

#endif
