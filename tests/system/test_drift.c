/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Somebody else's transactions are told with who made them; ours are not; a storm costs no more than a bounded storm.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "cleanup.h"
#include "drift.h"
#include "lock_plan.h"
#include "nft/batch.h"
#include "nft/encode.h"
#include "nft/socket.h"

enum { EVENTS_MAX = 128, QUIET_US = 150000 };

struct watcher {
	sd_event *loop;
	struct ns_drift *drift;
	uint32_t our_port;
	unsigned asked;
	unsigned n, lost, turn, most_in_a_turn;
	struct ns_drift_event events[EVENTS_MAX]; /* the first ones */
};

static bool is_ours(void *ctx, uint32_t port)
{
	struct watcher *watcher = ctx;

	watcher->asked++;
	return port == watcher->our_port;
}

static void seen(void *ctx, const struct ns_drift_event *event)
{
	struct watcher *watcher = ctx;

	if (watcher->n < EVENTS_MAX)
		watcher->events[watcher->n] = *event;
	watcher->n++;
	watcher->lost += event->lost;
	watcher->turn++;
	if (watcher->turn > watcher->most_in_a_turn)
		watcher->most_in_a_turn = watcher->turn;
}

static void watch(struct watcher *watcher)
{
	struct ns_error err = NS_ERROR_INIT;

	*watcher = (struct watcher){ 0 };
	assert_true(sd_event_new(&watcher->loop) >= 0);
	if (ns_drift_open(watcher->loop, -1, is_ours, seen, watcher, &watcher->drift, &err) < 0)
		fail_msg("%s", err.text);
}

static void unwatch(struct watcher *watcher)
{
	assert_null(ns_drift_close(watcher->drift));
	assert_null(ns_drift_close(NULL));
	sd_event_unref(watcher->loop);
}

/* Until nothing comes for a while. */
static void settle(struct watcher *watcher)
{
	int r;

	do {
		watcher->turn = 0;
		r = sd_event_run(watcher->loop, QUIET_US);
		assert_true(r >= 0);
	} while (r > 0);
}

static void forget(struct watcher *watcher)
{
	settle(watcher);
	watcher->n = watcher->lost = watcher->asked = watcher->most_in_a_turn = 0;
}

/* The only one since the last. */
static const struct ns_drift_event *only(struct watcher *watcher)
{
	settle(watcher);
	if (watcher->n != 1)
		fail_msg("%u events, %u of them lost", watcher->n, watcher->lost);
	watcher->n = 0;
	return &watcher->events[0];
}

static void expect(struct watcher *watcher, const char *command, bool ours, int family, const char *table,
		   unsigned changes)
{
	const struct ns_drift_event *event;

	if (lab_run(command, NULL) != 0)
		fail_msg("fails: %s", command);
	event = only(watcher);
	assert_false(event->lost);
	assert_int_equal(event->ours, ours);
	assert_int_equal(event->family, family);
	assert_string_equal(event->table, table);
	assert_int_equal(event->changes, changes);
	assert_true(event->pid > 1);
	assert_memory_equal(event->command, "nft", 3);
}

