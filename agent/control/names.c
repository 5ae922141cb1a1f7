/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nearest.h"

struct search {
	const char *name;
	char *best;
};

/* One against the best so far, so that a machine of thousands of names needs no list of them. */
static int compare(void *ctx, const struct ns_workload *workload)
{
	struct search *search = ctx;
	const char *const words[] = { *search->best ? search->best : NULL, workload->name };
	const char *nearest = ns_nearest(search->name, words, 2);

	if (nearest && nearest != search->best)
		(void)snprintf(search->best, NS_WORKLOAD_MAX, "%s", nearest);
	return 0;
}

void ns_names_nearest(struct ns_store *store, const char *name, char ret[static NS_WORKLOAD_MAX])
{
	struct search search = { name, ret };

	ret[0] = '\0';
	/* Without the store there is no advice, and the error that it is for stands all the same. */
	if (ns_store_list_workloads(store, compare, &search, NULL) < 0)
		ret[0] = '\0';
}

int ns_names_explain(struct ns_store *store, const char *name, struct ns_error *err)
{
	char nearest[NS_WORKLOAD_MAX];
	struct ns_workload row;

	if (ns_store_get_workload(store, name, &row, NULL) != -ENOENT)
		return 0;
	ns_names_nearest(store, name, nearest);
	if (!*nearest)
		return ns_error_set(err, -ENOENT,
				    "no workload '%.128s' is known; 'nanoseg endpoints' lists those that run, and who "
				    "shares another's rules",
				    name);
	return ns_error_set(err, -ENOENT,
			    "no workload '%.128s' is known; did you mean '%.128s'? 'nanoseg endpoints' lists those "
			    "that run, and who shares another's rules",
			    name, nearest);
}
