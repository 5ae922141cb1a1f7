/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A place of one's own for tests of the watcher: private mount, network and pid namespaces with an empty /run and an
 * own /proc, so that nothing else on the machine is seen and nothing is left behind. The program goes on as its pid 1.
 */
#ifndef NANOSEG_WATCH_LAB_H
#define NANOSEG_WATCH_LAB_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline void lab_die(const char *what)
{
	(void)fprintf(stderr, "cannot make the lab: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* Returns in the child; the parent waits for it and exits with its status. */
static inline void lab_enter(void)
{
	pid_t child;
	int status;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID) < 0)
		lab_die("unshare (root is needed)");
	child = fork();
	if (child < 0)
		lab_die("fork");
	if (child > 0) {
		if (waitpid(child, &status, 0) < 0)
			_exit(1);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		lab_die("private mounts");
	if (mount("proc", "/proc", "proc", 0, NULL) < 0)
		lab_die("/proc");
}

/* An empty /run for each test. */
static inline void lab_fresh_run(void)
{
	(void)umount2("/run", MNT_DETACH);
	if (mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0)
		lab_die("/run");
}

/* Runs a shell command, which must succeed. */
static inline void lab_sh(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void lab_sh(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(command, sizeof command, format, args);
	va_end(args);
	if (system(command) != 0) { /* NOLINT(cert-env33-c): ip and mount make what the tests look at */
		(void)fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

static inline double lab_seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Makes a cgroup NAME in one of the test's own, in a hierarchy that can be written. */
static inline void lab_cgroup_make(char ret[static 512], const char *name)
{
	static const char *const roots[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/pids",
					     "/sys/fs/cgroup" };

	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		char parent[64], procs[600];

		(void)snprintf(parent, sizeof parent, "%s/cgroup.procs", roots[i]);
		if (access(parent, W_OK) < 0)
			continue;
		(void)snprintf(parent, sizeof parent, "%s/nanoseg-test-XXXXXX", roots[i]);
		if (!mkdtemp(parent))
			continue;
		(void)snprintf(ret, 512, "%s/%s", parent, name);
		(void)snprintf(procs, sizeof procs, "%s/cgroup.procs", ret);
		if (mkdir(ret, 0755) == 0 && access(procs, W_OK) == 0)
			return;
	}
	lab_die("a cgroup");
}

/* Its processes must be gone. */
static inline void lab_cgroup_remove(char *path)
{
	for (int i = 0; i < 2; i++) {
		if (rmdir(path) < 0)
			lab_die(path);
		*strrchr(path, '/') = '\0';
	}
}

static inline void lab_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		lab_die(path);
	(void)close(fd);
}

/* A process that sleeps in a network namespace of its own until it is killed; in a cgroup when one is given, and with
 * its namespace mounted on a file when one is given. Ready when this returns. */
static inline pid_t lab_process(const char *cgroup, const char *file)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		lab_die("pipe");
	pid = fork();
	if (pid < 0)
		lab_die("fork");
	if (pid == 0) {
		char path[600];
		int fd;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0)
			lab_die("a namespace");
		if (cgroup) {
			(void)snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
			lab_write(path, "0");
		}
		if (file) {
			fd = open(file, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);
			if (fd < 0 || mount("/proc/self/ns/net", file, NULL, MS_BIND, NULL) < 0)
				lab_die(file);
		}
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		lab_die("a process");
	(void)close(ready[0]);
	return pid;
}

static inline void lab_kill(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

#endif
