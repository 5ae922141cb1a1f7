/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker_pods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "names.h"

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct ns_docker_pod *)a)->id, ((const struct ns_docker_pod *)b)->id);
}

static int parse_pod(const json_t *json, struct ns_docker_pod *ret, struct ns_error *err)
{
	const char *id = json_string_value(json_object_get(json, "Id"));
	const char *name = json_string_value(json_object_get(json, "Name"));
	const char *infra = json_string_value(json_object_get(json, "InfraId"));
	char part[NS_NAME_MAX];

	*ret = (struct ns_docker_pod){ 0 };
	if (!id || !ns_docker_is_id(id))
		return ns_error_set(err, -EBADMSG, "$[].Id: must be %d hexadecimal digits", NS_DOCKER_ID_DIGITS);
	if (!name || !ns_names_put_part(part, name) || strcmp(part, name) != 0)
		return ns_error_set(err, -EBADMSG, "$[].Name: must be the name of a pod");
	memcpy(ret->id, id, sizeof ret->id);
	memcpy(ret->name, name, strlen(name) + 1);
	if (infra && ns_docker_is_id(infra))
		memcpy(ret->infra, infra, sizeof ret->infra);
	return 0;
}

int ns_docker_pods_parse(struct ns_docker_pods *pods, const char *text, size_t length, struct ns_error *err)
{
	NS_JSON json_t *json = NULL;
	NS_FREE struct ns_docker_pod *list = NULL;
	size_t n;
	/* Without pods some versions answer so. */
	bool none = length >= 4 && memcmp(text, "null", 4) == 0;
	int r = ns_json_decode(none ? "[]" : text, none ? 2 : length, NS_HTTP_BODY_MAX, NS_JSON_DEPTH_MAX, &json, err);

	if (r < 0)
		return r;
	if (!json_is_array(json))
		return ns_error_set(err, -EBADMSG, "$: must be an array of pods");
	n = json_array_size(json);
	if (n > NS_DOCKER_PODS_MAX)
		return ns_error_set(err, -E2BIG, "more than %d pods (NS_DOCKER_PODS_MAX)", NS_DOCKER_PODS_MAX);
	list = calloc(n + 1, sizeof *list);
	if (!list)
		return ns_error_set(err, -ENOMEM, "no memory for pods");
	for (size_t i = 0; i < n; i++) {
		r = parse_pod(json_array_get(json, i), &list[i], err);
		if (r < 0)
			return r;
	}
	qsort(list, n, sizeof *list, compare);
	free(pods->list);
	pods->list = NS_TAKE(list);
	pods->n = n;
	return 0;
}

void ns_docker_pods_release(struct ns_docker_pods *pods)
{
	free(pods->list);
	*pods = (struct ns_docker_pods){ 0 };
}

const struct ns_docker_pod *ns_docker_pods_find(const struct ns_docker_pods *pods, const char *id)
{
	size_t low = 0, high = pods->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(pods->list[middle].id, id);

		if (order == 0)
			return &pods->list[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool ns_docker_pods_apply(const struct ns_docker_pods *pods, struct ns_container *container)
{
	const struct ns_docker_pod *pod = ns_docker_pods_find(pods, container->pod_id);

	if (!pod)
		return false;
	memcpy(container->pod, pod->name, sizeof container->pod);
	container->sandbox = strcmp(container->id, pod->infra) == 0;
	return true;
}
