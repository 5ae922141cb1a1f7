/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "proc_scan.h"

/* Fields of /proc/PID/stat after the program's name: starttime is the 22nd field, the 20th after it. */
#define STAT_FIELDS_TO_START 20

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static int add_entry(struct ns_proc_table *table, ino_t inode, pid_t pid)
{
	if (table->n == table->room) {
		size_t room = table->room ? table->room * 2 : 256;
		struct ns_proc_entry *entries = reallocarray(table->entries, room, sizeof *entries);

		if (!entries)
			return -ENOMEM;
		table->entries = entries;
		table->room = room;
	}
	table->entries[table->n++] = (struct ns_proc_entry){ inode, pid };
	return 0;
}

static int compare_entries(const void *pa, const void *pb)
{
	const struct ns_proc_entry *a = pa, *b = pb;

	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return (a->pid > b->pid) - (a->pid < b->pid);
}

static bool parse_pid(const char *name, pid_t *ret)
{
	char *end;
	long pid;

	if (!isdigit((unsigned char)*name))
		return false;
	errno = 0;
	pid = strtol(name, &end, 10);
	if (errno != 0 || *end || pid <= 0 || pid > INT_MAX)
		return false;
	*ret = (pid_t)pid;
	return true;
}

int ns_proc_scan(ino_t own, struct ns_proc_table *table, struct ns_error *err)
{
	NS_CLEANUP(close_dir) DIR *dir = opendir("/proc");
	const struct dirent *entry;

	if (!dir)
		return ns_error_set(err, -errno, "cannot list /proc: %s", strerror(errno));
	table->n = 0;
	while ((entry = readdir(dir))) {
		char path[32];
		struct stat st;
		pid_t pid;

		if (!parse_pid(entry->d_name, &pid))
			continue;
		(void)snprintf(path, sizeof path, "%d/ns/net", (int)pid);
		if (fstatat(dirfd(dir), path, &st, 0) < 0 || st.st_ino == own)
			continue;
		if (add_entry(table, st.st_ino, pid) < 0)
			return ns_error_set(err, -ENOMEM, "no memory for the list of processes");
	}
	if (table->n > 0)
		qsort(table->entries, table->n, sizeof *table->entries, compare_entries);
	return 0;
}

void ns_proc_table_release(struct ns_proc_table *table)
{
	free(table->entries);
	*table = (struct ns_proc_table){ 0 };
}

const struct ns_proc_entry *ns_proc_table_find(const struct ns_proc_table *table, ino_t inode, size_t *ret_n)
{
	size_t low = 0, high = table->n, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->entries[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < table->n && table->entries[end].inode == inode;)
		end++;
	*ret_n = end - low;
	return end > low ? &table->entries[low] : NULL;
}

int ns_proc_netns(pid_t pid, ino_t *ret)
{
	char path[48];
	struct stat st;

	(void)snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
	if (stat(path, &st) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

ssize_t ns_proc_read(pid_t pid, const char *name, char *buffer, size_t room)
{
	char path[48];
	NS_CLOSE int fd = -1;
	size_t n = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (n < room) {
		ssize_t got = read(fd, buffer + n, room - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

bool ns_proc_cgroup(pid_t pid, const struct ns_cgroup_identity *own, struct ns_cgroup_identity *ret)
{
	char text[NS_CGROUP_TEXT_MAX];
	ssize_t n = ns_proc_read(pid, "cgroup", text, sizeof text);

	return n > 0 && ns_cgroup_identify(text, (size_t)n, own, ret);
}

int ns_proc_cgroup2(pid_t pid, char ret[static NS_CGROUP_PATH_MAX])
{
	char text[NS_CGROUP_TEXT_MAX];
	ssize_t n = ns_proc_read(pid, "cgroup", text, sizeof text - 1);
	const char *line = text;
	size_t length;

	if (n <= 0)
		return n < 0 ? (int)n : -ESRCH;
	text[n] = '\0';
	while (line && strncmp(line, "0::/", 4) != 0) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return -ENOENT;
	line += 3;
	length = strcspn(line, "\n");
	if (length >= NS_CGROUP_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(ret, line, length);
	ret[length] = '\0';
	return 0;
}

int64_t ns_proc_age(pid_t pid)
{
	char text[1024];
	ssize_t n = ns_proc_read(pid, "stat", text, sizeof text - 1);
	long ticks = sysconf(_SC_CLK_TCK);
	const char *at;
	char *end;
	unsigned long long start;

	if (n < 0)
		return -ESRCH;
	text[n] = '\0';
	/* The program's name is in parentheses and may hold any byte, also parentheses. */
	at = strrchr(text, ')');
	if (!at || ticks <= 0)
		return -ESRCH;
	for (int i = 0; i < STAT_FIELDS_TO_START; i++) {
		at = strchr(at + 1, ' ');
		if (!at)
			return -ESRCH;
	}
	errno = 0;
	start = strtoull(at + 1, &end, 10);
	if (errno != 0 || end == at + 1 || start > INT64_MAX / 1000000)
		return -ESRCH;
	return ns_clock_elapsed() - (int64_t)start * (1000000 / ticks);
}

pid_t ns_proc_newest(void)
{
	char text[128];
	NS_CLOSE int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	const char *last;
	pid_t pid;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	last = strrchr(text, ' ');
	return last && parse_pid(last + 1, &pid) ? pid : 0;
}
