/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "docker_json.h"
#include "docker_ports.h"
#include "foreign.h"
#include "json.h"
#include "owner.h"

bool ns_docker_is_id(const char *text)
{
	return strlen(text) == NS_DOCKER_ID_DIGITS && strspn(text, "0123456789abcdef") == NS_DOCKER_ID_DIGITS;
}

#define COPY_WHOLE(to, from) ns_foreign_copy(to, sizeof(to), from)

/* Kubernetes over Docker (cri-dockerd) tells its pods in labels. */
static void copy_kubernetes(struct ns_container *to, const json_t *labels)
{
	const char *type = ns_foreign_text(labels, "io.kubernetes.docker.type");

	to->sandbox = strcmp(type, "podsandbox") == 0;
	if (!to->sandbox && strcmp(type, "container") != 0)
		return;
	(void)COPY_WHOLE(to->pod_namespace, ns_foreign_text(labels, "io.kubernetes.pod.namespace"));
	(void)COPY_WHOLE(to->pod, ns_foreign_text(labels, "io.kubernetes.pod.name"));
	if (!*to->pod_namespace || !*to->pod) {
		to->pod_namespace[0] = to->pod[0] = '\0';
		to->sandbox = false;
		return;
	}
	(void)ns_owner_of_pod(to->pod, to->owner);
	if (!to->sandbox)
		(void)COPY_WHOLE(to->container, ns_foreign_text(labels, "io.kubernetes.container.name"));
	if (ns_docker_is_id(ns_foreign_text(labels, "io.kubernetes.sandbox.id")))
		(void)COPY_WHOLE(to->sandbox_id, ns_foreign_text(labels, "io.kubernetes.sandbox.id"));
}

static void copy_labels(struct ns_container *to, const json_t *labels)
{
	if (!COPY_WHOLE(to->label_workload, ns_foreign_text(labels, "nanoseg.workload")))
		(void)COPY_WHOLE(to->label_workload, NS_FOREIGN_UNUSABLE);
	(void)COPY_WHOLE(to->project, ns_foreign_text(labels, "com.docker.compose.project"));
	(void)COPY_WHOLE(to->service, ns_foreign_text(labels, "com.docker.compose.service"));
	copy_kubernetes(to, labels);
}

/* Podman puts its pods' containers below a cgroup that it calls after the pod: /libpod_parent/POD, or
 * machine-libpod_pod_POD.slice. */
static void copy_pod_id(struct ns_container *to, const char *cgroup)
{
	const char *base = strrchr(cgroup, '/'), *mark = strstr(cgroup, "libpod_pod_");
	char id[NS_DOCKER_ID_DIGITS + 2] = ""; /* room for what is longer than an id, and so none */

	if (mark)
		(void)snprintf(id, sizeof id, "%.*s", (int)strcspn(mark + 11, "."), mark + 11);
	else if (base && base - cgroup >= 13 && memcmp(base - 13, "libpod_parent", 13) == 0)
		(void)snprintf(id, sizeof id, "%.*s", (int)sizeof id - 1, base + 1);
	if (ns_docker_is_id(id))
		memcpy(to->pod_id, id, sizeof to->pod_id);
}

static void copy_name(struct ns_container *to, const char *name)
{
	while (*name == '/')
		name++;
	(void)COPY_WHOLE(to->name, name);
}

static void copy_digest(struct ns_container *to, const char *digest)
{
	/* Podman leaves the algorithm out. */
	if (ns_docker_is_id(digest))
		(void)snprintf(to->image_digest, sizeof to->image_digest, "sha256:%s", digest);
	else
		(void)COPY_WHOLE(to->image_digest, digest);
}

static int copy_id(struct ns_container *to, const char *id, const char *path, struct ns_error *err)
{
	if (!ns_docker_is_id(id))
		return ns_error_set(err, -EBADMSG, "%s: must be %d hexadecimal digits", path, NS_DOCKER_ID_DIGITS);
	memcpy(to->id, id, sizeof to->id);
	return 0;
}

static int decode(const char *text, size_t length, json_t **ret, struct ns_error *err)
{
	return ns_json_decode(text, length, NS_HTTP_BODY_MAX, NS_JSON_DEPTH_MAX, ret, err);
}

