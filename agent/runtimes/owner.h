/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What lasts of a Kubernetes pod's name: its owner, by the manner in which Kubernetes makes up names. Pure: hook,
 * plugin and bundle know the same of a pod, its name, and so come to the same owner.
 *
 *   web-5d4f8c7b9-x2x4z       web        a Deployment's ReplicaSet: its hash, and a random part
 *   backup-28123456-x2x4z     backup-N-X a CronJob's Job: minutes since the epoch, and a random part
 *   agent-x2x4z               agent-X    of a DaemonSet, a Job, a bare ReplicaSet: a random part
 *   db-0                      db-N       an ordinal of a StatefulSet
 *   anything else             itself
 *
 * A Deployment, a StatefulSet and a DaemonSet may have one name, and are three workloads: N and X, which no name of
 * Kubernetes holds, keep them apart. Names that Kubernetes cut to their greatest length stay whole.
 */
#ifndef NANOSEG_OWNER_H
#define NANOSEG_OWNER_H

#include <nanoseg/limits.h>

enum ns_owner_form {
	NS_OWNER_WHOLE = 0,
	NS_OWNER_REPLICASET,
	NS_OWNER_CRONJOB,
	NS_OWNER_RANDOM,
	NS_OWNER_ORDINAL,
};

/* The owner into ret. */
enum ns_owner_form ns_owner_of_pod(const char *pod, char ret[static NS_NAME_MAX]);
/* What was done, for people: "the ReplicaSet's hash and the random part are taken off", … */
const char *ns_owner_form_text(enum ns_owner_form form);

#endif
