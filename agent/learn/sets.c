/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "nft/listing.h"
#include "sets.h"

#define AT_ONCE   24 /* elements that the kernel tells in one part, however little memory it has for it */
#define READS_MAX 6  /* of a set that grows all the time */

/* A set as the kernel lists it; name "": it has none of that role. */
struct listed {
	struct ns_plan_set set;
	bool empty;
};

struct listing {
	const struct ns_set_role *roles;
	size_t n_roles;
	struct listed sets[NS_SETS_ROLES_MAX]; /* by role */
};

struct reading {
	const struct ns_set_role *role;
	ns_sets_each each;
	void *ctx;
	uint32_t n;
	int stopped; /* the first non-zero value of each */
};

static int note(void *ctx, const struct ns_plan_set *set, bool empty)
{
	struct listing *listing = ctx;
	const struct ns_set_role *role = ns_layout_role(set->name);
	size_t i = role ? (size_t)(role - listing->roles) : NS_SETS_ROLES_MAX;

	if (i < NS_SETS_ROLES_MAX)
		listing->sets[i] = (struct listed){ *set, empty };
	return 0;
}

static int pass_on(void *ctx, const struct ns_plan_element *element, size_t key_length)
{
	struct reading *reading = ctx;

	reading->n++;
	reading->stopped = reading->each(reading->ctx, reading->role, element, key_length);
	return reading->stopped;
}

static int read_once(struct ns_nft *nft, int family, const char *table, const struct listed *listed,
		     struct reading *reading, struct ns_error *err)
{
	reading->n = 0;
	if (!listed)
		return ns_nft_dump_elements(nft, family, table, reading->role->name, pass_on, reading, err);
	return listed->empty ? 0 : ns_nft_dump_listed(nft, family, table, &listed->set, pass_on, reading, err);
}

/* *seen: how many elements it had. */
static int read_set(struct ns_nft *nft, int family, const char *table, const struct listed *listed,
		    struct reading *reading, uint32_t *seen, struct ns_error *err)
{
	int r = 0;

	for (unsigned i = 0; i < READS_MAX; i++) {
		r = read_once(nft, family, table, listed, reading, err);
		if (r == -EINTR)
			r = 0;
		if (r != 0 || reading->stopped != 0 || reading->n <= AT_ONCE || reading->n == *seen)
			break;
		*seen = reading->n;
	}
	if (r == 0)
		*seen = reading->n;
	return r;
}

int ns_sets_read(struct ns_nft *nft, int family, const char *table, unsigned purposes, struct ns_sets_seen *seen,
		 ns_sets_each each, void *ctx, unsigned *ret_purposes, struct ns_error *err)
{
	struct reading reading = { .each = each, .ctx = ctx };
	struct listing listing = { 0 };
	int r, failed = 0;
	bool listed;

	*ret_purposes = 0;
	listing.roles = ns_layout_roles(&listing.n_roles);
	r = ns_nft_list_sets(nft, family, table, note, &listing, err);
	listed = r == 0;
	/* Where others change their rules without end, each set is asked for by its name. */
	if (r < 0 && r != -EINTR)
		return r;
	for (size_t i = 0; i < listing.n_roles && i < NS_SETS_ROLES_MAX; i++) {
		const struct listed *set = &listing.sets[i];

		reading.role = &listing.roles[i];
		if (!(purposes & NS_SETS(reading.role->purpose)) || (listed && !set->set.name[0]))
			continue;
		r = read_set(nft, family, table, listed ? set : NULL, &reading, &seen->n[i], failed == 0 ? err : NULL);
		if (reading.stopped != 0)
			return reading.stopped;
		if (r == -ENOENT)
			continue;
		*ret_purposes |= NS_SETS(reading.role->purpose);
		if (failed == 0)
			failed = r;
	}
	return failed;
}