/* "1.41" */
static bool parse_number(const char *text, unsigned *ret_major, unsigned *ret_minor)
{
	char *dot, *end;

	if (strlen(text) > 9 || strspn(text, "0123456789.") != strlen(text))
		return false;
	*ret_major = (unsigned)strtoul(text, &dot, 10);
	if (dot == text || dot > text + 4 || *dot != '.')
		return false;
	*ret_minor = (unsigned)strtoul(dot + 1, &end, 10);
	return end > dot + 1 && end <= dot + 5 && *end == '\0';
}

int ns_docker_parse_version(const char *text, size_t length, char ret[static NS_DOCKER_VERSION_MAX],
			    struct ns_error *err)
{
	NS_JSON json_t *json = NULL;
	unsigned major, minor, least_major = 1, least_minor = 0;
	const char *most, *least;
	int r = decode(text, length, &json, err);

	if (r < 0)
		return r;
	most = ns_foreign_text(json, "ApiVersion");
	least = ns_foreign_text(json, "MinAPIVersion");
	if (!parse_number(most, &major, &minor) || (*least && !parse_number(least, &least_major, &least_minor)))
		return ns_error_set(err, -EBADMSG, "$.ApiVersion: must be a version such as \"1.41\"");
	if (major != NS_DOCKER_MAJOR || minor < NS_DOCKER_MINOR_LEAST || least_major > NS_DOCKER_MAJOR ||
	    (least_major == NS_DOCKER_MAJOR && least_minor > NS_DOCKER_MINOR_MOST))
		return ns_error_set(err, -EPROTONOSUPPORT, "the engine speaks API %s to %s, this agent %d.%d to %d.%d",
				    *least ? least : "1.0", most, NS_DOCKER_MAJOR, NS_DOCKER_MINOR_LEAST,
				    NS_DOCKER_MAJOR, NS_DOCKER_MINOR_MOST);
	(void)snprintf(ret, NS_DOCKER_VERSION_MAX, "%d.%u", NS_DOCKER_MAJOR,
		       minor < NS_DOCKER_MINOR_MOST ? minor : NS_DOCKER_MINOR_MOST);
	return 0;
}

static bool has_capability(const json_t *array, const char *name)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *text = json_string_value(json_array_get(array, i));

		if (text && strncasecmp(text, "CAP_", 4) == 0)
			text += 4;
		if (text && strcasecmp(text, name) == 0)
			return true;
	}
	return false;
}

/* A capability that is named beats ALL; adding beats dropping, as in the engines. */
static bool is_granted(const json_t *host, const char *name, bool by_default)
{
	const json_t *add = json_object_get(host, "CapAdd"), *drop = json_object_get(host, "CapDrop");

	if (has_capability(add, name))
		return true;
	if (has_capability(drop, name))
		return false;
	if (has_capability(add, "ALL"))
		return true;
	return by_default && !has_capability(drop, "ALL");
}

int ns_docker_parse_container(const char *text, size_t length, bool raw_by_default, struct ns_container *ret,
			      struct ns_error *err)
{
	NS_JSON json_t *json = NULL;
	struct ns_container found = { 0 };
	const json_t *config, *host, *state, *pid;
	json_int_t value;
	int r = decode(text, length, &json, err);

	if (r < 0)
		return r;
	r = copy_id(&found, ns_foreign_text(json, "Id"), "$.Id", err);
	if (r < 0)
		return r;
	config = json_object_get(json, "Config");
	host = json_object_get(json, "HostConfig");
	state = json_object_get(json, "State");
	if (!json_is_object(config) || !json_is_object(host) || !json_is_object(state))
		return ns_error_set(err, -EBADMSG, "$.Config, $.HostConfig and $.State must be objects");
	pid = json_object_get(state, "Pid");
	value = json_integer_value(pid);
	if ((pid && !json_is_integer(pid)) || value < 0 || value > INT_MAX)
		return ns_error_set(err, -EBADMSG, "$.State.Pid: must be a process id");
	found.pid = json_is_false(json_object_get(state, "Running")) ? 0 : (pid_t)value;
	copy_name(&found, ns_foreign_text(json, "Name"));
	copy_digest(&found, ns_foreign_text(json, "Image"));
	(void)COPY_WHOLE(found.image, ns_foreign_text(config, "Image"));
	copy_labels(&found, json_object_get(config, "Labels"));
	(void)COPY_WHOLE(found.sandbox_key, ns_foreign_text(json_object_get(json, "NetworkSettings"), "SandboxKey"));
	found.host_network = strcmp(ns_foreign_text(host, "NetworkMode"), "host") == 0;
	copy_pod_id(&found, ns_foreign_text(host, "CgroupParent"));
	found.privileged = json_is_true(json_object_get(host, "Privileged"));
	found.net_admin = found.privileged || is_granted(host, "NET_ADMIN", false);
	found.net_raw = found.privileged || is_granted(host, "NET_RAW", raw_by_default);
	r = ns_docker_ports(json_object_get(json_object_get(json, "NetworkSettings"), "Ports"), found.published,
			    &found.n_published, &found.published_more, err);
	if (r < 0)
		return r;
	*ret = found;
	return 0;
}

