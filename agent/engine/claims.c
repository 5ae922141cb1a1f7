/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "claims.h"

void ns_claims_release(struct ns_claims *claims)
{
	free(claims->claims);
	memset(claims, 0, sizeof *claims);
}

int ns_claims_add(struct ns_claims *claims, const struct ns_addr *addr, uint64_t cookie, const char *workload,
		  struct ns_error *err)
{
	if (claims->n == claims->allocated) {
		size_t more = claims->allocated ? claims->allocated * 2 : 64;
		struct ns_claim *bigger = reallocarray(claims->claims, more, sizeof *bigger);

		if (!bigger)
			return ns_error_set(err, -ENOMEM, "out of memory for the address book");
		claims->claims = bigger;
		claims->allocated = more;
	}
	claims->claims[claims->n++] = (struct ns_claim){ *addr, cookie, workload, false };
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct ns_claim *x = a, *y = b;
	int order = ns_addr_compare(&x->addr, &y->addr);

	if (order)
		return order;
	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

bool ns_claims_believe(const struct ns_claims *claims, const struct ns_addr *addr, uint64_t cookie)
{
	const struct ns_claim wanted = { .addr = *addr, .cookie = cookie };
	const struct ns_claim *found =
		claims->n ? bsearch(&wanted, claims->claims, claims->n, sizeof wanted, compare) : NULL;

	return found && found->believed;
}

const struct ns_claim *ns_claims_owner(const struct ns_claims *claims, const struct ns_addr *addr)
{
	size_t low = 0, high = claims->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ns_addr_compare(&claims->claims[middle].addr, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < claims->n && ns_addr_equal(&claims->claims[low].addr, addr); low++)
		if (claims->claims[low].believed)
			return &claims->claims[low];
	return NULL;
}

/* The claims of one address. */
static void settle(struct ns_claim *group, size_t n, const struct ns_claims *before)
{
	const struct ns_claim *first = n == 1 || group[0].cookie == 0 ? &group[0] : NULL;
	bool rivals = false;

	for (size_t i = 1; i < n; i++)
		rivals = rivals || !group[i].cookie != !group[0].cookie ||
			 strcmp(group[i].workload, group[0].workload) != 0;
	for (size_t i = 0; i < n && rivals && !first; i++)
		if (ns_claims_believe(before, &group[i].addr, group[i].cookie))
			first = &group[i];
	for (size_t i = 0; i < n; i++)
		group[i].believed = !rivals || (first && !first->cookie == !group[i].cookie &&
						strcmp(first->workload, group[i].workload) == 0);
}

void ns_claims_settle(struct ns_claims *claims, const struct ns_claims *before)
{
	if (claims->n)
		qsort(claims->claims, claims->n, sizeof *claims->claims, compare);
	for (size_t i = 0, end; i < claims->n; i = end) {
		for (end = i + 1; end < claims->n; end++)
			if (!ns_addr_equal(&claims->claims[i].addr, &claims->claims[end].addr))
				break;
		settle(&claims->claims[i], end - i, before);
	}
}
