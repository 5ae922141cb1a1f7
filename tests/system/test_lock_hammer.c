/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Another process with CAP_NET_ADMIN in the namespace commits in a tight loop: to a table of its own that comes and
 * goes, and to one that is older than ours, so that the place of a dump of chains or objects is never what it was. It
 * holds up nothing that is ours.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "lock_plan.h"
#include "nft/batch.h"
#include "nft/dump_set.h"
#include "nft/encode.h"
#include "nft/socket.h"

enum { ROUNDS = 200, OLDER = 250 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Half of the older table's chains and counters come and go, and the other table altogether. */
static void commit(struct ns_nft *nft, bool making, bool first)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	const struct ns_nft_scope older = { .family = NFPROTO_INET, .table = "older" },
				  other = { .family = NFPROTO_INET, .table = "other" };
	struct ns_plan_chain chain = { 0 };

	if (ns_nft_batch_new(&batch, NULL) < 0)
		_exit(1);
	if (first)
		ns_nft_put_table(batch, &older, 0);
	if (making)
		ns_nft_put_table(batch, &other, 0);
	else
		ns_nft_delete_table(batch, &other);
	for (unsigned i = 0; i < OLDER; i += first ? 1 : 2) {
		snprintf(chain.name, sizeof(chain.name), "c%u", i);
		if (making) {
			ns_nft_put_chain(batch, &older, &chain);
			ns_nft_put_counter(batch, &older, chain.name);
		} else {
			ns_nft_delete_chain(batch, &older, chain.name);
			ns_nft_delete_counter(batch, &older, chain.name);
		}
	}
	if (ns_nft_batch_send(nft, batch, NULL) < 0)
		_exit(1);
}

static pid_t hammer(void)
{
	struct ns_nft *nft;
	pid_t pid;

	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	commit(nft, true, true);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		for (bool making = false;; making = !making)
			commit(nft, making, false);
	ns_nft_close(nft);
	return pid;
}

static void stop(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* More than one datagram of elements, and a chain without a rule, of which only a dump of all chains tells. */
static void large_plan(struct ns_plan *plan)
{
	endpoint_plan(plan);
	plan_chain(plan, "empty");
	for (unsigned i = 0; i < 3000; i++) {
		char port[8];

		snprintf(port, sizeof(port), "%u", 10000 + i);
		plan_element(ns_plan_find_set(plan, "egress6"), "r5", "tcp", "fd00::1", port);
	}
	ns_plan_normalise(plan);
}

/* One element more each time, and read back. */
static double change(struct ns_lock *lock, struct ns_plan *plan, unsigned from, unsigned rounds)
{
	double begin = now(), longest = 0;

	for (unsigned i = 0; i < rounds; i++) {
		struct ns_lock_result result;
		double start = now();
		char port[8];

		snprintf(port, sizeof(port), "%u", 20000 + from + i);
		plan_element(ns_plan_find_set(plan, "egress4"), "r6", "udp", "127.0.0.1", port);
		ns_plan_normalise(plan);
		result = lab_apply(lock, plan);
		assert_int_equal(result.elements_added, 1);
		assert_int_equal(result.elements_removed + result.chains_changed + result.sets_changed, 0);
		lab_assert_holds(lock, plan);
		if (now() - start > longest)
			longest = now() - start;
	}
	printf("%u changes applied and read: %.0f ms, the longest %.1f ms\n", rounds, (now() - begin) * 1e3,
	       longest * 1e3);
	return now() - begin;
}

static void test_owned(void **state)
{
	struct ns_lock *lock = NULL;
	struct ns_lock_result result;
	unsigned before, after;
	struct ns_plan plan;
	struct ns_nft *nft;
	pid_t pid;

	large_plan(&plan);
	if (lab_protection() != NS_LOCK_OWNED) {
		/* A plain table can only be tried again: what comes of it is right, or an error. */
		lock = lab_lock(NFPROTO_INET);
		lab_apply(lock, &plan);
		ns_plan_release(&plan);
		ns_lock_close(lock);
		return;
	}
	pid = hammer(); /* its table is older than ours */
	lock = lab_lock(NFPROTO_INET);
	lab_apply(lock, &plan);
	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	assert_int_equal(ns_nft_generation(nft, &before, NULL), 0);
	change(lock, &plan, 0, ROUNDS);
	assert_int_equal(ns_nft_generation(nft, &after, NULL), 0);
	printf("meanwhile %u transactions of another's\n", after - before - ROUNDS);
	assert_true(after - before > 2 * ROUNDS);

	/* A table that outlived its owner is owned first, and then looked at. */
	ns_lock_close(lock);
	lock = lab_lock(NFPROTO_INET);
	result = lab_apply(lock, &plan);
	assert_true(result.adopted);
	assert_string_equal(result.before, "");
	assert_int_equal(ns_lock_protection(lock), NS_LOCK_OWNED);
	lab_assert_holds(lock, &plan);
	assert_int_equal(ns_lock_remove(lock, NULL), 0);

	/* One that somebody else made is not even looked at. */
	assert_int_equal(lab_run("nft 'table inet nanoseg { chain output { accept; }; }'", NULL), 0);
	result = lab_apply(lock, &plan);
	assert_non_null(strstr(result.before, "no owner"));
	lab_assert_holds(lock, &plan);
	stop(pid);
	printf("and with nobody else: ");
	change(lock, &plan, ROUNDS, ROUNDS);
	ns_nft_close(nft);
	ns_lock_close(lock);
	ns_plan_release(&plan);
}

/* A learner's dump is no hostage either: a dynamic set is read in one pass. */
static void test_dynamic_set(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_plan plan;
	double begin, longest = 0;
	pid_t pid;

	endpoint_plan(&plan);
	lab_apply(lock, &plan);
	for (uint16_t i = 0; i < 50; i++)
		send_both((uint16_t)(7000 + i));
	pid = hammer();
	for (unsigned i = 0; i < ROUNDS; i++) {
		begin = now();
		assert_int_equal(dump("deny_egress6").n, 50);
		if (now() - begin > longest)
			longest = now() - begin;
	}
	stop(pid);
	printf("the longest of %d dumps of a dynamic set: %.1f ms\n", ROUNDS, longest * 1e3);
	ns_lock_close(lock);
	ns_plan_release(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_owned, lock_setup),
		cmocka_unit_test_setup(test_dynamic_set, lock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
