/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The connections of a namespace's conntrack: all are looked at, the forbidden ones deleted.
 *
 * What is deleted is the entry that was judged: by its tuple, zone and id, so that a connection with the same ends
 * which came after it is not hit. A packet that comes when its entry is gone begins a connection anew, in whichever
 * direction it goes, and is asked for its permission.
 */
#ifndef NANOSEG_CUT_CONNTRACK_H
#define NANOSEG_CUT_CONNTRACK_H

#include "cut_known.h"

struct ns_cut_pass {
	unsigned deleted;
	unsigned kept; /* not counting what a namespace says to itself */
};

/* known: where the verdicts are kept for the sockets; may be NULL. *ret is filled whatever is returned. -E2BIG: there
 * are more than NS_CUT_ENTRIES_MAX connections, and the rest was not looked at. */
int ns_cut_connections(int netns_fd, const struct ns_cut_view *view, struct ns_cut_known *known,
		       struct ns_cut_pass *ret, struct ns_error *err);

#endif
