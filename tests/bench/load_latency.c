/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

void load_latency_init(struct load_latency *latency)
{
	latency->count = 0;
	latency->samples = calloc(LOAD_SAMPLES_MAX, sizeof *latency->samples);
	if (!latency->samples)
		load_fail("out of memory");
}

bool load_latency_add(struct load_latency *latency, uint64_t nanoseconds)
{
	if (latency->count == LOAD_SAMPLES_MAX)
		return false;
	latency->samples[latency->count++] = nanoseconds < UINT32_MAX ? (uint32_t)nanoseconds : UINT32_MAX;
	return true;
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Microseconds. */
static double percentile(const struct load_latency *latency, size_t percent)
{
	return latency->samples[(latency->count - 1) * percent / 100] / 1000.0;
}

void load_latency_print(struct load_latency *latency, const char *what)
{
	if (latency->count == 0)
		load_fail("%s: nothing came back", what);
	qsort(latency->samples, latency->count, sizeof *latency->samples, by_size);
	(void)printf("{\"what\":\"%s\",\"unit\":\"us\",\"p50\":%.3f,\"p99\":%.3f,\"count\":%zu}\n", what,
		     percentile(latency, 50), percentile(latency, 99), latency->count);
	free(latency->samples);
}
