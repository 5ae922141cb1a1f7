/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define LINE_MAX_BYTES 1024

static enum ns_log_level threshold = NS_LOG_LEVEL_INFO;

void ns_log_set_level(enum ns_log_level level)
{
	threshold = level;
}

int ns_log_level_parse(const char *text)
{
	static const struct {
		const char *word;
		enum ns_log_level level;
	} words[] = { { "error", NS_LOG_LEVEL_ERROR },
		      { "warning", NS_LOG_LEVEL_WARNING },
		      { "info", NS_LOG_LEVEL_INFO },
		      { "debug", NS_LOG_LEVEL_DEBUG } };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i].word, text) == 0)
			return (int)words[i].level;
	return -1;
}

void ns_log(enum ns_log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES], when[NS_TIME_TEXT_MAX];
	size_t used = 0;
	va_list args;
	int n;

	if (level > threshold)
		return;
	/* The journal stamps the time itself; a terminal or a file does not. */
	if (getenv("JOURNAL_STREAM"))
		n = snprintf(line, sizeof line, "<%d>", (int)level);
	else
		n = snprintf(line, sizeof line, "%s ", ns_time_format(ns_clock_now(), when));
	used = (size_t)n;
	va_start(args, format);
	n = vsnprintf(line + used, sizeof line - used - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	used += (size_t)n < sizeof line - used - 1 ? (size_t)n : sizeof line - used - 2;
	for (size_t i = 0; i < used; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* there is nowhere left to say it */
}
