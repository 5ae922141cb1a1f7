/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bundles_known.h"
#include "clock.h"

/* One that is not there is asked for again so often. A runtime writes it before it makes anything that is seen here. */
#define TRIES_MAX 10
#define AGAIN_US  20000
/* Scans ask for everybody who lives. */
#define UNUSED_US 120000000

struct ns_bundle_known {
	struct ns_cgroup_identity who;
	struct ns_container container;
	bool told;
	int tries;
	int64_t asked_at, used_at;
};

static size_t place_of(const struct ns_bundles_known *known, const char *id)
{
	size_t low = 0, high = known->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(known->list[middle]->who.id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct ns_bundle_known *get(struct ns_bundles_known *known, const struct ns_cgroup_identity *who)
{
	size_t at = place_of(known, who->id);
	struct ns_bundle_known *entry;

	if (at < known->n && strcmp(known->list[at]->who.id, who->id) == 0)
		return known->list[at];
	if (known->n >= NS_ENDPOINTS_MAX)
		return NULL;
	if (known->n == known->room) {
		size_t room = known->room ? known->room * 2 : 64;
		struct ns_bundle_known **bigger = reallocarray(known->list, room, sizeof(void *));

		if (!bigger)
			return NULL;
		known->list = bigger;
		known->room = room;
	}
	entry = calloc(1, sizeof *entry);
	if (!entry)
		return NULL;
	entry->who = *who;
	memmove(known->list + at + 1, known->list + at, (known->n - at) * sizeof(void *));
	known->list[at] = entry;
	known->n++;
	return entry;
}

const struct ns_container *ns_bundles_known_find(struct ns_bundles_known *known, const struct ns_cgroup_identity *who)
{
	int64_t now = ns_clock_elapsed();
	struct ns_bundle_known *entry;
	int r;

	if (known->bundles.n == 0 || who->rootless || !ns_docker_is_id(who->id))
		return NULL;
	entry = get(known, who);
	if (!entry)
		return NULL;
	entry->used_at = now;
	if (!ns_cgroup_same(&entry->who, who)) {
		entry->who = *who;
		entry->told = false;
		entry->tries = 0;
	}
	if (entry->told || entry->tries >= TRIES_MAX || (entry->tries > 0 && now < entry->asked_at + AGAIN_US))
		return entry->told ? &entry->container : NULL;
	entry->asked_at = now;
	r = ns_bundle_find(&known->bundles, who, &entry->container, NULL);
	entry->told = r >= 0;
	entry->tries = r == -ENOENT ? entry->tries + 1 : TRIES_MAX;
	return entry->told ? &entry->container : NULL;
}

void ns_bundles_known_forget(struct ns_bundles_known *known)
{
	int64_t now = ns_clock_elapsed();
	size_t kept = 0;

	for (size_t i = 0; i < known->n; i++) {
		if (now < known->list[i]->used_at + UNUSED_US)
			known->list[kept++] = known->list[i];
		else
			free(known->list[i]);
	}
	known->n = kept;
}

void ns_bundles_known_release(struct ns_bundles_known *known)
{
	for (size_t i = 0; i < known->n; i++)
		free(known->list[i]);
	free(known->list);
	*known = (struct ns_bundles_known){ 0 };
}
