/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is measured: the words for people, the order in which they stand, and how they are drawn. A name that is not in
 * the table stands behind the others under its own name.
 */
#ifndef NANOSEG_BENCH_CONTENDERS_H
#define NANOSEG_BENCH_CONTENDERS_H

#include <stdbool.h>

#define BENCH_STYLES    10
#define BENCH_TITLE_MAX 96

enum bench_kind { BENCH_OTHER = 0, BENCH_OWN, BENCH_BASELINE };

struct bench_contender {
	const char *name; /* as it was asked for */
	char title[BENCH_TITLE_MAX];
	enum bench_kind kind;
	unsigned style; /* of report_svg.h: the class s0 … s9 */
	bool dashed;
};

/* A name of several words is the first one's under some condition: "nanoseg stopped" is "nanoseg, stopped". */
struct bench_contender bench_contender(const char *name);
int bench_contender_compare(const char *a, const char *b);
int bench_group_compare(const char *a, const char *b);
/* What the group asks, in words; NULL: not in the table. */
const char *bench_group_title(const char *group);

#endif
