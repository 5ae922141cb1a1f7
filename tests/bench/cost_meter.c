/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What things cost, finer than ticks and pages tell:
 *
 *	cost_meter cpu PID                                  nanoseconds of processor time of the process so far
 *	cost_meter memory PID                               VmRSS, Pss, VmHWM in KiB
 *	cost_meter run [-n NETNS] [-p PID] [-e SECONDS] [-o FILE] COMMAND…
 *	    milliseconds until it has ended, of the processor's it used, its peak RSS in KiB; with -p also what that
 *process used meanwhile, in milliseconds, and its peak RSS in KiB. Ended after SECONDS when it is not done by then.
 *	cost_meter each PARALLEL FIRST LAST COMMAND…
 *	    the command once in each of the namespaces /run/netns/cFIRST to cLAST, PARALLEL at a time: milliseconds, and
 *of the processor's.
 *
 * A command's output goes to FILE, or nowhere. Status 1 when a command fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cost_clock.h"

#define PATH_ROOM 64

__attribute__((noreturn)) static void die(const char *what)
{
	(void)fprintf(stderr, "cost_meter: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A number of KiB from a file of lines like "VmRSS:   1234 kB"; -1: there is none. */
static long kib_of(long pid, const char *file, const char *name)
{
	char path[PATH_ROOM], line[256];
	long value = -1;
	FILE *in;

	(void)snprintf(path, sizeof path, "/proc/%ld/%s", pid, file);
	in = fopen(path, "re");
	if (!in)
		die(path);
	while (value < 0 && fgets(line, sizeof line, in))
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			value = strtol(line + strlen(name) + 1, NULL, 10);
	(void)fclose(in);
	return value;
}

/* From here on its peak is counted anew. */
static void forget_peak(long pid)
{
	char path[PATH_ROOM];
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%ld/clear_refs", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "5", 1) != 1)
		die(path);
	(void)close(fd);
}

static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(netns);
	(void)close(fd);
}

static pid_t start(char **command, const char *netns, const char *output, unsigned seconds)
{
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		die(output);
	if (netns)
		enter(netns);
	(void)alarm(seconds); /* stays over exec */
	(void)execvp(command[0], command);
	die(command[0]);
}

static double cpu_ms(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e3 +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e3;
}

static bool succeeded(int status, const char *command)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	(void)fprintf(stderr, "cost_meter: %s: %s %d\n", command, WIFEXITED(status) ? "status" : "signal",
		      WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return false;
}

static int run(int argc, char **argv)
{
	const char *netns = NULL, *output = "/dev/null";
	long watched = 0;
	unsigned seconds = 0;
	uint64_t before = 0, from;
	double wall;
	struct rusage usage;
	int status, option;
	pid_t pid;

	while ((option = getopt(argc, argv, "+n:p:e:o:")) != -1)
		switch (option) {
		case 'n':
			netns = optarg;
			break;
		case 'p':
			watched = strtol(optarg, NULL, 10);
			break;
		case 'e':
			seconds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			output = optarg;
			break;
		default:
			return 2;
		}
	if (optind == argc)
		return 2;
	if (watched) {
		forget_peak(watched);
		before = cost_cpu_of((pid_t)watched);
	}
	from = cost_now();
	pid = start(argv + optind, netns, output, seconds);
	if (wait4(pid, &status, 0, &usage) < 0)
		die("wait");
	wall = (double)(cost_now() - from) / 1e6;
	(void)printf("%.3f %.3f %ld", wall, cpu_ms(&usage), usage.ru_maxrss);
	if (watched)
		(void)printf(" %.3f %ld", (double)(cost_cpu_of((pid_t)watched) - before) / 1e6,
			     kib_of(watched, "status", "VmHWM"));
	(void)puts("");
	return succeeded(status, argv[optind]) ? 0 : 1;
}

static bool reap(const char *command)
{
	int status;

	if (wait(&status) < 0)
		die("wait");
	return succeeded(status, command);
}

static int each(char **argv)
{
	unsigned long parallel = strtoul(argv[0], NULL, 10), first = strtoul(argv[1], NULL, 10),
		      last = strtoul(argv[2], NULL, 10), running = 0;
	uint64_t from = cost_now();
	bool well = true;
	struct rusage usage;

	for (unsigned long i = first; i <= last; i++) {
		char netns[PATH_ROOM];

		(void)snprintf(netns, sizeof netns, "/run/netns/c%lu", i);
		if (running == parallel) {
			well = reap(argv[3]) && well;
			running--;
		}
		(void)start(argv + 3, netns, "/dev/null", 0);
		running++;
	}
	for (; running; running--)
		well = reap(argv[3]) && well;
	if (getrusage(RUSAGE_CHILDREN, &usage) < 0)
		die("getrusage");
	(void)printf("%.3f %.3f\n", (double)(cost_now() - from) / 1e6, cpu_ms(&usage));
	return well ? 0 : 1;
}

int main(int argc, char **argv)
{
	long pid = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	int r = 2;

	if (argc == 3 && strcmp(argv[1], "cpu") == 0) {
		(void)printf("%llu\n", (unsigned long long)cost_cpu_of((pid_t)pid));
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "memory") == 0) {
		(void)printf("%ld %ld %ld\n", kib_of(pid, "status", "VmRSS"), kib_of(pid, "smaps_rollup", "Pss"),
			     kib_of(pid, "status", "VmHWM"));
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "run") == 0)
		r = run(argc - 1, argv + 1);
	else if (argc > 5 && strcmp(argv[1], "each") == 0)
		r = each(argv + 2);
	if (r == 2)
		(void)fputs("usage: cost_meter cpu PID | memory PID | run [-n NETNS] [-p PID] [-e SECONDS] [-o FILE] "
			    "COMMAND... | each PARALLEL FIRST LAST COMMAND...\n",
			    stderr);
	return r;
}
