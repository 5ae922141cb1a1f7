/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"

#define US 1000000

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * US + ts.tv_nsec / 1000;
}

int64_t ns_clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t ns_clock_elapsed(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

const char *ns_time_format(int64_t us, char buf[static NS_TIME_TEXT_MAX])
{
	int64_t fraction = us % US;
	time_t seconds;
	struct tm tm;
	size_t used;

	if (fraction < 0)
		fraction += US;
	seconds = (time_t)((us - fraction) / US);
	if (!gmtime_r(&seconds, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900) {
		seconds = 0; /* beyond four digits of year: no time of ours */
		fraction = 0;
		(void)gmtime_r(&seconds, &tm);
	}
	(void)strftime(buf, NS_TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	used = strlen(buf);
	(void)snprintf(buf + used, NS_TIME_TEXT_MAX - used, ".%06uZ", (unsigned)(fraction % US));
	return buf;
}

/* Exactly n decimal digits. */
static int digits(const char **text, int n, int *ret)
{
	int value = 0;

	for (; n > 0; n--, (*text)++) {
		if (**text < '0' || **text > '9')
			return -EINVAL;
		value = value * 10 + (**text - '0');
	}
	*ret = value;
	return 0;
}

static int literal(const char **text, char c)
{
	return *(*text)++ == c ? 0 : -EINVAL;
}

int ns_time_parse(const char *text, int64_t *ret)
{
	struct tm tm = { 0 }, back;
	int fraction = 0, scale = US;
	time_t seconds;

	if (strnlen(text, NS_TIME_TEXT_MAX) < sizeof "2026-11-23T18:56:29Z" - 1)
		return -EINVAL;
	if (digits(&text, 4, &tm.tm_year) < 0 || literal(&text, '-') < 0 || digits(&text, 2, &tm.tm_mon) < 0 ||
	    literal(&text, '-') < 0 || digits(&text, 2, &tm.tm_mday) < 0 || literal(&text, 'T') < 0 ||
	    digits(&text, 2, &tm.tm_hour) < 0 || literal(&text, ':') < 0 || digits(&text, 2, &tm.tm_min) < 0 ||
	    literal(&text, ':') < 0 || digits(&text, 2, &tm.tm_sec) < 0)
		return -EINVAL;
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9' && scale > 1; text++) {
			scale /= 10;
			fraction += (*text - '0') * scale;
		}
		if (scale == US)
			return -EINVAL;
	}
	if (strcmp(text, "Z") != 0)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	back = tm;
	seconds = timegm(&back);
	/* timegm() folds the 31st of February into March: what does not come back as it was is no date. */
	if (back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday || back.tm_hour != tm.tm_hour ||
	    back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec)
		return -EINVAL;
	*ret = (int64_t)seconds * US + fraction;
	return 0;
}

json_t *ns_time_json(int64_t us)
{
	char buf[NS_TIME_TEXT_MAX];

	return us ? json_string(ns_time_format(us, buf)) : json_null();
}
