/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Modes and learning: which step is allowed from where, and what is in force after it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "cleanup.h"
#include "test_lifecycle_fixture.h"

/* ---- modes ---- */

static void test_mode_needs_approval(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mode(f, NS_MODE_ENFORCING), -ENODATA);
	assert_non_null(strstr(f->error.text, "propose one"));
	assert_int_equal(mode(f, NS_MODE_AUDITING), -ENODATA);
	json_decref(propose(f));
	assert_int_equal(mode(f, NS_MODE_ENFORCING), -ENODATA);
	assert_non_null(strstr(f->error.text, "revision 1 waits for approval"));
	assert_int_equal(mode(f, NS_MODE_PROPOSED), -EINVAL);
	assert_int_equal(mode(f, NS_MODE_APPROVED), -EINVAL);
	assert_int_equal(mode(f, NS_MODE_SUSPENDED), -EINVAL);
	assert_int_equal(row(f).mode, NS_MODE_PROPOSED);
}

static void test_mode_round(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *answer = NULL;
	unsigned harvests, changes;

	put_in_force(f, NS_MODE_AUDITING);
	harvests = f->data.engine.harvests;
	changes = f->data.engine.changes;
	assert_int_equal(ns_lifecycle_mode(&f->cycle, WEB, NS_MODE_ENFORCING, "tested", &answer, &f->error), 0);
	assert_string_equal(text(answer, "mode"), "enforcing");
	assert_string_equal(text(answer, "previous_mode"), "auditing");
	assert_int_equal(number(answer, "revision"), 1);
	assert_int_equal(f->data.engine.harvests, harvests + 1);
	assert_int_equal(f->data.engine.changes, changes + 1);
	assert_int_equal(audited(f, "mode.set"), 2);
	f->cycle.now += HOUR;
	assert_int_equal(mode(f, NS_MODE_LEARNING), 0);
	assert_int_equal(row(f).learning_since, T0 + 3 * HOUR);
	assert_int_equal(row(f).active_revision, 1);
}

/* Whoever sees the answer knows which policy is in force, and that another one is not. */
static void test_mode_names_revisions(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *answer = NULL;
	NS_JSON json_t *proposal = NULL;
	NS_JSON json_t *info = NULL;
	NS_JSON json_t *off = NULL;

	put_in_force(f, NS_MODE_AUDITING);
	see(f, NS_EGRESS, "compose/shop/cache", "fd00::4", 6379);
	proposal = propose(f);
	assert_int_equal(number(proposal, "revision"), 2);
	assert_int_equal(ns_lifecycle_mode(&f->cycle, WEB, NS_MODE_ENFORCING, "", &answer, &f->error), 0);
	assert_int_equal(number(answer, "revision"), 1);
	assert_int_equal(number(answer, "proposed_revision"), 2);
	assert_int_equal(ns_store_get_policy(f->data.store, WEB, 1, NULL, &info, NULL), 0);
	assert_string_equal(text(answer, "digest"), text(info, "digest"));
	assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 0);
	assert_int_equal(ns_lifecycle_mode(&f->cycle, WEB, NS_MODE_LEARNING, "", &off, &f->error), 0);
	assert_true(warned(off, "the policy is no longer in force: the workload was enforcing"));
}

/* The same mode again makes the kernel try again, and is no event. */
static void test_mode_unchanged(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *answer = NULL;
	struct ns_workload before;
	unsigned changes;

	put_in_force(f, NS_MODE_ENFORCING);
	before = row(f);
	changes = f->data.engine.changes;
	assert_int_equal(ns_lifecycle_mode(&f->cycle, WEB, NS_MODE_ENFORCING, "", &answer, &f->error), 0);
	assert_true(json_is_true(json_object_get(answer, "unchanged")));
	assert_int_equal(f->data.engine.changes, changes + 1);
	assert_int_equal(row(f).since, before.since);
}

static void test_mode_endpoint_fails(void **state)
{
	struct fixture *f = *state;

	put_in_force(f, NS_MODE_AUDITING);
	f->data.engine.change_error = -EREMOTEIO;
	assert_int_equal(mode(f, NS_MODE_ENFORCING), -EREMOTEIO);
	assert_non_null(
		strstr(f->error.text, "is enforcing from now on, but an endpoint could not follow: endpoint 77"));
	assert_int_equal(row(f).mode, NS_MODE_ENFORCING);
}

/* ---- learning ---- */

static void test_learn_start(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *answer = NULL;
	NS_JSON json_t *proposal = NULL;

	put_in_force(f, NS_MODE_ENFORCING);
	f->cycle.now += HOUR;
	assert_int_equal(ns_lifecycle_learn_start(&f->cycle, WEB, &answer, &f->error), 0);
	assert_string_equal(text(answer, "mode"), "learning");
	assert_string_equal(text(answer, "previous_mode"), "enforcing");
	assert_string_equal(text(answer, "since"), "2025-11-24T19:00:00.000000Z");
	assert_true(warned(answer, "no longer in force"));
	assert_int_equal(row(f).learning_since, T0 + 3 * HOUR);
	/* What was seen before is not of this window. */
	proposal = propose(f);
	assert_int_equal(number(proposal, "rules"), 0);
}

