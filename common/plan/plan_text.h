/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The lines of a plan's canonical text, one thing each, without the newline. Shared by the printer and the
 * difference, so that both say the same. Names and comments may be foreign bytes: what is not printable ASCII is
 * written as \xHH.
 */
#ifndef NANOSEG_PLAN_TEXT_H
#define NANOSEG_PLAN_TEXT_H

#include <stdio.h>

#include <nanoseg/plan.h>

void ns_plan_text_table(FILE *out, const struct ns_plan *plan);
void ns_plan_text_counter(FILE *out, const struct ns_plan_counter *counter);
void ns_plan_text_set(FILE *out, const struct ns_plan_set *set);
void ns_plan_text_element(FILE *out, const struct ns_plan_set *set, const struct ns_plan_element *element);
void ns_plan_text_chain(FILE *out, const struct ns_plan *plan, const struct ns_plan_chain *chain);
void ns_plan_text_rule(FILE *out, const struct ns_plan_chain *chain, const struct ns_plan_rule *rule);

void ns_plan_text_escaped(FILE *out, const char *text);
void ns_plan_text_number(FILE *out, uint32_t number);
void ns_plan_text_hex(FILE *out, const uint8_t *bytes, size_t length);
void ns_plan_text_stmts(FILE *out, const struct ns_plan_rule *rule);

/* Elements that are the plan's business: not those the packet path adds, nor those that go by themselves. */
static inline bool ns_plan_text_has_elements(const struct ns_plan_set *set)
{
	return !set->dynamic && !set->timeout;
}

/* The chains by name, whatever order they were made in. */
void ns_plan_text_sort_chains(const struct ns_plan *plan, const struct ns_plan_chain *ret[static NS_PLAN_CHAINS_MAX]);

#endif