static int parse_summary(const json_t *json, struct ns_container *ret, struct ns_error *err)
{
	struct ns_container found = { 0 };
	const json_t *names = json_object_get(json, "Names");
	int r = copy_id(&found, ns_foreign_text(json, "Id"), "$[].Id", err);

	if (r < 0)
		return r;
	/* Links to a container are more names of it: "/other/alias". Its own has one slash. */
	for (size_t i = 0; i < json_array_size(names) && !*found.name; i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (name && *name && !strchr(name + 1, '/'))
			copy_name(&found, name);
	}
	(void)COPY_WHOLE(found.image, ns_foreign_text(json, "Image"));
	copy_digest(&found, ns_foreign_text(json, "ImageID"));
	copy_labels(&found, json_object_get(json, "Labels"));
	found.host_network = strcmp(ns_foreign_text(json_object_get(json, "HostConfig"), "NetworkMode"), "host") == 0;
	*ret = found;
	return 0;
}

int ns_docker_parse_list(const char *text, size_t length, void (*each)(void *ctx, const struct ns_container *container),
			 void *ctx, struct ns_error *err)
{
	NS_JSON json_t *json = NULL;
	struct ns_container found;
	int r = decode(text, length, &json, err);

	if (r < 0)
		return r;
	if (!json_is_array(json))
		return ns_error_set(err, -EBADMSG, "$: must be an array of containers");
	/* All of it is checked before any of it counts. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < json_array_size(json); i++) {
			r = parse_summary(json_array_get(json, i), &found, err);
			if (r < 0)
				return r;
			if (pass == 1)
				each(ctx, &found);
		}
	return 0;
}

static enum ns_docker_action action_of(const char *text)
{
	static const struct {
		const char *word;
		enum ns_docker_action action;
	} known[] = {
		{ "create", NS_DOCKER_LOOK },  { "start", NS_DOCKER_LOOK },      { "restart", NS_DOCKER_LOOK },
		{ "init", NS_DOCKER_LOOK },    { "rename", NS_DOCKER_LOOK },     { "update", NS_DOCKER_LOOK },
		{ "unpause", NS_DOCKER_LOOK }, { "die", NS_DOCKER_DIED },        { "died", NS_DOCKER_DIED },
		{ "cleanup", NS_DOCKER_DIED }, { "destroy", NS_DOCKER_REMOVED }, { "remove", NS_DOCKER_REMOVED },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].word, text) == 0)
			return known[i].action;
	return NS_DOCKER_OTHER;
}

int ns_docker_parse_event(const char *text, size_t length, enum ns_docker_action *ret_action,
			  struct ns_container *ret_container, struct ns_error *err)
{
	NS_JSON json_t *json = NULL;
	struct ns_container found = { 0 };
	const json_t *actor, *attributes;
	enum ns_docker_action action;
	int r = decode(text, length, &json, err);

	if (r < 0)
		return r;
	if (!json_is_object(json))
		return ns_error_set(err, -EBADMSG, "$: must be an event");
	action = strcmp(ns_foreign_text(json, "Type"), "container") == 0 ? action_of(ns_foreign_text(json, "Action"))
									 : NS_DOCKER_OTHER;
	*ret_action = action;
	if (action == NS_DOCKER_OTHER)
		return 0;
	actor = json_object_get(json, "Actor");
	r = copy_id(&found, ns_foreign_text(actor, "ID"), "$.Actor.ID", err);
	if (r < 0)
		return r;
	attributes = json_object_get(actor, "Attributes");
	copy_name(&found, ns_foreign_text(attributes, "name"));
	(void)COPY_WHOLE(found.image, ns_foreign_text(attributes, "image"));
	copy_labels(&found, attributes);
	*ret_container = found;
	return 0;
}
