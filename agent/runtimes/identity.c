/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "identity.h"
#include "names.h"

#define SHORT_ID 12

bool ns_identity_is_workload(const char *text)
{
	return ns_names_is_workload(text);
}

/* One component of a workload's name out of a foreign word, cut where it is too long: no lasting name is made so. */
static void put_component(char ret[static NS_NAME_MAX], const char *word)
{
	char cut[NS_NAME_MAX];

	(void)snprintf(cut, sizeof cut, "%s", word);
	if (!ns_names_put_part(ret, cut))
		ret[0] = '\0';
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
	char why[NS_NAMED_BY_MAX];

	ns_names_decide(container, NS_NAME_ALONE, NULL, ret, why);
}

static void explain(struct ns_endpoint *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void explain(struct ns_endpoint *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(to->named_by, sizeof to->named_by, format, args);
	va_end(args);
}

/* The endpoint is the container itself, or the namespace that it made or (a pod's) that is made for it. */
static void from_container(struct ns_endpoint *to, const struct ns_container *container,
			   const struct ns_identity_facts *facts)
{
	bool is_pod = !facts->member && *container->pod_namespace;

	ns_names_decide(container, facts->member ? NS_NAME_ALONE : NS_NAME_NAMESPACE, facts->naming, to->workload,
			to->named_by);
	(void)snprintf(to->runtime, sizeof to->runtime, "%s", container->runtime);
	(void)snprintf(to->container_id, sizeof to->container_id, "%s",
		       is_pod && *container->sandbox_id ? container->sandbox_id : container->id);
	if (*container->pod && (is_pod || container->sandbox))
		(void)snprintf(to->name, sizeof to->name, "%s", container->pod);
	else
		(void)snprintf(to->name, sizeof to->name, "%s",
			       *container->name ? container->name : container->container);
	if (is_pod && !container->sandbox) /* one of its containers told it, whose image is not the pod's */
		return;
	(void)snprintf(to->image, sizeof to->image, "%s", container->image);
	(void)snprintf(to->image_digest, sizeof to->image_digest, "%s", container->image_digest);
}

/* Who cannot be named by anything that lasts, or whose pod nobody has named yet, is not known for certain. */
static bool is_unsure(const struct ns_container *container, const struct ns_endpoint *named)
{
	bool of_pod = *container->pod_namespace || ns_names_is_workload(container->label_workload);

	return (strncmp(named->named_by, "id:", 3) == 0 && !*container->name) ||
	       (*container->pod_id && !*container->pod && !of_pod);
}

static void from_netns_name(struct ns_endpoint *to, const char *path)
{
	char name[NS_NAME_MAX];

	put_component(name, base_name(path));
	(void)snprintf(to->workload, sizeof to->workload, "netns/%.*s", (int)(sizeof to->workload - sizeof "netns/"),
		       name);
	(void)snprintf(to->runtime, sizeof to->runtime, "netns");
	(void)snprintf(to->name, sizeof to->name, "%s", name);
	explain(to, "name: the file %s", path);
}

static void from_cgroup(struct ns_endpoint *to, const struct ns_cgroup_identity *cgroup, pid_t pid)
{
	bool named = strcmp(cgroup->runtime, "lxc") == 0 || strcmp(cgroup->runtime, "nspawn") == 0;
	char id[NS_NAME_MAX];

	put_component(id, cgroup->id);
	(void)snprintf(to->runtime, sizeof to->runtime, "%s", cgroup->runtime);
	explain(to, "%s: the cgroup of process %d%s", named && *id ? "name" : "id", (int)pid,
		named && *id ? "" : "; nothing has told a name");
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
	explain(to, "id: the file %s of %s; nothing has told a name", path, runtime);
	to->provisional = true;
}

/* The name of the pod that the cgroup tells of. Until an engine says which of its containers holds the namespace, that
 * is the one with the name that Podman gives it. */
static void add_pod(struct ns_container *to, const struct ns_identity_facts *facts)
{
	const char *id = facts->cgroup.pod;

	if (!*id || *to->pod_id || *to->pod || strcmp(to->runtime, "podman") != 0)
		return;
	memcpy(to->pod_id, id, sizeof facts->cgroup.pod);
	if (facts->pod)
		(void)snprintf(to->pod, sizeof to->pod, "%s", facts->pod);
	if (strlen(to->name) == SHORT_ID + sizeof "-infra" - 1 && memcmp(to->name, id, SHORT_ID) == 0 &&
	    strcmp(to->name + SHORT_ID, "-infra") == 0)
		to->sandbox = true;
}

/* The word that is told, where one is. */
#define TAKE_WORD(to, word)                                                                                            \
	do {                                                                                                           \
		if (*(word))                                                                                           \
			(void)snprintf(to, sizeof(to), "%s", word);                                                    \
	} while (0)

/* What a hook tells, as a container; the plugin of a pod's network names no runtime. */
static void container_of_hint(struct ns_container *ret, const struct ns_hint_words *hint)
{
	*ret = (struct ns_container){ .sandbox = *hint->pod != '\0' };
	if (ns_docker_is_id(hint->container_id))
		memcpy(ret->id, hint->container_id, sizeof ret->id);
	TAKE_WORD(ret->runtime, hint->runtime);
	TAKE_WORD(ret->name, hint->name);
	TAKE_WORD(ret->image, hint->image);
	TAKE_WORD(ret->label_workload, hint->workload);
	TAKE_WORD(ret->pod_namespace, hint->pod_namespace);
	TAKE_WORD(ret->pod, hint->pod);
	(void)snprintf(ret->bundle, sizeof ret->bundle, "what a hook or plugin told");
}

/* Does the hint name a workload by a rule that is none of a container's own name? */
static bool name_by_hint(const struct ns_identity_facts *facts, char ret[static NS_WORKLOAD_MAX],
			 char ret_why[static NS_NAMED_BY_MAX])
{
	struct ns_container container;
	char name[NS_WORKLOAD_MAX], why[NS_NAMED_BY_MAX];

	container_of_hint(&container, facts->hint);
	if (!*container.label_workload && !*container.pod)
		return false;
	ns_names_decide(&container, NS_NAME_NAMESPACE, facts->naming, name, why);
	if (strncmp(why, "label:", 6) != 0 && strncmp(why, "k8s:", 4) != 0)
		return false;
	memcpy(ret, name, sizeof name);
	memcpy(ret_why, why, sizeof why);
	return true;
}

/* Over what was guessed from the cgroup or the path, if anything was. */
static void from_hint(struct ns_endpoint *to, const struct ns_identity_facts *facts, bool guessed)
{
	const struct ns_hint_words *hint = facts->hint;
	bool certain = guessed && !to->provisional;
	char name[NS_NAME_MAX];

	TAKE_WORD(to->runtime, hint->runtime);
	TAKE_WORD(to->container_id, hint->container_id);
	TAKE_WORD(to->name, hint->name);
	TAKE_WORD(to->image, hint->image);
	if (!*to->runtime)
		(void)snprintf(to->runtime, sizeof to->runtime, "netns");
	to->provisional = !name_by_hint(facts, to->workload, to->named_by) && !certain;
	if (!to->provisional)
		return;
	put_component(name, *to->name ? to->name : to->container_id);
	if (!*name)
		(void)snprintf(name, sizeof name, "pid-%d", (int)facts->pid);
	if (*to->name)
		(void)snprintf(to->workload, sizeof to->workload, "%s/%.200s", to->runtime, name);
	else
		(void)snprintf(to->workload, sizeof to->workload, "%s/%.*s", to->runtime,
			       *to->container_id ? SHORT_ID : NS_NAME_MAX, name);
	explain(to, "%s: what a hook or plugin told", *to->name ? "name" : "id");
}

/* Of a container that no engine has told of yet. A label may still name another workload. */
static void from_conmon(struct ns_endpoint *to, const struct ns_identity_facts *facts)
{
	struct ns_container container = { .runtime = "podman" };

	if (ns_docker_is_id(facts->conmon.id))
		memcpy(container.id, facts->conmon.id, sizeof container.id);
	memcpy(container.name, facts->conmon.name, sizeof container.name);
	memcpy(container.image, to->image, sizeof container.image); /* a hint's */
	memcpy(container.label_workload, facts->conmon.workload, sizeof container.label_workload);
	add_pod(&container, facts);
	(void)snprintf(container.bundle, sizeof container.bundle, "the command line of its conmon");
	from_container(to, &container, facts);
	/* Of a user's container nobody will ever tell more. */
	to->provisional = to->name_only = !facts->cgroup.rootless;
}

static void copy_words(struct ns_endpoint *to, const struct ns_endpoint *from)
{
	memcpy(to->named_by, from->named_by, sizeof to->named_by);
	memcpy(to->workload, from->workload, sizeof to->workload);
	memcpy(to->runtime, from->runtime, sizeof to->runtime);
	memcpy(to->container_id, from->container_id, sizeof to->container_id);
	memcpy(to->name, from->name, sizeof to->name);
	memcpy(to->image, from->image, sizeof to->image);
	memcpy(to->image_digest, from->image_digest, sizeof to->image_digest);
	to->provisional = from->provisional;
	to->name_only = from->name_only;
}

/* What others than the engine told of its first container: who named the workload to the hook, or in an annotation
 * (which Podman's API does not tell), says it as plainly as a label. Several containers may be in one namespace, and
 * the cgroup may be another one's than the first. */
static void add_told_besides(struct ns_container *to, const struct ns_identity_facts *facts)
{
	bool same = strcmp(to->id, facts->conmon.id) == 0;
	const char *named = "";

	if (facts->hint) {
		named = facts->hint->workload;
		if (!facts->member && *facts->hint->pod && !*to->pod_namespace) {
			memcpy(to->pod_namespace, facts->hint->pod_namespace, sizeof to->pod_namespace);
			memcpy(to->pod, facts->hint->pod, sizeof to->pod);
			to->sandbox = true;
		}
	}
	if (!*named && same)
		named = facts->conmon.workload;
	if (*named && !ns_names_is_workload(to->label_workload)) {
		memcpy(to->label_workload, named, sizeof to->label_workload);
		if (!*to->bundle)
			(void)snprintf(to->bundle, sizeof to->bundle, "an annotation, or what a hook told");
	}
	if (strcmp(to->id, facts->cgroup.id) == 0)
		add_pod(to, facts);
}

static void from_engine(struct ns_endpoint *to, const struct ns_identity_facts *facts)
{
	struct ns_container container = *facts->containers[0];

	add_told_besides(&container, facts);
	from_container(to, &container, facts);
	/* Podman's API does not tell of annotations. */
	to->provisional =
		is_unsure(&container, to) || (facts->conmon_awaited && !ns_names_is_workload(container.label_workload));
}

/* Whatever a user names the things he starts, their names stay below user/UID/. */
static void put_below_user(struct ns_endpoint *to, uid_t uid)
{
	char name[NS_WORKLOAD_MAX], id[NS_NAME_MAX];
	size_t length = strlen(to->named_by);
	int n = snprintf(name, sizeof name, "user/%u/%s", (unsigned)uid, to->workload);

	if (n >= (int)sizeof name) {
		put_component(id, to->container_id);
		(void)snprintf(name, sizeof name, "user/%u/%s/%.*s", (unsigned)uid, to->runtime, SHORT_ID, id);
	}
	memcpy(to->workload, name, sizeof name);
	(void)snprintf(to->named_by + length, sizeof to->named_by - length, "; rootless: below user.slice of user %u",
		       (unsigned)uid);
}

/* A cgroup below user.slice is called what its user likes: no engine's container is known by it. */
static bool engine_knows(const struct ns_identity_facts *facts)
{
	return facts->n_containers > 0 &&
	       !(facts->cgroup.rootless && strcmp(facts->containers[0]->id, facts->cgroup.id) == 0);
}

/* False: nothing tells who it is. */
static bool decide_words(const struct ns_identity_facts *facts, struct ns_endpoint *to)
{
	const char *file_runtime = *facts->netns_path ? ns_identity_file_runtime(facts->netns_path) : NULL;
	bool guessed = true, by_user = false;

	if (engine_knows(facts)) {
		from_engine(to, facts);
		return true;
	}
	if (*facts->netns_path && !file_runtime && !facts->member) {
		from_netns_name(to, facts->netns_path);
	} else if (*facts->cgroup.runtime) {
		from_cgroup(to, &facts->cgroup, facts->pid);
		by_user = facts->cgroup.rootless;
	} else if (file_runtime) {
		from_file(to, file_runtime, facts->netns_path);
	} else {
		guessed = false;
	}
	/* A member's hint is of itself, but its pod is not. */
	if (facts->hint && (!facts->member || *facts->hint->workload))
		from_hint(to, facts, guessed);
	/* Only in the namespace that the engine made, or in the container's own cgroup: what the container makes has
	 * the same ancestors, and no file. */
	if (*facts->conmon.name && to->provisional && (file_runtime || facts->member || by_user))
		from_conmon(to, facts);
	if (by_user)
		put_below_user(to, facts->cgroup.uid);
	return guessed || facts->hint;
}

static void decide_rights(const struct ns_identity_facts *facts, struct ns_endpoint *to)
{
	to->net_admin = facts->caps.net_admin;
	to->net_raw = facts->caps.net_raw;
	to->privileged = facts->caps.privileged;
	to->rootless = facts->cgroup.rootless && !engine_knows(facts);
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
	if (to->rootless)
		ns_findings_of_rootless(to, facts->cgroup.uid);
	for (size_t i = 0; i < facts->n_containers; i++)
		ns_findings_of_container(to, facts->containers[i]);
	if (facts->undivided) {
		char text[NS_FINDING_MAX];

		(void)snprintf(text, sizeof text, "shared by %zu containers, one policy: %s", facts->n_sharing,
			       facts->undivided);
		ns_findings_add(to, text);
	}
	if (facts->truncated)
		ns_findings_add(to, "has more addresses or interfaces than can be kept");
}

/* Only an inspection tells of them (pid). An engine that is away, or has not been asked again, opens and closes none.
 */
static void decide_published(const struct ns_identity_facts *facts, const struct ns_endpoint *before,
			     struct ns_endpoint *to)
{
	const struct ns_container *maker = facts->n_containers ? facts->containers[0] : NULL;

	if (maker && maker->pid) {
		memcpy(to->published, maker->published, maker->n_published * sizeof *to->published);
		to->n_published = maker->n_published;
		if (maker->published_more)
			ns_findings_add(to,
					"publishes more ranges of ports than can be kept: the others are the host's");
	} else {
		if (before->n_published)
			memcpy(to->published, before->published, before->n_published * sizeof *to->published);
		to->n_published = before->n_published;
	}
}

/* Without memory the ports are the host's. */
static void keep_published(struct ns_endpoint *endpoint, const struct ns_endpoint *found)
{
	size_t n = found->n_published;

	free(endpoint->published);
	endpoint->published = n ? calloc(n, sizeof *endpoint->published) : NULL;
	endpoint->n_published = endpoint->published ? n : 0;
	if (endpoint->published)
		memcpy(endpoint->published, found->published, n * sizeof *endpoint->published);
}

/* Without memory there are none now, and the next decision finds them again. */
static void keep_findings(struct ns_endpoint *endpoint, const struct ns_endpoint *found)
{
	size_t n = found->n_findings;

	free(endpoint->findings);
	endpoint->findings = n ? calloc(n, sizeof *endpoint->findings) : NULL;
	endpoint->n_findings = endpoint->findings ? n : 0;
	if (endpoint->findings)
		memcpy(endpoint->findings, found->findings, n * sizeof *endpoint->findings);
}

void ns_identity_release(struct ns_endpoint *endpoint)
{
	free(endpoint->published);
	free(endpoint->findings);
	endpoint->published = NULL;
	endpoint->findings = NULL;
	endpoint->n_published = endpoint->n_findings = 0;
}

static bool same_identity(const struct ns_endpoint *a, const struct ns_endpoint *b)
{
	if (strcmp(a->workload, b->workload) != 0 || strcmp(a->runtime, b->runtime) != 0 ||
	    strcmp(a->container_id, b->container_id) != 0 || strcmp(a->name, b->name) != 0 ||
	    strcmp(a->image, b->image) != 0 || strcmp(a->image_digest, b->image_digest) != 0 ||
	    a->provisional != b->provisional || a->name_only != b->name_only || a->net_admin != b->net_admin ||
	    a->net_raw != b->net_raw || a->privileged != b->privileged || a->rootless != b->rootless ||
	    a->n_findings != b->n_findings)
		return false;
	for (size_t i = 0; i < a->n_findings; i++)
		if (strcmp(a->findings[i], b->findings[i]) != 0)
			return false;
	return a->n_published == b->n_published &&
	       (a->n_published == 0 || memcmp(a->published, b->published, a->n_published * sizeof *a->published) == 0);
}

bool ns_identity_decide(const struct ns_identity_facts *facts, struct ns_endpoint *endpoint)
{
	struct ns_published published[NS_ENDPOINT_PUBLISHED_MAX];
	char findings[NS_ENDPOINT_FINDINGS_MAX][NS_FINDING_MAX];
	struct ns_endpoint found = { .host_netns = endpoint->host_netns, .published = published, .findings = findings };
	bool known = decide_words(facts, &found);

	if (!known && !*endpoint->workload)
		return false;
	/* What was once known for certain stays: an engine that forgets a container that still runs does not rename it,
	 * nor does its file's end. */
	if (!known || (found.provisional && *endpoint->workload && !endpoint->provisional))
		copy_words(&found, endpoint);
	decide_rights(facts, &found);
	decide_findings(facts, &found);
	decide_published(facts, endpoint, &found);
	if (same_identity(&found, endpoint)) {
		memcpy(endpoint->named_by, found.named_by, sizeof found.named_by); /* the same by another way */
		return false;
	}
	copy_words(endpoint, &found);
	endpoint->net_admin = found.net_admin;
	endpoint->net_raw = found.net_raw;
	endpoint->privileged = found.privileged;
	endpoint->rootless = found.rootless;
	keep_findings(endpoint, &found);
	keep_published(endpoint, &found);
	return true;
}
