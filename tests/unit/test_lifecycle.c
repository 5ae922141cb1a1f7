/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Proposing, editing and deciding: what each step asks for, what it leaves behind, and who is said to have done it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "test_lifecycle_fixture.h"

/* ---- proposing ---- */

static void test_propose(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *answer = NULL;

	see(f, NS_EGRESS, "compose/shop/db", "10.0.0.3", 5432);
	see(f, NS_EGRESS, "compose/shop/db", "fd00::3", 5432);
	see(f, NS_INGRESS, "compose/shop/api", "10.0.0.9", 8080);
	answer = propose(f);
	assert_string_equal(text(answer, "workload"), WEB);
	assert_string_equal(text(answer, "mode"), "proposed");
	assert_int_equal(number(answer, "revision"), 1);
	assert_int_equal(number(answer, "rules"), 2);
	assert_int_equal(number(answer, "widened"), 0);
	assert_true(json_is_false(json_object_get(answer, "unchanged")));
	assert_int_equal(json_array_size(json_object_get(answer, "gaps")), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 0);
	assert_string_equal(text(json_object_get(answer, "window"), "from"), "2025-11-24T16:00:00.000000Z");
	assert_int_equal(row(f).proposed_revision, 1);
	assert_int_equal(f->data.engine.harvests, 1);
	assert_int_equal(audited(f, "policy.propose"), 1);
}

static void test_propose_harvests_first(void **state)
{
	struct fixture *f = *state;
	struct ns_edge edge = test_edge(WEB, NS_EGRESS, "compose/shop/db", "fd00::3", IPPROTO_UDP, 53, T0 + HOUR);
	NS_JSON json_t *answer = NULL;

	f->data.engine.found = &edge;
	answer = propose(f);
	assert_int_equal(number(answer, "rules"), 1);
}

static void test_propose_again(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *first = NULL;
	NS_JSON json_t *same = NULL;
	NS_JSON json_t *other = NULL;

	see(f, NS_EGRESS, "compose/shop/db", "10.0.0.3", 5432);
	first = propose(f);
	/* More of the same is evidence, not a new policy. */
	see(f, NS_EGRESS, "compose/shop/db", "10.0.0.3", 5432);
	same = propose(f);
	assert_true(json_is_true(json_object_get(same, "unchanged")));
	assert_int_equal(number(same, "revision"), 1);
	assert_string_equal(text(same, "digest"), text(first, "digest"));
	assert_int_equal(row(f).newest_revision, 1);
	see(f, NS_EGRESS, "compose/shop/cache", "fd00::4", 6379);
	other = propose(f);
	assert_true(json_is_false(json_object_get(other, "unchanged")));
	assert_int_equal(number(other, "revision"), 2);
	assert_int_equal(audited(f, "policy.propose"), 2);
}

/* Once approved, the same rules are still nothing new; another verdict is. */
static void test_propose_after_approval(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *first = NULL;
	NS_JSON json_t *same = NULL;
	NS_JSON json_t *other = NULL;

	see(f, NS_EGRESS, "compose/shop/db", "10.0.0.3", 5432);
	first = propose(f);
	assert_int_equal(approve(f, text(first, "digest"), "ok"), 0);
	same = propose(f);
	assert_true(json_is_true(json_object_get(same, "unchanged")));
	assert_string_equal(text(same, "mode"), "approved");
	f->data.engine.config.verdict = NS_VERDICT_REJECT;
	other = propose(f);
	assert_true(json_is_false(json_object_get(other, "unchanged")));
	assert_int_equal(number(other, "revision"), 2);
}

static void test_propose_warns(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *answer = NULL;

	assert_int_equal(ns_store_open_gap(f->data.store, WEB, T0 + HOUR, "set full: egress4", NULL), 0);
	f->data.engine.config.min_window_us = 3 * HOUR;
	f->data.engine.harvest_error = -EINTR;
	answer = propose(f);
	assert_int_equal(number(answer, "rules"), 0);
	assert_true(warned(answer, "the window is 7200 s long; min_window asks for 10800 s"));
	assert_true(warned(answer, "incomplete: 1 gaps"));
	assert_true(warned(answer, "refuses everything"));
	assert_true(warned(answer, "the dump broke off"));
	assert_int_equal(json_array_size(json_object_get(answer, "gaps")), 1);
	assert_string_equal(text(json_array_get(json_object_get(answer, "gaps"), 0), "cause"), "set full: egress4");
	assert_true(json_is_null(json_object_get(json_array_get(json_object_get(answer, "gaps"), 0), "to")));
}

/* An endpoint that cannot follow a proposal has nothing to refuse yet. */
static void test_propose_endpoint_fails(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *answer = NULL;

	f->data.engine.change_error = -EREMOTEIO;
	see(f, NS_EGRESS, "compose/shop/db", "10.0.0.3", 5432);
	answer = propose(f);
	assert_true(warned(answer, "somebody else's"));
}

