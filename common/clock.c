/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
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

/* Of no day before 0000-01-01: the era that is added keeps numbers above 0, and small. */
static struct date date_of(int64_t days)
{
	unsigned since = (unsigned)(days + EPOCH + DAYS_OF_ERA), era = since / DAYS_OF_ERA, day = since % DAYS_OF_ERA;
	unsigned year = (day - day / 1460 + day / 36524 - day / (DAYS_OF_ERA - 1)) / 365;
	unsigned of_year = day - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
	struct date date = { .month = (int)(month < 10 ? month + 3 : month - 9),
			     .day = (int)(of_year - (153 * month + 2) / 5 + 1) };

	date.year = (int)(year + era * 400) - 400 + (date.month <= 2);
	return date;
}

static int64_t days_of(struct date date)
{
	unsigned year = (unsigned)(date.year + 400 - (date.month <= 2)), era = year / 400, in_era = year % 400;
	unsigned month = (unsigned)(date.month > 2 ? date.month - 3 : date.month + 9);
	unsigned day = in_era * 365 + in_era / 4 - in_era / 100 + (153 * month + 2) / 5 + (unsigned)date.day - 1;

	return ((int64_t)era - 1) * DAYS_OF_ERA + day - EPOCH;
}

static bool is_date(const struct date *date)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);

	return date->month >= 1 && date->month <= 12 && date->day >= 1 &&
	       date->day <= days[date->month - 1] + (date->month == 2 && leap);
}

/* Two digits, and what comes after them. */
static char *put_two(char *to, unsigned value, char after)
{
	static const char digits[] = "00010203040506070809101112131415161718192021222324"
				     "25262728293031323334353637383940414243444546474849"
				     "50515253545556575859606162636465666768697071727374"
				     "75767778798081828384858687888990919293949596979899";

	memcpy(to, digits + (size_t)2 * value, 2);
	to[2] = after;
	return to + 3;
}

#define DAY_S       86400
#define FIRST_DAY   (-719528) /* 0000-01-01 */
#define DAYS_BEYOND 2932897   /* 10000-01-01: five digits of year are no time of ours */

const char *ns_time_format(int64_t us, char buf[static NS_TIME_TEXT_MAX])
{
	int64_t fraction = us % US, seconds = us / US, days;
	unsigned second, year, micro;
	struct date date;
	char *to = buf;

	if (fraction < 0) {
		fraction += US;
		seconds--;
	}
	days = seconds / DAY_S - (seconds % DAY_S < 0);
	if (days < FIRST_DAY || days >= DAYS_BEYOND)
		days = seconds = fraction = 0;
	second = (unsigned)(seconds - days * DAY_S);
	micro = (unsigned)fraction;
	date = date_of(days);
	year = (unsigned)date.year;
	to = put_two(to, year / 100, '-') - 1;
	to = put_two(to, year % 100, '-');
	to = put_two(to, (unsigned)date.month, '-');
	to = put_two(to, (unsigned)date.day, 'T');
	to = put_two(to, second / 3600, ':');
	to = put_two(to, second / 60 % 60, ':');
	to = put_two(to, second % 60, '.');
	to = put_two(to, micro / 10000, 'Z') - 1;
	to = put_two(to, micro / 100 % 100, 'Z') - 1;
	to = put_two(to, micro % 100, 'Z');
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
	struct date date;

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
	if (!is_date(&date) || hour > 23 || minute > 59 || second > 59)
		return -EINVAL;
	*ret = (days_of(date) * DAY_S + hour * 3600L + minute * 60L + second) * (int64_t)US + fraction;
	return 0;
}

json_t *ns_time_json(int64_t us)
{
	char buf[NS_TIME_TEXT_MAX];

	return us ? json_string(ns_time_format(us, buf)) : json_null();
}
