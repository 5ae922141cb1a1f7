/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include <nanoseg/limits.h>

#include "cut_known.h"

#define FIRST_ENTRIES 256

void ns_cut_known_release(struct ns_cut_known *known)
{
	free(known->entries);
	*known = (struct ns_cut_known)NS_CUT_KNOWN_INIT;
}

int ns_cut_known_add(struct ns_cut_known *known, const struct ns_cut_ends *ends, enum ns_cut_verdict verdict,
		     struct ns_error *err)
{
	if (known->n == NS_CUT_ENTRIES_MAX)
		return ns_error_set(err, -E2BIG, "more than %d connections", NS_CUT_ENTRIES_MAX);
	if (known->n == known->allocated) {
		size_t wanted = known->allocated ? 2 * known->allocated : FIRST_ENTRIES;
		struct ns_cut_known_entry *grown = reallocarray(known->entries, wanted, sizeof(*grown));

		if (!grown)
			return ns_error_set(err, -ENOMEM, "no memory for %zu connections", wanted);
		known->entries = grown;
		known->allocated = wanted;
	}
	known->entries[known->n++] = (struct ns_cut_known_entry){ *ends, verdict };
	known->sorted = false;
	return 0;
}

static int compare_end(const struct ns_cut_end *a, const struct ns_cut_end *b)
{
	return a->port != b->port ? (int)a->port - (int)b->port : ns_addr_compare(&a->addr, &b->addr);
}

static int compare_ends(const struct ns_cut_ends *a, const struct ns_cut_ends *b)
{
	int order = compare_end(&a->local, &b->local);

	if (order == 0)
		order = compare_end(&a->remote, &b->remote);
	return order != 0 ? order : (int)a->protocol - (int)b->protocol;
}

/* Of the same ends the strictest comes first. */
static int compare_entries(const void *a, const void *b)
{
	const struct ns_cut_known_entry *x = a, *y = b;
	int order = compare_ends(&x->ends, &y->ends);

	return order != 0 ? order : (int)y->verdict - (int)x->verdict;
}

enum ns_cut_verdict ns_cut_known_find(struct ns_cut_known *known, const struct ns_cut_ends *ends)
{
	size_t lo = 0, hi = known->n;

	if (!known->sorted && known->n > 0)
		qsort(known->entries, known->n, sizeof(*known->entries), compare_entries);
	known->sorted = true;
	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (compare_ends(&known->entries[middle].ends, ends) < 0)
			lo = middle + 1;
		else
			hi = middle;
	}
	if (lo == known->n || compare_ends(&known->entries[lo].ends, ends) != 0)
		return NS_CUT_INVALID;
	return known->entries[lo].verdict;
}
