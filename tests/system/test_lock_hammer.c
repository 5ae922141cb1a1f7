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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

/* Some of the older table's chains and counters come and go, and the other table altogether. All at first. */
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
	for (unsigned i = 0; i < OLDER; i += first ? 1 : OLDER / 5) {
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

/* A table that comes and goes, as fast as that can be. */
static void commit_small(struct ns_nft *nft, bool making)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	const struct ns_nft_scope small = { .family = NFPROTO_INET, .table = "small" };

	if (ns_nft_batch_new(&batch, NULL) < 0)
		_exit(1);
	if (making)
		ns_nft_put_table(batch, &small, 0);
	else
		ns_nft_delete_table(batch, &small);
	if (ns_nft_batch_send(nft, batch, NULL) < 0)
		_exit(1);
}

enum { HAMMERS = 2 };

static void start(pid_t ret[static HAMMERS])
{
	struct ns_nft *nft;

	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	commit(nft, true, true);
	for (unsigned i = 0; i < HAMMERS; i++) {
		ret[i] = fork();
		assert_true(ret[i] >= 0);
		if (ret[i] > 0)
			continue;
		/* So that a failed test leaves none; and a socket of its own, since answers go by socket. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || ns_nft_open(-1, &nft, NULL) < 0)
			_exit(1);
		for (bool making = i > 0;; making = !making) {
			if (i == 0)
				commit(nft, making, false);
			else
				commit_small(nft, making);
		}
	}
	ns_nft_close(nft);
}

static void stop(const pid_t pids[static HAMMERS])
{
	for (unsigned i = 0; i < HAMMERS; i++) {
		int status;

		assert_int_equal(kill(pids[i], SIGKILL), 0);
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFSIGNALED(status)); /* it hammered to the end */
	}
}

/* More than one datagram of elements, and a chain without a rule, of which only a dump of all chains tells. */
static void large_plan(struct ns_plan *plan)
{
	endpoint_plan(plan);
	plan_chain(plan, "empty");
	for (unsigned i = 0; i < 1500; i++) {
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
	pid_t pids[HAMMERS];

	large_plan(&plan);
	if (lab_protection() != NS_LOCK_OWNED) {
		/* A plain table can only be tried again: what comes of it is right, or an error. */
		lock = lab_lock(NFPROTO_INET);
		lab_apply(lock, &plan);
		ns_plan_release(&plan);
		ns_lock_close(lock);
		return;
	}
	start(pids); /* its table is older than ours */
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
	stop(pids);
	printf("and with nobody else: ");
	change(lock, &plan, ROUNDS, ROUNDS / 10);
	ns_nft_close(nft);
	ns_lock_close(lock);
	ns_plan_release(&plan);
}

static struct ns_nft *intruder; /* NULL: none */
static bool intruding;
static unsigned intrusions;

/* In place of the C library's: a transaction of another's before each datagram is taken, so that every dump of more
 * than one is interrupted, however fast the machine is. */
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	if (intruder && !intruding && fd != ns_nft_fd(intruder)) {
		intruding = true;
		commit_small(intruder, intrusions++ % 2 == 0);
		intruding = false;
	}
	return syscall(SYS_recvmsg, fd, message, flags);
}

static void test_every_dump_interrupted(void **state)
{
	struct ns_lock *lock, *another;
	struct ns_plan plan, found = NS_PLAN_INIT;
	struct ns_error err = NS_ERROR_INIT;

	large_plan(&plan);
	lock = lab_lock(NFPROTO_INET);
	lab_apply(lock, &plan);
	another = lab_lock(NFPROTO_INET);
	assert_int_equal(ns_nft_open(-1, &intruder, NULL), 0);
	if (lab_protection() == NS_LOCK_OWNED)
		change(lock, &plan, 0, 50);
	assert_true(lab_protection() != NS_LOCK_OWNED || intrusions > 1000);
	/* One who does not own the table cannot know that nobody changed it, and says so after bounded tries. */
	assert_int_equal(ns_lock_read(another, &found, &err), -EINTR);
	assert_non_null(strstr(err.text, "changed while"));
	intruder = ns_nft_close(intruder);
	lab_assert_holds(another, &plan);
	ns_lock_close(another);
	ns_lock_close(lock);
	ns_plan_release(&plan);
}

/* A learner's dump is no hostage either: a dynamic set is read in one pass. */
static void test_dynamic_set(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_plan plan;
	double begin, longest = 0;
	pid_t pids[HAMMERS];

	endpoint_plan(&plan);
	lab_apply(lock, &plan);
	for (uint16_t i = 0; i < 50; i++)
		send_both((uint16_t)(7000 + i));
	start(pids);
	for (unsigned i = 0; i < ROUNDS; i++) {
		begin = now();
		assert_int_equal(dump("deny_egress6").n, 50);
		if (now() - begin > longest)
			longest = now() - begin;
	}
	stop(pids);
	printf("the longest of %d dumps of a dynamic set: %.1f ms\n", ROUNDS, longest * 1e3);
	ns_lock_close(lock);
	ns_plan_release(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_dump_interrupted, lock_setup),
		cmocka_unit_test_setup(test_owned, lock_setup),
		cmocka_unit_test_setup(test_dynamic_set, lock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
