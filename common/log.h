/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The daemon's log: one line an event on standard error, with the "<N>" prefix of sd-daemon(3) when it goes to the
 * journal. Only agent/ calls it; libraries return errors.
 */
#ifndef NANOSEG_LOG_H
#define NANOSEG_LOG_H

#include <nanoseg/error.h>

enum ns_log_level { NS_LOG_LEVEL_ERROR = 3, NS_LOG_LEVEL_WARNING = 4, NS_LOG_LEVEL_INFO = 6, NS_LOG_LEVEL_DEBUG = 7 };

void ns_log_set_level(enum ns_log_level level);
/* "error", "warning", "info", "debug"; -1 for another word. */
int ns_log_level_parse(const char *text);
void ns_log(enum ns_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ns_log_error(...)   ns_log(NS_LOG_LEVEL_ERROR, __VA_ARGS__)
#define ns_log_warning(...) ns_log(NS_LOG_LEVEL_WARNING, __VA_ARGS__)
#define ns_log_info(...)    ns_log(NS_LOG_LEVEL_INFO, __VA_ARGS__)
#define ns_log_debug(...)   ns_log(NS_LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
