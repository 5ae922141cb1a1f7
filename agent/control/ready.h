/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What hooks of runtimes ask: whether a network namespace is as its workload wants it.
 */
#ifndef NANOSEG_READY_H
#define NANOSEG_READY_H

#include "engine.h"

/* {"netns": path} or {"pid": n}, and what else the runtime told (README.md) -> {ready, held, cookie, workload, mode,
 * why}. The daemon's own namespace is ready and has no workload: a container on the host's network has nothing to wait
 * for. -ENOENT: no such namespace. */
int ns_ready_answer(struct ns_engine *engine, const json_t *body, json_t **ret, struct ns_error *err);

#endif
