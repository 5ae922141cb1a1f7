/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Values of a policy that have an inner form: spans of ports and types, evidence, names. Errors as in json.h.
 */
#ifndef NANOSEG_POLICY_VALUES_H
#define NANOSEG_POLICY_VALUES_H

#include "json.h"
#include "policy_private.h"

struct ns_span_kind {
	const char *member; /* "ports" */
	const char *what;   /* "a port" */
	unsigned max;       /* highest number */
	size_t max_items;
};
extern const struct ns_span_kind ns_policy_ports, ns_policy_types;

/* Numbers and "LO-HI", at least one, none overlapping. Sorted and adjacent ones joined in *ret, which is malloced. */
int ns_policy_parse_spans(const json_t *array, const char *path, const struct ns_span_kind *kind, struct ns_span **ret,
			  size_t *ret_n, struct ns_error *err);

/* Optional members; what is absent stays as it is. */
int ns_policy_parse_evidence(struct ns_json_object *rule, struct ns_evidence *ret, struct ns_error *err);
int ns_policy_parse_text(struct ns_json_object *object, const char *name, char **ret, struct ns_error *err);

/* 1 to max - 1 bytes without control characters. */
int ns_policy_check_name(const char *path, const char *member, const char *text, size_t max, struct ns_error *err);
/* That max, for the name of a peer of the class; 0: the class has none. */
size_t ns_policy_name_max(enum ns_peer_class peer_class);

#endif
