/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names that somebody typed, against those that there are.
 */
#ifndef NANOSEG_NAMES_H
#define NANOSEG_NAMES_H

#include <nanoseg/store.h>

/* The known workload that is nearest to `name`; "" when none is near. */
void ns_names_nearest(struct ns_store *store, const char *name, char ret[static NS_WORKLOAD_MAX]);
/* Where the workload is unknown: -ENOENT, with a line that says what to do. Else 0. */
int ns_names_explain(struct ns_store *store, const char *name, struct ns_error *err);

#endif
