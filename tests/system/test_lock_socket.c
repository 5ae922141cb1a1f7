/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sockets that outlive who opened them: several tables on one, taken over with whatever is still unread.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "lock_plan.h"
#include "netns.h"
#include "nft/dump_set.h"
#include "nft/socket.h"

static struct ns_lock *lock_on(struct ns_nft *nft, const char *table)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_lock *lock = NULL;

	if (ns_lock_open_on(nft, NFPROTO_INET, table, &lock, &err) < 0)
		fail_msg("%s", err.text);
	return lock;
}

static void plan_for(struct ns_plan *plan, const char *table)
{
	endpoint_plan(plan);
	LAB_COPY(plan->table, table);
}

struct names {
	char text[256];
	unsigned n;
};

static int note_name(void *ctx, const char *table)
{
	struct names *names = ctx;
	size_t used = strlen(names->text);

	names->n++;
	snprintf(names->text + used, sizeof(names->text) - used, "%s ", table);
	return 0;
}

static int stop_at_once(void *ctx, const char *table)
{
	return -ECANCELED;
}

/* Two tables on one socket; closing a lock leaves socket and tables as they are. */
static void test_shared_socket(void **state)
{
	struct ns_lock *first, *second;
	struct names names = { .text = "" };
	struct ns_plan a, b;
	struct ns_nft *nft;

	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	first = lock_on(nft, "nanoseg-1");
	second = lock_on(nft, "nanoseg-2");
	plan_for(&a, "nanoseg-1");
	plan_for(&b, "nanoseg-2");
	lab_apply(first, &a);
	lab_apply(second, &b);
	assert_int_equal(ns_lock_protection(first), lab_protection());
	assert_int_equal(ns_lock_protection(second), lab_protection());
	assert_int_equal(
		lab_run("nft add table inet nanoseg-nobody-has-a-name-as-long-as-this; nft add table ip nanoseg-3",
			NULL),
		0);
	assert_int_equal(lab_run("nft add table inet other", NULL), 0);
	assert_int_equal(ns_lock_list(nft, NFPROTO_INET, "nanoseg-", note_name, &names, NULL), 0);
	assert_string_equal(names.text, "nanoseg-1 nanoseg-2 ");
	assert_int_equal(ns_lock_list(nft, NFPROTO_NETDEV, "", note_name, &names, NULL), 0);
	assert_int_equal(names.n, 2);
	assert_int_equal(ns_lock_list(nft, NFPROTO_INET, "", stop_at_once, NULL, NULL), -ECANCELED);
	ns_lock_close(first);
	lab_assert_holds(second, &b);
	if (lab_protection() == NS_LOCK_OWNED)
		assert_int_equal(lab_run("nft delete table inet nanoseg-1", NULL), 1);
	first = lock_on(nft, "nanoseg-1");
	assert_true(lab_apply(first, &a).adopted);
	assert_int_equal(ns_lock_remove(second, NULL), 0);
	lab_assert_holds(first, &a);
	ns_lock_close(first);
	ns_lock_close(second);
	ns_nft_close(nft);
	ns_plan_release(&a);
	ns_plan_release(&b);
}

/* A dump begun and an answer unread, as by a process that was killed in the middle. */
static void leave_unread(int fd)
{
	char buf[512];
	struct nlmsghdr *request = ns_nft_dump_request(buf, NFT_MSG_GETSETELEM, NFPROTO_INET, true);
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, NS_TABLE_NAME);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, "egress6");
	request->nlmsg_seq = 1;
	assert_int_equal(sendto(fd, request, request->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)),
			 (int)request->nlmsg_len);
}

/* The successor has the same socket: the table was never without its owner. */
static void test_taken_over(void **state)
{
	struct ns_lock *lock;
	struct ns_lock_result result;
	struct ns_plan plan;
	struct ns_nft *nft;
	uint64_t cookie;
	uint32_t port;
	char byte;
	int fd;

	endpoint_plan(&plan);
	for (unsigned i = 0; i < 3000; i++) {
		char number[8];

		snprintf(number, sizeof(number), "%u", 10000 + i);
		plan_element(ns_plan_find_set(&plan, "egress6"), "r5", "tcp", "fd00::1", number);
	}
	ns_plan_normalise(&plan);
	assert_int_equal(ns_netns_own_cookie(&cookie, NULL), 0);
	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	lock = lock_on(nft, NS_TABLE_NAME);
	lab_apply(lock, &plan);
	port = ns_nft_port(nft);
	fd = fcntl(ns_nft_fd(nft), F_DUPFD, 0); /* as a service manager's would be: not close-on-exec */
	assert_true(fd >= 0);
	leave_unread(fd);
	ns_lock_close(lock);
	ns_nft_close(nft);
	if (lab_protection() == NS_LOCK_OWNED)
		assert_int_equal(lab_run("nft delete table inet nanoseg", NULL), 1);

	assert_int_equal(ns_nft_adopt(fd, cookie, &nft, NULL), 0);
	assert_int_equal(ns_nft_fd(nft), fd);
	assert_int_equal(ns_nft_port(nft), port);
	assert_true(recv(fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	lock = lock_on(nft, NS_TABLE_NAME);
	plan_element(ns_plan_find_set(&plan, "egress4"), "r6", "udp", "127.0.0.1", "1006");
	ns_plan_normalise(&plan);
	result = lab_apply(lock, &plan);
	assert_true(result.adopted);
	assert_int_equal(result.elements_added, 1);
	assert_int_equal(result.sets_changed + result.chains_changed, 0);
	assert_non_null(strstr(result.before, "1006"));
	assert_int_equal(ns_lock_protection(lock), lab_protection());
	result = lab_apply(lock, &plan);
	assert_string_equal(result.before, "");
	ns_lock_close(lock);
	ns_nft_close(nft);
	ns_plan_release(&plan);
}

/* What is no socket of that namespace stays the caller's. */
static void test_refused(void **state)
{
	const int group = NFNLGRP_NFTABLES;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_nft *nft;
	uint64_t cookie;
	int fds[4];

	assert_int_equal(ns_netns_own_cookie(&cookie, NULL), 0);
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[1] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	fds[2] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER); /* not bound */
	fds[3] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	assert_int_equal(setsockopt(fds[3], SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_true(fds[i] >= 0);
		assert_int_equal(ns_nft_adopt(fds[i], cookie, &nft, &err), -EINVAL);
		assert_true(err.text[0] != '\0');
		assert_int_equal(close(fds[i]), 0);
	}
	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	assert_int_equal(ns_nft_adopt(ns_nft_fd(nft), cookie + 1, &nft, &err), -ESTALE);
	assert_true(fcntl(ns_nft_fd(nft), F_GETFD) >= 0);
	ns_nft_close(nft);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_shared_socket, lock_setup),
		cmocka_unit_test_setup(test_taken_over, lock_setup),
		cmocka_unit_test_setup(test_refused, lock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
