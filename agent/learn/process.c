/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "budget.h"
#include "cleanup.h"
#include "clock.h"
#include "process.h"

struct holder { /* of one socket */
	uint32_t inode;
	uint32_t program; /* index */
};

struct program {
	char path[NS_PROCESS_MAX];
};

struct ns_processes {
	dev_t device; /* the namespace's file in nsfs */
	ino_t inode;
	struct ns_budget budget;
	/* As of the last look: */
	struct holder *holders; /* sorted by inode */
	size_t n_holders, holders_allocated;
	struct program *programs;
	size_t n_programs, programs_allocated;
	/* As of the last walk: */
	pid_t *pids; /* in the namespace */
	size_t n_pids, pids_allocated;
};

int ns_processes_new(int netns_fd, struct ns_processes **ret, struct ns_error *err)
{
	struct ns_processes *p;
	struct stat st;

	if (fstat(netns_fd, &st) < 0) {
		int r = -errno;

		return ns_error_set(err, r, "namespace file: %s", strerror(-r));
	}
	p = calloc(1, sizeof *p);
	if (p == NULL)
		return ns_error_set(err, -ENOMEM, "processes: out of memory");
	p->device = st.st_dev;
	p->inode = st.st_ino;
	p->budget = ns_budget_make(NS_PROC_CPU_PPM, NS_PROC_CPU_BURST_US, ns_clock_elapsed());
	*ret = p;
	return 0;
}

struct ns_processes *ns_processes_free(struct ns_processes *p)
{
	if (p != NULL) {
		free(p->holders);
		free(p->programs);
		free(p->pids);
		free(p);
	}
	return NULL;
}

static int compare_holders(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x->program < y->program ? -1 : x->program > y->program;
}

const char *ns_processes_find(const struct ns_processes *p, uint32_t inode)
{
	size_t lo = 0, hi = p->n_holders;

	while (lo < hi) { /* the first of equals: the lowest PID's */
		size_t middle = lo + (hi - lo) / 2;

		if (p->holders[middle].inode < inode)
			lo = middle + 1;
		else
			hi = middle;
	}
	if (lo == p->n_holders || p->holders[lo].inode != inode)
		return NULL;
	return p->programs[p->holders[lo].program].path;
}

/* Room for one more, doubling up to max. False: without memory or at the limit, and then the rest stays unknown. */
static bool reserve(void *array, size_t size, size_t n, size_t *allocated, size_t max)
{
	void **items = array;
	size_t wanted;
	void *grown;

	if (n < *allocated)
		return true;
	wanted = *allocated == 0 ? 16 : *allocated * 2;
	if (wanted > max)
		wanted = max;
	if (n >= wanted)
		return false;
	grown = reallocarray(*items, wanted, size);
	if (grown == NULL)
		return false;
	*items = grown;
	*allocated = wanted;
	return true;
}

/* False: full. */
static bool add_holder(struct ns_processes *p, uint32_t inode, uint32_t program)
{
	if (!reserve(&p->holders, sizeof *p->holders, p->n_holders, &p->holders_allocated, NS_PROC_SOCKETS_MAX))
		return false;
	p->holders[p->n_holders++] = (struct holder){ .inode = inode, .program = program };
	return true;
}

static bool add_program(struct ns_processes *p, const char *path, size_t length)
{
	if (!reserve(&p->programs, sizeof *p->programs, p->n_programs, &p->programs_allocated, NS_PROC_PIDS_MAX))
		return false;
	ns_process_clean(path, length, p->programs[p->n_programs].path);
	p->n_programs++;
	return true;
}

/* "socket:[123]"; 0: not a socket. */
static uint32_t parse_socket(const char *link, size_t length)
{
	static const char prefix[] = "socket:[";
	uint64_t inode = 0;
	size_t i = sizeof prefix - 1;

	if (length <= i || memcmp(link, prefix, i) != 0)
		return 0;
	for (; i < length && link[i] >= '0' && link[i] <= '9'; i++) {
		inode = inode * 10 + (uint64_t)(link[i] - '0');
		if (inode > UINT32_MAX)
			return 0;
	}
	return i + 1 == length && link[i] == ']' ? (uint32_t)inode : 0;
}

/* The sockets among the open files of one process. */
static void look_at_files(struct ns_processes *p, int pid_fd, uint32_t program)
{
	int fd = openat(pid_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		char link[64];
		ssize_t n = readlinkat(fd, entry->d_name, link, sizeof link);
		uint32_t inode = n > 0 ? parse_socket(link, (size_t)n) : 0;

		if (inode != 0 && !add_holder(p, inode, program))
			break;
	}
	(void)closedir(dir);
}

/* True: it is in the namespace. The directory is opened once, so that all that is read is of one process, whatever
 * becomes of its PID meanwhile. */
static bool look_at_process(struct ns_processes *p, pid_t pid)
{
	char path[32], program[PATH_MAX];
	struct stat st;
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%d", (int)pid);
	NS_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstatat(fd, "ns/net", &st, 0) < 0 || st.st_ino != p->inode || st.st_dev != p->device)
		return false;
	n = readlinkat(fd, "exe", program, sizeof program);
	if (n > 0 && add_program(p, program, (size_t)n))
		look_at_files(p, fd, (uint32_t)(p->n_programs - 1));
	return true;
}

static int64_t cpu_time(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void begin(struct ns_processes *p)
{
	p->n_holders = 0;
	p->n_programs = 0;
}

static void end(struct ns_processes *p, int64_t started)
{
	if (p->n_holders > 1)
		qsort(p->holders, p->n_holders, sizeof *p->holders, compare_holders);
	ns_budget_charge(&p->budget, cpu_time() - started);
}

int64_t ns_processes_wait(struct ns_processes *p)
{
	return ns_budget_wait(&p->budget, ns_clock_elapsed());
}

void ns_processes_look(struct ns_processes *p)
{
	int64_t started = cpu_time();
	size_t kept = 0;

	begin(p);
	for (size_t i = 0; i < p->n_pids; i++) {
		if (look_at_process(p, p->pids[i]))
			p->pids[kept++] = p->pids[i];
	}
	p->n_pids = kept;
	end(p, started);
}

/* A process's number; 0: another name. */
static pid_t parse_pid(const char *name)
{
	int64_t pid = 0;

	for (; *name >= '0' && *name <= '9'; name++) {
		pid = pid * 10 + (*name - '0');
		if (pid > INT_MAX)
			return 0;
	}
	return *name == '\0' ? (pid_t)pid : 0;
}

void ns_processes_walk(struct ns_processes *p)
{
	int64_t started = cpu_time();
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	size_t seen = 0;

	if (dir == NULL)
		return;
	begin(p);
	p->n_pids = 0;
	while (seen < NS_PROC_PIDS_MAX && (entry = readdir(dir)) != NULL) {
		pid_t pid = parse_pid(entry->d_name);

		if (pid == 0)
			continue;
		seen++;
		if (look_at_process(p, pid) &&
		    reserve(&p->pids, sizeof *p->pids, p->n_pids, &p->pids_allocated, NS_PROC_PIDS_MAX))
			p->pids[p->n_pids++] = pid;
	}
	(void)closedir(dir);
	end(p, started);
}
