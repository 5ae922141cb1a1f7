/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bundle_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "foreign.h"
#include "json.h"
#include "owner.h"

#define COPY(to, name) ((void)ns_foreign_copy(to, sizeof(to), ns_foreign_text(annotations, name)))

/* Both or none: half of it would be another pod. */
static void take_pod(struct ns_container *to, const json_t *annotations, const char *space, const char *pod)
{
	COPY(to->pod_namespace, space);
	COPY(to->pod, pod);
	if (*to->pod_namespace && *to->pod)
		(void)ns_owner_of_pod(to->pod, to->owner);
	else
		to->pod_namespace[0] = to->pod[0] = '\0';
}

static void take_cri(struct ns_container *to, const json_t *annotations)
{
	(void)snprintf(to->runtime, sizeof to->runtime, "containerd");
	take_pod(to, annotations, "io.kubernetes.cri.sandbox-namespace", "io.kubernetes.cri.sandbox-name");
	if (!*to->pod)
		return;
	to->sandbox = strcmp(ns_foreign_text(annotations, "io.kubernetes.cri.container-type"), "sandbox") == 0;
	if (!to->sandbox)
		COPY(to->container, "io.kubernetes.cri.container-name");
	COPY(to->image, "io.kubernetes.cri.image-name");
	if (ns_docker_is_id(ns_foreign_text(annotations, "io.kubernetes.cri.sandbox-id")))
		COPY(to->sandbox_id, "io.kubernetes.cri.sandbox-id");
}

/* That a container holds the pod's namespace is told by its missing name: kubelet gives each of the others one, and a
 * pod's author cannot take it away. */
static void take_crio(struct ns_container *to, const json_t *annotations)
{
	(void)snprintf(to->runtime, sizeof to->runtime, "crio");
	take_pod(to, annotations, "io.kubernetes.pod.namespace", "io.kubernetes.pod.name");
	COPY(to->image, "io.kubernetes.cri-o.ImageName");
	if (!*to->pod)
		return;
	COPY(to->container, "io.kubernetes.container.name");
	to->sandbox = !*to->container || strcmp(to->container, "POD") == 0;
	if (to->sandbox)
		to->container[0] = '\0';
	if (ns_docker_is_id(ns_foreign_text(annotations, "io.kubernetes.cri-o.SandboxID")))
		COPY(to->sandbox_id, "io.kubernetes.cri-o.SandboxID");
}

static bool has_capability(const json_t *process, const char *name)
{
	const json_t *bounding = json_object_get(json_object_get(process, "capabilities"), "bounding"), *one;
	size_t i;

	json_array_foreach (bounding, i, one) {
		const char *text = json_string_value(one);

		if (text && strcmp(text, name) == 0)
			return true;
	}
	return false;
}

/* No namespace of its own, nor another one's. */
static bool is_on_host(const json_t *linux_part)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(linux_part, "namespaces"), i, one) {
		const char *type = json_string_value(json_object_get(one, "type"));
		const char *path = json_string_value(json_object_get(one, "path"));

		if (type && strcmp(type, "network") == 0)
			return path && strcmp(path, "/proc/1/ns/net") == 0;
	}
	return true;
}

int ns_bundle_parse(const char *text, size_t length, enum ns_bundle_kind kind, const char *id, struct ns_container *ret,
		    struct ns_error *err)
{
	NS_JSON json_t *json = NULL;
	const json_t *annotations, *linux_part, *process;
	struct ns_container found = { 0 };
	const char *manager;
	int r;

	if (!ns_docker_is_id(id))
		return ns_error_set(err, -EINVAL, "no id of a container");
	r = ns_json_decode(text, length, NS_HOOK_BYTES_MAX, NS_JSON_DEPTH_MAX, &json, err);
	if (r < 0)
		return ns_error_set(err, -EBADMSG, "config.json: no JSON that can be read");
	linux_part = json_object_get(json, "linux");
	process = json_object_get(json, "process");
	annotations = json_object_get(json, "annotations");
	if (!json_is_object(linux_part) || !json_is_array(json_object_get(linux_part, "namespaces")))
		return ns_error_set(err, -EBADMSG, "$.linux.namespaces: must be an array");
	memcpy(found.id, id, sizeof found.id);
	if (!ns_foreign_copy(found.label_workload, sizeof found.label_workload,
			     ns_foreign_text(annotations, "nanoseg.workload")))
		(void)snprintf(found.label_workload, sizeof found.label_workload, NS_FOREIGN_UNUSABLE);
	manager = ns_foreign_text(annotations, "io.container.manager");
	if (kind == NS_BUNDLE_CRI)
		take_cri(&found, annotations);
	else if (kind == NS_BUNDLE_CRIO || (kind == NS_BUNDLE_STORAGE && strcmp(manager, "cri-o") == 0))
		take_crio(&found, annotations);
	else if (kind == NS_BUNDLE_PODMAN || (kind == NS_BUNDLE_STORAGE && strcmp(manager, "libpod") == 0))
		(void)snprintf(found.runtime, sizeof found.runtime, "podman");
	if (kind == NS_BUNDLE_PLAIN)
		COPY(found.name, "nerdctl/name");
	found.host_network = is_on_host(linux_part);
	found.net_admin = has_capability(process, "CAP_NET_ADMIN");
	found.net_raw = has_capability(process, "CAP_NET_RAW");
	found.privileged = has_capability(process, "CAP_SYS_ADMIN");
	*ret = found;
	return 0;
}
