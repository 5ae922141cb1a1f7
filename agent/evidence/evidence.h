/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Evidence: one JSON document that shows someone who was not there which rules were approved, by whom, and that the
 * kernel holds them.
 */
#ifndef NANOSEG_EVIDENCE_H
#define NANOSEG_EVIDENCE_H

#include <jansson.h>

#include "engine.h"

/* {schema: "nanoseg/evidence/1", created, complete, incomplete: [why…],
 *  host: {id, boot_id, name, kernel, kernel_version, machine}, agent: {version},
 *  workloads: [{name, mode, since, learning: {since}, edges,
 *    revision, policy, digest, policy_info       the active policy; revision 0 and nulls when there is none
 *    proposal                                    info of the one that waits, or null
 *    history, approvals                          as ns_store_policy_history() and ns_store_approvals()
 *    running                                     as ns_engine_endpoints()
 *    endpoints, endpoints_total                  as ns_store_endpoints(): those that ended too
 *    in_force                                    null unless auditing or enforcing and something runs; true: each
 *                                                running endpoint was read back just now and holds the active revision
 *    readback                                    as ns_engine_readback(), by cookie
 *    readbacks                                   as ns_store_readbacks(): earlier ones
 *    denies, denies_total, gaps}],               by name
 *  unassigned: [running endpoints of no workload above],
 *  audit: {entries, head, verified, error},
 *  limits: [what this document cannot show]}
 *
 * workload NULL: all; a name: that one, and no `unassigned` (-ENOENT when it is unknown). New reference in *ret.
 * Harvests first, so that the figures are of now. What could not be read or did not fit is said in `incomplete`; it is
 * no error. */
int ns_evidence_export(struct ns_engine *engine, const char *workload, json_t **ret, struct ns_error *err);

#endif
