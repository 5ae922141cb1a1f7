/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What others tell of a container that is known by its cgroup: its engine, or the bundle that it was started by.
 */
#include <string.h>

#include "names.h"
#include "watch_object.h"

static const struct ns_container *by_engine(const struct ns_watch *watch, const struct ns_cgroup_identity *who)
{
	for (size_t i = 0; i < watch->n_engines && *who->id && !who->rootless; i++) {
		const struct ns_container *container;

		if (*who->runtime && strcmp(ns_docker_runtime(watch->engines[i]), who->runtime) != 0)
			continue;
		container = ns_docker_find(watch->engines[i], who->id);
		if (container && *container->name)
			return container;
		ns_docker_want(watch->engines[i], who->id);
	}
	return NULL;
}

const struct ns_container *ns_watch_container(struct ns_watch *watch, const struct ns_cgroup_identity *who)
{
	const struct ns_container *container = by_engine(watch, who);

	return container ? container : ns_bundles_known_find(&watch->bundles, who);
}

const struct ns_container *ns_watch_named(struct ns_watch *watch, const struct ns_cgroup_identity *who)
{
	const struct ns_container *container = ns_watch_container(watch, who);

	if (!container || *container->name || *container->pod_namespace ||
	    ns_names_is_workload(container->label_workload))
		return container;
	return NULL;
}

/* An engine that was not asked about it yet does not know. */
bool ns_watch_on_host(struct ns_watch *watch, const struct ns_cgroup_identity *who)
{
	const struct ns_container *container = by_engine(watch, who);

	if (!container || !container->host_network)
		container = ns_bundles_known_find(&watch->bundles, who);
	return container && container->host_network;
}

const char *ns_watch_pod(const struct ns_watch *watch, const struct ns_cgroup_identity *who)
{
	for (size_t i = 0; i < watch->n_engines && *who->pod && !who->rootless; i++) {
		const char *name = ns_docker_pod(watch->engines[i], who->pod);

		if (name)
			return name;
	}
	return "";
}
