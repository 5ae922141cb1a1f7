/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine's body, for the files of agent/engine.
 */
#ifndef NANOSEG_ENGINE_PRIVATE_H
#define NANOSEG_ENGINE_PRIVATE_H

#include <nanoseg/book.h>

#include "affected.h"
#include "attachment.h"
#include "claims.h"
#include "drift.h"
#include "engine.h"
#include "follow.h"
#include "found.h"
#include "kernel_features.h"
#include "gate.h"
#include "harvest.h"
#include "leases.h"
#include "nft/socket.h"
#include "orphans.h"
#include "policies.h"

#define NS_OBSERVATIONS_QUEUED_MAX 65536
#define NS_HOST_ADDRESSES_MAX      1024

/* One observation that waits for the end of the turn, so that a burst is one transaction. */
struct ns_queued {
	uint64_t cookie;
	struct ns_observation observation; /* process points into `process` */
	char process[NS_PROCESS_MAX];
};

struct ns_engine {
	struct ns_engine_config config;
	sd_event *event;
	struct ns_store *store; /* borrowed */
	struct ns_watch *watch;
	struct ns_book *book;
	struct ns_claims claims; /* what the book was made of; their workloads are not to be read again */
	struct ns_policies policies;
	struct ns_affected affected;
	struct ns_follow follow;
	struct ns_leases leases; /* who had what is another's in the book now */
	struct ns_heirlooms heirlooms;
	bool book_was_whole;  /* the heirlooms have been read */
	bool figures_overdue; /* of some endpoint: ns_recent.overdue */
	struct ns_features features;
	uint64_t own_cookie;
	struct ns_nft *
		host; /* in the agent's own namespace: owns all outer locks and the gate; NULL: host_failure says why */
	char host_failure[NS_ERROR_TEXT_MAX + 64];
	struct ns_gate gate;
	struct ns_orphans orphans;
	struct ns_drift *drift; /* of the agent's own namespace */
	bool starting;          /* the first scan: apply at its end, when all addresses are known */
	bool book_dirty;
	bool in_turn;                   /* all that has happened until now has been told */
	struct ns_attachment **members; /* attachments of members; there also while the watcher has its first look */
	size_t n_members, members_allocated;
	struct ns_attachment **by_cookie; /* all attachments, by their endpoints' cookies */
	size_t n_by_cookie, by_cookie_allocated;
	struct ns_found found; /* at the start only */
	uint64_t round;        /* of reconciling whoever is marked, each once, in as many slices as it takes */
	bool first;            /* the slice to come is the first */
	bool round_failed;     /* somebody in it has */
	bool batching;         /* a batch of the store is open for the slice under way */

	sd_event_source *turn;    /* the deferred reconcile */
	sd_event_source *tighten; /* likewise, and before anything else, of what takes something away */
	sd_event_source *retry;   /* timer, while something failed */
	uint64_t retry_after_us;
	struct ns_harvests harvests;

	struct ns_queued *queued;
	size_t n_queued, queued_allocated;
	uint64_t lost_observations; /* the queue was full; the sets still have the edge */
};

extern const struct ns_watch_events ns_engine_watch_events;

int ns_engine_make_sources(struct ns_engine *engine, struct ns_error *err);
void ns_engine_arm_retry(struct ns_engine *engine);
void ns_engine_store_endpoint(struct ns_engine *engine, const struct ns_attachment *attachment, int64_t ended);

/* Something changed: a turn comes at the end of this round of the loop. */
void ns_engine_schedule(struct ns_engine *engine);
/* Now, a slice of it: whoever has no rules yet, and as many of the others as there is time for; the rest comes with the
 * turns that follow, after whatever has happened meanwhile. Errors stay with the attachments. */
void ns_engine_turn(struct ns_engine *engine);
/* Not all that was there before this daemon has been dealt with. */
static inline bool ns_engine_is_catching_up(const struct ns_engine *engine)
{
	return engine->round == 1;
}
/* Whoever is asked about does not wait for a turn. */
void ns_engine_hasten(struct ns_engine *engine, const struct ns_endpoint *endpoint);
/* Commits what the slice under way has stored, where somebody needs a batch of his own. */
void ns_engine_settle(struct ns_engine *engine);
/* Writes the queue to the store. */
void ns_engine_flush(struct ns_engine *engine);
void ns_engine_enqueue(struct ns_engine *engine, const struct ns_endpoint *endpoint,
		       const struct ns_observation *observation);
/* [start] of the configuration for a workload. */
enum ns_start ns_engine_start_of(const struct ns_engine *engine, const char *workload);
/* Whether links are to be closed also while no agent runs. */
bool ns_engine_wants_standing(struct ns_engine *engine);
struct ns_attachment *ns_engine_find_attachment(const struct ns_engine *engine, uint64_t cookie);
/* The first whose endpoint's cookie is not less than this, and after the last the first of all; NULL: there is none. */
struct ns_attachment *ns_engine_attachment_from(const struct ns_engine *engine, uint64_t cookie);
/* An attachment is made, or goes. */
int ns_engine_index(struct ns_engine *engine, struct ns_attachment *attachment, struct ns_error *err);
void ns_engine_unindex(struct ns_engine *engine, const struct ns_attachment *attachment);
/* host.c: the socket in the agent's own namespace, the gate, and drift there. What fails is said in status. */
void ns_engine_open_host(struct ns_engine *engine);
void ns_engine_close_host(struct ns_engine *engine);
/* A socket for nf_tables in a namespace: the one that was kept for it, or a new one, which is kept from now on. */
/* `key` is the name that the socket is kept under. */
int ns_engine_open_nft(struct ns_engine *engine, int netns_fd, uint64_t key, uint64_t netns_cookie, struct ns_nft **ret,
		       struct ns_error *err);
/* One of our tables in the agent's own namespace was found changed, and has been repaired. */
void ns_engine_host_drifted(struct ns_engine *engine, const char *table, const char *difference);
/* Rebuilds the address book from the endpoints and the host, and marks whose rules that changes; everybody when that
 * cannot be told. */
int ns_engine_rebuild_book(struct ns_engine *engine, struct ns_error *err);

/* Whether the endpoint's address counts: not every one that somebody in it says it has. */
bool ns_engine_may_claim(const struct ns_engine *engine, const struct ns_endpoint *endpoint, size_t address);

static inline struct ns_attachment *ns_attachment_of(const struct ns_endpoint *endpoint)
{
	return endpoint->user;
}

#define NS_FOREACH_MEMBER(engine, member)                                                                              \
	for (struct ns_attachment **member##_at = (engine)->members,                                                   \
				  *member = (engine)->n_members ? *member##_at : NULL;                                 \
	     member; member = ++member##_at < (engine)->members + (engine)->n_members ? *member##_at : NULL)

#define NS_FOREACH_ENDPOINT(engine, endpoint)                                                                          \
	for (struct ns_endpoint *endpoint = ns_watch_next((engine)->watch, NULL); endpoint;                            \
	     endpoint = ns_watch_next((engine)->watch, endpoint))

#endif
