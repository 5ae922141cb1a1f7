/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/tree.h"

bool ns_nft_key_increment(uint8_t *key, size_t length)
{
	size_t i = length;

	while (i > 0 && key[i - 1] == 0xff)
		i--;
	if (i == 0)
		return false;
	key[i - 1]++;
	memset(key + i, 0, length - i);
	return true;
}

bool ns_nft_key_decrement(uint8_t *key, size_t length)
{
	size_t i = length;

	while (i > 0 && key[i - 1] == 0)
		i--;
	if (i == 0)
		return false;
	key[i - 1]--;
	memset(key + i, 0xff, length - i);
	return true;
}

void ns_nft_bounds_release(struct ns_nft_bounds *bounds)
{
	free(bounds->bounds);
	*bounds = (struct ns_nft_bounds){ 0 };
}

int ns_nft_bounds_add(struct ns_nft_bounds *bounds, const struct ns_plan_element *element, bool end,
		      struct ns_error *err)
{
	if (bounds->n == bounds->allocated) {
		size_t allocated = bounds->allocated ? 2 * bounds->allocated : 64;
		struct ns_nft_bound *grown;

		if (bounds->n >= 2 * (size_t)NS_PLAN_ELEMENTS_MAX)
			return ns_error_set(err, -E2BIG, "a set holds more than %d intervals", NS_PLAN_ELEMENTS_MAX);
		grown = reallocarray(bounds->bounds, allocated, sizeof(*grown));
		if (!grown)
			return ns_error_set(err, -ENOMEM, "no memory for %zu intervals", allocated);
		bounds->bounds = grown;
		bounds->allocated = allocated;
	}
	bounds->bounds[bounds->n].element = *element;
	bounds->bounds[bounds->n].end = end;
	bounds->n++;
	return 0;
}

/* An end comes before a start with the same key: it closes the range below. */
static int compare(const void *a, const void *b)
{
	const struct ns_nft_bound *x = a, *y = b;
	int order = memcmp(x->element.key, y->element.key, sizeof(x->element.key));

	return order != 0 ? order : (int)y->end - (int)x->end;
}

void ns_nft_bounds_pair(struct ns_nft_bounds *bounds, size_t length)
{
	struct ns_nft_bound *all = bounds->bounds;
	size_t kept = 0;

	if (bounds->n == 0)
		return;
	qsort(all, bounds->n, sizeof(*all), compare);
	for (size_t i = 0; i < bounds->n; i++) {
		struct ns_nft_bound start = all[i];
		size_t next = i + 1;

		if (start.end || (kept > 0 && memcmp(all[kept - 1].element.key, start.element.key, length) == 0))
			continue;
		while (next < bounds->n && memcmp(all[next].element.key, start.element.key, length) == 0)
			next++;
		memset(start.element.key_end, 0, sizeof(start.element.key_end));
		if (next < bounds->n) {
			memcpy(start.element.key_end, all[next].element.key, length);
			(void)ns_nft_key_decrement(start.element.key_end, length);
		} else {
			memset(start.element.key_end, 0xff, length);
		}
		all[kept++] = start;
	}
	bounds->n = kept;
}
