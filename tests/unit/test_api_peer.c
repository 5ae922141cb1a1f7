/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who may what, and who is at the other end of a socket.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "peer.h"

static const struct ns_role_groups all_groups = { .viewer = 101, .operator= 102, .approver = 103 };
static const struct ns_role_groups no_groups = { NS_GID_NONE, NS_GID_NONE, NS_GID_NONE };

static unsigned roles(uid_t uid, gid_t a, gid_t b)
{
	const gid_t gids[] = { a, b };

	return ns_roles_of(uid, gids, 2, &all_groups);
}

static void test_roles(void **state)
{
	const gid_t none = NS_GID_NONE, root = 0;

	assert_int_equal(roles(1000, 1000, 1000), 0);
	assert_int_equal(roles(1000, 1000, 101), NS_ROLE_VIEWER);
	assert_int_equal(roles(1000, 102, 1000), NS_ROLE_VIEWER | NS_ROLE_OPERATOR);
	assert_int_equal(roles(1000, 103, 1000), NS_ROLE_VIEWER | NS_ROLE_APPROVER);
	assert_int_equal(roles(1000, 102, 103), NS_ROLES_ALL);
	assert_int_equal(roles(0, 1000, 1000), NS_ROLES_ALL);
	assert_int_equal(ns_roles_of(0, NULL, 0, &no_groups), NS_ROLES_ALL);
	assert_int_equal(ns_roles_of(1000, NULL, 0, &all_groups), 0);
	/* A group that does not exist has no members, whatever a credential says; root's group is not root. */
	assert_int_equal(ns_roles_of(1000, &none, 1, &no_groups), 0);
	assert_int_equal(ns_roles_of(1000, &root, 1, &all_groups), 0);
}

static void test_group_words(void **state)
{
	assert_string_equal(ns_roles_groups(NS_ROLE_VIEWER), "nanoseg-viewer, nanoseg-operator or nanoseg-approver");
	assert_string_equal(ns_roles_groups(NS_ROLE_OPERATOR), "nanoseg-operator");
	assert_string_equal(ns_roles_groups(NS_ROLE_APPROVER), "nanoseg-approver");
	assert_string_equal(ns_roles_groups(NS_ROLE_OPERATOR | NS_ROLE_APPROVER),
			    "nanoseg-operator or nanoseg-approver");
	assert_int_equal(ns_group_find("root"), 0);
	assert_int_equal(ns_group_find("no-such-group-anywhere"), NS_GID_NONE);
}

static void test_identify(void **state)
{
	const struct passwd *account = getpwuid(getuid());
	struct ns_caller caller;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(ns_caller_identify(pair[0], &caller, NULL), 0);
	assert_int_equal(caller.uid, getuid());
	assert_int_equal(caller.gid, getgid());
	assert_int_equal(caller.pid, getpid());
	assert_string_equal(caller.user, account ? account->pw_name : "");
	if (getuid() == 0)
		assert_int_equal(caller.roles, NS_ROLES_ALL);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void test_identify_no_socket(void **state)
{
	struct ns_error error = NS_ERROR_INIT;
	struct ns_caller caller = { .uid = 4711 };
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(ns_caller_identify(ends[0], &caller, &error), -ENOTSOCK);
	assert_int_equal(caller.uid, 4711);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_group_words),
		cmocka_unit_test(test_identify),
		cmocka_unit_test(test_identify_no_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
