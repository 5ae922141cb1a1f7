/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "cgroup2.h"
#include "cleanup.h"

/* Lines of the mount table that are looked at; every container has a few. */
#define MOUNTS_MAX 1000000

/* The n-th word of a line, from 0; words are parted by single spaces. NULL: it has fewer. */
static const char *word(const char *line, unsigned n, size_t *ret_length)
{
	while (n-- > 0) {
		line = strchr(line, ' ');
		if (!line)
			return NULL;
		line++;
	}
	*ret_length = strcspn(line, " \n");
	return line;
}

static bool word_is(const char *line, unsigned n, const char *is)
{
	size_t length;
	const char *at = word(line, n, &length);

	return at && length == strlen(is) && memcmp(at, is, length) == 0;
}

/* Blanks, backslashes and line ends are written as a backslash and three octal digits. */
static bool unescape(const char *at, size_t length, char ret[static PATH_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++, n++) {
		if (n + 1 >= PATH_MAX)
			return false;
		ret[n] = at[i];
		if (at[i] != '\\')
			continue;
		if (length - i < 4 || at[i + 1] < '0' || at[i + 1] > '3')
			return false;
		for (size_t k = 2; k < 4; k++)
			if (at[i + k] < '0' || at[i + k] > '7')
				return false;
		ret[n] = (char)((at[i + 1] - '0') << 6 | (at[i + 2] - '0') << 3 | (at[i + 3] - '0'));
		i += 3;
	}
	ret[n] = '\0';
	return n > 0 && ret[0] == '/';
}

bool ns_cgroup2_parse_mount(const char *line, char ret[static PATH_MAX])
{
	const char *rest = strstr(line, " - "), *at;
	char path[PATH_MAX];
	size_t length;

	/* The paths are of the root that the agent sees: a mount of something below it does not fit them. */
	if (!rest || !word_is(rest + 3, 0, "cgroup2") || !word_is(line, 3, "/"))
		return false;
	at = word(line, 4, &length);
	if (!at || at > rest || !unescape(at, length, path))
		return false;
	memcpy(ret, path, strlen(path) + 1);
	return true;
}

static void close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

