/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whose table it is: what others can do to it, who follows whom, and whose tables are left alone.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netfilter.h>

#include "lock_plan.h"

/* Where a table cannot be owned: anybody can change it, and the next apply makes it right again. */
static void plain_table(void)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_lock_result result;
	struct ns_plan plan;

	endpoint_plan(&plan);
	assert_false(lab_apply(lock, &plan).adopted);
	assert_int_equal(ns_lock_protection(lock), NS_LOCK_UNPROTECTED);
	send_both(1001);
	assert_int_equal(lab_run("nft delete element inet nanoseg egress4 '{ udp . 127.0.0.1 . 1002 }'", NULL), 0);
	assert_int_equal(lab_run("nft insert rule inet nanoseg output accept", NULL), 0);
	result = lab_apply(lock, &plan);
	assert_int_equal(result.elements_added, 1);
	assert_int_equal(result.chains_changed, 1);
	lab_assert_holds(lock, &plan);
	assert_int_equal(lab_run("nft flush ruleset", NULL), 0);
	assert_false(lab_apply(lock, &plan).adopted);
	lab_assert_holds(lock, &plan);
	send_both(1001);
	ns_lock_close(lock);
	lock = lab_lock(NFPROTO_INET);
	result = lab_apply(lock, &plan);
	assert_true(result.adopted);
	assert_int_equal(result.sets_changed + result.chains_changed + result.elements_added, 0);
	assert_int_equal(lab_packets(lock, "egress6", "r1"), 1);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

static void owned_table(void)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET), *other;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_lock_result result;
	struct ns_plan plan;
	char *output;

	endpoint_plan(&plan);
	assert_false(lab_apply(lock, &plan).adopted);
	assert_int_equal(ns_lock_protection(lock), NS_LOCK_OWNED);
	send_both(1001);

	/* Root in the same namespace, another process. */
	assert_int_equal(lab_run("nft flush ruleset", NULL), 0);
	lab_assert_holds(lock, &plan);
	assert_int_equal(lab_run("nft delete table inet nanoseg", &output), 1);
	assert_non_null(strstr(output, "Operation not permitted"));
	free(output);
	assert_int_equal(lab_run("nft delete element inet nanoseg egress4 '{ udp . 127.0.0.1 . 1001 }'", NULL), 1);
	assert_int_equal(lab_run("nft add rule inet nanoseg output accept", NULL), 1);
	lab_assert_holds(lock, &plan);

	/* Another lock, while this one lives. */
	other = lab_lock(NFPROTO_INET);
	assert_int_equal(ns_lock_apply(other, &plan, &result, &err), -EPERM);
	assert_non_null(strstr(err.text, "owned by another process"));
	assert_int_equal(ns_lock_remove(other, NULL), -EPERM);
	lab_assert_holds(other, &plan); /* reading is anybody's */

	/* The lock goes; the table stays, and works. */
	ns_lock_close(lock);
	lab_assert_holds(other, &plan);
	send_both(1001);
	send_both(7777);

	/* The next lock adopts it; figures go on. */
	result = lab_apply(other, &plan);
	assert_true(result.adopted);
	assert_int_equal(result.elements_added + result.elements_removed + result.sets_changed + result.chains_changed,
			 0);
	assert_int_equal(ns_lock_protection(other), NS_LOCK_OWNED);
	assert_false(lab_apply(other, &plan).adopted);
	send_both(1001);
	assert_int_equal(lab_packets(other, "egress4", "r1"), 3);
	assert_int_equal(lab_packets(other, "egress6", "r1"), 3);
	assert_int_equal(refused(), 2);
	assert_int_equal(dump("deny_egress6").n, 1);
	assert_int_equal(lab_run("nft delete table inet nanoseg", NULL), 1);
	ns_plan_release(&plan);
	ns_lock_close(other);
}

static void test_owner(void **state)
{
	if (lab_protection() == NS_LOCK_OWNED)
		owned_table();
	else
		plain_table();
}

/* A process that applied the plan is killed: rules stay, and the next one adopts them, with a change of plan in the
 * same transaction. */
