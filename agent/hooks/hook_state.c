/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hook_state.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"

void ns_hook_state_release(struct ns_hook_state *state)
{
	free(state->bundle);
	json_decref(state->annotations);
	*state = (struct ns_hook_state)NS_HOOK_STATE_INIT;
}

static struct ns_hook_state take(struct ns_hook_state *state)
{
	struct ns_hook_state taken = *state;

	*state = (struct ns_hook_state)NS_HOOK_STATE_INIT;
	return taken;
}

/* Adds those of `json` (NULL: none) that `annotations` does not have. */
static int add_annotations(json_t *annotations, const json_t *json, struct ns_error *err)
{
	const char *name;
	json_t *value;

	if (!json || json_is_null(json))
		return 0;
	if (!json_is_object(json))
		return ns_error_set(err, -EINVAL, "$.annotations: must be an object");
	json_object_foreach (ns_unconst(json), name, value) {
		if (!json_is_string(value))
			return ns_error_set(err, -EINVAL, "$.annotations[\"%.64s\"]: must be a text", name);
	}
	if (json_object_update_missing(annotations, ns_unconst(json)) < 0)
		return ns_error_set(err, -ENOMEM, "no memory");
	return 0;
}

static int read_bundle_path(const char *path, char **ret, struct ns_error *err)
{
	char *copy;

	if (*path != '/' || strlen(path) >= PATH_MAX - sizeof "/config.json")
		return ns_error_set(err, -EINVAL, "$.bundle: must be an absolute path of at most %zu bytes",
				    PATH_MAX - sizeof "/config.json" - 1);
	copy = strdup(path);
	if (!copy)
		return ns_error_set(err, -ENOMEM, "no memory");
	*ret = copy;
	return 0;
}

/* Runtimes differ in what an id may be; it is shown, and told to the daemon where that knows such ids. */
static int read_id(const char *id, char ret[static NS_CONTAINER_ID_MAX], struct ns_error *err)
{
	size_t length = strlen(id);
	bool good = length > 0 && length < NS_CONTAINER_ID_MAX;

	for (const char *p = id; good && *p; p++)
		good = isgraph((unsigned char)*p) && *p != '/';
	if (!good)
		return ns_error_set(err, -EINVAL, "$.id: '%.64s' is no id of a container", id);
	memcpy(ret, id, length + 1);
	return 0;
}

int ns_hook_state_parse(const char *text, size_t length, struct ns_hook_state *ret, struct ns_error *err)
{
	NS_CLEANUP(ns_hook_state_release) struct ns_hook_state found = NS_HOOK_STATE_INIT;
	NS_JSON json_t *json = NULL;
	const char *id = NULL, *bundle = NULL;
	struct ns_json_object state;
	uint64_t pid = 0;
	int r;

	if (length == 0)
		return ns_error_set(err, -EINVAL, "$: empty; an OCI runtime writes the container's state there");
	r = ns_json_decode(text, length, NS_HOOK_BYTES_MAX, NS_JSON_DEPTH_MAX, &json, err);
	if (r >= 0)
		r = ns_json_object_begin(&state, json, "$", err);
	if (r >= 0)
		r = ns_json_string(&state, "id", &id, err);
	if (r >= 0)
		r = ns_json_opt_uint(&state, "pid", INT_MAX, &pid, err);
	if (r >= 0)
		r = ns_json_opt_string(&state, "bundle", &bundle, err);
	if (r < 0)
		return r;
	if (pid == 0)
		return ns_error_set(err, -EINVAL,
				    "$.pid: no process in this state; the hook is for createRuntime, where there is "
				    "one");
	r = read_id(id, found.id, err);
	if (r < 0)
		return r;
	found.pid = (pid_t)pid;
	found.annotations = json_object();
	if (!found.annotations)
		return ns_error_set(err, -ENOMEM, "no memory");
	r = add_annotations(found.annotations, json_object_get(json, "annotations"), err);
	if (r >= 0 && bundle)
		r = read_bundle_path(bundle, &found.bundle, err);
	if (r < 0)
		return r;
	*ret = take(&found);
	return 0;
}

int ns_hook_state_add_bundle(struct ns_hook_state *state, const char *text, size_t length, struct ns_error *err)
{
	NS_JSON json_t *json = NULL;
	int r = ns_json_decode(text, length, NS_HOOK_BYTES_MAX, NS_JSON_DEPTH_MAX, &json, err);

	if (r < 0)
		return r;
	if (!json_is_object(json))
		return ns_error_set(err, -EINVAL, "$: must be an object");
	return add_annotations(state->annotations, json_object_get(json, "annotations"), err);
}

static const char *annotation(const struct ns_hook_state *state, const char *name)
{
	const char *value = json_string_value(json_object_get(state->annotations, name));

	return value ? value : "";
}

/* A pod's endpoint has the sandbox's id, whichever of its containers is started. */
static bool set_pod(const struct ns_hook_state *state, struct ns_subject *subject, const char *runtime,
		    const char *namespace_key, const char *name_key, const char *sandbox_key)
{
	const char *pod_namespace = annotation(state, namespace_key), *pod = annotation(state, name_key);

	if (!*pod_namespace || !*pod)
		return false;
	ns_subject_set_pod(subject, pod_namespace, pod);
	(void)ns_subject_set_word(subject->runtime, sizeof subject->runtime, runtime);
	(void)ns_subject_set_word(subject->container_id, sizeof subject->container_id, annotation(state, sandbox_key));
	return true;
}

int ns_hook_state_subject(const struct ns_hook_state *state, struct ns_subject *ret, struct ns_error *err)
{
	const char *workload = annotation(state, NS_SUBJECT_ANNOTATION);
	struct ns_subject found = { .pid = state->pid };
	int r;

	if (*workload) {
		r = ns_subject_set_workload(&found, workload, err);
		if (r < 0) {
			ns_error_context(err, "$.annotations[\"" NS_SUBJECT_ANNOTATION "\"]");
			return r;
		}
	}
	(void)ns_subject_set_word(found.container_id, sizeof found.container_id, state->id);
	if (!set_pod(state, &found, "containerd", "io.kubernetes.cri.sandbox-namespace",
		     "io.kubernetes.cri.sandbox-name", "io.kubernetes.cri.sandbox-id") &&
	    !set_pod(state, &found, "crio", "io.kubernetes.pod.namespace", "io.kubernetes.pod.name",
		     "io.kubernetes.cri-o.SandboxID") &&
	    strcmp(annotation(state, "io.container.manager"), "libpod") == 0)
		(void)ns_subject_set_word(found.runtime, sizeof found.runtime, "podman");
	*ret = found;
	return 0;
}