static void test_unknown_workload(void **state)
{
	struct fixture *f = *state;
	struct ns_lifecycle *cycle = &f->cycle;
	char digest[NS_DIGEST_TEXT_MAX];
	NS_JSON json_t *answer = NULL;

	(void)snprintf(digest, sizeof digest, "sha256:%064d", 0);
	assert_int_equal(ns_lifecycle_propose(cycle, "name/none", &answer, &f->error), -ENOENT);
	assert_non_null(strstr(f->error.text, "name/none"));
	assert_int_equal(ns_lifecycle_learn_start(cycle, "name/none", &answer, &f->error), -ENOENT);
	assert_int_equal(ns_lifecycle_learn_stop(cycle, "name/none", &answer, &f->error), -ENOENT);
	assert_int_equal(ns_lifecycle_mode(cycle, "name/none", NS_MODE_LEARNING, "", &answer, &f->error), -ENOENT);
	assert_int_equal(ns_lifecycle_approve(cycle, "name/none", digest, "x", &answer, &f->error), -ENOENT);
	assert_int_equal(ns_lifecycle_reject(cycle, "name/none", digest, "x", &answer, &f->error), -ENOENT);
	assert_null(answer);
	assert_int_equal(f->data.engine.changes, 0);
}

/* ---- editing ---- */

static int edit(struct fixture *f, uint64_t revision, const char *rules, json_t **ret)
{
	char document[2048];
	NS_JSON json_t *json = NULL;

	(void)snprintf(document, sizeof document,
		       "{\"schema\":\"nanoseg/policy/1\",\"workload\":\"%s\",\"revision\":%llu,\"verdict\":\"drop\","
		       "\"rules\":[%s]}",
		       WEB, (unsigned long long)revision, rules);
	json = json_loads(document, 0, NULL);
	assert_non_null(json);
	return ns_lifecycle_edit(&f->cycle, json, ret, &f->error);
}

#define RULE(ID, PORT)                                                                                                 \
	"{\"id\":\"" ID "\",\"direction\":\"egress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"fd00::/64\"},"          \
	"\"protocol\":\"tcp\",\"ports\":[" PORT "]}"

static void test_edit(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *first = NULL;
	NS_JSON json_t *second = NULL;
	NS_JSON json_t *late = NULL;
	NS_JSON json_t *same = NULL;
	NS_JSON json_t *info = NULL;

	/* The first is revision 1 and no other. */
	assert_int_equal(edit(f, 2, RULE("a", "443"), &late), -ESTALE);
	assert_int_equal(edit(f, 1, RULE("a", "443"), &first), 0);
	assert_int_equal(number(first, "revision"), 1);
	assert_string_equal(text(first, "mode"), "proposed");
	/* From then on the number says what it is based on, and the daemon numbers. */
	assert_int_equal(edit(f, 1, RULE("a", "444"), &second), 0);
	assert_int_equal(number(second, "revision"), 2);
	/* Somebody else edited revision 1 too, and comes second. */
	assert_int_equal(edit(f, 1, RULE("a", "445"), &late), -ESTALE);
	assert_non_null(strstr(f->error.text, "based on revision 1, but " WEB " is at revision 2"));
	assert_int_equal(edit(f, 3, RULE("a", "445"), &late), -ESTALE);
	assert_null(late);
	/* No change is no revision. */
	assert_int_equal(edit(f, 2, RULE("a", "444"), &same), 0);
	assert_true(json_is_true(json_object_get(same, "unchanged")));
	assert_string_equal(text(same, "digest"), text(second, "digest"));
	assert_int_equal(ns_store_get_policy(f->data.store, WEB, 2, NULL, &info, NULL), 0);
	assert_string_equal(text(info, "origin"), "manual");
	assert_string_equal(text(info, "digest"), text(second, "digest"));
	assert_int_equal(audited(f, "policy.propose"), 2);
}

/* After a rejection the active revision is what people see, and both it and the rejected one can be worked on. */
static void test_edit_after_rejection(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *one = NULL;
	NS_JSON json_t *two = NULL;
	NS_JSON json_t *three = NULL;
	NS_JSON json_t *four = NULL;
	NS_JSON json_t *rejected = NULL;
	struct ns_workload now;

	assert_int_equal(edit(f, 1, RULE("a", "1"), &one), 0);
	assert_int_equal(approve(f, text(one, "digest"), "ok"), 0);
	assert_int_equal(edit(f, 1, RULE("a", "2"), &two), 0);
	assert_int_equal(ns_lifecycle_reject(&f->cycle, WEB, text(two, "digest"), "no", &rejected, &f->error), 0);
	assert_string_equal(text(rejected, "decision"), "reject");
	assert_int_equal(number(rejected, "revision"), 2);
	now = row(f);
	assert_int_equal(ns_lifecycle_current(&now), 1);
	assert_int_equal(edit(f, 1, RULE("a", "3"), &three), 0);
	assert_int_equal(number(three, "revision"), 3);
	json_decref(rejected);
	rejected = NULL;
	assert_int_equal(ns_lifecycle_reject(&f->cycle, WEB, text(three, "digest"), "no", &rejected, &f->error), 0);
	assert_int_equal(edit(f, 3, RULE("a", "4"), &four), 0);
	assert_int_equal(number(four, "revision"), 4);
}

