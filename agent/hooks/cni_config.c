/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cni_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"

#define VERSION_0_4 "0.4.0"

#define ARGS_MAX 4096

/* What the daemon's socket and the time are called, and what the specification and runtimes put beside them. */
static const char *const known[] = {
	"cniVersion", "name",         "type", "prevResult", "socket", "timeout",       "onTimeout",
	"args",       "capabilities", "dns",  "ipMasq",     "ipam",   "runtimeConfig",
};

/* Pod annotations, where the configuration asks for them: "capabilities": {"io.kubernetes.cri.pod-annotations": true}
 */
#define POD_ANNOTATIONS "io.kubernetes.cri.pod-annotations"

bool ns_cni_supported(const char *version)
{
	return strcmp(version, VERSION_0_4) == 0 || strcmp(version, NS_CNI_NEWEST) == 0;
}

void ns_cni_config_release(struct ns_cni_config *config)
{
	json_decref(config->previous);
	*config = (struct ns_cni_config)NS_CNI_CONFIG_INIT;
}

static int failed(struct ns_error *err, int code)
{
	return err->code == -ENOMEM ? NS_CNI_IO : code;
}

static int decode(const char *text, size_t length, json_t **ret, struct ns_error *err)
{
	if (length == 0) {
		(void)ns_error_set(err, -EINVAL, "no configuration on standard input");
		return NS_CNI_DECODE;
	}
	if (ns_json_decode(text, length, NS_HOOK_BYTES_MAX, NS_JSON_DEPTH_MAX, ret, err) < 0)
		return failed(err, NS_CNI_DECODE);
	if (!json_is_object(*ret)) {
		(void)ns_error_set(err, -EINVAL, "$: must be an object");
		return NS_CNI_DECODE;
	}
	return 0;
}

static int read_version(const json_t *json, char ret[static NS_CNI_VERSION_MAX], struct ns_error *err)
{
	const json_t *member = json_object_get(json, "cniVersion");
	const char *version = json_string_value(member);

	if (!version) {
		(void)ns_error_set(err, -EINVAL, "$.cniVersion: %s", member ? "must be a text" : "missing");
		return NS_CNI_CONFIG;
	}
	if (!ns_cni_supported(version)) {
		(void)ns_error_set(err, -EINVAL,
				   "$.cniVersion: '%.32s' is not supported; use " VERSION_0_4 " or " NS_CNI_NEWEST,
				   version);
		return NS_CNI_VERSION;
	}
	(void)snprintf(ret, NS_CNI_VERSION_MAX, "%s", version);
	return 0;
}

int ns_cni_version_parse(const char *text, size_t length, char ret[static NS_CNI_VERSION_MAX], struct ns_error *err)
{
	NS_JSON json_t *json = NULL;
	const char *version;
	int code = length ? decode(text, length, &json, err) : 0;

	if (code)
		return code;
	version = json_string_value(json_object_get(json, "cniVersion"));
	(void)snprintf(ret, NS_CNI_VERSION_MAX, "%s", version && ns_cni_supported(version) ? version : NS_CNI_NEWEST);
	return 0;
}

/* The specification wants the field and its value in the text. */
static int check_fields(const json_t *json, struct ns_error *err)
{
	const char *name;
	json_t *value;

	json_object_foreach (ns_unconst(json), name, value) {
		bool found = strncmp(name, "cni.dev/", strlen("cni.dev/")) == 0;
		NS_FREE char *text = NULL;

		for (size_t i = 0; !found && i < sizeof known / sizeof known[0]; i++)
			found = strcmp(known[i], name) == 0;
		if (found)
			continue;
		text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		(void)ns_error_set(err, -EINVAL,
				   "$.%.64s: unknown field, its value %.64s; there are socket, timeout and onTimeout",
				   name, text ? text : "?");
		return NS_CNI_FIELD;
	}
	return 0;
}

/* Milliseconds, or "10s". */
static int read_timeout(const json_t *json, int64_t *ret, struct ns_error *err)
{
	char text[32];

	if (!json)
		return 0;
	if (json_is_integer(json)) {
		(void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT "ms", json_integer_value(json));
		return ns_ask_timeout_parse(text, ret, err);
	}
	if (json_is_string(json))
		return ns_ask_timeout_parse(json_string_value(json), ret, err);
	return ns_error_set(err, -EINVAL, "must be a number of milliseconds or a text such as \"10s\"");
}

