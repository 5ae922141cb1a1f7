/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A policy's rules as elements of the sets that allow.
 */
#ifndef NANOSEG_ELEMENTS_H
#define NANOSEG_ELEMENTS_H

#include <nanoseg/layout.h>

/* Fills the sets of NS_PURPOSE_ALLOW (one address, one port or ICMP type) and NS_PURPOSE_ALLOW_RANGE (all else,
 * disjoint), which must be there and empty. Where two rules allow the same, the element bears the first one's id. */
int ns_compile_elements(struct ns_plan *plan, const struct ns_policy *policy, const struct ns_book *book,
			const struct ns_compile_options *options, struct ns_error *err);

#endif
