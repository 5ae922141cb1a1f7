/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Times: microseconds since the Unix epoch, and RFC 3339 UTC text with fractions for everything printed.
 */
#ifndef NANOSEG_CLOCK_H
#define NANOSEG_CLOCK_H

#include <stdint.h>

#include <jansson.h>

#define NS_TIME_TEXT_MAX 40

int64_t ns_clock_now(void);     /* CLOCK_REALTIME */
int64_t ns_clock_elapsed(void); /* CLOCK_BOOTTIME: for durations */

/* "2026-11-23T18:56:29.123456Z". */
const char *ns_time_format(int64_t us, char buf[static NS_TIME_TEXT_MAX]);
/* Strict: the form above, one to six digits of fraction or none. -EINVAL otherwise. */
int ns_time_parse(const char *text, int64_t *ret);
/* New reference; JSON null for 0 (never). */
json_t *ns_time_json(int64_t us);

#endif
