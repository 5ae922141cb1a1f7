/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The cgroups of some containers: theirs and all below, as they were when asked for. By it a socket is told to be a
 * container's.
 */
#ifndef NANOSEG_CGROUP2_SET_H
#define NANOSEG_CGROUP2_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nanoseg/error.h>
#include <nanoseg/limits.h>

struct ns_cgroup2_set {
	uint64_t *ids; /* sorted */
	size_t n;
};

#define NS_CGROUP2_SET_INIT                                                                                            \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_cgroup2_set_release(struct ns_cgroup2_set *set);
/* Adds those of one path (cgroup2.h). One that is gone adds nothing, and is no error. -E2BIG: more than
 * NS_MEMBER_CGROUPS_MAX.
 */
int ns_cgroup2_set_add(struct ns_cgroup2_set *set, const char *path, struct ns_error *err);
bool ns_cgroup2_set_has(const struct ns_cgroup2_set *set, uint64_t id); /* 0 is none */

#endif
