/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One container engine with a Docker-compatible API on a unix socket (Docker, Podman): which containers it has and who
 * they are. It connects whenever the socket answers, agrees on a version, follows /events, lists what is there and
 * inspects it, a few at a time. An engine that is absent, hangs, closes or answers garbage is asked again later and
 * later; what it said before is kept meanwhile.
 */
#ifndef NANOSEG_DOCKER_H
#define NANOSEG_DOCKER_H

#include <stdint.h>

#include <systemd/sd-event.h>

#include "docker_json.h"

#define NS_DOCKER_INSPECTS_MAX   8
#define NS_DOCKER_CONTAINERS_MAX NS_ENDPOINTS_MAX
/* One event; labels can be long. */
#define NS_DOCKER_EVENT_MAX 1048576

struct ns_docker;

enum ns_docker_state {
	NS_DOCKER_ABSENT = 0, /* no socket, or nobody listens */
	NS_DOCKER_CONNECTING, /* it has answered, and is being listed */
	NS_DOCKER_OK,
	NS_DOCKER_FAILING,
};

/* `changed` comes from the event loop when a container or the state changed. runtime: "docker" or "podman". Succeeds
 * whether the socket is there or not. */
int ns_docker_new(sd_event *event, const char *socket, const char *runtime, void (*changed)(void *ctx), void *ctx,
		  struct ns_docker **ret, struct ns_error *err);
struct ns_docker *ns_docker_free(struct ns_docker *docker); /* accepts NULL; returns NULL */

const char *ns_docker_runtime(const struct ns_docker *docker);
/* What is known of a container; NULL: nothing. Valid until the next turn of the loop. */
const struct ns_container *ns_docker_find(const struct ns_docker *docker, const char *id);
/* The i-th container, NULL at the end; some may have no name yet. */
const struct ns_container *ns_docker_at(const struct ns_docker *docker, size_t i);
/* The name of the Podman pod with this id; NULL: not known (yet). Valid until the next turn of the loop. */
const char *ns_docker_pod(const struct ns_docker *docker, const char *id);
/* A container was seen that the engine did not tell of: asks, unless it is being asked already. */
void ns_docker_want(struct ns_docker *docker, const char *id);

/* *ret_since: microseconds since the epoch; *ret_detail is owned by the object. */
enum ns_docker_state ns_docker_get_state(const struct ns_docker *docker, const char **ret_detail, int64_t *ret_since);

#endif
