/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "identity.h"

#define SHORT_ID 12

bool ns_identity_is_workload(const char *text)
{
	if (*text == '\0' || *text == '/' || strlen(text) >= NS_WORKLOAD_MAX)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("._-/@:+", *text))
			return false;
	return true;
}

/* One component of a workload's name out of a foreign word: a slash in it must not make another component. */
static void put_component(char ret[static NS_NAME_MAX], const char *word)
{
	size_t n = 0;

	for (; word[n] && n + 1 < NS_NAME_MAX; n++) {
		unsigned char c = (unsigned char)word[n];

		ret[n] = isalnum(c) || strchr("._-@:+", c) ? (char)c : '_';
	}
	ret[n] = '\0';
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool has_hex(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* "netns-" or "cni-" and a UUID. */
static bool is_uuid_name(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 && strlen(name) == n + 36 && has_hex(name + n, 8) && name[n + 8] == '-' &&
	       has_hex(name + n + 9, 4) && name[n + 13] == '-' && has_hex(name + n + 24, 12);
}

const char *ns_identity_file_runtime(const char *path)
{
	static const char docker_dir[] = "/docker/netns/";
	const char *name = base_name(path);
	size_t dir = (size_t)(name - path);

	if (dir >= sizeof docker_dir - 1 &&
	    memcmp(name - (sizeof docker_dir - 1), docker_dir, sizeof docker_dir - 1) == 0)
		return "docker";
	if (is_uuid_name(name, "netns-"))
		return "podman";
	if (is_uuid_name(name, "cni-"))
		return "containerd";
	return NULL;
}

void ns_identity_workload(const struct ns_container *container, char ret[static NS_WORKLOAD_MAX])
{
	char project[NS_NAME_MAX], service[NS_NAME_MAX], name[NS_NAME_MAX];
	int n = -1;

	if (ns_identity_is_workload(container->label_workload)) {
		(void)snprintf(ret, NS_WORKLOAD_MAX, "%s", container->label_workload);
		return;
	}
	if (*container->project && *container->service) {
		put_component(project, container->project);
		put_component(service, container->service);
		n = snprintf(ret, NS_WORKLOAD_MAX, "compose/%s/%s", project, service);
	}
	/* Two long names must not become one workload by being cut. */
	if (n < 0 || n >= NS_WORKLOAD_MAX) {
		put_component(name, container->name);
		n = snprintf(ret, NS_WORKLOAD_MAX, "%s/%s", container->runtime, name);
	}
	if (n >= NS_WORKLOAD_MAX || !*container->name)
		(void)snprintf(ret, NS_WORKLOAD_MAX, "%s/%.*s", container->runtime, SHORT_ID, container->id);
}

void ns_identity_findings(const struct ns_container *container, void (*each)(void *ctx, const char *finding), void *ctx)
{
	if (container->host_network)
		each(ctx, "host-network");
	if (container->privileged)
		each(ctx, "privileged");
	if (container->net_admin)
		each(ctx, "NET_ADMIN");
	if (container->net_raw)
		each(ctx, "NET_RAW");
	if (*container->label_workload && !ns_identity_is_workload(container->label_workload))
		each(ctx, "label nanoseg.workload is not a usable name and is ignored");
}

static void add_finding(void *ctx, const char *finding)
{
	struct ns_endpoint *endpoint = ctx;

	for (size_t i = 0; i < endpoint->n_findings; i++)
		if (strcmp(endpoint->findings[i], finding) == 0)
			return;
	if (endpoint->n_findings < NS_ENDPOINT_FINDINGS_MAX)
		(void)snprintf(endpoint->findings[endpoint->n_findings++], sizeof *endpoint->findings, "%s", finding);
}

static void from_container(struct ns_endpoint *to, const struct ns_container *container)
{
	ns_identity_workload(container, to->workload);
	(void)snprintf(to->runtime, sizeof to->runtime, "%s", container->runtime);
	(void)snprintf(to->container_id, sizeof to->container_id, "%s", container->id);
	(void)snprintf(to->name, sizeof to->name, "%s", container->name);
	(void)snprintf(to->image, sizeof to->image, "%s", container->image);
	(void)snprintf(to->image_digest, sizeof to->image_digest, "%s", container->image_digest);
	to->provisional = !*container->name;
}

static void from_netns_name(struct ns_endpoint *to, const char *path)
{
	char name[NS_NAME_MAX];

	put_component(name, base_name(path));
	(void)snprintf(to->workload, sizeof to->workload, "netns/%.*s", (int)(sizeof to->workload - sizeof "netns/"),
		       name);
	(void)snprintf(to->runtime, sizeof to->runtime, "netns");
	(void)snprintf(to->name, sizeof to->name, "%s", name);
}

static void from_cgroup(struct ns_endpoint *to, const struct ns_cgroup_identity *cgroup, pid_t pid)
{
	bool named = strcmp(cgroup->runtime, "lxc") == 0 || strcmp(cgroup->runtime, "nspawn") == 0;
	char id[NS_NAME_MAX];

	put_component(id, cgroup->id);
	(void)snprintf(to->runtime, sizeof to->runtime, "%s", cgroup->runtime);
	if (!*id) {
		(void)snprintf(to->workload, sizeof to->workload, "%s/pid-%d", cgroup->runtime, (int)pid);
		to->provisional = true;
		return;
	}
	(void)snprintf(to->container_id, sizeof to->container_id, "%s", cgroup->id);
	if (named) {
		(void)snprintf(to->workload, sizeof to->workload, "%s/%.128s", cgroup->runtime, id);
		(void)snprintf(to->name, sizeof to->name, "%s", cgroup->id);
	} else {
		(void)snprintf(to->workload, sizeof to->workload, "%s/%.*s", cgroup->runtime, SHORT_ID, id);
		to->provisional = true;
	}
}

static void from_file(struct ns_endpoint *to, const char *runtime, const char *path)
{
	char name[NS_NAME_MAX];

	put_component(name, base_name(path));
	(void)snprintf(to->workload, sizeof to->workload, "%s/%.128s", runtime, name);
	(void)snprintf(to->runtime, sizeof to->runtime, "%s", runtime);
	to->provisional = true;
}

static bool same_identity(const struct ns_endpoint *a, const struct ns_endpoint *b)
{
	if (strcmp(a->workload, b->workload) != 0 || strcmp(a->runtime, b->runtime) != 0 ||
	    strcmp(a->container_id, b->container_id) != 0 || strcmp(a->name, b->name) != 0 ||
	    strcmp(a->image, b->image) != 0 || strcmp(a->image_digest, b->image_digest) != 0 ||
	    a->provisional != b->provisional || a->n_findings != b->n_findings)
		return false;
	for (size_t i = 0; i < a->n_findings; i++)
		if (strcmp(a->findings[i], b->findings[i]) != 0)
			return false;
	return true;
}

bool ns_identity_decide(const struct ns_identity_facts *facts, struct ns_endpoint *endpoint)
{
	struct ns_endpoint found = { 0 };
	const char *file_runtime = *facts->netns_path ? ns_identity_file_runtime(facts->netns_path) : NULL;

	if (facts->n_containers > 0)
		from_container(&found, facts->containers[0]);
	else if (*facts->netns_path && !file_runtime)
		from_netns_name(&found, facts->netns_path);
	else if (*facts->cgroup.runtime)
		from_cgroup(&found, &facts->cgroup, facts->pid);
	else if (file_runtime)
		from_file(&found, file_runtime, facts->netns_path);
	else
		return false; /* its file is gone and its processes live on: it stays who it was */
	for (size_t i = 0; i < facts->n_containers; i++)
		ns_identity_findings(facts->containers[i], add_finding, &found);
	if (facts->n_containers > 1) {
		char text[128];

		(void)snprintf(text, sizeof text, "shared by %zu containers", facts->n_containers);
		add_finding(&found, text);
	}
	if (facts->truncated)
		add_finding(&found, "has more addresses or interfaces than can be kept");
	/* What was once known for certain stays: an engine that forgets a container that still runs does not rename it.
	 */
	if ((found.provisional && *endpoint->workload && !endpoint->provisional) || same_identity(&found, endpoint))
		return false;
	memcpy(endpoint->workload, found.workload, sizeof found.workload);
	memcpy(endpoint->runtime, found.runtime, sizeof found.runtime);
	memcpy(endpoint->container_id, found.container_id, sizeof found.container_id);
	memcpy(endpoint->name, found.name, sizeof found.name);
	memcpy(endpoint->image, found.image, sizeof found.image);
	memcpy(endpoint->image_digest, found.image_digest, sizeof found.image_digest);
	memcpy(endpoint->findings, found.findings, sizeof found.findings);
	endpoint->n_findings = found.n_findings;
	endpoint->provisional = found.provisional;
	return true;
}
