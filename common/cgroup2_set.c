/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup2.h"
#include "cgroup2_set.h"
#include "cleanup.h"

void ns_cgroup2_set_release(struct ns_cgroup2_set *set)
{
	free(set->ids);
	*set = (struct ns_cgroup2_set)NS_CGROUP2_SET_INIT;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int ns_cgroup2_set_add(struct ns_cgroup2_set *set, const char *path, struct ns_error *err)
{
	NS_FREE uint64_t *found = calloc(NS_MEMBER_CGROUPS_MAX, sizeof *found);
	struct ns_error gone = NS_ERROR_INIT;
	uint64_t *grown;
	int n;

	if (!found)
		return ns_error_set(err, -ENOMEM, "no memory for a list of cgroups");
	n = ns_cgroup2_subtree(path, found, NS_MEMBER_CGROUPS_MAX - set->n, &gone);
	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return ns_error_set(err, n, "%s", gone.text);
	grown = reallocarray(set->ids, set->n + (size_t)n, sizeof *grown);
	if (!grown)
		return ns_error_set(err, -ENOMEM, "no memory for a list of cgroups");
	memcpy(grown + set->n, found, (size_t)n * sizeof *found);
	set->ids = grown;
	set->n += (size_t)n;
	qsort(set->ids, set->n, sizeof *set->ids, compare);
	return 0;
}

bool ns_cgroup2_set_has(const struct ns_cgroup2_set *set, uint64_t id)
{
	return id != 0 && set->n > 0 && bsearch(&id, set->ids, set->n, sizeof *set->ids, compare) != NULL;
}