/* A table of ours that anybody can change, as where the kernel knows no owner. */
static void test_who_and_what(void **state)
{
	struct watcher watcher;

	watch(&watcher);
	expect(&watcher, "nft add table inet nanoseg", true, NFPROTO_INET, "nanoseg", 1);
	expect(&watcher, "nft add chain inet nanoseg output '{ type filter hook output priority 0; }'", true,
	       NFPROTO_INET, "nanoseg", 1);
	expect(&watcher, "nft add rule inet nanoseg output accept", true, NFPROTO_INET, "nanoseg", 1);
	expect(&watcher, "nft add set inet nanoseg s '{ type inet_service; }'", true, NFPROTO_INET, "nanoseg", 1);
	expect(&watcher, "nft add element inet nanoseg s '{ 1, 2, 3 }'", true, NFPROTO_INET, "nanoseg", 3);
	expect(&watcher, "nft add counter inet nanoseg c", true, NFPROTO_INET, "nanoseg", 1);
	expect(&watcher, "nft add table netdev nanoseg-12345", true, NFPROTO_NETDEV, "nanoseg-12345", 1);
	/* Others' */
	expect(&watcher, "nft add table ip nanoseg", false, NFPROTO_IPV4, "nanoseg", 1);
	expect(&watcher, "nft add table ip6 nanosegment", false, NFPROTO_IPV6, "nanosegment", 1);
	expect(&watcher, "nft 'table inet nano { chain a { accept; }; }'", false, NFPROTO_INET, "nano", 3);
	expect(&watcher, "nft add table inet a-name-that-is-longer-than-any-of-ours-may-be", false, NFPROTO_INET,
	       "a-name-that-is-longer-than-any-", 1);
	/* One transaction about both: ours is what is told. */
	expect(&watcher, "nft 'add table inet x; delete rule inet nanoseg output handle 2; delete table inet nano'",
	       true, NFPROTO_INET, "nanoseg", 1);
	expect(&watcher, "nft delete table inet nanoseg", true, NFPROTO_INET, "nanoseg", 4);
	expect(&watcher, "nft add table inet nanoseg", true, NFPROTO_INET, "nanoseg", 1);
	expect(&watcher, "nft flush ruleset", true, NFPROTO_NETDEV, "nanoseg-12345", 2);
	/* What fails and what only looks changes nothing. */
	assert_int_not_equal(lab_run("nft delete table inet nanoseg", NULL), 0);
	assert_int_equal(lab_run("nft list ruleset", NULL), 0);
	settle(&watcher);
	assert_int_equal(watcher.n, 0);
	unwatch(&watcher);
}

/* While the committer lives its command line is told, on one line; and its pid. */
static void test_command_line(void **state)
{
	const struct ns_drift_event *event;
	struct watcher watcher;
	char pid[16];
	FILE *process;

	watch(&watcher);
	process = popen("( echo 'add table inet nanoseg'; sleep 1 ) | " /* NOLINT(cert-env33-c) */
			"sh -c 'echo $$; exec nft -i -I \"$(printf \"a\\nb\")\"' 2>/dev/null",
			"re");
	assert_non_null(process);
	assert_non_null(fgets(pid, sizeof(pid), process));
	settle(&watcher);
	while (watcher.n == 0)
		settle(&watcher);
	event = only(&watcher);
	assert_int_equal(event->pid, strtol(pid, NULL, 10));
	assert_string_equal(event->command, "nft -i -I a?b");
	pclose(process);
	unwatch(&watcher);
}

/* The lock's own transactions: not told, by asking whose port it is, and by the kernel's leaving them out. */
static void test_own_are_not_told(void **state)
{
	struct watcher watcher;
	struct ns_lock *lock = NULL;
	struct ns_plan plan;
	struct ns_nft *nft;

	endpoint_plan(&plan);
	watch(&watcher);
	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	assert_int_equal(ns_lock_open_on(nft, NFPROTO_INET, NS_TABLE_NAME, &lock, NULL), 0);
	watcher.our_port = ns_nft_port(nft);
	lab_apply(lock, &plan);
	settle(&watcher);
	assert_int_equal(watcher.n, 0);
	assert_true(watcher.asked > 0);
	/* 100,000 elements overflow the buffer … */
	for (unsigned i = 0; i < 100000; i++) {
		struct ns_plan_element *element =
			plan_element(ns_plan_find_set(&plan, "egress6"), "r5", "tcp", "fd00::", "1");

		memcpy(element->key + 8, &i, sizeof(i));
		memcpy(element->key_end + 8, &i, sizeof(i));
	}
	ns_plan_normalise(&plan);
	lab_apply(lock, &plan);
	settle(&watcher);
	assert_true(watcher.lost >= 1);
	assert_int_equal(watcher.n, watcher.lost);
	/* … unless the kernel leaves them out. */
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	forget(&watcher);
	assert_int_equal(ns_drift_skip(watcher.drift, watcher.our_port, NULL), 0);
	lab_apply(lock, &plan);
	settle(&watcher);
	assert_int_equal(watcher.n, 0);
	assert_int_equal(watcher.asked, 0);
	expect(&watcher, "nft add table inet other", false, NFPROTO_INET, "other", 1);
	assert_int_equal(ns_drift_skip(watcher.drift, 0, NULL), 0);
	assert_int_equal(ns_drift_skip(watcher.drift, 0, NULL), 0);
	watcher.asked = 0;
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	settle(&watcher);
	assert_true(watcher.asked + watcher.lost > 0);
	unwatch(&watcher);
	ns_lock_close(lock);
	ns_nft_close(nft);
	ns_plan_release(&plan);
}