/* Another mount may lie over it. */
static bool is_there(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

int ns_cgroup2_mount(char ret[static PATH_MAX], struct ns_error *err)
{
	NS_CLEANUP(close_file) FILE *file = fopen("/proc/self/mountinfo", "re");
	NS_FREE char *line = NULL;
	size_t room = 0;

	if (!file)
		return ns_error_set(err, -errno, "cannot read /proc/self/mountinfo: %s", strerror(errno));
	for (int i = 0; i < MOUNTS_MAX && getline(&line, &room, file) > 0; i++) {
		char path[PATH_MAX];

		if (!ns_cgroup2_parse_mount(line, path) || !is_there(path))
			continue;
		memcpy(ret, path, strlen(path) + 1);
		return 0;
	}
	return ns_error_set(err, -ENOENT, "no cgroup v2 hierarchy is mounted");
}

static int check_path(const char *path, struct ns_error *err)
{
	if (path[0] != '/')
		return ns_error_set(err, -EINVAL, "the path of a cgroup must be absolute");
	if (strlen(path) >= NS_CGROUP_PATH_MAX)
		return ns_error_set(err, -ENAMETOOLONG, "the path of a cgroup is longer than %d bytes",
				    NS_CGROUP_PATH_MAX - 1);
	for (const char *at = path; (at = strstr(at, "/..")); at += 3)
		if (at[3] == '/' || at[3] == '\0')
			return ns_error_set(err, -EINVAL, "the cgroup %s is outside of the hierarchy that is seen here",
					    path);
	return 0;
}

static int full_path(const char *path, char ret[static PATH_MAX], struct ns_error *err)
{
	char mount[PATH_MAX], full[PATH_MAX];
	int r = check_path(path, err), n;

	if (r == 0)
		r = ns_cgroup2_mount(mount, err);
	if (r < 0)
		return r;
	n = snprintf(full, sizeof full, "%s%s", strcmp(mount, "/") == 0 ? "" : mount, path);
	if (n < 0 || (size_t)n >= sizeof full)
		return ns_error_set(err, -ENAMETOOLONG, "the path of the cgroup %s is too long", path);
	memcpy(ret, full, (size_t)n + 1);
	return 0;
}

static int open_cgroup(const char *path, uint64_t *ret_id, struct ns_error *err)
{
	char full[PATH_MAX];
	int r = full_path(path, full, err);
	NS_CLOSE int fd = -1;
	struct stat st;

	if (r < 0)
		return r;
	fd = open(full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ns_error_set(err, errno == ENOTDIR ? -ENOENT : -errno, "cannot open the cgroup %s: %s", path,
				    strerror(errno));
	if (fstat(fd, &st) < 0)
		return ns_error_set(err, -errno, "cannot look at the cgroup %s: %s", path, strerror(errno));
	*ret_id = st.st_ino;
	return NS_TAKE_FD(fd);
}

int ns_cgroup2_id(const char *path, uint64_t *ret_id, struct ns_error *err)
{
	NS_CLOSE int fd = open_cgroup(path, ret_id, err);

	return fd < 0 ? fd : 0;
}

unsigned ns_cgroup2_level(const char *path)
{
	unsigned level = 0;

	for (; *path; path++)
		if (*path == '/' && path[1] != '/' && path[1] != '\0')
			level++;
	return level;
}

/* Cgroups that were found: all of them are listed themselves, in the order in which they were found. Their paths are
 * relative to the first one, and bounded as every path is. */
struct subtree {
	uint64_t *ids;
	char **paths;
	size_t n, max;
};

static void release(const struct subtree *tree)
{
	for (size_t i = 0; tree->paths && i < tree->n; i++)
		free(tree->paths[i]);
	free(tree->paths);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static int add(struct subtree *tree, const char *parent, const struct dirent *entry, struct ns_error *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s%s%s", parent, *parent ? "/" : "", entry->d_name);

	if (tree->n == tree->max || n < 0 || (size_t)n >= sizeof path)
		return ns_error_set(err, -E2BIG, "more than %zu cgroups are below it, or they lie too deep", tree->max);
	tree->paths[tree->n] = strdup(path);
	if (!tree->paths[tree->n])
		return ns_error_set(err, -ENOMEM, "no memory for a list of cgroups");
	tree->ids[tree->n++] = entry->d_ino;
	return 0;
}

static int list(struct subtree *tree, int root, const char *path, struct ns_error *err)
{
	NS_CLOSE int fd = openat(root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	NS_CLEANUP(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	int r = 0;

	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno; /* gone again */
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)NS_TAKE_FD(fd);
	while (r == 0 && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = add(tree, path, entry, err);
	return r;
}

static int compare_ids(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

int ns_cgroup2_subtree(const char *path, uint64_t *ret, size_t max, struct ns_error *err)
{
	uint64_t id = 0;
	NS_CLOSE int root = open_cgroup(path, &id, err);
	NS_FREE uint64_t *ids = NULL;
	NS_CLEANUP(release) struct subtree tree = { .max = max };
	int r = 0;

	if (root < 0)
		return root;
	if (max == 0 || max > INT_MAX)
		return ns_error_set(err, max == 0 ? -E2BIG : -EINVAL, "no room for a list of cgroups");
	ids = tree.ids = calloc(max, sizeof *ids);
	tree.paths = calloc(max, sizeof *tree.paths);
	if (!ids || !tree.paths || !(tree.paths[0] = strdup("")))
		return ns_error_set(err, -ENOMEM, "no memory for a list of cgroups");
	ids[0] = id;
	tree.n = 1;
	for (size_t i = 0; i < tree.n && r == 0; i++)
		r = list(&tree, root, tree.paths[i], err);
	if (r < 0)
		return r == -E2BIG || r == -ENOMEM
			       ? r
			       : ns_error_set(err, r, "cannot list the cgroup %s: %s", path, strerror(-r));
	qsort(ids, tree.n, sizeof *ids, compare_ids);
	memcpy(ret, ids, tree.n * sizeof *ids);
	return (int)tree.n;
}
