/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "findings.h"
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

/* The word that is told, where one is. */
#define TAKE_WORD(to, word)                                                                                            \
	do {                                                                                                           \
		if (*(word))                                                                                           \
			(void)snprintf(to, sizeof(to), "%s", word);                                                    \
	} while (0)

/* Over what was guessed from the cgroup or the path, if anything was. */
static void from_hint(struct ns_endpoint *to, const struct ns_hint_words *hint, bool guessed, pid_t pid)
{
	bool certain = guessed && !to->provisional;
	char name[NS_NAME_MAX];

	TAKE_WORD(to->runtime, hint->runtime);
	TAKE_WORD(to->container_id, hint->container_id);
	TAKE_WORD(to->name, hint->name);
	TAKE_WORD(to->image, hint->image);
	TAKE_WORD(to->workload, hint->workload);
	if (!*to->runtime)
		(void)snprintf(to->runtime, sizeof to->runtime, "netns");
	to->provisional = !*hint->workload && !certain;
	if (!to->provisional)
		return;
	put_component(name, *to->name ? to->name : to->container_id);
	if (!*name)
		(void)snprintf(name, sizeof name, "pid-%d", (int)pid);
	if (*to->name)
		(void)snprintf(to->workload, sizeof to->workload, "%s/%.200s", to->runtime, name);
	else
		(void)snprintf(to->workload, sizeof to->workload, "%s/%.*s", to->runtime,
			       *to->container_id ? SHORT_ID : NS_NAME_MAX, name);
}

/* Of a container that no engine has told of yet. A label may still name another workload. */
static void from_conmon(struct ns_endpoint *to, const struct ns_conmon_words *conmon)
{
	struct ns_container container = { .runtime = "podman" };

	memcpy(container.id, conmon->id, sizeof container.id);
	memcpy(container.name, conmon->name, sizeof container.name);
	memcpy(container.image, to->image, sizeof container.image); /* a hint's */
	from_container(to, &container);
	if (*conmon->workload)
		memcpy(to->workload, conmon->workload, sizeof to->workload);
	to->provisional = to->name_only = true;
}

static void copy_words(struct ns_endpoint *to, const struct ns_endpoint *from)
{
	memcpy(to->workload, from->workload, sizeof to->workload);
	memcpy(to->runtime, from->runtime, sizeof to->runtime);
	memcpy(to->container_id, from->container_id, sizeof to->container_id);
	memcpy(to->name, from->name, sizeof to->name);
	memcpy(to->image, from->image, sizeof to->image);
	memcpy(to->image_digest, from->image_digest, sizeof to->image_digest);
	to->provisional = from->provisional;
	to->name_only = from->name_only;
}

/* The workload that somebody gave the engine's first container besides its labels; "": none. Several may be in one
 * namespace, and the cgroup may be another one's than the first. */
static const char *told_besides(const struct ns_identity_facts *facts)
{
	if (facts->hint && *facts->hint->workload)
		return facts->hint->workload;
	return strcmp(facts->containers[0]->id, facts->conmon.id) == 0 ? facts->conmon.workload : "";
}

/* False: nothing tells who it is. */
static bool decide_words(const struct ns_identity_facts *facts, struct ns_endpoint *to)
{
	const char *file_runtime = *facts->netns_path ? ns_identity_file_runtime(facts->netns_path) : NULL;
	bool guessed = true;

	if (facts->n_containers > 0) {
		const char *named = told_besides(facts);
		bool labelled = ns_identity_is_workload(facts->containers[0]->label_workload);

		from_container(to, facts->containers[0]);
		/* Podman's API does not tell of annotations. */
		to->provisional = to->provisional || (facts->conmon_awaited && !labelled);
		/* Who named the workload to the hook (an annotation, a pod) knows better than the engine, whose own
		 * name would take the container out of its policy; a label says it as plainly. */
		if (*named && !labelled) {
			memcpy(to->workload, named, sizeof to->workload);
			to->provisional = false;
		}
		return true;
	}
	if (*facts->netns_path && !file_runtime)
		from_netns_name(to, facts->netns_path);
	else if (*facts->cgroup.runtime)
		from_cgroup(to, &facts->cgroup, facts->pid);
	else if (file_runtime)
		from_file(to, file_runtime, facts->netns_path);
	else
		guessed = false;
	if (facts->hint)
		from_hint(to, facts->hint, guessed, facts->pid);
	/* Only in the namespace that the engine made: what the container makes has the same ancestors, and no file. */
	if (*facts->conmon.name && to->provisional && file_runtime)
		from_conmon(to, &facts->conmon);
	return guessed || facts->hint;
}

static void decide_rights(const struct ns_identity_facts *facts, struct ns_endpoint *to)
{
	to->net_admin = facts->caps.net_admin;
	to->net_raw = facts->caps.net_raw;
	to->privileged = facts->caps.privileged;
	for (size_t i = 0; i < facts->n_containers; i++) {
		to->net_admin = to->net_admin || facts->containers[i]->net_admin;
		to->net_raw = to->net_raw || facts->containers[i]->net_raw;
		to->privileged = to->privileged || facts->containers[i]->privileged;
	}
}

static void decide_findings(const struct ns_identity_facts *facts, struct ns_endpoint *to)
{
	ns_findings_of_rights(to);
	ns_findings_of_links(to, &facts->bare);
	for (size_t i = 0; i < facts->n_containers; i++)
		ns_findings_of_container(to, facts->containers[i]);
	if (facts->undivided) {
		char text[128];

		(void)snprintf(text, sizeof text, "shared by %zu containers, one policy: %s", facts->n_sharing,
			       facts->undivided);
		ns_findings_add(to, text);
	}
	if (facts->truncated)
		ns_findings_add(to, "has more addresses or interfaces than can be kept");
}

static bool same_identity(const struct ns_endpoint *a, const struct ns_endpoint *b)
{
	if (strcmp(a->workload, b->workload) != 0 || strcmp(a->runtime, b->runtime) != 0 ||
	    strcmp(a->container_id, b->container_id) != 0 || strcmp(a->name, b->name) != 0 ||
	    strcmp(a->image, b->image) != 0 || strcmp(a->image_digest, b->image_digest) != 0 ||
	    a->provisional != b->provisional || a->name_only != b->name_only || a->net_admin != b->net_admin ||
	    a->net_raw != b->net_raw || a->privileged != b->privileged || a->n_findings != b->n_findings)
		return false;
	for (size_t i = 0; i < a->n_findings; i++)
		if (strcmp(a->findings[i], b->findings[i]) != 0)
			return false;
	return true;
}

bool ns_identity_decide(const struct ns_identity_facts *facts, struct ns_endpoint *endpoint)
{
	struct ns_endpoint found = { 0 };
	bool known = decide_words(facts, &found);

	if (!known && !*endpoint->workload)
		return false;
	/* What was once known for certain stays: an engine that forgets a container that still runs does not rename it,
	 * nor does its file's end. */
	if (!known || (found.provisional && *endpoint->workload && !endpoint->provisional))
		copy_words(&found, endpoint);
	decide_rights(facts, &found);
	decide_findings(facts, &found);
	if (same_identity(&found, endpoint))
		return false;
	copy_words(endpoint, &found);
	endpoint->net_admin = found.net_admin;
	endpoint->net_raw = found.net_raw;
	endpoint->privileged = found.privileged;
	memcpy(endpoint->findings, found.findings, sizeof found.findings);
	endpoint->n_findings = found.n_findings;
	return true;
}
