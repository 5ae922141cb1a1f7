/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Members of a JSON object that may be null, beside those of json.h.
 */
#ifndef NANOSEG_BENCH_MEMBER_H
#define NANOSEG_BENCH_MEMBER_H

#include "json.h"

/* Must be there: null (*ret_given false), or a number from 0 to max. */
int bench_member_number(struct ns_json_object *object, const char *name, double max, bool *ret_given, double *ret,
			struct ns_error *err);
int bench_member_uint(struct ns_json_object *object, const char *name, uint64_t max, bool *ret_given, uint64_t *ret,
		      struct ns_error *err);

#endif