/* Commits of a socket that is not ours. */
static void commit(struct ns_nft *nft, bool deleting)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	const struct ns_nft_scope scope = { .family = NFPROTO_INET, .table = "storm" };

	assert_int_equal(ns_nft_batch_new(&batch, NULL), 0);
	if (deleting)
		ns_nft_delete_table(batch, &scope);
	else
		ns_nft_put_table(batch, &scope, 0);
	assert_int_equal(ns_nft_batch_send(nft, batch, NULL), 0);
}

/* What lies in the buffer when the turn comes is told up to the bound, and that there was more. */
static void test_storm(void **state)
{
	enum { COMMITS = 2000 };
	struct watcher watcher;
	struct timespec begin, end;
	struct ns_nft *nft;

	watch(&watcher);
	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	for (unsigned i = 0; i < COMMITS; i++)
		commit(nft, i % 2);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	settle(&watcher);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	printf("%d commits at once: %u told, %u lost, %.1f ms\n", COMMITS, watcher.n, watcher.lost,
	       (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6);
	assert_int_equal(watcher.most_in_a_turn, NS_DRIFT_BURST + 1);
	assert_in_range(watcher.lost, 1, 3);
	assert_in_range(watcher.n, NS_DRIFT_BURST + 1, 3 * (NS_DRIFT_BURST + 1));
	forget(&watcher);
	/* And after it everything is as before. */
	expect(&watcher, "nft add table inet nanoseg", true, NFPROTO_INET, "nanoseg", 1);
	unwatch(&watcher);
	ns_nft_close(nft);
}

/* A storm that never ends takes a bounded number of turns. */
static void test_endless_storm(void **state)
{
	struct timespec begin, end;
	struct watcher watcher;
	unsigned turns = 0;
	pid_t pid;

	watch(&watcher);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct ns_nft *nft;

		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || ns_nft_open(-1, &nft, NULL) < 0)
			_exit(1);
		for (unsigned i = 0;; i++)
			commit(nft, i % 2);
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		if (sd_event_run(watcher.loop, QUIET_US) > 0)
			turns++;
		clock_gettime(CLOCK_MONOTONIC, &end);
	} while (end.tv_sec - begin.tv_sec < 2);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	printf("an endless storm for 2 s: %u turns, %u told, %u lost\n", turns, watcher.n, watcher.lost);
	assert_true(watcher.n > 100);
	/* Of the source's own, and those in which the limit on it begins and ends. */
	assert_in_range(turns, 2, 3 * 1000000 / NS_DRIFT_INTERVAL_US * (NS_DRIFT_TURNS + 2));
	unwatch(&watcher);
}

/* A process with CAP_NET_ADMIN there writes to the group and to the port what the kernel might have written. */
static void test_forged(void **state)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1u << (NFNLGRP_NFTABLES - 1) };
	char buf[512];
	struct watcher watcher;
	struct nfgenmsg *nfgen;
	struct nlmsghdr *nlh;
	int fd;

	watch(&watcher);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < 2; i++) {
		nlh = mnl_nlmsg_put_header(buf);
		nlh->nlmsg_type = (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | (i ? NFT_MSG_NEWGEN : NFT_MSG_DELTABLE));
		nlh->nlmsg_pid = 4711;
		nfgen = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfgen));
		nfgen->nfgen_family = NFPROTO_INET;
		if (i == 0)
			mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, "nanoseg");
		assert_true(sendto(fd, buf, nlh->nlmsg_len, 0, (const struct sockaddr *)&to, sizeof(to)) > 0);
	}
	settle(&watcher);
	assert_int_equal(watcher.n, 0);
	assert_int_equal(watcher.asked, 0);
	close(fd);
	unwatch(&watcher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_who_and_what, lock_setup),
		cmocka_unit_test_setup(test_command_line, lock_setup),
		cmocka_unit_test_setup(test_own_are_not_told, lock_setup),
		cmocka_unit_test_setup(test_storm, lock_setup),
		cmocka_unit_test_setup(test_endless_storm, lock_setup),
		cmocka_unit_test_setup(test_forged, lock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
