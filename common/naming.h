/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How workloads get their names: section [names] of the configuration. The first rule that gives a name wins; where
 * none does, it is RUNTIME/NAME (rule "name"), and without a name RUNTIME/ID.
 *
 *   label    label or annotation nanoseg.workload   its value
 *   k8s      a pod of Kubernetes                    k8s/NAMESPACE/OWNER, its containers k8s/NAMESPACE/OWNER/CONTAINER
 *   compose  labels of compose                      compose/PROJECT/SERVICE
 *   pod      a pod of Podman                        podman/POD, its containers podman/POD/NAME
 *   image    the image, without tag and digest      image/REPOSITORY
 *   name     the container's name                   RUNTIME/NAME
 */
#ifndef NANOSEG_NAMING_H
#define NANOSEG_NAMING_H

#include <nanoseg/error.h>

enum ns_name_rule {
	NS_NAME_INVALID = 0,
	NS_NAME_LABEL,
	NS_NAME_K8S,
	NS_NAME_COMPOSE,
	NS_NAME_POD,
	NS_NAME_IMAGE,
	NS_NAME_NAME,
};

#define NS_NAME_RULES_MAX     6
#define NS_NAMING_OWNER_MAX   8
#define NS_NAME_RULE_WORDS    "label k8s compose pod image name"
#define NS_NAMING_OWNER_WORDS "pattern pod"

struct ns_naming {
	enum ns_name_rule rules[NS_NAME_RULES_MAX];
	unsigned n_rules;
	char owner[NS_NAMING_OWNER_MAX]; /* of a pod of Kubernetes: "pattern", or "pod": always the whole pod's name */
};

#define NS_NAMING_DEFAULT                                                                                              \
	{                                                                                                              \
		.rules = { NS_NAME_LABEL, NS_NAME_K8S, NS_NAME_COMPOSE, NS_NAME_POD, NS_NAME_NAME }, .n_rules = 5,     \
		.owner = "pattern",                                                                                    \
	}

const char *ns_name_rule_format(enum ns_name_rule rule);

/* "label k8s name": replaces ret->rules. -EINVAL: a word that is none or stands there twice, none at all, or one behind
 * "name", which always gives a name and so must be the last. */
int ns_naming_parse(const char *value, struct ns_naming *ret, struct ns_error *err);

#endif
