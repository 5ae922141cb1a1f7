/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The unified hierarchy: lines of the mount table as the kernel writes them, and cgroups of the test's own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup2.h"

static char found[PATH_MAX];

static bool parse(const char *line)
{
	(void)snprintf(found, sizeof found, "untouched");
	return ns_cgroup2_parse_mount(line, found);
}

static void test_lines(void **state)
{
	assert_true(parse("35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "
			  "rw,nsdelegate,memory_recursiveprot\n"));
	assert_string_equal(found, "/sys/fs/cgroup");
	assert_true(parse("41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw"));
	assert_string_equal(found, "/sys/fs/cgroup/unified");
	assert_true(parse("41 31 0:38 / /my\\040own\\134x rw shared:1 master:2 - cgroup2 none rw"));
	assert_string_equal(found, "/my own\\x");
	/* Other file systems, whatever their source is called. */
	assert_false(parse("32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup2 rw,cpu"));
	assert_false(parse("31 23 0:28 / /cgroup2 rw,relatime - tmpfs cgroup2 rw,mode=755"));
	/* Something below the root is not the root. */
	assert_false(parse("41 31 0:38 /docker/a /sys/fs/cgroup rw - cgroup2 cgroup2 rw"));
	assert_false(parse("41 31 0:38 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw"));
	assert_string_equal(found, "untouched");
}

static void test_broken_lines(void **state)
{
	static const char whole[] = "41 31 0:38 / /a\\040b rw,relatime shared:1 - cgroup2 cgroup2 rw";
	char line[sizeof whole], big[PATH_MAX + 64];
	int n;

	for (size_t i = 0; i < sizeof whole - 1; i++) {
		memcpy(line, whole, i);
		line[i] = '\0';
		if (parse(line))
			assert_string_equal(found, "/a b");
	}
	assert_false(parse(""));
	assert_false(parse(" - cgroup2"));
	assert_false(parse("1 2 3 / - cgroup2 cgroup2 rw"));
	assert_false(parse("41 31 0:38 / /a\\04 rw - cgroup2 cgroup2 rw"));
	assert_false(parse("41 31 0:38 / /a\\480 rw - cgroup2 cgroup2 rw"));
	assert_false(parse("41 31 0:38 / relative rw - cgroup2 cgroup2 rw"));
	n = snprintf(big, sizeof big, "41 31 0:38 / /%0*d rw - cgroup2 cgroup2 rw", PATH_MAX - 1, 1);
	assert_in_range(n, PATH_MAX, sizeof big - 1);
	assert_false(parse(big));
	n = snprintf(big, sizeof big, "41 31 0:38 / /%0*d rw - cgroup2 cgroup2 rw", PATH_MAX - 2, 1);
	assert_true(parse(big));
	assert_int_equal(strlen(found), PATH_MAX - 1);
}

static void test_levels(void **state)
{
	assert_int_equal(ns_cgroup2_level("/"), 0);
	assert_int_equal(ns_cgroup2_level("/docker"), 1);
	assert_int_equal(ns_cgroup2_level("/docker/x"), 2);
	assert_int_equal(ns_cgroup2_level("/kubepods.slice/a.slice/cri.scope"), 3);
	assert_int_equal(ns_cgroup2_level("/docker/x/"), 2);
	assert_int_equal(ns_cgroup2_level("/docker//x"), 2);
}

static void test_bad_paths(void **state)
{
	char path[NS_CGROUP_PATH_MAX + 2];
	uint64_t id = 7;

	assert_int_equal(ns_cgroup2_id("docker", &id, NULL), -EINVAL);
	assert_int_equal(ns_cgroup2_id("", &id, NULL), -EINVAL);
	assert_int_equal(ns_cgroup2_id("/..", &id, NULL), -EINVAL);
	assert_int_equal(ns_cgroup2_id("/../docker", &id, NULL), -EINVAL);
	assert_int_equal(ns_cgroup2_id("/a/..b/../c", &id, NULL), -EINVAL);
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[NS_CGROUP_PATH_MAX] = '\0';
	assert_int_equal(ns_cgroup2_id(path, &id, NULL), -ENAMETOOLONG);
	path[NS_CGROUP_PATH_MAX - 1] = '\0';
	assert_int_not_equal(ns_cgroup2_id(path, &id, NULL), -EINVAL);
	assert_int_equal(id, 7);
}

/* Makes PATH below the directory `root`. */
static void make(const char *root, const char *path, struct stat *ret)
{
	char full[PATH_MAX + 64];

	(void)snprintf(full, sizeof full, "%s/%s", root, path);
	assert_int_equal(mkdir(full, 0755), 0);
	assert_int_equal(stat(full, ret), 0);
}

static void test_real(void **state)
{
	static const char *const below[] = { "a", "a/b", "a/b/..c", "d" };
	char mount[PATH_MAX], root[PATH_MAX + 32], path[PATH_MAX + 64];
	uint64_t id = 0, ids[8] = { 0 };
	struct stat st[5];
	bool all = true;

	if (ns_cgroup2_mount(mount, NULL) < 0) {
		/* Then this machine has none, and that is what is said. */
		assert_int_equal(ns_cgroup2_id("/", &id, NULL), -ENOENT);
		return;
	}
	assert_int_equal(ns_cgroup2_id("/", &id, NULL), 0);
	assert_int_equal(stat(mount, &st[0]), 0);
	assert_int_equal(id, st[0].st_ino);
	(void)snprintf(root, sizeof root, "%s/nanoseg-test-XXXXXX", mount);
	if (!mkdtemp(root))
		return; /* not ours to write: what follows needs root */
	(void)snprintf(path, sizeof path, "%s", strrchr(root, '/'));
	assert_int_equal(stat(root, &st[4]), 0);
	assert_int_equal(ns_cgroup2_id(path, &id, NULL), 0);
	assert_int_equal(id, st[4].st_ino);
	for (size_t i = 0; i < 4; i++)
		make(root, below[i], &st[i]);
	assert_int_equal(ns_cgroup2_subtree(path, ids, 5, NULL), 5);
	for (size_t i = 0; i < 5; i++) {
		bool is = false;

		for (size_t k = 0; k < 5; k++)
			is = is || ids[k] == st[i].st_ino;
		all = all && is && (i == 0 || ids[i - 1] < ids[i]);
	}
	memset(ids, 0, sizeof ids);
	assert_int_equal(ns_cgroup2_subtree(path, ids, 4, NULL), -E2BIG);
	assert_int_equal(ns_cgroup2_subtree(path, ids, 0, NULL), -E2BIG);
	assert_int_equal(ids[0], 0);
	for (size_t i = 4; i-- > 0;) {
		(void)snprintf(path, sizeof path, "%s/%s", root, below[i]);
		assert_int_equal(rmdir(path), 0);
	}
	(void)snprintf(path, sizeof path, "%s/cgroup.procs", strrchr(root, '/'));
	assert_int_equal(ns_cgroup2_id(path, &id, NULL), -ENOENT); /* a file is no cgroup */
	assert_int_equal(rmdir(root), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(ns_cgroup2_id(path, &id, NULL), -ENOENT);
	assert_int_equal(ns_cgroup2_subtree(path, ids, 8, NULL), -ENOENT);
	assert_true(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),     cmocka_unit_test(test_broken_lines), cmocka_unit_test(test_levels),
		cmocka_unit_test(test_bad_paths), cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
