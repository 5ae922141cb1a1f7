/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an OCI runtime tells a hook: its state on standard input, and the bundle's configuration file. Both are read
 * leniently as to what is in them besides (the specification lets runtimes add), and strictly as to what is used.
 */
#ifndef NANOSEG_HOOKS_STATE_H
#define NANOSEG_HOOKS_STATE_H

#include <jansson.h>

#include "subject.h"

struct ns_hook_state {
	pid_t pid;
	char id[NS_CONTAINER_ID_MAX];
	char *bundle;        /* absolute; NULL: not told */
	json_t *annotations; /* an object of texts */
};

#define NS_HOOK_STATE_INIT                                                                                             \
	{                                                                                                              \
		.bundle = NULL                                                                                         \
	}

void ns_hook_state_release(struct ns_hook_state *state);

/* *ret must be NS_HOOK_STATE_INIT. Errors begin with the JSON path. */
int ns_hook_state_parse(const char *text, size_t length, struct ns_hook_state *ret, struct ns_error *err);
/* Adds the annotations of a config.json that the state does not have. */
int ns_hook_state_add_bundle(struct ns_hook_state *state, const char *text, size_t length, struct ns_error *err);

/* Who it is, as far as the annotations tell:
 *
 *   nanoseg.workload                                              the workload
 *   io.kubernetes.cri.sandbox-namespace, -name, -id               a pod of containerd
 *   io.kubernetes.pod.namespace, .name, io.kubernetes.cri-o.*     a pod of CRI-O
 *   io.container.manager = libpod                                 a container of Podman
 *
 * Otherwise the container's id alone: the engines' APIs tell the rest. -EINVAL: nanoseg.workload is no usable name. */
int ns_hook_state_subject(const struct ns_hook_state *state, struct ns_subject *ret, struct ns_error *err);

#endif
