/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whose a connection is, by sockets that are made up here.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cut_owner.h"

#define MINE  100
#define OTHER 200

static uint64_t mine_ids[] = { MINE }, other_ids[] = { OTHER };

static struct ns_addr address(const char *text)
{
	struct ns_addr addr;

	assert_int_equal(ns_addr_parse(text, &addr, NULL), 0);
	return addr;
}

static struct ns_cut_owners member(void)
{
	return (struct ns_cut_owners){ .of_member = true, .mine = { mine_ids, 1 } };
}

/* The ids are nobody's to free. */
static void release(struct ns_cut_owners *owners)
{
	free(owners->sockets);
}

static void add(struct ns_cut_owners *owners, uint64_t cgroup, const char *local, uint16_t local_port,
		const char *remote, uint16_t remote_port)
{
	struct ns_diag_socket socket = { .local = address(local),
					 .remote = address(remote),
					 .local_port = local_port,
					 .remote_port = remote_port,
					 .cgroup = cgroup };

	assert_int_equal(ns_cut_owners_add(owners, IPPROTO_UDP, &socket, NULL), 0);
}

static enum ns_cut_owner owner(const struct ns_cut_owners *owners, const char *local, uint16_t local_port,
			       const char *remote, uint16_t remote_port)
{
	struct ns_cut_ends ends = { IPPROTO_UDP, { address(local), local_port }, { address(remote), remote_port } };

	return ns_cut_owner_of(owners, &ends);
}

static void test_by_cgroup(void **state)
{
	struct ns_cut_owners owners = member();
	struct ns_diag_socket socket = { .cgroup = MINE };

	assert_true(ns_cut_is_mine(&owners, &socket));
	socket.cgroup = OTHER;
	assert_false(ns_cut_is_mine(&owners, &socket));
	socket.cgroup = 0; /* not told */
	assert_false(ns_cut_is_mine(&owners, &socket));
	owners = (struct ns_cut_owners){ .others = { other_ids, 1 } };
	assert_true(ns_cut_is_mine(&owners, &socket));
	socket.cgroup = MINE;
	assert_true(ns_cut_is_mine(&owners, &socket));
	socket.cgroup = OTHER;
	assert_false(ns_cut_is_mine(&owners, &socket));
}

static void test_the_narrowest_socket(void **state)
{
	struct ns_cut_owners owners = member();

	add(&owners, MINE, "0.0.0.0", 53, "0.0.0.0", 0);
	add(&owners, OTHER, "10.0.0.2", 53, "0.0.0.0", 0);
	add(&owners, OTHER, "10.0.0.1", 53, "10.9.0.1", 4000);
	add(&owners, MINE, "10.0.0.2", 53, "10.9.0.1", 4000);
	add(&owners, MINE, "fd00::1", 53, "fd00::9", 4000);
	add(&owners, OTHER, "::", 53, "::", 0);
	ns_cut_owners_sort(&owners);
	assert_int_equal(owner(&owners, "10.0.0.1", 53, "10.9.0.1", 4001), NS_CUT_MINE);
	assert_int_equal(owner(&owners, "10.0.0.1", 53, "10.9.0.1", 4000), NS_CUT_ANOTHERS);
	assert_int_equal(owner(&owners, "10.0.0.2", 53, "10.9.0.1", 4001), NS_CUT_ANOTHERS);
	assert_int_equal(owner(&owners, "10.0.0.2", 53, "10.9.0.1", 4000), NS_CUT_MINE);
	assert_int_equal(owner(&owners, "fd00::1", 53, "fd00::9", 4000), NS_CUT_MINE);
	assert_int_equal(owner(&owners, "fd00::1", 53, "fd00::9", 4001), NS_CUT_ANOTHERS);
	assert_int_equal(owner(&owners, "10.0.0.1", 54, "10.9.0.1", 4000), NS_CUT_NOBODY);
	release(&owners);
}

/* An IPv6 socket takes IPv4 as well, where no other does. */
static void test_both_families(void **state)
{
	struct ns_cut_owners owners = member();
	struct ns_diag_socket v6only = { .local = { AF_INET6, { 0 } },
					 .remote = { AF_INET6, { 0 } },
					 .local_port = 81,
					 .cgroup = MINE,
					 .v6only = true };

	add(&owners, MINE, "::", 80, "::", 0);
	assert_int_equal(ns_cut_owners_add(&owners, IPPROTO_UDP, &v6only, NULL), 0);
	ns_cut_owners_sort(&owners);
	assert_int_equal(owner(&owners, "10.0.0.1", 80, "10.9.0.1", 4000), NS_CUT_MINE);
	assert_int_equal(owner(&owners, "10.0.0.1", 81, "10.9.0.1", 4000), NS_CUT_NOBODY);
	assert_int_equal(owner(&owners, "fd00::1", 81, "fd00::9", 4000), NS_CUT_MINE);
	add(&owners, OTHER, "0.0.0.0", 80, "0.0.0.0", 0);
	ns_cut_owners_sort(&owners);
	assert_int_equal(owner(&owners, "10.0.0.1", 80, "10.9.0.1", 4000), NS_CUT_ANOTHERS);
	assert_int_equal(owner(&owners, "fd00::1", 80, "fd00::9", 4000), NS_CUT_MINE);
	release(&owners);
}

/* Where it cannot be told, it is another's: shared ends, too many to look at, a list that is not whole. */
static void test_in_doubt(void **state)
{
	struct ns_cut_owners owners = member();

	add(&owners, MINE, "0.0.0.0", 80, "0.0.0.0", 0);
	add(&owners, OTHER, "0.0.0.0", 80, "0.0.0.0", 0);
	add(&owners, MINE, "0.0.0.0", 80, "0.0.0.0", 0);
	for (unsigned i = 0; i < 64; i++)
		add(&owners, MINE, "0.0.0.0", 81, "0.0.0.0", 0);
	ns_cut_owners_sort(&owners);
	assert_int_equal(owner(&owners, "10.0.0.1", 80, "10.9.0.1", 4000), NS_CUT_ANOTHERS);
	assert_int_equal(owner(&owners, "10.0.0.1", 81, "10.9.0.1", 4000), NS_CUT_MINE);
	add(&owners, MINE, "0.0.0.0", 81, "0.0.0.0", 0);
	ns_cut_owners_sort(&owners);
	assert_int_equal(owner(&owners, "10.0.0.1", 81, "10.9.0.1", 4000), NS_CUT_ANOTHERS);
	assert_int_equal(owner(&owners, "10.0.0.1", 82, "10.9.0.1", 4000), NS_CUT_NOBODY);
	owners.incomplete = true;
	assert_int_equal(owner(&owners, "10.0.0.1", 82, "10.9.0.1", 4000), NS_CUT_ANOTHERS);
	release(&owners);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_cgroup),
		cmocka_unit_test(test_the_narrowest_socket),
		cmocka_unit_test(test_both_families),
		cmocka_unit_test(test_in_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
