/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Boxes that overlap, cut into boxes that do not, against a plain count of the points in them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boxes.h"

static uint32_t seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Small worlds, so that rules meet: 16 addresses of each family, 8 ports, few protocols. */
static bool in_box(const struct ns_box *box, const unsigned *point, unsigned dimensions)
{
	for (unsigned i = 0; i < dimensions; i++)
		if (point[i] < box->lo[i] || point[i] > box->hi[i])
			return false;
	return true;
}

static void test_boxes_are_separated(void **state)
{
	enum { SIDE = 6, DIMENSIONS = 3 };

	for (int round = 0; round < 200; round++) {
		struct ns_boxes boxes = { .dimensions = DIMENSIONS };
		struct ns_box before[12];
		size_t n = 1 + pick(12);

		for (size_t i = 0; i < n; i++) {
			struct ns_box box = { .owner = i };

			for (unsigned d = 0; d < DIMENSIONS; d++) {
				box.lo[d] = pick(SIDE);
				box.hi[d] = box.lo[d] + pick(3);
			}
			before[i] = box;
			assert_int_equal(ns_boxes_add(&boxes, &box, NULL), 0);
		}
		assert_int_equal(ns_boxes_separate(&boxes, 1, NULL), 0);
		for (unsigned p = 0; p < (SIDE + 3) * (SIDE + 3) * (SIDE + 3); p++) {
			unsigned point[] = { p % (SIDE + 3), p / (SIDE + 3) % (SIDE + 3), p / (SIDE + 3) / (SIDE + 3) };
			size_t owner = SIZE_MAX, hits = 0, first = 0;

			for (size_t i = 0; i < boxes.n; i++) {
				if (in_box(&boxes.boxes[i], point, DIMENSIONS)) {
					owner = boxes.boxes[i].owner;
					hits++;
				}
			}
			while (first < n && !in_box(&before[first], point, DIMENSIONS))
				first++;
			assert_int_equal(hits, first < n);
			if (first < n)
				assert_int_equal(owner, first);
		}
		ns_boxes_release(&boxes);
	}
}

/* Crossing bars: as many cells as columns times rows. */
static int separate_bars(unsigned columns, unsigned rows, struct ns_error *err)
{
	struct ns_boxes boxes = { .dimensions = 3 };
	int r;

	for (unsigned i = 0; i < columns; i++) {
		struct ns_box column = { .lo = { i + i, 0, 0 }, .hi = { i + i, 1000000, 0 } };

		assert_int_equal(ns_boxes_add(&boxes, &column, err), 0);
	}
	for (unsigned i = 0; i < rows; i++) {
		struct ns_box row = { .lo = { 0, i + i, 0 }, .hi = { 1000000, i + i, 0 } };

		assert_int_equal(ns_boxes_add(&boxes, &row, err), 0);
	}
	r = ns_boxes_separate(&boxes, 1, err);
	assert_int_equal(boxes.n, r < 0 ? columns + rows : columns + rows * columns);
	ns_boxes_release(&boxes);
	return r;
}

static void test_boxes_have_bounds(void **state)
{
	struct ns_error err = NS_ERROR_INIT;

	assert_int_equal(separate_bars(30, 40, &err), 0);
	assert_int_equal(separate_bars(200, 5000, &err), -E2BIG);
	assert_string_equal(err.text, "more than 1000000 elements are needed");
	assert_int_equal(separate_bars(2000, 2000, &err), -E2BIG);
	assert_string_equal(err.text,
			    "ranges overlap too much: more than 200000000 comparisons; merge ports or addresses");
}

static void test_many_networks_are_no_trouble(void **state)
{
	struct ns_boxes boxes = { .dimensions = 3 };

	for (unsigned i = 0; i < 100000; i++) {
		struct ns_box box = { .lo = { 6, (unsigned __int128)i << 8, 80 },
				      .hi = { 6, ((unsigned __int128)i << 8) + 255, 80 },
				      .owner = i };

		assert_int_equal(ns_boxes_add(&boxes, &box, NULL), 0);
	}
	assert_int_equal(ns_boxes_separate(&boxes, 1, NULL), 0);
	assert_int_equal(boxes.n, 100000);
	ns_boxes_release(&boxes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boxes_are_separated),
		cmocka_unit_test(test_boxes_have_bounds),
		cmocka_unit_test(test_many_networks_are_no_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
