/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The part of a foreign value that an error shows. */
#define SHOWN "%.64s"

static const struct unit {
	const char *name;
	int64_t us;
} units[] = {
	{ "us", 1 },
	{ "ms", 1000 },
	{ "s", 1000000 },
	{ "min", INT64_C(60) * 1000000 },
	{ "h", INT64_C(3600) * 1000000 },
	{ "d", INT64_C(86400) * 1000000 },
};
#define N_UNITS (sizeof(units) / sizeof(units[0]))

int ns_config_path(const char *value, char *ret, size_t size, struct ns_error *err)
{
	size_t length = strlen(value);

	if (length == 0)
		return ns_error_set(err, -EINVAL, "is empty; use an absolute path");
	if (value[0] != '/')
		return ns_error_set(err, -EINVAL, "'" SHOWN "' is not an absolute path; it must begin with '/'", value);
	for (const char *p = value; *p; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return ns_error_set(err, -EINVAL,
					    "'" SHOWN "' holds white space or a control character; use one path "
					    "without",
					    value);
	}
	while (length > 1 && value[length - 1] == '/')
		length--;
	if (length >= size)
		return ns_error_set(err, -EINVAL, "a path of %zu bytes; at most %zu are possible here", length,
				    size - 1);
	memset(ret, 0, size);       /* equal configurations are equal bytes, and a NUL follows */
	memcpy(ret, value, length); /* NOLINT(bugprone-not-null-terminated-result) */
	return 0;
}

int ns_config_dirs(const char *value, char (*dirs)[NS_CONFIG_PATH_MAX], unsigned max, unsigned *n, struct ns_error *err)
{
	while (*(value += strspn(value, " \t"))) {
		size_t length = strcspn(value, " \t");
		char word[NS_CONFIG_LINE_MAX + 1], path[NS_CONFIG_PATH_MAX];
		int r;

		if (length >= sizeof(word))
			return ns_error_set(err, -EINVAL, "a path of %zu bytes; at most %zu are possible here", length,
					    sizeof(word) - 1);
		memcpy(word, value, length);
		word[length] = '\0';
		value += length;
		r = ns_config_path(word, path, sizeof(path), err);
		if (r < 0)
			return r;
		for (unsigned i = 0; i < *n; i++) {
			if (strcmp(dirs[i], path) == 0)
				return ns_error_set(err, -EINVAL, "'" SHOWN "' stands there twice", path);
		}
		if (*n == max)
			return ns_error_set(err, -EINVAL, "more than %u directories", max);
		memcpy(dirs[(*n)++], path, sizeof(path));
	}
	return 0;
}

/* Decimal digits only: no sign, no white space, no other base. Returns what follows them, or NULL. */
static const char *digits(const char *text, int64_t *ret)
{
	int64_t number = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *p - '0', &number))
			number = INT64_MAX; /* stays there: beyond every bound */
	}
	if (p == text)
		return NULL;
	*ret = number;
	return p;
}

static void duration_format(int64_t us, char *buffer, size_t size)
{
	size_t i = N_UNITS - 1;

	while (i > 0 && (us < units[i].us || us % units[i].us))
		i--;
	(void)snprintf(buffer, size, "%" PRId64 "%s", us / units[i].us, us ? units[i].name : "s");
}

int ns_config_duration(const char *value, int64_t min, int64_t max, int64_t *ret, struct ns_error *err)
{
	const struct unit *unit = NULL;
	int64_t number, us;
	char low[32], high[32];
	const char *rest = digits(value, &number);

	if (rest)
		rest += strspn(rest, " \t");
	for (size_t i = 0; rest && i < N_UNITS; i++) {
		if (strcmp(units[i].name, rest) == 0)
			unit = &units[i];
	}
	if (!unit)
		return ns_error_set(err, -EINVAL,
				    "'" SHOWN "' is not a duration; use a number with us, ms, s, min, h or d", value);
	if (__builtin_mul_overflow(number, unit->us, &us) || us < min || us > max) {
		duration_format(min, low, sizeof(low));
		duration_format(max, high, sizeof(high));
		return ns_error_set(err, -EINVAL, "'" SHOWN "' is out of bounds; use %s to %s", value, low, high);
	}
	*ret = us;
	return 0;
}

int ns_config_count(const char *value, int64_t min, int64_t max, int64_t *ret, struct ns_error *err)
{
	int64_t number;
	const char *rest = digits(value, &number);

	if (!rest || *rest)
		return ns_error_set(err, -EINVAL, "'" SHOWN "' is not a whole number; use %" PRId64 " to %" PRId64,
				    value, min, max);
	if (number < min || number > max)
		return ns_error_set(err, -EINVAL, "'" SHOWN "' is out of bounds; use %" PRId64 " to %" PRId64, value,
				    min, max);
	*ret = number;
	return 0;
}

int ns_config_word(const char *value, const char *words, char *ret, size_t size, struct ns_error *err)
{
	size_t length = strlen(value);

	for (const char *word = words; length && *word;) {
		size_t n = strcspn(word, " ");

		if (n == length && n < size && memcmp(word, value, n) == 0) {
			memcpy(ret, word, n);
			ret[n] = '\0';
			return 0;
		}
		word += n + (word[n] == ' ');
	}
	return ns_error_set(err, -EINVAL, "'" SHOWN "' is not one of: %s", value, words);
}

