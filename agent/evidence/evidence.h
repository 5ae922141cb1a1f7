/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Evidence: one JSON document that shows someone who was not there which rules were approved, by whom, and that the
 * kernel holds them.
 */
#ifndef NANOSEG_EVIDENCE_H
#define NANOSEG_EVIDENCE_H

#include <jansson.h>

#include "engine.h"

/* {schema: "nanoseg/evidence/1", host:{id, boot_id, name, kernel}, agent:{version}, created, workloads:[{name, mode,
 * policy, digest, history, approvals, endpoints, readback, denies, gaps}], audit:{entries, head, verified},
 * limits:[…]}. workload NULL: all. New reference in *ret. Harvests first, so that the figures are of now. */
int ns_evidence_export(struct ns_engine *engine, const char *workload, json_t **ret, struct ns_error *err);

#endif
