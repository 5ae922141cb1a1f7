/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup_procs.h"
#include "cleanup.h"

bool ns_cgroup_events_populated(const char *path)
{
	static const char word[] = "populated ";
	char text[256];
	NS_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	const char *at;

	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strstr(text, word);
	return at && at[sizeof word - 1] == '1';
}

static void close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

static size_t read_procs(int dir, const char *path, pid_t *ret, size_t max)
{
	char name[PATH_MAX], line[32];
	NS_CLEANUP(close_file) FILE *file = NULL;
	NS_CLOSE int fd = -1;
	size_t n = 0;
	int length = snprintf(name, sizeof name, "%s%scgroup.procs", path, *path ? "/" : "");

	if (length < 0 || (size_t)length >= sizeof name)
		return 0;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "re");
	if (!file)
		return 0;
	(void)NS_TAKE_FD(fd);
	while (n < max && fgets(line, sizeof line, file)) {
		long pid;
		char *end;

		errno = 0;
		pid = strtol(line, &end, 10);
		if (errno == 0 && *end == '\n' && pid > 0 && pid <= INT_MAX) /* 0: in a pid namespace elsewhere */
			ret[n++] = (pid_t)pid;
	}
	return n;
}

/* Directories that wait to be looked through; relative to the first one. */
struct below {
	char **paths;
	size_t n, max;
};

static void release(const struct below *below)
{
	for (size_t i = 0; below->paths && i < below->n; i++)
		free(below->paths[i]);
	free(below->paths);
}

static void close_stream(DIR **stream)
{
	if (*stream)
		(void)closedir(*stream);
}

static void list(struct below *below, int root, const char *path)
{
	NS_CLOSE int fd = openat(root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	NS_CLEANUP(close_stream) DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!stream)
		return;
	(void)NS_TAKE_FD(fd);
	while (below->n < below->max && (entry = readdir(stream))) {
		char name[PATH_MAX];
		int n = snprintf(name, sizeof name, "%s%s%s", path, *path ? "/" : "", entry->d_name);

		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    n < 0 || (size_t)n >= sizeof name)
			continue;
		below->paths[below->n] = strdup(name);
		if (!below->paths[below->n])
			return;
		below->n++;
	}
}

size_t ns_cgroup_procs(const char *dir, size_t dirs_max, pid_t *ret, size_t max)
{
	NS_CLOSE int root = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	NS_CLEANUP(release) struct below below = { .max = dirs_max };
	size_t n;

	if (root < 0)
		return 0;
	n = read_procs(root, "", ret, max);
	below.paths = calloc(dirs_max, sizeof *below.paths);
	if (!below.paths || n == max)
		return n;
	list(&below, root, "");
	for (size_t i = 0; i < below.n && n < max; i++) {
		n += read_procs(root, below.paths[i], ret + n, max - n);
		list(&below, root, below.paths[i]);
	}
	return n;
}
