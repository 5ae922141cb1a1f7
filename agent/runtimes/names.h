/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The name of a container's workload by the rules of the configuration (naming.h), and why it is that. Pure.
 */
#ifndef NANOSEG_NAMES_H
#define NANOSEG_NAMES_H

#include "docker_json.h"
#include "naming.h"

/* For what a container is named. */
enum ns_name_level {
	NS_NAME_ALONE = 0, /* itself */
	NS_NAME_NAMESPACE, /* the network namespace that it lives in: of a pod the pod */
};

/* Of a container; naming NULL: the defaults. ret_why says which rule gave it, from which fact, and why those before it
 * did not: "k8s: annotations of …/config.json; owner web: …; passed over: label (none)". */
void ns_names_decide(const struct ns_container *container, enum ns_name_level level, const struct ns_naming *naming,
		     char ret[static NS_WORKLOAD_MAX], char ret_why[static NS_NAMED_BY_MAX]);

/* A name that may stand in policies, files and terminals: letters, digits and any of "._-/@:+", not starting with '/'.
 */
bool ns_names_is_workload(const char *text);
/* One part of such a name out of a foreign word: other bytes become '_', a slash too. False: "" or too long; then *ret
 * is untouched. */
bool ns_names_put_part(char ret[static NS_NAME_MAX], const char *word);

#endif
