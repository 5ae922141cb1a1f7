/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the kernel says of a table: sets and counters by themselves, answers that are not the kernel's, and very many
 * elements.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netlink.h>

#include "nft/dump.h"
#include "nft/socket.h"

#include "lock_plan.h"

static int stop(void *ctx, const struct ns_plan_element *element, size_t key_length)
{
	++*(unsigned *)ctx;
	return -ECANCELED;
}

static void test_dumps(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_error err = NS_ERROR_INIT;
	uint64_t packets = 77, bytes = 77;
	struct ns_plan plan;
	struct ns_nft *nft;
	unsigned calls = 0;

	endpoint_plan(&plan);
	lab_apply(lock, &plan);
	send_both(1001);
	assert_int_equal(dump("egress4").n, 2);
	assert_int_equal(dump("egress6").packets, 1);
	assert_int_equal(dump("egress6_range").n, 1);
	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	assert_int_equal(ns_nft_dump_elements(nft, NFPROTO_INET, "nanoseg", "nothing", stop, &calls, &err), -ENOENT);
	assert_non_null(strstr(err.text, "nothing"));
	assert_int_equal(ns_nft_dump_elements(nft, NFPROTO_INET, "nothing", "egress4", stop, &calls, NULL), -ENOENT);
	assert_int_equal(calls, 0);
	assert_int_equal(ns_nft_dump_elements(nft, NFPROTO_INET, "nanoseg", "egress4", stop, &calls, NULL), -ECANCELED);
	assert_int_equal(calls, 1);
	assert_int_equal(ns_nft_get_counter(nft, NFPROTO_INET, "nanoseg", "nothing", &packets, &bytes, NULL), -ENOENT);
	assert_int_equal(packets, 77);
	ns_nft_close(nft);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

/* Another process writes answers of its own to our port: none of them is believed. */
static void test_forged_answers(void **state)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr error;
	} forged = { .nlh = { .nlmsg_len = sizeof(forged), .nlmsg_type = NLMSG_ERROR }, .error = { .error = -EPERM } };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int forger = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct ns_error err = NS_ERROR_INIT;
	uint32_t generation;
	struct ns_nft *nft;

	assert_true(forger >= 0);
	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	to.nl_pid = ns_nft_port(nft);
	forged.nlh.nlmsg_pid = to.nl_pid;
	for (forged.nlh.nlmsg_seq = 0; forged.nlh.nlmsg_seq < 64; forged.nlh.nlmsg_seq++)
		assert_int_equal(sendto(forger, &forged, sizeof(forged), 0, (struct sockaddr *)&to, sizeof(to)),
				 sizeof(forged));
	if (ns_nft_generation(nft, &generation, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(generation > 0);
	ns_nft_close(nft);
	close(forger);
}

/* ---- size ---- */

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void add_many(struct ns_plan *plan, const char *name, unsigned n)
{
	struct ns_plan_set *set = ns_plan_find_set(plan, name);

	for (unsigned i = 0; i < n; i++) {
		struct ns_plan_element *element = ns_plan_add_element(set, NULL);
		size_t at = set->fields[1] == NS_FIELD_IPV6 ? 16 : 4;

		assert_non_null(element);
		element->key[0] = IPPROTO_TCP;
		element->key[4] = 10;
		element->key[at + 1] = (uint8_t)(i >> 16);
		element->key[at + 2] = (uint8_t)(i >> 8);
		element->key[at + 3] = (uint8_t)i;
		element->key[at + 4] = 1;
		memcpy(element->key_end, element->key, sizeof(element->key));
		snprintf(element->tag, sizeof(element->tag), "rule-%u", i % 1000);
	}
}

static void test_many_elements(void **state)
{
	enum { MANY = 50000 }; /* in each family */
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_lock_result result;
	struct timespec start;
	struct ns_plan plan;

	endpoint_plan(&plan);
	add_many(&plan, "egress4", MANY);
	add_many(&plan, "egress6", MANY);
	ns_plan_normalise(&plan);
	clock_gettime(CLOCK_MONOTONIC, &start);
	result = lab_apply(lock, &plan);
	print_message("%zu elements into a new table: %.2f s\n", result.elements_added, seconds_since(&start));
	assert_int_equal(result.elements_added, 2 * MANY + 6);
	lab_assert_holds(lock, &plan);

	plan_element(ns_plan_find_set(&plan, "egress6"), "r6", "udp", "::1", "1006");
	ns_plan_normalise(&plan);
	clock_gettime(CLOCK_MONOTONIC, &start);
	result = lab_apply(lock, &plan);
	print_message("one more: %.2f s\n", seconds_since(&start));
	assert_int_equal(result.elements_added, 1);
	assert_int_equal(result.elements_removed, 0);

	ns_plan_find_set(&plan, "egress4")->n_elements = 2;
	clock_gettime(CLOCK_MONOTONIC, &start);
	result = lab_apply(lock, &plan);
	print_message("%zu elements fewer: %.2f s\n", result.elements_removed, seconds_since(&start));
	assert_int_equal(result.elements_removed, MANY);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_dumps, lock_setup),
		cmocka_unit_test_setup(test_forged_answers, lock_setup),
		cmocka_unit_test_setup(test_many_elements, lock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
