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
#define NS_SUBJECT_TEXT_MAX  (2 * NS_NAME_MAX + 8)

struct ns_subject {
	pid_t pid;                        /* whose /proc/PID/ns/net it is; 0: by path */
	char netns[NS_SUBJECT_NETNS_MAX]; /* "": by pid */
	char runtime[NS_RUNTIME_MAX];
	char container_id[NS_CONTAINER_ID_MAX];
	char name[NS_NAME_MAX];
	char workload[NS_WORKLOAD_MAX];                    /* what an annotation or a configuration calls it */
	char pod_namespace[NS_NAME_MAX], pod[NS_NAME_MAX]; /* of Kubernetes; both or none */
};

/* The annotation (of containers and of pods) in which somebody names the workload, before all else. */
#define NS_SUBJECT_ANNOTATION "nanoseg.workload"

/* A pod, whose name is the subject's then. What workload that is, is the daemon's to decide: by the same rules as where
 * the runtime's files tell it of the pod, so that hook, plugin and file cannot differ. */
void ns_subject_set_pod(struct ns_subject *subject, const char *pod_namespace, const char *pod);
/* Whom it is about, for people: the workload, or "pod NAMESPACE/NAME", or the container's id. */
const char *ns_subject_text(const struct ns_subject *subject, char buffer[static NS_SUBJECT_TEXT_MAX]);
/* -EINVAL: not a name that a workload may have; the text says what would be right, not where it was. */
int ns_subject_set_workload(struct ns_subject *subject, const char *workload, struct ns_error *err);
/* For container_id, and for runtime: false, and nothing set, when it does not fit or is not of letters, digits and
 * "._-", as the daemon wants such words. */
bool ns_subject_set_word(char *ret, size_t size, const char *word);

#endif
