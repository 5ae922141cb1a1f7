/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * For the tests of hook and plugin: a program's function with its input, and what it printed.
 */
#ifndef NANOSEG_TEST_HOOK_RUN_H
#define NANOSEG_TEST_HOOK_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli_daemon.h"

struct hook_run {
	FILE *out, *errors;
	char *printed, *complaint;
	size_t n_printed, n_complaint;
	int input;
};

static inline void hook_run_begin(struct hook_run *run, const char *input, size_t length)
{
	memset(run, 0, sizeof *run);
	run->input = memfd_create("input", MFD_CLOEXEC);
	assert_true(run->input >= 0);
	assert_int_equal(write(run->input, input, length), (ssize_t)length);
	assert_int_equal(lseek(run->input, 0, SEEK_SET), 0);
	run->out = open_memstream(&run->printed, &run->n_printed);
	run->errors = open_memstream(&run->complaint, &run->n_complaint);
	assert_non_null(run->out);
	assert_non_null(run->errors);
}

/* At most one line of complaint, whatever happened. */
static inline void hook_run_end(struct hook_run *run)
{
	const char *newline;

	assert_int_equal(fclose(run->out), 0);
	assert_int_equal(fclose(run->errors), 0);
	(void)close(run->input);
	newline = strchr(run->complaint, '\n');
	assert_true(!newline || !newline[1]);
}

static inline void hook_run_release(struct hook_run *run)
{
	free(run->printed);
	free(run->complaint);
}

/* The daemon's answers. */
#define READY     "{\"ready\":true,\"cookie\":77,\"workload\":\"k8s/shop/api\",\"mode\":\"enforcing\",\"why\":null}"
#define NOT_READY "{\"ready\":false,\"cookie\":77,\"workload\":\"w\",\"mode\":\"enforcing\",\"why\":\"eth0 is closed\"}"

/* From now on it is not ready, and ready after the time. */
static inline void *become_ready(void *ctx)
{
	(void)usleep(*(const useconds_t *)ctx);
	answer("POST /v1/ready", 200, READY);
	return NULL;
}

#endif