static int64_t after_the_harvest(void)
{
	return T0 + 3 * HOUR;
}

/* The harvest before a window finds things that happened after the request came; they are of the window before. */
static void test_window_begins_after_harvest(void **state)
{
	struct fixture *f = *state;
	struct ns_edge v4 =
		test_edge(WEB, NS_EGRESS, "compose/shop/db", "10.0.0.3", IPPROTO_TCP, 5432, T0 + 2 * HOUR + 5);
	struct ns_edge v6 =
		test_edge(WEB, NS_EGRESS, "compose/shop/db", "fd00::3", IPPROTO_TCP, 5432, T0 + 2 * HOUR + 5);
	NS_JSON json_t *started = NULL;
	NS_JSON json_t *proposal = NULL;
	NS_JSON json_t *again = NULL;

	f->cycle.clock = after_the_harvest;
	f->data.engine.found = &v4;
	assert_int_equal(ns_lifecycle_learn_start(&f->cycle, WEB, &started, &f->error), 0);
	assert_int_equal(row(f).learning_since, T0 + 3 * HOUR);
	assert_string_equal(text(started, "since"), "2025-11-24T19:00:00.000000Z");
	proposal = propose(f);
	assert_int_equal(number(proposal, "rules"), 0);
	/* The other way in: from `proposed`, since learning goes on when it is on. */
	f->data.engine.found = &v6;
	assert_int_equal(mode(f, NS_MODE_LEARNING), 0);
	assert_null(f->data.engine.found);
	again = propose(f);
	assert_int_equal(number(again, "rules"), 0);
}

static void test_learn_stop(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *answer = NULL;

	see(f, NS_EGRESS, "compose/shop/db", "fd00::3", 5432);
	assert_int_equal(ns_lifecycle_learn_stop(&f->cycle, WEB, &answer, &f->error), 0);
	assert_string_equal(text(answer, "mode"), "proposed");
	assert_int_equal(number(answer, "rules"), 1);
	assert_int_equal(row(f).proposed_revision, 1);
	assert_int_equal(row(f).active_revision, 0);
}

static void test_learn_stop_in_force(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *answer = NULL;

	put_in_force(f, NS_MODE_ENFORCING);
	assert_int_equal(ns_lifecycle_learn_stop(&f->cycle, WEB, &answer, &f->error), -EALREADY);
	assert_int_equal(row(f).newest_revision, 1);
}

/* What was learned again is what is approved: nothing waits, and nothing new is to be approved. */
static void test_learn_stop_same(void **state)
{
	struct fixture *f = *state;
	struct ns_edge again =
		test_edge(WEB, NS_EGRESS, "compose/shop/db", "10.0.0.3", IPPROTO_TCP, 5432, T0 + 4 * HOUR);
	NS_JSON json_t *started = NULL;
	NS_JSON json_t *answer = NULL;

	put_in_force(f, NS_MODE_ENFORCING);
	f->cycle.now = T0 + 3 * HOUR;
	assert_int_equal(ns_lifecycle_learn_start(&f->cycle, WEB, &started, &f->error), 0);
	test_store_add(&f->data, &again);
	f->cycle.now = T0 + 5 * HOUR;
	assert_int_equal(ns_lifecycle_learn_stop(&f->cycle, WEB, &answer, &f->error), 0);
	assert_true(json_is_true(json_object_get(answer, "unchanged")));
	assert_string_equal(text(answer, "mode"), "approved");
	assert_int_equal(row(f).mode, NS_MODE_APPROVED);
	assert_int_equal(row(f).newest_revision, 1);
}

/* A proposal of an earlier window that still waits does not stand in for that of this one. */
static void test_learn_stop_with_old_proposal(void **state)
{
	struct fixture *f = *state;
	struct ns_edge again =
		test_edge(WEB, NS_EGRESS, "compose/shop/db", "10.0.0.3", IPPROTO_TCP, 5432, T0 + 4 * HOUR);
	NS_JSON json_t *started = NULL;
	NS_JSON json_t *answer = NULL;

	see(f, NS_EGRESS, "compose/shop/db", "10.0.0.3", 5432);
	json_decref(propose(f));
	f->cycle.now = T0 + 3 * HOUR;
	assert_int_equal(ns_lifecycle_learn_start(&f->cycle, WEB, &started, &f->error), 0);
	test_store_add(&f->data, &again);
	f->cycle.now = T0 + 5 * HOUR;
	assert_int_equal(ns_lifecycle_learn_stop(&f->cycle, WEB, &answer, &f->error), 0);
	assert_string_equal(text(answer, "mode"), "proposed");
	assert_int_equal(number(answer, "revision"), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lifecycle_setup, lifecycle_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mode_needs_approval),
		TEST(test_mode_round),
		TEST(test_mode_unchanged),
		TEST(test_mode_names_revisions),
		TEST(test_window_begins_after_harvest),
		TEST(test_mode_endpoint_fails),
		TEST(test_learn_start),
		TEST(test_learn_stop),
		TEST(test_learn_stop_in_force),
		TEST(test_learn_stop_same),
		TEST(test_learn_stop_with_old_proposal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