/* A rule of the stored revision, with figures of somebody's own. */
static json_t *shown(struct fixture *f, uint64_t revision)
{
	NS_JSON json_t *info = NULL;
	json_t *document = NULL;

	assert_int_equal(ns_store_get_policy(f->data.store, WEB, revision, &document, &info, NULL), 0);
	assert_int_equal(json_object_update(document, info), 0);
	assert_int_equal(json_object_set_new(document, "mode", json_string("proposed")), 0);
	return document;
}

static const json_t *rule_at(const json_t *document, size_t i)
{
	const json_t *rule = json_array_get(json_object_get(document, "rules"), i);

	assert_non_null(rule);
	return rule;
}

/* Figures are the store's: a rule keeps them however its id and order change, and no document can make them up. */
static void test_edit_evidence(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *one = NULL;
	NS_JSON json_t *two = NULL;
	NS_JSON json_t *answer = NULL;
	json_t *rules, *kept, *invented;

	see(f, NS_EGRESS, "compose/shop/db", "10.0.0.3", 5432);
	see(f, NS_EGRESS, "compose/shop/db", "fd00::3", 5432);
	json_decref(propose(f));
	one = shown(f, 1);
	rules = json_object_get(one, "rules");
	kept = json_array_get(rules, 0);
	assert_int_equal(number(json_object_get(kept, "evidence"), "connections_seen"), 2);
	invented = json_deep_copy(kept);
	assert_int_equal(json_object_set_new(json_object_get(kept, "evidence"), "packets", json_integer(999999)), 0);
	assert_int_equal(json_object_set_new(kept, "id", json_string("renamed")), 0);
	assert_int_equal(json_object_set_new(invented, "id", json_string("invented")), 0);
	assert_int_equal(json_object_set_new(invented, "ports", json_pack("[i]", 22)), 0);
	assert_int_equal(json_array_insert_new(rules, 0, invented), 0);

	/* Also: the members that are shown beside the policy may stay. */
	if (ns_lifecycle_edit(&f->cycle, one, &answer, &f->error) < 0)
		fail_msg("%s", f->error.text);
	assert_int_equal(number(answer, "by_hand"), 1);
	two = shown(f, 2);
	assert_string_equal(text(rule_at(two, 0), "id"), "invented");
	assert_null(json_object_get(rule_at(two, 0), "evidence"));
	assert_string_equal(text(rule_at(two, 1), "id"), "renamed");
	assert_int_equal(number(json_object_get(rule_at(two, 1), "evidence"), "connections_seen"), 2);
	assert_int_not_equal(number(json_object_get(rule_at(two, 1), "evidence"), "packets"), 999999);
	/* compose/shop/db was never met. */
	assert_true(
		warned(answer, "no workload 'compose/shop/db' is known; the rule allows nothing until there is one"));
	assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 1);
}

/* What is shown and sent back as it is changes nothing; another member is still refused. */
static void test_edit_round_trip(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *document = NULL;
	NS_JSON json_t *answer = NULL;

	see(f, NS_EGRESS, "compose/shop/db", "fd00::3", 5432);
	json_decref(propose(f));
	test_store_meet(&f->data, "compose/shop/db", T0);
	document = shown(f, 1);
	assert_int_equal(ns_lifecycle_edit(&f->cycle, document, &answer, &f->error), 0);
	assert_true(json_is_true(json_object_get(answer, "unchanged")));
	assert_int_equal(number(answer, "by_hand"), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 0);
	assert_int_equal(json_object_set_new(document, "colour", json_null()), 0);
	assert_int_equal(ns_lifecycle_edit(&f->cycle, document, &answer, &f->error), -EINVAL);
	assert_string_equal(f->error.text, "$.colour: unknown member");
}

static void test_edit_bad(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *answer = NULL;
	NS_JSON json_t *stranger = json_pack("{s:s, s:s, s:i, s:s, s:[]}", "schema", "nanoseg/policy/1", "workload",
					     "name/none", "revision", 1, "verdict", "drop", "rules");

	assert_int_equal(edit(f, 1, RULE("a", "70000"), &answer), -EINVAL);
	assert_non_null(strstr(f->error.text, "$.rules[0].ports[0]"));
	assert_int_equal(edit(f, 1, "7", &answer), -EINVAL);
	assert_non_null(strstr(f->error.text, "$.rules[0]"));
	assert_int_equal(ns_lifecycle_edit(&f->cycle, stranger, &answer, &f->error), -ENOENT);
	assert_int_equal(row(f).newest_revision, 0);
	assert_int_equal(edit(f, 1, "", &answer), 0);
	assert_true(warned(answer, "refuses everything"));
}

