/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The sockets at the ends of forbidden connections: destroyed, so that their programs hear of it at once.
 */
#ifndef NANOSEG_CUT_SOCKETS_H
#define NANOSEG_CUT_SOCKETS_H

#include "cut_known.h"

/* TCP that is connected or connecting, connected UDP and UDP-Lite. `known` goes before what the ends alone tell.
 * *ret_destroyed is filled whatever is returned. -EOPNOTSUPP: the kernel cannot list or destroy them all. */
int ns_cut_sockets(int netns_fd, const struct ns_cut_view *view, struct ns_cut_known *known, unsigned *ret_destroyed,
		   struct ns_error *err);

#endif
