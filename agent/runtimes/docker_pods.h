/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The pods of a Podman engine: which there are, and which container of each holds its namespace. What Docker's API does
 * not know of is asked of Podman's own (GET /v4.0.0/libpod/pods/json). Pure but for memory.
 */
#ifndef NANOSEG_DOCKER_PODS_H
#define NANOSEG_DOCKER_PODS_H

#include "docker_json.h"

#define NS_DOCKER_PODS_MAX NS_ENDPOINTS_MAX

struct ns_docker_pod {
	char id[NS_DOCKER_ID_DIGITS + 1],
		infra[NS_DOCKER_ID_DIGITS + 1]; /* infra "": no container holds its namespace */
	char name[NS_NAME_MAX];
};

struct ns_docker_pods {
	struct ns_docker_pod *list; /* sorted by id */
	size_t n;
};

/* Replaces the contents by the answer. -EBADMSG, -E2BIG, -ENOMEM: they stay as they are. */
int ns_docker_pods_parse(struct ns_docker_pods *pods, const char *text, size_t length, struct ns_error *err);
void ns_docker_pods_release(struct ns_docker_pods *pods);
const struct ns_docker_pod *ns_docker_pods_find(const struct ns_docker_pods *pods, const char *id);

/* Fills pod and sandbox of a container that has a pod_id. False: of that pod nothing is known. */
bool ns_docker_pods_apply(const struct ns_docker_pods *pods, struct ns_container *container);

#endif
