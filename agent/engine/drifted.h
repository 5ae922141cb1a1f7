/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Drift of one endpoint: what somebody else did to its rules, and to other tables of its namespace.
 */
#ifndef NANOSEG_DRIFTED_H
#define NANOSEG_DRIFTED_H

#include <jansson.h>

#include "drift.h"
#include "lock.h"

struct ns_attachment;
struct ns_engine;

#define NS_DRIFTED_TAKEN "the table was taken away while no agent ran"

/* What most endpoints never need. */
struct ns_drifted_words {
	char failure[NS_ERROR_TEXT_MAX];    /* why nobody watches; "" */
	char command[NS_DRIFT_COMMAND_MAX]; /* of the last one */
	char what[NS_ERROR_TEXT_MAX];       /* likewise */
};

struct ns_drifted {
	struct ns_drift *monitor;
	uint64_t ours, foreign;         /* transactions of others on our table, and on other tables */
	uint64_t repaired;              /* times the kernel was found changed and made right */
	int64_t last;                   /* CLOCK_REALTIME; 0: never */
	pid_t pid;                      /* of the last one; 0: not told */
	struct ns_drifted_words *words; /* NULL: nothing is to be said */
	int64_t audited;                /* when the last entry was written; ns_clock_elapsed() */
	uint64_t audited_ours, audited_foreign, audited_repaired;
};

/* To be written to; of nobody's, and not to be read, when there is no memory. */
struct ns_drifted_words *ns_drifted_words(struct ns_drifted *drifted);
/* To be read. */
const struct ns_drifted_words *ns_drifted_said(const struct ns_drifted *drifted);

void ns_drifted_open(struct ns_attachment *attachment, int netns_fd);
/* A namespace's monitor hears of its members' tables as well: whether a port is that of one's lock, and what it heard.
 */
bool ns_drifted_is_member_port(struct ns_engine *engine, uint64_t netns_cookie, uint32_t port);
void ns_drifted_members_seen(struct ns_engine *engine, uint64_t netns_cookie, const struct ns_drift_event *event);
void ns_drifted_close(struct ns_attachment *attachment);
/* Whether an apply of what was there already found something else, or nothing. */
bool ns_drifted_found(const struct ns_lock_result *result);
/* The kernel was found other than it was left; `difference` is the first line, "": there was no table. Now repaired. */
void ns_drifted_repaired(struct ns_attachment *attachment, const char *lock, const char *difference);
/* Writes what has not been written to the audit log; at most one entry every NS_DRIFT_AUDIT_US of an endpoint, since a
 * container can go on for ever. True: something is still to be written. */
bool ns_drifted_audit(struct ns_attachment *attachment, bool now);
/* {"count","repaired","foreign","last","pid","command","what"}, or null. */
json_t *ns_drifted_json(const struct ns_attachment *attachment);

#endif
