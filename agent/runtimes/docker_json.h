/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Decoding what a Docker-compatible engine answers. Pure. The documents are foreign: members that are not known are
 * passed over, members that are needed must be there with the right type, and text that does not fit is not taken for
 * something shorter.
 */
#ifndef NANOSEG_DOCKER_JSON_H
#define NANOSEG_DOCKER_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <nanoseg/error.h>
#include <nanoseg/limits.h>
#include <nanoseg/published.h>

#define NS_DOCKER_ID_DIGITS   64
#define NS_DOCKER_VERSION_MAX 16

/* The API versions this agent speaks. */
#define NS_DOCKER_MAJOR       1
#define NS_DOCKER_MINOR_LEAST 24
#define NS_DOCKER_MINOR_MOST  48

struct ns_container {
	char id[NS_DOCKER_ID_DIGITS + 1];
	char runtime[NS_RUNTIME_MAX];                    /* filled by the client */
	char name[NS_NAME_MAX];                          /* without the leading slash; "": not known */
	char image[NS_NAME_MAX];                         /* as it was asked for */
	char image_digest[NS_NAME_MAX];                  /* "sha256:…" of the image's configuration */
	char label_workload[NS_WORKLOAD_MAX];            /* label nanoseg.workload; "": none */
	char project[NS_NAME_MAX], service[NS_NAME_MAX]; /* compose labels; "": none */
	/* Of a pod; "": none. `owner` is what lasts of it: the Deployment without the hash of its ReplicaSet, or the
	 * pod's own name; `container` the container's name in it, "" for the one that only holds the namespace. */
	char pod_namespace[NS_NAME_MAX], pod[NS_NAME_MAX], owner[NS_NAME_MAX], container[NS_NAME_MAX];
	char pod_id[NS_DOCKER_ID_DIGITS + 1];     /* of the Podman pod it is in; "": none */
	char sandbox_id[NS_DOCKER_ID_DIGITS + 1]; /* of the pod's namespace; "": not known */
	bool sandbox;                             /* it only holds a pod's namespace (pause, infra) */
	char bundle[NS_BUNDLE_PATH_MAX];          /* the config.json that told of it; "": an engine did */
	bool host_network;
	/* Only an inspection tells these. */
	char sandbox_key[256]; /* path of the namespace file; "": none (yet) */
	pid_t pid;             /* 0: not running */
	bool privileged, net_admin, net_raw;
	struct ns_published published[NS_ENDPOINT_PUBLISHED_MAX]; /* ports of the host that lead to it */
	size_t n_published;
	bool published_more; /* than there is room for */
};

/* GET /version: the highest API version that both speak, "1.41". -EPROTONOSUPPORT: none; the text names both ranges. */
int ns_docker_parse_version(const char *text, size_t length, char ret[static NS_DOCKER_VERSION_MAX],
			    struct ns_error *err);

/* GET /containers/ID/json. raw_by_default: the engine grants CAP_NET_RAW unless it is dropped (Docker does, Podman does
 * not). */
int ns_docker_parse_container(const char *text, size_t length, bool raw_by_default, struct ns_container *ret,
			      struct ns_error *err);

/* GET /containers/json: calls `each` with every container. The engine answers this from a snapshot, without waiting for
 * containers that are being started, as an inspection does. */
int ns_docker_parse_list(const char *text, size_t length, void (*each)(void *ctx, const struct ns_container *container),
			 void *ctx, struct ns_error *err);

enum ns_docker_action {
	NS_DOCKER_OTHER = 0, /* nothing that changes an identity */
	NS_DOCKER_LOOK,      /* created, started, renamed, updated: inspect it */
	NS_DOCKER_DIED,      /* its processes are gone; it may start again */
	NS_DOCKER_REMOVED,
};

/* One line of GET /events. The event names the container too (name, image, labels), so that its workload is known
 * before any answer to a question. *ret_container is filled for all but NS_DOCKER_OTHER. */
int ns_docker_parse_event(const char *text, size_t length, enum ns_docker_action *ret_action,
			  struct ns_container *ret_container, struct ns_error *err);

bool ns_docker_is_id(const char *text);

#endif
