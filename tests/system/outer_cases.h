/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What passes the outer lock and what does not.
 */
#ifndef NANOSEG_TEST_OUTER_CASES_H
#define NANOSEG_TEST_OUTER_CASES_H

#include "outer_frame.h"

enum outer_families { BOTH, FOUR, SIX, ARP };

struct outer_case {
	bool pass;
	enum outer_families families;
	const char *counter; /* that counts it when it is refused; NULL: a set of refused tuples */
	struct frame_spec spec;
};

extern const struct outer_case outer_from[], outer_to[]; /* what the container sends; what is sent to it */
extern const size_t outer_from_count, outer_to_count;

#endif
