/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/limits.h>

#include "leases.h"

/* ---- who had an address ---- */

void ns_leases_release(struct ns_leases *leases)
{
	for (size_t i = 0; i < leases->n; i++)
		free(leases->list[i].name);
	free(leases->list);
	memset(leases, 0, sizeof *leases);
}

int ns_leases_end(struct ns_leases *leases, const struct ns_addr *addr, enum ns_peer_class peer_class, const char *name,
		  int64_t now)
{
	struct ns_lease *slot;
	char *copy;

	if (!leases->list)
		leases->list = calloc(NS_LEASES_MAX, sizeof *leases->list);
	if (!leases->list)
		return -ENOMEM;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	if (now < leases->newest) { /* the clock was set back: what was before is of another time */
		for (size_t i = 0; i < leases->n; i++)
			free(leases->list[i].name);
		leases->n = leases->first = 0;
	}
	if (leases->n < NS_LEASES_MAX) {
		slot = &leases->list[leases->n++]; /* `first` is 0 until the ring is full */
	} else {
		slot = &leases->list[leases->first];
		leases->first = (leases->first + 1) % NS_LEASES_MAX;
		free(slot->name);
	}
	*slot = (struct ns_lease){ *addr, peer_class, copy, now };
	leases->newest = now;
	return 0;
}

const struct ns_lease *ns_leases_at(const struct ns_leases *leases, const struct ns_addr *addr, int64_t time,
				    int64_t now)
{
	const struct ns_lease *found = NULL;

	if (time >= leases->newest || now < leases->newest)
		return NULL;
	for (size_t i = leases->n; i-- > 0;) { /* from the newest */
		const struct ns_lease *lease = &leases->list[(leases->first + i) % NS_LEASES_MAX];

		if (lease->until <= time)
			break;
		if (ns_addr_equal(&lease->addr, addr))
			found = lease;
	}
	return found;
}

/* ---- what the log told lately ---- */

static bool same(const struct ns_tuple *a, const struct ns_tuple *b)
{
	return a->direction == b->direction && a->protocol == b->protocol && a->port == b->port &&
	       ns_addr_equal(&a->peer, &b->peer) && ns_addr_equal(&a->source, &b->source);
}

int64_t ns_recent_time(const struct ns_recent *recent, const struct ns_tuple *tuple)
{
	for (size_t i = 0; i < recent->n; i++)
		if (same(&recent->tuples[i].tuple, tuple))
			return recent->tuples[i].time;
	return 0;
}

static bool make_room(struct ns_recent *recent)
{
	size_t more = recent->allocated ? recent->allocated * 2 : 4;
	struct ns_recent_tuple *bigger;

	if (recent->n < recent->allocated)
		return true;
	bigger = reallocarray(recent->tuples, more, sizeof *bigger);
	if (!bigger)
		return false;
	recent->tuples = bigger;
	recent->allocated = more;
	return true;
}

void ns_recent_note(struct ns_recent *recent, const struct ns_tuple *tuple, int64_t time)
{
	if (ns_recent_time(recent, tuple))
		return; /* the first is when its element was made */
	if (recent->n == NS_RECENT_MAX || !make_room(recent)) {
		recent->more = true;
		return;
	}
	recent->tuples[recent->n].tuple = *tuple;
	recent->tuples[recent->n++].time = time;
}

void ns_recent_clear(struct ns_recent *recent)
{
	free(recent->tuples);
	recent->tuples = NULL;
	recent->n = recent->allocated = 0;
	recent->more = recent->overdue = false;
}

/* ---- who had an address before this daemon ---- */

void ns_heirlooms_release(struct ns_heirlooms *heirlooms)
{
	for (size_t i = 0; i < heirlooms->n; i++)
		free(heirlooms->list[i].workload);
	free(heirlooms->list);
	memset(heirlooms, 0, sizeof *heirlooms);
}

static int add_heirloom(void *ctx, const struct ns_addr *addr, const char *workload)
{
	struct ns_heirlooms *heirlooms = ctx;
	char *copy;

	if (heirlooms->n == heirlooms->allocated) {
		size_t more = heirlooms->allocated ? heirlooms->allocated * 2 : 64;
		struct ns_heirloom *bigger = reallocarray(heirlooms->list, more, sizeof *bigger);

		if (!bigger)
			return -ENOMEM;
		heirlooms->list = bigger;
		heirlooms->allocated = more;
	}
	copy = strdup(workload);
	if (!copy)
		return -ENOMEM;
	heirlooms->list[heirlooms->n] = (struct ns_heirloom){ *addr, heirlooms->n, copy };
	heirlooms->n++;
	return 0;
}

static int compare_heirlooms(const void *a, const void *b)
{
	const struct ns_heirloom *x = a, *y = b;
	int order = ns_addr_compare(&x->addr, &y->addr);

	return order ? order : (x->rank > y->rank) - (x->rank < y->rank);
}

int ns_heirlooms_load(struct ns_heirlooms *heirlooms, struct ns_store *store, struct ns_error *err)
{
	int r;

	ns_heirlooms_release(heirlooms);
	r = ns_store_last_heartbeat(store, &heirlooms->since, err);
	if (r == 0)
		r = ns_store_list_owners(store, add_heirloom, heirlooms, err);
	if (r < 0) {
		ns_heirlooms_release(heirlooms); /* a part of it would say of the rest that it is nobody's */
		return r;
	}
	if (heirlooms->n)
		qsort(heirlooms->list, heirlooms->n, sizeof *heirlooms->list, compare_heirlooms);
	return 0;
}

/* The first of this address, or where it would be. */
static size_t first_of(const struct ns_heirlooms *heirlooms, const struct ns_addr *addr)
{
	size_t from = 0, to = heirlooms->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (ns_addr_compare(&heirlooms->list[middle].addr, addr) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* One with several owners was passed on before without an end being seen: the newest is the last. */
bool ns_heirlooms_doubt(const struct ns_heirlooms *heirlooms, const struct ns_addr *addr, const char *workload)
{
	size_t i = first_of(heirlooms, addr);

	return i < heirlooms->n && ns_addr_equal(&heirlooms->list[i].addr, addr) &&
	       strcmp(heirlooms->list[i].workload, workload) != 0;
}

bool ns_heirlooms_may_be_anothers(const struct ns_heirlooms *heirlooms, const struct ns_addr *addr,
				  const char *workload, bool strangers)
{
	bool known = false;

	for (size_t i = first_of(heirlooms, addr); i < heirlooms->n && ns_addr_equal(&heirlooms->list[i].addr, addr);
	     i++) {
		if (strcmp(heirlooms->list[i].workload, workload) != 0)
			return true;
		known = true;
	}
	return strangers && (heirlooms->since == 0 || !known);
}
