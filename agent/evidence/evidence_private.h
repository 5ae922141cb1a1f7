/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The parts that the export is put together from.
 */
#ifndef NANOSEG_EVIDENCE_PRIVATE_H
#define NANOSEG_EVIDENCE_PRIVATE_H

#include "evidence.h"

/* What a workload is made of. All JSON is borrowed. */
struct ns_evidence_sources {
	struct ns_store *store;
	const json_t *running;  /* ns_engine_endpoints() */
	const json_t *readback; /* ns_engine_readback(), of this workload at least */
	json_t *incomplete;     /* reasons are added here */
};

/* Adds a reason to `incomplete`. -ENOMEM. */
int ns_evidence_incomplete(json_t *incomplete, struct ns_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets a member and gives up the reference; a NULL value is -ENOMEM. */
int ns_evidence_set(json_t *object, const char *name, json_t *value, struct ns_error *err);

/* The members of a list whose "workload" is this one, in the same order. New reference, NULL without memory. */
json_t *ns_evidence_of_workload(const json_t *list, const char *workload);

/* One member of `workloads`. */
int ns_evidence_workload(const struct ns_evidence_sources *sources, const struct ns_workload *workload, json_t **ret,
			 struct ns_error *err);

/* Refused tuples, the newest NS_EVIDENCE_DENIES_MAX of them, oldest first. */
int ns_evidence_denies(struct ns_store *store, const char *workload, json_t **ret, uint64_t *ret_total,
		       struct ns_error *err);

/* New references, NULL without memory. */
json_t *ns_evidence_host(void);
json_t *ns_evidence_limits(void);

#endif
