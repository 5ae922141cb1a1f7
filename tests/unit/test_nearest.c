/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nearest.h"

static const char *const verbs[] = { "status", "endpoints", "graph", NULL, "policy list", "denies", "doctor" };
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void typing_errors(void **state)
{
	(void)state;
	assert_string_equal(ns_nearest("statsu", verbs, N_VERBS), "status");
	assert_string_equal(ns_nearest("Status", verbs, N_VERBS), "status");
	assert_string_equal(ns_nearest("endpoint", verbs, N_VERBS), "endpoints");
	assert_string_equal(ns_nearest("grpah", verbs, N_VERBS), "graph");
	assert_string_equal(ns_nearest("dockor", verbs, N_VERBS), "doctor");
	assert_string_equal(ns_nearest("denys", verbs, N_VERBS), "denies");
}

static void nothing_near(void **state)
{
	char long_word[NS_NEAREST_LENGTH_MAX + 2];

	(void)state;
	assert_null(ns_nearest("", verbs, N_VERBS));
	assert_null(ns_nearest("x", verbs, N_VERBS));
	assert_null(ns_nearest("quux", verbs, N_VERBS));
	assert_null(ns_nearest("status", verbs, 0));
	memset(long_word, 's', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	assert_null(ns_nearest(long_word, verbs, N_VERBS));
	long_word[NS_NEAREST_LENGTH_MAX] = '\0';
	assert_null(ns_nearest(long_word, verbs, N_VERBS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typing_errors),
		cmocka_unit_test(nothing_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
