/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Evidence: one JSON document that shows someone who was not there which rules were approved, by whom, and that the
 * kernel holds them.
 */
#ifndef NANOSEG_EVIDENCE_H
#define NANOSEG_EVIDENCE_H

#include <jansson.h>

#include "engine.h"
#include "text.h"

/* The newest of each; that there are more is said in the document. */
#define NS_EVIDENCE_AUDIT_MAX        20000
#define NS_EVIDENCE_MODE_CHANGES_MAX 1000

/* {schema: "nanoseg/evidence/1", created,
 *  host: {id, boot_id, name, kernel, kernel_version, machine}, agent: {version},
 *  workloads: [{name, mode, since, learning: {since}, edges,
 *    revision, policy, digest, policy_info       the active policy; revision 0 and nulls when there is none
 *    proposal                                    info of the one that waits, or null
 *    history, approvals                          as ns_store_policy_history() and ns_store_approvals()
 *    mode_changes                                who set which mode, when and why: ns_evidence_mode_changes()
 *    running                                     as ns_engine_endpoints()
 *    endpoints, endpoints_total                  as ns_store_workload_endpoints(): those that ended too
 *    in_force                                    null unless auditing or enforcing and something runs; true: each
 *                                                running endpoint was read back just now and holds the active revision
 *    readback                                    as ns_engine_readback(), by cookie
 *    readbacks                                   as ns_store_readbacks(): earlier ones, each with what was read for it
 *    denies, denies_total, gaps}],               by name
 *  unassigned: [running endpoints of no workload above],
 *  audit: {entries, head, verified, error,       of the whole chain, as the daemon walked it just now
 *    log, log_complete},                         as ns_store_audit_entries(); complete: every entry of the chain, so
 *                                                that others can walk it from its first entry to `head`
 *  limits: [what this document cannot show], incomplete: [why…], complete}
 *
 * workload NULL: all; a name: that one, the log's entries about it, and no `unassigned` (-ENOENT when it is unknown).
 * Harvests first, so that the figures are of now. What could not be read or did not fit is said in `incomplete`; it is
 * no error. The document makes itself workload by workload and page by page: what is in memory is one workload at most.
 * Fills *ret on failure too: release it either way. */
int ns_evidence_export(struct ns_engine *engine, const char *workload, struct ns_stream *ret, struct ns_error *err);

/* Audit entries, oldest first, of one workload (NULL: all) and one event (NULL: all): the newest `max`; *ret_total: how
 * many there are. */
int ns_evidence_trail(struct ns_store *store, const char *workload, const char *event, size_t max, json_t **ret,
		      uint64_t *ret_total, struct ns_error *err);
/* [{seq, time, actor, from, to, reason, revision}], oldest first, at most NS_EVIDENCE_MODE_CHANGES_MAX: the modes that
 * somebody set. What comes of proposals and approvals is with those. */
int ns_evidence_mode_changes(struct ns_store *store, const char *workload, json_t **ret, uint64_t *ret_total,
			     struct ns_error *err);

#endif
