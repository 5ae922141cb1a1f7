/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The same table with fewer chains and rules: for every packet the same verdict, the same counts, the same elements
 * added. What is not asked for by the compiler (shape.h) leaves chains that are empty, or that lead on to another;
 * those who were led to them are led where they lead. Sets that are looked up nowhere go too, but for those that the
 * packet path adds to.
 */
#ifndef NANOSEG_SIMPLIFY_H
#define NANOSEG_SIMPLIFY_H

#include <nanoseg/plan.h>

/* Stays a chain of its own, so that what it says is said once: whether what comes there is dropped. */
#define NS_CHAIN_REFUSE "refuse"

void ns_simplify(struct ns_plan *plan);

#endif
