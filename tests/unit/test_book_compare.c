/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What differs between two address books: every pair of a peer and an address, in both directions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <nanoseg/book.h>

struct fixture {
	struct ns_book *before, *after;
	char text[1024];
};

static struct ns_addr address(const char *text)
{
	struct ns_prefix prefix;

	assert_int_equal(ns_prefix_parse(text, &prefix, NULL), 0);
	return prefix.addr;
}

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ 0 };
	*state = &fixture;
	return ns_book_new(&fixture.before, NULL) | ns_book_new(&fixture.after, NULL);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	(void)ns_book_free(fixture->before);
	(void)ns_book_free(fixture->after);
	return 0;
}

static void add(struct ns_book *book, const char *workload, const char *text)
{
	struct ns_addr addr = address(text);

	assert_int_equal(ns_book_add_workload(book, workload, &addr, NULL), 0);
}

static int note(void *ctx, const struct ns_addr *addr, enum ns_peer_class peer_class, const char *name, bool lost)
{
	struct fixture *fixture = ctx;
	char text[NS_ADDR_TEXT_MAX];
	size_t length = strlen(fixture->text);

	(void)snprintf(fixture->text + length, sizeof fixture->text - length, "%c%s=%s ", lost ? '-' : '+',
		       peer_class == NS_PEER_HOST ? "host" : name, ns_addr_format(addr, text));
	return 0;
}

static const char *compare(struct fixture *fixture)
{
	fixture->text[0] = '\0';
	assert_int_equal(ns_book_compare(fixture->before, fixture->after, note, fixture), 0);
	return fixture->text;
}

static void test_equal(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(compare(fixture), "");
	add(fixture->before, "a", "10.0.0.1");
	add(fixture->before, "a", "fd00::1");
	add(fixture->after, "a", "fd00::1");
	add(fixture->after, "a", "10.0.0.1");
	assert_string_equal(compare(fixture), "");
}

static void test_gained_and_lost(void **state)
{
	struct fixture *fixture = *state;

	add(fixture->before, "a", "10.0.0.1");
	assert_string_equal(compare(fixture), "-a=10.0.0.1 ");
	add(fixture->after, "b", "fd00::1");
	assert_string_equal(compare(fixture), "-a=10.0.0.1 +b=fd00::1 ");
}

static void test_another_has_it(void **state)
{
	struct fixture *fixture = *state;
	struct ns_addr addr = address("10.0.0.1");

	add(fixture->before, "b", "10.0.0.1");
	add(fixture->before, "b", "10.0.0.2");
	add(fixture->after, "a", "10.0.0.1");
	add(fixture->after, "b", "10.0.0.2");
	assert_string_equal(compare(fixture), "+a=10.0.0.1 -b=10.0.0.1 ");
	assert_int_equal(ns_book_add_host(fixture->before, &addr, NULL), 0);
	assert_non_null(strstr(compare(fixture), "-host=10.0.0.1 "));
}

/* Two have it, and one goes: only that one has lost it. */
static void test_one_of_two(void **state)
{
	struct fixture *fixture = *state;
	struct ns_addr addr = address("10.0.0.1");

	add(fixture->before, "a", "10.0.0.1");
	add(fixture->after, "a", "10.0.0.1");
	assert_int_equal(ns_book_add_service(fixture->before, "s", &addr, NULL), 0);
	assert_string_equal(compare(fixture), "-s=10.0.0.1 ");
}

static int stop(void *ctx, const struct ns_addr *addr, enum ns_peer_class peer_class, const char *name, bool lost)
{
	return ++*(int *)ctx;
}

static void test_stops(void **state)
{
	struct fixture *fixture = *state;
	int calls = 0;

	add(fixture->before, "a", "10.0.0.1");
	add(fixture->before, "a", "10.0.0.2");
	assert_int_equal(ns_book_compare(fixture->before, fixture->after, stop, &calls), 1);
	assert_int_equal(calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_equal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gained_and_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_has_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_of_two, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stops, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
