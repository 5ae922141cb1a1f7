/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which links are open: the gate's judgement of each port.
 */
#ifndef NANOSEG_GATE_PORTS_H
#define NANOSEG_GATE_PORTS_H

#include "gate.h"

/* Sets `wanted` and `why` of every port that the gate is about. *ret_wait: microseconds until one of them may be judged
 * differently by time alone; 0: none. */
int ns_gate_judge(struct ns_engine *engine, int64_t *ret_wait, struct ns_error *err);
/* NULL: the gate is not about it. */
struct ns_gate_port *ns_gate_find(const struct ns_gate *gate, int index);

/* Every way out of the endpoint is a link that the gate keeps closed; false when that is not certain. */
bool ns_gate_is_closed_for(const struct ns_engine *engine, const struct ns_endpoint *endpoint);

#endif
