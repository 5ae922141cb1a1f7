/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "nspawn.h"

static char name[NS_CONTAINER_ID_MAX];

/* The text is put right before a page that must not be touched: a byte too far ends the test. */
static bool parse(const char *text, size_t length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (length / page + 1) * page;
	char *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool found;

	assert_true(map != MAP_FAILED);
	assert_int_equal(mprotect(map + room, page, PROT_NONE), 0);
	memcpy(map + room - length, text, length);
	(void)snprintf(name, sizeof name, "untouched");
	found = ns_nspawn_parse_arguments(map + room - length, length, name);
	assert_int_equal(munmap(map, room + page), 0);
	if (!found)
		assert_string_equal(name, "untouched");
	return found;
}

#define PARSE(text) parse("systemd-nspawn\0" text, sizeof("systemd-nspawn\0" text)) /* with the last NUL */

static void names(bool found, const char *wanted)
{
	assert_true(found);
	assert_string_equal(name, wanted);
}

static void test_machine(void **state)
{
	names(PARSE("-M\0web\0/bin/sh"), "web");
	names(PARSE("-Mweb"), "web");
	names(PARSE("-qbMweb"), "web");
	names(PARSE("--machine=web-1.example"), "web-1.example");
	names(PARSE("--machine\0web"), "web");
	names(PARSE("--mach=web"), "web");
	names(PARSE("-q\0--register=no\0--keep-unit\0--timezone=off\0-D\0/srv/root\0-M\0n1\0--network-veth\0sh"), "n1");
	/* The last counts, as it does for nspawn. */
	names(PARSE("-M\0first\0-M\0last"), "last");
	/* Wherever the others are, with values of their own or without. */
	names(PARSE("--bind\0/srv\0--private-users\0--volatile\0-M\0web"), "web");
	names(PARSE("-u\0user\0-E\0A=b\0--setenv\0C=d\0-M\0web"), "web");
}

static void test_root(void **state)
{
	names(PARSE("-D\0/var/lib/machines/web"), "web");
	names(PARSE("-D/var/lib/machines/web///"), "web");
	names(PARSE("--directory=web\0-b"), "web");
	names(PARSE("--image=/srv/web.raw"), "web");
	names(PARSE("-i\0db.raw"), "db");
	names(PARSE("--oci-bundle=/srv/bundle"), "bundle");
	names(PARSE("-D\0/srv/root\0--machine=web"), "web");
}

static void test_none(void **state)
{
	assert_false(PARSE("-b"));
	assert_false(PARSE("-D\0."));
	assert_false(PARSE("-D\0/"));
	assert_false(PARSE("-D\0.."));
	assert_false(PARSE("-M"));
	assert_false(PARSE("--machine="));
	assert_false(PARSE("-M\0-q"));
	assert_false(PARSE("-M\0a b"));
	assert_false(PARSE("-M\0a/b"));
	assert_false(PARSE("-M\0../b"));
	assert_false(PARSE("--directory=/srv/a b"));
	/* A name that cannot be is none, and not another one. */
	assert_false(PARSE("-M\0a b\0-D\0/srv/web"));
	/* What the machine runs has options of its own. */
	assert_false(PARSE("/bin/sh\0-M\0other"));
	assert_false(PARSE("-b\0--\0-M\0other"));
	assert_false(PARSE("-\0-M\0other"));
}

static void test_cut_off(void **state)
{
	static const char whole[] = "systemd-nspawn\0-q\0-M\0web-server";

	for (size_t n = 0; n < sizeof whole; n++)
		assert_false(parse(whole, n));
	assert_true(parse(whole, sizeof whole));
}

static void test_long_name(void **state)
{
	char text[sizeof "nspawn\0-M" + NS_CONTAINER_ID_MAX + 1] = "nspawn\0-M";
	size_t begin = sizeof "nspawn\0-M";

	memset(text + begin, 'a', NS_CONTAINER_ID_MAX);
	assert_false(parse(text, begin + NS_CONTAINER_ID_MAX + 1));
	text[begin + NS_CONTAINER_ID_MAX - 1] = '\0';
	assert_true(parse(text, begin + NS_CONTAINER_ID_MAX));
	assert_int_equal(strlen(name), NS_CONTAINER_ID_MAX - 1);
}

static void test_no_ancestor(void **state)
{
	struct stat own;

	(void)snprintf(name, sizeof name, "untouched");
	assert_int_equal(stat("/proc/self/ns/user", &own), 0);
	assert_false(ns_nspawn_find(getpid(), own.st_ino, name));
	assert_string_equal(name, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machine), cmocka_unit_test(test_root),      cmocka_unit_test(test_none),
		cmocka_unit_test(test_cut_off), cmocka_unit_test(test_long_name), cmocka_unit_test(test_no_ancestor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
