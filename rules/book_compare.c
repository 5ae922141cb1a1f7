/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "book_private.h"

/* In the order of ns_book.owned; NULL comes last. */
static int compare(const struct ns_book_owned *a, const struct ns_book_owned *b)
{
	int order = !a ? 1 : !b ? -1 : ns_addr_compare(&a->addr, &b->addr);

	if (order)
		return order;
	if (a->holder->peer_class != b->holder->peer_class)
		return a->holder->peer_class < b->holder->peer_class ? -1 : 1;
	return strcmp(a->holder->name, b->holder->name);
}

int ns_book_compare(const struct ns_book *before, const struct ns_book *after, ns_book_each_change each, void *ctx)
{
	size_t i = 0, j = 0;
	int r = 0;

	while (r == 0 && (i < before->n_owned || j < after->n_owned)) {
		const struct ns_book_owned *old = i < before->n_owned ? &before->owned[i] : NULL;
		const struct ns_book_owned *new = j < after->n_owned ? &after->owned[j] : NULL;
		int order = compare(old, new);

		if (old && order < 0)
			r = each(ctx, &old->addr, old->holder->peer_class, old->holder->name, true);
		else if (new &&order > 0)
			r = each(ctx, &new->addr, new->holder->peer_class, new->holder->name, false);
		i += order <= 0;
		j += order >= 0;
	}
	return r;
}