/* ---- deciding ---- */

static void test_approve(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *proposal = NULL;
	NS_JSON json_t *answer = NULL;
	char other[NS_DIGEST_TEXT_MAX], long_reason[NS_REASON_MAX + 1];

	(void)snprintf(other, sizeof other, "sha256:%064d", 7);
	memset(long_reason, 'x', sizeof long_reason);
	long_reason[NS_REASON_MAX] = '\0';
	assert_int_equal(approve(f, other, "ok"), -ENODATA);
	see(f, NS_EGRESS, "compose/shop/db", "10.0.0.3", 5432);
	proposal = propose(f);
	assert_int_equal(approve(f, text(proposal, "digest"), ""), -EINVAL);
	assert_non_null(strstr(f->error.text, "$.reason"));
	assert_int_equal(approve(f, text(proposal, "digest"), "   "), -EINVAL);
	assert_int_equal(approve(f, text(proposal, "digest"), "two\nlines"), -EINVAL);
	assert_int_equal(approve(f, text(proposal, "digest"), long_reason), -EINVAL);
	assert_int_equal(approve(f, "sha256:12", "ok"), -EINVAL);
	assert_non_null(strstr(f->error.text, "$.digest"));
	/* Another digest: both are named. */
	assert_int_equal(approve(f, other, "ok"), -ESTALE);
	assert_non_null(strstr(f->error.text, other));
	assert_non_null(strstr(f->error.text, text(proposal, "digest")));
	assert_int_equal(row(f).active_revision, 0);
	assert_int_equal(ns_lifecycle_approve(&f->cycle, WEB, text(proposal, "digest"), "ok", &answer, &f->error), 0);
	assert_string_equal(text(answer, "mode"), "approved");
	assert_string_equal(text(answer, "decision"), "approve");
	assert_int_equal(number(answer, "revision"), 1);
	assert_int_equal(row(f).active_revision, 1);
	assert_int_equal(approve(f, text(proposal, "digest"), "again"), -ENODATA);
	assert_int_equal(audited(f, "policy.approve"), 1);
}

/* In force the kernel follows at once, and what it could not do is said, but the decision stands. */
static void test_approve_in_force(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *proposal = NULL;
	unsigned changes;

	put_in_force(f, NS_MODE_ENFORCING);
	see(f, NS_EGRESS, "compose/shop/cache", "fd00::4", 6379);
	changes = f->data.engine.changes;
	proposal = propose(f);
	assert_string_equal(text(proposal, "mode"), "enforcing");
	assert_true(warned(proposal, "the workload is enforcing"));
	assert_int_equal(f->data.engine.changes, changes);
	f->data.engine.change_error = -EREMOTEIO;
	assert_int_equal(approve(f, text(proposal, "digest"), "ok"), -EREMOTEIO);
	assert_non_null(strstr(f->error.text, "somebody else's"));
	assert_int_equal(f->data.engine.changes, changes + 1);
	assert_string_equal(f->data.engine.changed, WEB);
	assert_int_equal(row(f).active_revision, 2);
	assert_int_equal(row(f).mode, NS_MODE_ENFORCING);
}

static void test_reject(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *proposal = NULL;
	NS_JSON json_t *answer = NULL;

	proposal = propose(f);
	assert_int_equal(ns_lifecycle_reject(&f->cycle, WEB, text(proposal, "digest"), "", &answer, &f->error),
			 -EINVAL);
	assert_int_equal(ns_lifecycle_reject(&f->cycle, WEB, text(proposal, "digest"), "too wide", &answer, &f->error),
			 0);
	assert_string_equal(text(answer, "mode"), "learning");
	assert_int_equal(row(f).proposed_revision, 0);
	assert_int_equal(row(f).active_revision, 0);
	assert_int_equal(audited(f, "policy.reject"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lifecycle_setup, lifecycle_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_propose),
		TEST(test_propose_harvests_first),
		TEST(test_propose_again),
		TEST(test_propose_after_approval),
		TEST(test_propose_warns),
		TEST(test_propose_endpoint_fails),
		TEST(test_unknown_workload),
		TEST(test_edit),
		TEST(test_edit_after_rejection),
		TEST(test_edit_evidence),
		TEST(test_edit_round_trip),
		TEST(test_edit_bad),
		TEST(test_approve),
		TEST(test_approve_in_force),
		TEST(test_reject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
