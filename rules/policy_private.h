/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of policy handling share: ownership, spans, order of rules.
 */
#ifndef NANOSEG_POLICY_PRIVATE_H
#define NANOSEG_POLICY_PRIVATE_H

#include <nanoseg/policy.h>

void ns_peer_release(struct ns_peer *peer);
void ns_rule_release(struct ns_rule *rule);

/* Which of the two lists a rule of that protocol has: exactly one of them, or none. */
bool ns_rule_has_ports(const struct ns_rule *rule);
bool ns_rule_has_types(const struct ns_rule *rule);

/* Sorts by lower end. */
void ns_spans_sort(struct ns_span *spans, size_t n);
/* Of sorted spans: joins those that overlap or are adjacent. Returns how many are left. */
size_t ns_spans_merge(struct ns_span *spans, size_t n);
/* How many numbers they hold; of merged spans. */
uint64_t ns_spans_count(const struct ns_span *spans, size_t n);

/* Whom and what a rule is about: direction, peer, source, protocol; not ports. <0, 0, >0. */
int ns_rule_compare_subject(const struct ns_rule *a, const struct ns_rule *b);
/* All that a rule says: also spans and comment; neither id nor evidence. */
int ns_rule_compare(const struct ns_rule *a, const struct ns_rule *b);
int ns_peer_compare(const struct ns_peer *a, const struct ns_peer *b);

/* New reference; NULL only without memory. */
json_t *ns_rule_to_json(const struct ns_rule *rule);

#endif
