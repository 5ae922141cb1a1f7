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

/* The proleptic Gregorian calendar, in years that begin in March, so that the leap day is the last one: a million edges
 * have two million times, and gmtime_r(3) and timegm(3) look after time zones. */
struct date {
	int year, month, day;
};

#define DAYS_OF_ERA 146097 /* 400 years */
#define EPOCH       719468 /* days from 0000-03-01 to 1970-01-01 */

static struct date date_of(int64_t days)
{
	int64_t since = days + EPOCH, era = (since >= 0 ? since : since - DAYS_OF_ERA + 1) / DAYS_OF_ERA;
	int64_t day = since - era * DAYS_OF_ERA;
	int64_t year = (day - day / 1460 + day / 36524 - day / (DAYS_OF_ERA - 1)) / 365;
	int64_t of_year = day - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
	struct date date = { .month = (int)(month < 10 ? month + 3 : month - 9),
			     .day = (int)(of_year - (153 * month + 2) / 5 + 1) };

	date.year = (int)(year + era * 400 + (date.month <= 2));
	return date;
}

static int64_t days_of(struct date date)
{
	int64_t year = date.year - (date.month <= 2), era = (year >= 0 ? year : year - 399) / 400;
	int64_t in_era = year - era * 400, month = date.month > 2 ? date.month - 3 : date.month + 9;

	return era * DAYS_OF_ERA + in_era * 365 + in_era / 4 - in_era / 100 + (153 * month + 2) / 5 + date.day - 1 -
	       EPOCH;
}

static char *put_digits(char *to, unsigned value, unsigned n, char after)
{
	for (unsigned i = n; i-- > 0; value /= 10)
		to[i] = (char)('0' + value % 10);
	to[n] = after;
	return to + n + 1;
}

#define DAY_S       86400
#define FIRST_DAY   (-719528) /* 0000-01-01 */
#define DAYS_BEYOND 2932897   /* 10000-01-01: five digits of year are no time of ours */

const char *ns_time_format(int64_t us, char buf[static NS_TIME_TEXT_MAX])
{
	int64_t fraction = us % US, seconds = us / US, days;
	struct date date;
	char *to = buf;

	if (fraction < 0) {
		fraction += US;
		seconds--;
	}
	days = seconds / DAY_S - (seconds % DAY_S < 0);
	if (days < FIRST_DAY || days >= DAYS_BEYOND)
		days = seconds = fraction = 0;
	seconds -= days * DAY_S;
	date = date_of(days);
	to = put_digits(to, (unsigned)date.year, 4, '-');
	to = put_digits(to, (unsigned)date.month, 2, '-');
	to = put_digits(to, (unsigned)date.day, 2, 'T');
	to = put_digits(to, (unsigned)(seconds / 3600), 2, ':');
	to = put_digits(to, (unsigned)(seconds / 60 % 60), 2, ':');
	to = put_digits(to, (unsigned)(seconds % 60), 2, '.');
	to = put_digits(to, (unsigned)fraction, 6, 'Z');
	*to = '\0';
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
	int fraction = 0, scale = US, hour, minute, second;
	struct date date, back;
	int64_t days;

	if (strnlen(text, NS_TIME_TEXT_MAX) < sizeof "2026-11-23T18:56:29Z" - 1)
		return -EINVAL;
	if (digits(&text, 4, &date.year) < 0 || literal(&text, '-') < 0 || digits(&text, 2, &date.month) < 0 ||
	    literal(&text, '-') < 0 || digits(&text, 2, &date.day) < 0 || literal(&text, 'T') < 0 ||
	    digits(&text, 2, &hour) < 0 || literal(&text, ':') < 0 || digits(&text, 2, &minute) < 0 ||
	    literal(&text, ':') < 0 || digits(&text, 2, &second) < 0)
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
	if (date.month < 1 || date.month > 12 || date.day < 1 || hour > 23 || minute > 59 || second > 59)
		return -EINVAL;
	/* The 31st of February is the 3rd of March: what does not come back as it was is no date. */
	days = days_of(date);
	back = date_of(days);
	if (back.month != date.month || back.day != date.day)
		return -EINVAL;
	*ret = (days * DAY_S + hour * 3600L + minute * 60L + second) * (int64_t)US + fraction;
	return 0;
}

json_t *ns_time_json(int64_t us)
{
	char buf[NS_TIME_TEXT_MAX];

	return us ? json_string(ns_time_format(us, buf)) : json_null();
}
