/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "clock.h"
#include "identity.h"
#include "watch_object.h"

static void add_status(json_t *array, const char *source, const struct ns_source_state *state)
{
	(void)json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:o}", "source", source, "state",
						     *state->state ? state->state : "ok", "detail", state->detail,
						     "since", ns_time_json(state->since)));
}

json_t *ns_watch_status(struct ns_watch *watch)
{
	json_t *array = json_array();
	const char *failure;

	for (size_t i = 0; i < watch->n_engines; i++) {
		static const char *const words[] = { [NS_DOCKER_ABSENT] = "absent",
						     [NS_DOCKER_CONNECTING] = "connecting",
						     [NS_DOCKER_OK] = "ok",
						     [NS_DOCKER_FAILING] = "failing" };
		struct ns_source_state state = { 0 };
		const char *detail;

		(void)snprintf(state.state, sizeof state.state, "%s",
			       words[ns_docker_get_state(watch->engines[i], &detail, &state.since)]);
		(void)snprintf(state.detail, sizeof state.detail, "%s", detail);
		add_status(array, ns_docker_runtime(watch->engines[i]), &state);
	}
	add_status(array, "namespaces", &watch->namespaces_state);
	add_status(array, "netns_dirs", &watch->dirs_state);
	add_status(array, "links", &watch->links_state);
	add_status(array, "ports", &watch->ports_state);
	add_status(array, "processes", &watch->processes_state);
	failure = ns_cgroup_tree_failure(watch->tree);
	if (!ns_cgroup_tree_is_there(watch->tree))
		ns_source_state_set(&watch->cgroups_state, "absent",
				    "no cgroup v2 hierarchy: containers that share a namespace have one policy");
	else
		ns_source_state_set(&watch->cgroups_state, *failure ? "failing" : "ok", failure);
	add_status(array, "cgroups", &watch->cgroups_state);
	return array;
}

static void add_word(void *ctx, const char *finding)
{
	(void)json_array_append_new(ctx, json_string(finding));
}

json_t *ns_watch_outside(struct ns_watch *watch)
{
	json_t *array = json_array();

	for (size_t e = 0; e < watch->n_engines; e++) {
		const struct ns_container *container;

		for (size_t i = 0; (container = ns_docker_at(watch->engines[e], i)); i++) {
			char workload[NS_WORKLOAD_MAX];
			const char *why;
			json_t *findings;

			if (!container->host_network || container->pid == 0)
				continue;
			why = ns_members_outside(watch, container);
			if (!why)
				continue;
			ns_identity_workload(container, workload);
			findings = json_array();
			ns_findings_outside(container, add_word, findings);
			add_word(findings, why);
			(void)json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o}", "workload",
								     workload, "runtime", container->runtime,
								     "container_id", container->id, "name",
								     container->name, "image", container->image, "pid",
								     (int)container->pid, "findings", findings));
		}
	}
	return array;
}
