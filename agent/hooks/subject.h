/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whom a runtime starts: the network namespace, and what it says of who will live in it. What is not told is "".
 */
#ifndef NANOSEG_HOOKS_SUBJECT_H
#define NANOSEG_HOOKS_SUBJECT_H

#include <stdbool.h>
#include <sys/types.h>

#include <nanoseg/error.h>
#include <nanoseg/limits.h>

#define NS_SUBJECT_NETNS_MAX 256

struct ns_subject {
	pid_t pid;                        /* whose /proc/PID/ns/net it is; 0: by path */
	char netns[NS_SUBJECT_NETNS_MAX]; /* "": by pid */
	char runtime[NS_RUNTIME_MAX];
	char container_id[NS_CONTAINER_ID_MAX];
	char name[NS_NAME_MAX];
	char workload[NS_WORKLOAD_MAX];
};

/* The annotation (of containers and of pods) in which somebody names the workload, before all else. */
#define NS_SUBJECT_ANNOTATION "nanoseg.workload"

/* A pod: name, and workload "k8s/NAMESPACE/pod/NAME", which hook and plugin must tell alike. A workload that is there
 * stays. Where the two are too long for a workload's name, none is told: a cut one could be another's. */
void ns_subject_set_pod(struct ns_subject *subject, const char *pod_namespace, const char *pod);
/* -EINVAL: not a name that a workload may have; the text says what would be right, not where it was. */
int ns_subject_set_workload(struct ns_subject *subject, const char *workload, struct ns_error *err);
/* For container_id, and for runtime: false, and nothing set, when it does not fit or is not of letters, digits and
 * "._-", as the daemon wants such words. */
bool ns_subject_set_word(char *ret, size_t size, const char *word);

#endif
