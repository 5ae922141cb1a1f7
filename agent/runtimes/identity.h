/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From what is known of a namespace to the identity of the endpoint: the lasting name of its workload first. Pure.
 *
 *   label nanoseg.workload   its value             final
 *   compose labels           compose/PROJECT/SERVICE   final
 *   engine knows the name    docker/NAME           final (podman/NAME)
 *   a hint tells it          its workload          final
 *   /run/netns/NAME          netns/NAME            final
 *   LXC, nspawn              lxc/NAME, nspawn/NAME final
 *   conmon tells the name    podman/NAME, or the annotation nanoseg.workload   provisional, and name_only
 *   cgroup tells the id      docker/<12 hex>       provisional (podman, containerd, crio)
 *   a hint's name or id      RUNTIME/NAME          provisional (over the next two)
 *   only a runtime's file    docker/<file name>    provisional
 *
 * An id is no lasting name: it is another one after the next start.
 */
#ifndef NANOSEG_IDENTITY_H
#define NANOSEG_IDENTITY_H

#include <nanoseg/endpoint.h>

#include "caps.h"
#include "cgroup.h"
#include "conmon.h"
#include "docker_json.h"
#include "findings.h"
#include "naming.h"

/* What a hook told (ns_watch_hint); each may be "". */
struct ns_hint_words {
	char runtime[NS_RUNTIME_MAX], container_id[NS_CONTAINER_ID_MAX];
	char name[NS_NAME_MAX], workload[NS_WORKLOAD_MAX], image[NS_NAME_MAX];
	char pod_namespace[NS_NAME_MAX], pod[NS_NAME_MAX]; /* of a pod of Kubernetes */
};

struct ns_identity_facts {
	const struct ns_naming *naming; /* NULL: the defaults */
	bool member;                    /* the endpoint is a container in a shared namespace, containers[0] is it */
	const char *netns_path;         /* "": none */
	pid_t pid;
	struct ns_cgroup_identity cgroup; /* runtime "": none */
	/* Containers that the engines say live in the namespace; the first is the one that made it. */
	const struct ns_container *const *containers;
	size_t n_containers;
	const struct ns_hint_words *hint; /* NULL: none */
	struct ns_conmon_words conmon;    /* name "": none */
	const char *pod;                  /* name of the Podman pod with the id cgroup.pod; NULL or "": not known */
	bool conmon_awaited;              /* it is none yet, and may tell of an annotation */
	struct ns_caps caps;              /* of its processes */
	struct ns_bare_link bare;
	bool truncated; /* more addresses or interfaces than can be kept */
	/* So many containers live in it, of which some cannot be told apart from who made it, and why; NULL: all can.
	 */
	size_t n_sharing;
	const char *undivided;
};

/* Rewrites workload, named_by, runtime, container_id, name, image, image_digest, provisional, name_only, net_admin,
 * net_raw, privileged and findings of the endpoint; true when one of them is not what it was. */
bool ns_identity_decide(const struct ns_identity_facts *facts, struct ns_endpoint *endpoint);
/* Frees what it has allocated: findings and published ports. */
void ns_identity_release(struct ns_endpoint *endpoint);

/* A name that may stand in policies, files and terminals: letters, digits and any of "._-/@:+", not starting with '/'.
 */
bool ns_identity_is_workload(const char *text);

/* The workload a container is named after, without a namespace: for those on the host's network. */
void ns_identity_workload(const struct ns_container *container, char ret[static NS_WORKLOAD_MAX]);

/* The runtime whose file this is by the manner of its name ("docker", "podman", "containerd"), or NULL: somebody's own
 * `ip netns add`. */
const char *ns_identity_file_runtime(const char *path);

#endif
