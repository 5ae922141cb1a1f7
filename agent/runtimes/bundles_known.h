/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What bundles told of containers, by their ids, so that each is read once (bundle.h). A bundle does not change while
 * its container runs; one that is not there yet is asked for a few times more.
 */
#ifndef NANOSEG_BUNDLES_KNOWN_H
#define NANOSEG_BUNDLES_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "bundle.h"

struct ns_bundle_known;

struct ns_bundles_known {
	struct ns_bundles bundles;
	struct ns_bundle_known **list; /* sorted by id; each stays at its address */
	size_t n, room;
};

/* NULL: nothing is told of it (yet). Valid until ns_bundles_known_forget. */
const struct ns_container *ns_bundles_known_find(struct ns_bundles_known *known, const struct ns_cgroup_identity *who);
/* Those that nobody asked for in a while. */
void ns_bundles_known_forget(struct ns_bundles_known *known);
void ns_bundles_known_release(struct ns_bundles_known *known);

#endif