static void test_killed_owner(void **state)
{
	struct ns_lock_result result;
	struct ns_lock *lock;
	struct ns_plan plan;
	int ready[2];
	char byte;
	pid_t pid;

	endpoint_plan(&plan);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		lock = NULL;
		if (ns_lock_open(-1, NFPROTO_INET, NS_TABLE_NAME, &lock, NULL) < 0 ||
		    ns_lock_apply(lock, &plan, &result, NULL) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	lock = lab_lock(NFPROTO_INET);
	if (lab_protection() == NS_LOCK_OWNED)
		assert_int_equal(ns_lock_apply(lock, &plan, &result, NULL), -EPERM);
	send_both(1001);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	lab_assert_holds(lock, &plan);
	send_both(1001);
	plan_element(ns_plan_find_set(&plan, "egress4"), "r6", "udp", "127.0.0.1", "1006");
	ns_plan_normalise(&plan);
	result = lab_apply(lock, &plan);
	assert_true(result.adopted);
	assert_int_equal(result.elements_added, 1);
	assert_int_equal(lab_packets(lock, "egress4", "r1"), 2);
	assert_int_equal(lab_packets(lock, "egress6", "r1"), 2);
	close(ready[0]);
	close(ready[1]);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

/* Somebody made a table of our name first, with things no plan can say: it is replaced, in one transaction. */
static void test_intruders(void **state)
{
	static const char *const intruders[] = {
		"table inet nanoseg { }",
		"table inet nanoseg { flags dormant; }",
		"table inet nanoseg { quota q { over 10 mbytes; }; }",
		"table inet nanoseg { map m { type ipv4_addr : verdict; elements = { 10.0.0.1 : accept }; }; }",
		"table inet nanoseg { chain output { type nat hook output priority 0; accept; }; }",
		"table inet nanoseg { chain a-chain-with-a-name-longer-than-any-of-ours { accept; }; }",
		"table inet nanoseg { set a-set-with-a-name-longer-than-any-of-ours { type ipv4_addr; }; }",
		"table inet nanoseg { counter refused { packets 5 bytes 5; }; counter x { packets 1 bytes 1; }; }",
		"table inet nanoseg { chain output { type filter hook output priority 0; ip ttl set 5; accept; }; }",
		"table inet nanoseg { set egress4 { type inet_proto . ipv4_addr . inet_service; timeout 5s; }; }",
	};
	struct ns_plan plan;
	char command[512];

	endpoint_plan(&plan);
	for (size_t i = 0; i < sizeof(intruders) / sizeof(intruders[0]); i++) {
		struct ns_lock *lock = lab_lock(NFPROTO_INET);

		snprintf(command, sizeof(command), "nft '%s'", intruders[i]);
		if (lab_run(command, NULL) != 0)
			fail_msg("nft does not take: %s", intruders[i]);
		lab_apply(lock, &plan);
		lab_assert_holds(lock, &plan);
		assert_int_equal(ns_lock_protection(lock), lab_protection());
		assert_int_equal(ns_lock_remove(lock, NULL), 0);
		ns_lock_close(lock);
	}
	ns_plan_release(&plan);
}

static void test_other_tables_stay(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	char *before, *after;
	struct ns_plan plan;

	assert_int_equal(lab_run("nft 'table inet filter { set s { type ipv4_addr; elements = { 10.0.0.1 }; }; "
				 "chain output { type filter hook output priority 10; ip daddr @s drop; }; }; "
				 "table ip nanoseg { chain output { accept; }; }; "
				 "table ip6 nat { chain docker { type nat hook output priority -100; }; }'",
				 NULL),
			 0);
	assert_int_equal(lab_run("nft list ruleset", &before), 0);
	endpoint_plan(&plan);
	lab_apply(lock, &plan);
	lab_assert_holds(lock, &plan);
	plan_element(ns_plan_find_set(&plan, "egress4"), "r6", "udp", "127.0.0.1", "1006");
	ns_plan_normalise(&plan);
	lab_apply(lock, &plan);
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	assert_int_equal(lab_run("nft list ruleset", &after), 0);
	assert_string_equal(before, after);
	assert_int_equal(lab_run("nft flush ruleset", NULL), 0);
	free(before);
	free(after);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

/* Another process commits to a table of its own all the time: generations change under every dump and every batch. */
static void test_busy_neighbour(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_plan plan;
	pid_t pid;

	endpoint_plan(&plan);
	for (unsigned i = 0; i < 3000; i++) {
		char port[8];

		snprintf(port, sizeof(port), "%u", 10000 + i);
		plan_element(ns_plan_find_set(&plan, "egress6"), "r5", "tcp", "fd00::1", port);
	}
	ns_plan_normalise(&plan);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execlp("sh", "sh", "-c",
		       "while :; do printf 'add table inet busy\\nadd counter inet busy c\\ndelete table inet busy\\n' "
		       "| "
		       "nft -f -; done",
		       (char *)NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 20; i++) {
		plan_element(ns_plan_find_set(&plan, "egress4"), "r6", "udp", "127.0.0.1", i % 2 ? "1006" : "1007");
		ns_plan_normalise(&plan);
		lab_apply(lock, &plan);
		lab_assert_holds(lock, &plan);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	ns_plan_release(&plan);
	ns_lock_close(lock);
	lab_run("sleep 0.2; nft delete table inet busy", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_owner, lock_setup),
		cmocka_unit_test_setup(test_killed_owner, lock_setup),
		cmocka_unit_test_setup(test_intruders, lock_setup),
		cmocka_unit_test_setup(test_other_tables_stay, lock_setup),
		cmocka_unit_test_setup(test_busy_neighbour, lock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
