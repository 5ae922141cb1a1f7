/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "figures.h"

static void advance(struct ns_figures *figures, uint16_t port, bool deny, uint64_t packets, uint64_t want,
		    bool want_new)
{
	struct ns_tuple tuple = { .direction = NS_EGRESS, .protocol = 6, .port = port };
	uint64_t got_packets = 0, got_bytes = 0;
	bool is_new = false;

	assert_int_equal(
		ns_figures_advance(figures, &tuple, deny, packets, packets * 60, &got_packets, &got_bytes, &is_new), 0);
	assert_int_equal(got_packets, want);
	assert_int_equal(got_bytes, want * 60);
	assert_int_equal(is_new, want_new);
}

static void test_differences(void **state)
{
	struct ns_figures figures = NS_FIGURES_INIT;

	advance(&figures, 80, false, 10, 10, true);
	advance(&figures, 80, false, 10, 0, false);
	advance(&figures, 80, false, 25, 15, false);
	advance(&figures, 80, true, 3, 3, true);   /* a denied tuple is another one */
	advance(&figures, 80, false, 4, 4, false); /* the element was made anew */
	advance(&figures, 81, false, 0, 0, true);
	ns_figures_release(&figures);
}

static void test_many(void **state)
{
	struct ns_figures figures = NS_FIGURES_INIT;

	for (uint32_t port = 0; port < 65536; port++)
		advance(&figures, (uint16_t)port, false, port + 1, port + 1, true);
	for (uint32_t port = 0; port < 65536; port++)
		advance(&figures, (uint16_t)port, false, port + 3, 2, false);
	ns_figures_release(&figures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
