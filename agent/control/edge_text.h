/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An edge as the API shows it, written straight into the text: a JSON value for each of a million edges takes longer
 * than all the rest of an answer.
 */
#ifndef NANOSEG_EDGE_TEXT_H
#define NANOSEG_EDGE_TEXT_H

#include <nanoseg/edge.h>

#include "text.h"

/* {workload, direction, peer: {class, name, address}, protocol, port, icmp_type, packets, bytes, first_seen, last_seen,
 * process, uid[, source]}, without the brace at the end: members may be added. */
int ns_edge_text_open(struct ns_text *text, const struct ns_edge *edge, struct ns_error *err);
/* The whole of it. */
int ns_edge_text(struct ns_text *text, const struct ns_edge *edge, struct ns_error *err);

#endif