static int read_settings(const json_t *json, struct ns_cni_config *ret, struct ns_error *err)
{
	const char *socket = NS_ASK_SOCKET_DEFAULT, *on_timeout = "fail";
	struct ns_json_object config;
	int r = ns_json_object_begin(&config, json, "$", err);

	if (r >= 0)
		r = ns_json_opt_string(&config, "socket", &socket, err);
	if (r >= 0)
		r = ns_json_opt_string(&config, "onTimeout", &on_timeout, err);
	if (r < 0)
		return failed(err, NS_CNI_CONFIG);
	if (ns_ask_socket_check(socket, err) < 0) {
		ns_error_context(err, "$.socket");
		return NS_CNI_CONFIG;
	}
	(void)snprintf(ret->socket, sizeof ret->socket, "%s", socket);
	ret->timeout_us = NS_ASK_TIMEOUT_DEFAULT_US;
	if (read_timeout(json_object_get(json, "timeout"), &ret->timeout_us, err) < 0) {
		ns_error_context(err, "$.timeout");
		return NS_CNI_CONFIG;
	}
	ret->go_on = strcmp(on_timeout, "continue") == 0;
	if (!ret->go_on && strcmp(on_timeout, "fail") != 0) {
		(void)ns_error_set(err, -EINVAL, "$.onTimeout: must be \"fail\" or \"continue\"");
		return NS_CNI_CONFIG;
	}
	return 0;
}

static int read_workload(const json_t *json, struct ns_cni_config *ret, struct ns_error *err)
{
	const json_t *annotations = json_object_get(json_object_get(json, "runtimeConfig"), POD_ANNOTATIONS);
	const char *workload = json_string_value(json_object_get(annotations, NS_SUBJECT_ANNOTATION));
	struct ns_subject subject;

	if (!workload || !*workload)
		return 0;
	if (ns_subject_set_workload(&subject, workload, err) < 0) {
		ns_error_context(err, "$.runtimeConfig: annotation " NS_SUBJECT_ANNOTATION);
		return NS_CNI_CONFIG;
	}
	memcpy(ret->workload, subject.workload, sizeof ret->workload);
	return 0;
}

int ns_cni_config_parse(const char *text, size_t length, struct ns_cni_config *ret, struct ns_error *err)
{
	struct ns_cni_config found = NS_CNI_CONFIG_INIT;
	NS_JSON json_t *json = NULL;
	json_t *previous;
	int code = decode(text, length, &json, err);

	if (!code)
		code = read_version(json, found.version, err);
	if (!code)
		code = check_fields(json, err);
	if (!code)
		code = read_settings(json, &found, err);
	if (!code)
		code = read_workload(json, &found, err);
	if (code)
		return code;
	previous = json_object_get(json, "prevResult");
	if (previous && !json_is_object(previous) && !json_is_null(previous)) {
		(void)ns_error_set(err, -EINVAL, "$.prevResult: must be an object");
		return NS_CNI_CONFIG;
	}
	found.previous = json_is_object(previous) ? json_incref(previous) : NULL;
	*ret = found;
	return 0;
}

static void set_arg(struct ns_subject *subject, const char *name, const char *value, const char **pod_namespace,
		    const char **pod)
{
	if (strcmp(name, "K8S_POD_NAMESPACE") == 0)
		*pod_namespace = value;
	else if (strcmp(name, "K8S_POD_NAME") == 0)
		*pod = value;
	else if (strcmp(name, "K8S_POD_INFRA_CONTAINER_ID") == 0)
		(void)ns_subject_set_word(subject->container_id, sizeof subject->container_id, value);
}

int ns_cni_args_parse(const char *args, struct ns_subject *subject, struct ns_error *err)
{
	const char *pod_namespace = "", *pod = "";
	char copy[ARGS_MAX], *rest = copy, *pair;

	if (!args)
		return 0;
	if (strlen(args) >= sizeof copy) {
		(void)ns_error_set(err, -EINVAL, "CNI_ARGS: more than %zu bytes", sizeof copy - 1);
		return NS_CNI_ENVIRONMENT;
	}
	memcpy(copy, args, strlen(args) + 1);
	while ((pair = strsep(&rest, ";"))) {
		char *equals = strchr(pair, '=');

		if (!*pair)
			continue;
		if (!equals) {
			(void)ns_error_set(err, -EINVAL, "CNI_ARGS: '%.64s' is not NAME=VALUE", pair);
			return NS_CNI_ENVIRONMENT;
		}
		*equals = '\0';
		set_arg(subject, pair, equals + 1, &pod_namespace, &pod);
	}
	if (*pod_namespace && *pod)
		ns_subject_set_pod(subject, pod_namespace, pod);
	return 0;
}

/* The address' "version" as 0.4.0 has it, or without it. */
static int convert_address(json_t *entry, bool with_version)
{
	const char *address = json_string_value(json_object_get(entry, "address"));

	if (!json_is_object(entry))
		return 0;
	if (!with_version) {
		(void)json_object_del(entry, "version");
		return 0;
	}
	if (!address || json_object_get(entry, "version"))
		return 0;
	return json_object_set_new(entry, "version", json_string(strchr(address, ':') ? "6" : "4"));
}

json_t *ns_cni_result(const struct ns_cni_config *config)
{
	NS_JSON json_t *result = config->previous ? json_deep_copy(config->previous) : json_object();
	json_t *entry;
	size_t i;

	if (!result || json_object_set_new(result, "cniVersion", json_string(config->version)) < 0)
		return NULL;
	json_array_foreach (json_object_get(result, "ips"), i, entry) {
		if (convert_address(entry, strcmp(config->version, VERSION_0_4) == 0) < 0)
			return NULL;
	}
	return NS_TAKE(result);
}
