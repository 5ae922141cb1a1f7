/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Time that passed, and time that a process had a processor, both in nanoseconds: the kernel counts the latter so
 * finely whatever the length of its tick.
 */
#ifndef NANOSEG_BENCH_COST_CLOCK_H
#define NANOSEG_BENCH_COST_CLOCK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

static inline uint64_t cost_read_clock(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) < 0) {
		perror("clock");
		exit(1);
	}
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static inline uint64_t cost_now(void)
{
	return cost_read_clock(CLOCK_MONOTONIC);
}

/* All of its threads, those that have ended among them. Ends the program when there is no such process. */
static inline uint64_t cost_cpu_of(pid_t pid)
{
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0) {
		(void)fprintf(stderr, "no process %ld\n", (long)pid);
		exit(1);
	}
	return cost_read_clock(clock);
}

#endif
