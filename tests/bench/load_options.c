/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

__attribute__((noreturn, format(printf, 1, 2))) static void bad(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("load: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	exit(2);
}

uint32_t load_parse_number(const char *what, const char *text, uint32_t min, uint32_t max)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number < min || number > max)
		bad("%s is a number from %u to %u, not '%.40s'", what, min, max, text);
	return (uint32_t)number;
}

static double parse_seconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (*text < '0' || *text > '9' || *end || !isfinite(seconds) || seconds <= 0 || seconds > LOAD_SECONDS_MAX)
		bad("--seconds is more than 0 and at most %.0f, not '%.40s'", LOAD_SECONDS_MAX, text);
	return seconds;
}

void load_parse_address(const char *text, struct load_options *options)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&options->to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&options->to;

	memset(&options->to, 0, sizeof options->to);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		options->length = sizeof *v4;
		return;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		bad("'%.60s' is no address", text);
	v6->sin6_family = AF_INET6;
	options->length = sizeof *v6;
}

void load_parse_ports(const char *text, struct load_options *options)
{
	char low[8];
	const char *dash = strchr(text, '-');
	size_t length = dash ? (size_t)(dash - text) : strlen(text);

	if (length >= sizeof low)
		bad("'%.40s' is no port", text);
	memcpy(low, text, length);
	low[length] = '\0';
	options->port_lo = (uint16_t)load_parse_number("a port", low, 1, 65535);
	options->port_hi = options->port_lo;
	if (dash)
		options->port_hi = (uint16_t)load_parse_number("the last port", dash + 1, options->port_lo, UINT16_MAX);
	if (options->port_hi - options->port_lo >= LOAD_PORTS_MAX)
		bad("at most %d ports", LOAD_PORTS_MAX);
	if (options->length)
		load_destination(options, 0, options->port_lo, &options->to);
}

void load_parse_options(int argc, char **argv, struct load_options *options)
{
	for (int i = 0; i < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];

		if (i + 1 == argc)
			bad("%.40s has no value", name);
		if (strcmp(name, "--cpu") == 0)
			options->cpu = (int)load_parse_number(name, value, 0, CPU_SETSIZE - 1);
		else if (strcmp(name, "--seconds") == 0)
			options->seconds = parse_seconds(value);
		else if (strcmp(name, "--in-flight") == 0)
			options->in_flight = load_parse_number(name, value, 1, LOAD_IN_FLIGHT_MAX);
		else if (strcmp(name, "--rate") == 0)
			options->rate = load_parse_number(name, value, 1, LOAD_RATE_MAX);
		else if (strcmp(name, "--times") == 0)
			options->times = load_parse_number(name, value, 1, LOAD_TIMES_MAX);
		else if (strcmp(name, "--bytes") == 0)
			options->bytes = load_parse_number(name, value, LOAD_BYTES_MIN, LOAD_BYTES_MAX);
		else
			bad("there is no option '%.40s'", name);
	}
}
