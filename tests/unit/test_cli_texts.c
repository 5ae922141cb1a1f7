/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is written about the command and the configuration, against what they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"
#include "config.h"

static char *read_text(const char *path)
{
	char *name, *text = NULL;
	size_t size = 0;
	FILE *file;

	assert_true(asprintf(&name, "%s/%s", NANOSEG_SOURCE_DIR, path) > 0);
	file = fopen(name, "r");
	if (!file)
		fail_msg("%s cannot be opened", name);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	assert_int_equal(fclose(file), 0);
	free(name);
	return text;
}

static void expect(const char *text, const char *where, const char *before, const char *what)
{
	char *wanted;

	assert_true(asprintf(&wanted, "%s%s", before, what) > 0);
	if (!strstr(text, wanted))
		fail_msg("%s does not have \"%s\"", where, wanted);
	free(wanted);
}

static void the_manual_has_every_verb(void **state)
{
	char *manual = read_text("agent/cli/man/nanoseg.1"), *completion = read_text("agent/cli/completion/nanoseg");
	size_t n;
	const struct ns_cli_verb *verbs = ns_cli_verbs(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char words[32], *second;

		expect(manual, "nanoseg(1)", "\n.It Cm ", verbs[i].name);
		(void)snprintf(words, sizeof(words), "%s", verbs[i].name);
		second = strchr(words, ' ');
		if (second)
			*second++ = '\0';
		expect(completion, "the completion", "", words);
		if (second)
			expect(completion, "the completion", "", second);
		for (const char *p = verbs[i].usage; (p = strstr(p, "--")); p += 2) {
			char option[32];

			(void)snprintf(option, sizeof(option), "%.*s", (int)strcspn(p + 2, " ]"), p + 2);
			expect(manual, "nanoseg(1)", "Fl -", option);
			expect(completion, "the completion", "--", option);
		}
	}
	free(manual);
	free(completion);
}

/* The default file says the defaults: with its comments taken off it is the configuration without a file. */
static void the_default_file_says_the_defaults(void **state)
{
	char *text = read_text("systemd/nanoseg.conf"), *manual = read_text("agent/cli/man/nanoseg.conf.5");
	struct ns_config defaults, config;
	struct ns_error err = NS_ERROR_INIT;
	size_t keys = 0;

	(void)state;
	ns_config_defaults(&defaults);
	assert_int_equal(ns_config_parse("nanoseg.conf", text, strlen(text), &config, &err), 0);
	assert_memory_equal(&config, &defaults, sizeof(config));
	for (char *line = text; (line = strchr(line, '\n')); line++) {
		char key[32];

		if (line[1] != '#')
			continue;
		line[1] = ' ';
		memmove(line + 1, line + 2, strlen(line + 1));
		if (line[1] == ' ') /* it goes on */
			continue;
		(void)snprintf(key, sizeof(key), "%.*s", (int)strcspn(line + 1, " "), line + 1);
		expect(manual, "nanoseg.conf(5)", "\n.It Va ", key);
		keys++;
	}
	assert_int_equal(keys, 19);
	if (ns_config_parse("nanoseg.conf", text, strlen(text), &config, &err) < 0)
		fail_msg("%s", err.text);
	assert_memory_equal(&config, &defaults, sizeof(config));
	free(text);
	free(manual);
}

/* Words that the daemon says and nobody can guess the meaning of. */
static void the_manual_explains_words(void **state)
{
	static const char *const words[] = { "learning",
					     "proposed",
					     "approved",
					     "auditing",
					     "enforcing",
					     "agent down",
					     "joined late",
					     "set full:",
					     "log overrun",
					     "log unavailable",
					     "unreadable elements:",
					     "docker",
					     "namespaces",
					     "netns_dirs",
					     "links",
					     "processes" };
	char *manual = read_text("agent/cli/man/nanoseg.1");

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		expect(manual, "nanoseg(1)", "\n.It Li ", words[i]);
	free(manual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_has_every_verb),
		cmocka_unit_test(the_manual_explains_words),
		cmocka_unit_test(the_default_file_says_the_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
