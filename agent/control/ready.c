/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ready.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "json.h"
#include "request.h"
#include "text.h"

#define NETNS_PATH_MAX 256 /* with its NUL, as an endpoint keeps it */

/* Words that become part of an identity: of visible characters, and no longer than what keeps them. */
static int read_word(struct ns_json_object *body, const char *name, size_t size, const char **ret, struct ns_error *err)
{
	int r = ns_json_opt_string(body, name, ret, err);

	if (r <= 0)
		return r;
	if (strlen(*ret) >= size)
		return ns_error_set(err, -EINVAL, "$.%s: longer than %zu bytes", name, size - 1);
	for (const char *p = *ret; *p; p++) {
		if (!isgraph((unsigned char)*p))
			return ns_error_set(err, -EINVAL, "$.%s: must be of visible ASCII characters", name);
	}
	return 0;
}

static int read_hint(const json_t *json, struct ns_hint *ret, struct ns_error *err)
{
	struct ns_json_object body;
	uint64_t pid = 0;
	int r = ns_json_object_begin(&body, json, "$", err);

	if (r >= 0)
		r = read_word(&body, "netns", NETNS_PATH_MAX, &ret->netns_path, err);
	if (r >= 0)
		r = ns_json_opt_uint(&body, "pid", INT_MAX, &pid, err);
	if (r >= 0)
		r = read_word(&body, "runtime", NS_RUNTIME_MAX, &ret->runtime, err);
	if (r >= 0)
		r = read_word(&body, "container_id", NS_CONTAINER_ID_MAX, &ret->container_id, err);
	if (r >= 0)
		r = read_word(&body, "name", NS_NAME_MAX, &ret->name, err);
	if (r >= 0)
		r = read_word(&body, "workload", NS_WORKLOAD_MAX, &ret->workload, err);
	if (r >= 0)
		r = read_word(&body, "image", NS_NAME_MAX, &ret->image, err);
	if (r >= 0)
		r = read_word(&body, "pod_namespace", NS_NAME_MAX, &ret->pod_namespace, err);
	if (r >= 0)
		r = read_word(&body, "pod", NS_NAME_MAX, &ret->pod, err);
	if (r >= 0)
		r = ns_json_object_end(&body, err);
	if (r < 0)
		return r;
	if ((ret->netns_path != NULL) == (pid != 0))
		return ns_error_set(err, -EINVAL, "$: must have either netns or pid, from 1");
	if (ret->netns_path && ret->netns_path[0] != '/')
		return ns_error_set(err, -EINVAL, "$.netns: must be an absolute path");
	ret->pid = (pid_t)pid;
	return 0;
}

/* 1: the daemon's own namespace. */
static int is_own(const struct ns_hint *hint, struct ns_error *err)
{
	struct stat own, theirs;
	char of_pid[64];
	const char *path = hint->netns_path;

	if (!path) {
		(void)snprintf(of_pid, sizeof of_pid, "/proc/%d/ns/net", (int)hint->pid);
		path = of_pid;
	}
	if (stat(path, &theirs) < 0) {
		if (errno == ENOENT || errno == ESRCH || errno == ENOTDIR)
			return ns_error_set(err, -ENOENT, "%s: no such network namespace", path);
		return ns_error_set(err, -errno, "%s: %m", path);
	}
	if (stat("/proc/self/ns/net", &own) < 0)
		return ns_error_set(err, -EIO, "/proc/self/ns/net: %m");
	return own.st_dev == theirs.st_dev && own.st_ino == theirs.st_ino;
}

int ns_ready_answer(struct ns_engine *engine, const json_t *body, json_t **ret, struct ns_error *err)
{
	struct ns_readiness found = { 0 };
	struct ns_hint hint = { 0 };
	json_t *answer;
	int own, r = read_hint(body, &hint, err);

	if (r < 0)
		return r;
	own = is_own(&hint, err);
	if (own < 0)
		return own;
	if (own) {
		answer = json_pack("{s:b, s:b, s:n, s:n, s:n, s:s}", "ready", 1, "held", 0, "cookie", "workload",
				   "mode", "why", "on the host's network: there is nothing to wait for");
	} else {
		r = ns_engine_ready(engine, &hint, &found, err);
		if (r < 0)
			return r;
		answer = json_pack("{s:b, s:b, s:I, s:o, s:o, s:o}", "ready", (int)found.ready, "held", (int)found.held,
				   "cookie", (json_int_t)found.cookie, "workload", ns_text_string(found.workload),
				   "mode", ns_text_string(found.mode), "why",
				   ns_text_string(found.ready            ? ""
						  : found.why[0] != '\0' ? found.why
									 : "its rules are not in yet"));
	}
	if (!answer)
		return ns_error_set(err, -ENOMEM, "out of memory for the answer");
	*ret = answer;
	return 0;
}
