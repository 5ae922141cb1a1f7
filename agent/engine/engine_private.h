/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine's body, for the files of agent/engine.
 */
#ifndef NANOSEG_ENGINE_PRIVATE_H
#define NANOSEG_ENGINE_PRIVATE_H

#include <nanoseg/book.h>

#include "attachment.h"
#include "claims.h"
#include "engine.h"

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
	bool starting;           /* the first scan: apply at its end, when all addresses are known */
	bool book_dirty;

	sd_event_source *turn;    /* the deferred reconcile */
	sd_event_source *harvest; /* timer */
	sd_event_source *retry;   /* timer, while something failed */
	uint64_t retry_after_us;

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
/* Now. Errors stay with the attachments. */
void ns_engine_turn(struct ns_engine *engine);
/* Writes the queue to the store. */
void ns_engine_flush(struct ns_engine *engine);
void ns_engine_enqueue(struct ns_engine *engine, const struct ns_endpoint *endpoint,
		       const struct ns_observation *observation);
/* Rebuilds the address book from the endpoints and the host. */
int ns_engine_rebuild_book(struct ns_engine *engine, struct ns_error *err);

static inline struct ns_attachment *ns_attachment_of(const struct ns_endpoint *endpoint)
{
	return endpoint->user;
}

#define NS_FOREACH_ENDPOINT(engine, endpoint)                                                                          \
	for (struct ns_endpoint *endpoint = ns_watch_next((engine)->watch, NULL); endpoint;                            \
	     endpoint = ns_watch_next((engine)->watch, endpoint))

#endif
