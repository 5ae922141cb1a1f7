/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rules of a policy in few bytes. One in force is looked at when an address changes, and may wait for that for
 * weeks; as it is read it takes some 300 bytes a rule, packed some 20. What only people read of it (evidence, comments)
 * is left out, and stays in the store.
 */
#ifndef NANOSEG_ENGINE_PACKED_H
#define NANOSEG_ENGINE_PACKED_H

#include <nanoseg/policy.h>

struct ns_packed {
	unsigned char *bytes;
	size_t n_rules, n_spans;
};

int ns_packed_make(const struct ns_policy *policy, struct ns_packed *ret, struct ns_error *err);
void ns_packed_release(struct ns_packed *packed);
/* One block, for free(): the rules as they were. Names point into the packed ones. NULL: no memory. */
struct ns_rule *ns_packed_unpack(const struct ns_packed *packed);

#endif
