/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The learner of one endpoint: reads the kernel's memory of what was seen. The sets are the truth (dumped by
 * _harvest); the log says when, which process, which user. It serves learning and denies alike, since both are
 * sets with a once-per-tuple log.
 *
 * An open learner pins the namespace: close it when the endpoint is detached.
 */
#ifndef NANOSEG_LEARNER_H
#define NANOSEG_LEARNER_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include <nanoseg/edge.h>
#include <nanoseg/endpoint.h>
#include <nanoseg/layout.h>

struct ns_learner;

struct ns_observation {
	enum ns_log_kind kind; /* LEARN, DENY or AUDIT */
	struct ns_tuple tuple;
	uint64_t packets, bytes; /* harvest: the element's raw figures; log and sockets: 0 */
	bool uncounted;          /* harvest: the kernel had no memory for its counter; figures are 0 */
	int64_t time;            /* log: of the packet; harvest: of the dump */
	const char *process;     /* "" unknown; valid during the call */
	int64_t uid;             /* -1 unknown */
};

struct ns_learner_events {
	/* From the log, at once, or a little later where the program is still to be found. The same tuple comes again,
	 * with figures, from the next harvest. */
	void (*observed)(void *ctx, struct ns_endpoint *endpoint, const struct ns_observation *observation);
	/* Something may be missing; `cause` as in ns_gap. Of the log, and then no edge is lost, for the next harvest
	 * has it: "log overrun" (at most one a second), "log unavailable" (another program reads the group; every
	 * harvest tries again). Of the sets: "set full: egress4" … "set full: transit6" from the log, "set full:
	 * learning" and "set full: denies" from the overflow counters. Also called by _harvest and _existing. */
	void (*gap)(void *ctx, struct ns_endpoint *endpoint, int64_t time, const char *cause);
};

/* `table` is the one it reads, in the namespace of netns_fd. A member's learner (endpoint->member) takes of the older
 * connections only those of its cgroup and of what lies below it.
 * The callbacks come from the event loop, never from within _open, and must not close the learner. What is only in the
 * log is a hint, since CAP_NET_ADMIN in the namespace is enough to write to it. nflog_group 0: NS_NFLOG_GROUP. */
int ns_learner_open(sd_event *event, struct ns_endpoint *endpoint, int netns_fd, const char *table,
		    uint16_t nflog_group, const struct ns_learner_events *events, void *ctx, struct ns_learner **ret,
		    struct ns_error *err);
struct ns_learner *ns_learner_close(struct ns_learner *learner); /* accepts NULL; returns NULL */

/* Dumps every learn and deny set that the table has now and calls `each` for every element; then the overflow
 * counters (a rise is a gap "set full"). Elements of deny sets come as NS_LOG_DENY, whether the table refuses or
 * audits; an element may come twice. When a set cannot be read the others are, and then its error is returned.
 * A non-zero value of `each` ends the harvest and is returned. -ENOENT: no table. */
typedef int (*ns_learner_each)(void *ctx, const struct ns_observation *observation);
int ns_learner_harvest(struct ns_learner *learner, ns_learner_each each, void *ctx, struct ns_error *err);

/* Whether the sets may have more elements than the last harvest found, or than when it was opened: the log tells of
 * each new one, so it has told of something since, or lost something, or is not heard. False is a hint, for the log is
 * one. What grows without news are the figures of elements that are there. */
bool ns_learner_has_news(const struct ns_learner *learner);

/* Connections older than the learning table, from inet_diag: established TCP (a local port that listens makes it
 * ingress, otherwise egress) as observations of kind LEARN; and the UDP ports bound outside the ephemeral range,
 * for ns_compile_options.udp_served. Call before the table goes in. Returns the number of ports, at most max. */
int ns_learner_existing(struct ns_learner *learner, ns_learner_each each, void *ctx, uint16_t *ret_udp_served,
			size_t max, struct ns_error *err);

#endif
