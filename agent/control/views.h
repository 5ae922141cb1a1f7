/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the API shows: the store and the engine, read and written as JSON text. README.md lists the members. Where
 * figures are shown they are harvested first, so that they are of now. -ENOENT: no such workload or revision.
 */
#ifndef NANOSEG_VIEWS_H
#define NANOSEG_VIEWS_H

#include "engine.h"
#include "text.h"

/* started: ns_clock_elapsed() when the daemon began to answer. */
int ns_view_status(struct ns_engine *engine, int64_t started, struct ns_text *ret, struct ns_error *err);
int ns_view_endpoints(struct ns_engine *engine, struct ns_text *ret, struct ns_error *err);
/* {locks: …} of one workload or all (NULL), read again from the kernel. */
int ns_view_verify(struct ns_engine *engine, const char *workload, struct ns_text *ret, struct ns_error *err);

/* workload NULL: all. Fills *ret on failure too: release it either way. */
int ns_view_graph(struct ns_engine *engine, const char *workload, struct ns_stream *ret, struct ns_error *err);
/* Oldest last_seen first, those with last_seen > after. */
int ns_view_denies(struct ns_engine *engine, const char *workload, int64_t after, struct ns_text *ret,
		   struct ns_error *err);

int ns_view_policies(struct ns_engine *engine, struct ns_text *ret, struct ns_error *err);
/* revision 0: the current one (ns_lifecycle_current). */
int ns_view_policy(struct ns_engine *engine, const char *workload, uint64_t revision, struct ns_text *ret,
		   struct ns_error *err);
int ns_view_history(struct ns_engine *engine, const char *workload, struct ns_text *ret, struct ns_error *err);
/* from 0: the active one, or nothing when there is none; to 0: the proposed one. */
int ns_view_diff(struct ns_engine *engine, const char *workload, uint64_t from, uint64_t to, struct ns_text *ret,
		 struct ns_error *err);

#endif
