/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The part of an enforcing plan that a change of the address book changes: the elements of its sets that name one of
 * the addresses concerned, with the book before and with the one after. Where the kernel holds the plan that was
 * compiled with the former, making the one part the other makes it hold the plan that would be compiled with the
 * latter, and takes a time that does not depend on how much else the policy allows.
 *
 * It is exact or it is refused: a rule of ports or protocols without number, whose elements would have to be cut anew
 * out of others', one of transit, and a published port on an address of the host that moves, need the whole plan.
 */
#ifndef NANOSEG_PART_H
#define NANOSEG_PART_H

#include <nanoseg/book.h>
#include <nanoseg/layout.h>
#include <nanoseg/plan.h>
#include <nanoseg/policy.h>

struct ns_part;

/* Both books are borrowed until it is freed. -E2BIG: more than NS_PART_ADDRESSES_MAX addresses have moved. */
int ns_part_new(const struct ns_book *before, const struct ns_book *after, struct ns_part **ret, struct ns_error *err);
struct ns_part *ns_part_free(struct ns_part *part); /* accepts NULL; returns NULL */

/* Of the inner lock, or of the outer one, for whose plans the policy is compiled with these options; of these only the
 * links and `host` are looked at. *ret_before and *ret_after are normalised, have the same sets (the plan may be
 * without one that is empty in both), and are the part's own until the next call. -EOPNOTSUPP: only the whole plan
 * tells. */
int ns_part_compile(struct ns_part *part, const struct ns_policy *policy, const struct ns_compile_options *options,
		    bool outer, const struct ns_plan **ret_before, const struct ns_plan **ret_after,
		    struct ns_error *err);

#endif