/* A name that a link may have (dev_valid_name() of the kernel), or the beginning of one and '*'. A lone '*' would be
 * every link of the machine. */
static int check_link(const char *word, size_t length, struct ns_error *err)
{
	size_t name = word[length - 1] == '*' ? length - 1 : length;

	if (length >= NS_IFNAME_MAX)
		return ns_error_set(err, -EINVAL, "'" SHOWN "' has %zu bytes; names of links have at most %d", word,
				    length, NS_IFNAME_MAX - 1);
	if (name == 0)
		return ns_error_set(err, -EINVAL,
				    "'*' alone would close every link of this machine; use a prefix "
				    "such as veth*");
	for (size_t i = 0; i < name; i++) {
		if (!isgraph((unsigned char)word[i]) || strchr("*?[]/:", word[i]))
			return ns_error_set(err, -EINVAL,
					    "'" SHOWN "' is no name of a link; use a name, or a prefix and one '*' at "
					    "its end",
					    word);
	}
	if (strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
		return ns_error_set(err, -EINVAL, "'%s' is no name of a link", word);
	return 0;
}

int ns_config_links(const char *value, struct ns_config *config, struct ns_error *err)
{
	char found[NS_GATE_PATTERNS_MAX][NS_IFNAME_MAX] = { 0 };
	unsigned n = 0;

	value += strspn(value, " \t");
	if (!*value)
		return ns_error_set(err, -EINVAL, "is empty; use names of links such as veth*, or none");
	if (strcmp(value, "none") == 0)
		value += strlen(value);
	while (*value) {
		size_t length = strcspn(value, " \t");
		char word[NS_CONFIG_LINE_MAX + 1];
		int r;

		(void)snprintf(word, sizeof(word), "%.*s", (int)length, value);
		r = check_link(word, strlen(word), err);
		if (r < 0)
			return r;
		if (strcmp(word, "none") == 0)
			return ns_error_set(err, -EINVAL, "'none' stands beside other names; use one or the other");
		for (unsigned i = 0; i < n; i++) {
			if (strcmp(found[i], word) == 0)
				return ns_error_set(err, -EINVAL, "'%s' stands there twice", word);
		}
		if (n == NS_GATE_PATTERNS_MAX)
			return ns_error_set(err, -EINVAL, "more than %d names", NS_GATE_PATTERNS_MAX);
		memcpy(found[n++], word, length); /* NOLINT(bugprone-not-null-terminated-result) */
		value += length;
		value += strspn(value, " \t");
	}
	memcpy(config->gate, found, sizeof(config->gate));
	config->n_gate = n;
	return 0;
}

/* What a workload's name may hold, and the signs of fnmatch(3) but the backslash, of which no name has need. */
static int check_pattern(const char *pattern, struct ns_error *err)
{
	if (!*pattern)
		return ns_error_set(err, -EINVAL, "a line without a pattern; use WORKLOAD = closed, learning or open");
	if (strlen(pattern) >= NS_WORKLOAD_MAX)
		return ns_error_set(err, -EINVAL, "a pattern of %zu bytes; at most %d are possible", strlen(pattern),
				    NS_WORKLOAD_MAX - 1);
	for (const char *p = pattern; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("._-/@:+*?[]!^", *p))
			return ns_error_set(err, -EINVAL,
					    "'" SHOWN "' is no pattern of a workload's name; use letters, digits, "
					    "._-/@:+ and * ? [ ]",
					    pattern);
	}
	return 0;
}

int ns_config_start_rule(const char *line, struct ns_config *config, struct ns_error *err)
{
	struct ns_config_start *rule = &config->start_rules[config->n_start_rules];
	const char *equals = strchr(line, '='), *value;
	char pattern[NS_CONFIG_LINE_MAX + 1];
	size_t length;
	int r;

	if (!equals)
		return ns_error_set(err, -EINVAL, "'" SHOWN "' is not WORKLOAD = closed, learning or open", line);
	length = (size_t)(equals - line);
	while (length && (line[length - 1] == ' ' || line[length - 1] == '\t'))
		length--;
	(void)snprintf(pattern, sizeof(pattern), "%.*s", (int)length, line);
	value = equals + 1 + strspn(equals + 1, " \t");
	r = check_pattern(pattern, err);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < config->n_start_rules; i++) {
		if (strcmp(config->start_rules[i].pattern, pattern) == 0)
			return ns_error_set(err, -EINVAL,
					    "'" SHOWN "' stands there twice, and only the first would count", pattern);
	}
	if (config->n_start_rules == NS_START_RULES_MAX)
		return ns_error_set(err, -EINVAL, "more than %d lines; let one pattern stand for several workloads",
				    NS_START_RULES_MAX);
	r = ns_config_word(value, NS_CONFIG_START_WORDS, rule->start, sizeof(rule->start), err);
	if (r < 0) {
		memset(rule, 0, sizeof(*rule));
		ns_error_context(err, SHOWN, pattern);
		return r;
	}
	memcpy(rule->pattern, pattern, length); /* NOLINT(bugprone-not-null-terminated-result) */
	config->n_start_rules++;
	return 0;
}
