/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of a policy: learning -> proposed -> approved -> auditing -> enforcing, on top of the store (which writes
 * every step into the audit log, with who did it) and the engine (which makes the kernel follow).
 *
 * Each call first decides whether the step is allowed, then has the store make it durable, then the kernel. What is
 * stored stays stored: when an endpoint cannot follow, the call says so (-EREMOTEIO) and the engine goes on trying.
 * Where no policy is in force, such a failure is a warning in the answer, since nothing is let through that was not
 * before.
 *
 * Answers are JSON objects (new references); "warnings" is an array of lines for the person who decides. Errors:
 *   -EINVAL    the request makes no sense; the text starts with the JSON path where there is one
 *   -ENOENT    no such workload or policy
 *   -ENODATA   nothing approved yet, nothing proposed
 *   -ESTALE    another digest or revision than the one that stands
 *   -EALREADY  the workload is not in a mode for this
 *   -EREMOTEIO stored, but the kernel state of an endpoint could not follow
 * and what the store says.
 */
#ifndef NANOSEG_LIFECYCLE_H
#define NANOSEG_LIFECYCLE_H

#include <jansson.h>

#include "engine.h"
#include "text.h"

struct ns_lifecycle {
	struct ns_engine *engine; /* and its store */
	const struct ns_actor *actor;
	int64_t now;
	/* What time it is later on, after a harvest: a window must not begin before what was harvested for the one
	 * before it. NULL: still `now`. */
	int64_t (*clock)(void);
};

/* A new learning window, from now on: {workload, mode, previous_mode, since, warnings}. Where a policy was in force it
 * no longer is. */
int ns_lifecycle_learn_start(const struct ns_lifecycle *cycle, const char *workload, json_t **ret,
			     struct ns_error *err);
/* Proposes from the window so far; the mode becomes `proposed`, or `approved` when what was learned is what is approved
 * already. Nothing is put in force, and the kernel goes on remembering. -EALREADY while auditing or enforcing. Answers
 * as _propose does. */
int ns_lifecycle_learn_stop(const struct ns_lifecycle *cycle, const char *workload, json_t **ret, struct ns_error *err);

/* A policy from what was seen since learning_since, as the newest revision: {workload, mode, revision, digest, rules,
 * widened, by_hand, unchanged, window: {from, to}, gaps: [{workload, from, to, cause}], warnings}. When its rules are
 * those of the proposal that waits (or, with none waiting, of the active policy), no revision is added, the answer is
 * about that one, and `unchanged` is true. No edges make a policy that refuses everything, with a warning. */
int ns_lifecycle_propose(const struct ns_lifecycle *cycle, const char *workload, json_t **ret, struct ns_error *err);

/* The same two, step by step, so that others can be served meanwhile. `cycle` and what it points to but the engine is
 * copied. What changed between the steps is met as it is at the end: -ESTALE when the window or the mode is another. */
struct ns_proposing;
int ns_proposing_new(const struct ns_lifecycle *cycle, const char *workload, bool learn_stop, struct ns_proposing **ret,
		     struct ns_error *err);
struct ns_proposing *ns_proposing_free(struct ns_proposing *proposing);      /* accepts NULL; returns NULL */
int ns_proposing_step(struct ns_proposing *proposing, struct ns_error *err); /* 1: again; 0: _end next */
int ns_proposing_end(struct ns_proposing *proposing, json_t **ret, struct ns_error *err); /* once */
/* All of this as a document that makes itself. */
int ns_proposing_stream(const struct ns_lifecycle *cycle, const char *workload, bool learn_stop, struct ns_stream *ret,
			struct ns_error *err);

/* A policy written by hand (borrowed), as the newest revision. Its "revision" says which one it is based on: the one
 * that _current gives, or the newest; 1 when there is none. The daemon numbers the new one. So two people who edit the
 * same revision cannot overwrite each other: the second is told (-ESTALE). Evidence is not
 * taken from the document: a rule that says the same as one of that revision has the evidence of that one, the others
 * have none. Members that _view_policy adds are passed over. {workload, mode, revision, digest, rules, widened,
 * by_hand, unchanged, warnings}; by_hand: rules without evidence. */
int ns_lifecycle_edit(const struct ns_lifecycle *cycle, const json_t *document, json_t **ret, struct ns_error *err);

/* {workload, revision, digest, decision, mode, warnings}. reason: at least one visible character. */
int ns_lifecycle_approve(const struct ns_lifecycle *cycle, const char *workload, const char *digest, const char *reason,
			 json_t **ret, struct ns_error *err);
int ns_lifecycle_reject(const struct ns_lifecycle *cycle, const char *workload, const char *digest, const char *reason,
			json_t **ret, struct ns_error *err);

/* learning, auditing or enforcing: {workload, mode, previous_mode, revision, digest, proposed_revision, unchanged,
 * warnings}; revision and digest are of the active policy, null when there is none. Learning begins a new window as
 * _learn_start does. The mode it has already is no error: the kernel is made to follow once more, and a learning window
 * goes on. reason may be "". */
int ns_lifecycle_mode(const struct ns_lifecycle *cycle, const char *workload, enum ns_mode mode, const char *reason,
		      json_t **ret, struct ns_error *err);

/* ---- for the above and for the views ---- */

/* The revision people mean when they name none: the one that waits for approval, else the active one, else the newest;
 * 0: none. */
uint64_t ns_lifecycle_current(const struct ns_workload *workload);
/* A stored revision. *ret must be NS_POLICY_INIT. -EBADMSG when the document is not one that this version reads. */
int ns_lifecycle_load(struct ns_store *store, const char *workload, uint64_t revision, struct ns_policy *ret,
		      json_t **ret_info, struct ns_error *err);
/* Harvests; a failure becomes a line of `warnings`. */
void ns_lifecycle_harvest(struct ns_engine *engine, const char *workload, json_t *warnings);
/* Makes the kernel follow. A failure is returned where `mode` has a policy in force, else a line of `warnings`. */
int ns_lifecycle_follow(const struct ns_lifecycle *cycle, const char *workload, enum ns_mode mode, json_t *warnings,
			struct ns_error *err);
/* Printf-like line for `warnings`; without memory the line is lost, not the call. */
void ns_lifecycle_warn(json_t *warnings, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* {"workload","from","to","cause"}; NULL without memory. */
json_t *ns_lifecycle_gap(const struct ns_gap *gap);

#endif
