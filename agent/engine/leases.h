/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who had an address, and until when. The book knows who has it now; an edge that was seen while another had the
 * address stays the other's. What the log tells has its own time. What the sets have counted has none: so before an
 * address changes hands, the figures of whoever has spoken with it are read, and only what comes later is the new
 * owner's.
 *
 * Ports that were published (book.h) have no leases: what the log tells of them in the moment they change hands is the
 * new owner's. Their figures are read before, as for addresses.
 */
#ifndef NANOSEG_LEASES_H
#define NANOSEG_LEASES_H

#include <nanoseg/book.h>

struct ns_attachment;
struct ns_engine;
struct ns_observation;

struct ns_lease {
	struct ns_addr addr;
	enum ns_peer_class peer_class;
	char *name;
	int64_t until; /* not any more at this time; CLOCK_REALTIME */
};

/* A ring, in the order in which they ended; the oldest is overwritten. */
struct ns_leases {
	struct ns_lease *list;
	size_t n, first;
	int64_t newest; /* the latest `until` */
};

void ns_leases_release(struct ns_leases *leases);
/* The owner loses the address now. -ENOMEM. */
int ns_leases_end(struct ns_leases *leases, const struct ns_addr *addr, enum ns_peer_class peer_class, const char *name,
		  int64_t now);
/* Who had the address at that time, if it was another than who has it now: the first whose lease ended after it. NULL:
 * the book tells. */
const struct ns_lease *ns_leases_at(const struct ns_leases *leases, const struct ns_addr *addr, int64_t time);

/* A tuple of the log since the figures were last read: what the sets have of it is not known yet. */
struct ns_recent {
	struct {
		struct ns_tuple tuple;
		int64_t time;
	} tuples[NS_RECENT_MAX];
	size_t n;
	bool more;    /* and others */
	bool overdue; /* of one, somebody had the address who has it no more: the figures are to be read at once */
};
void ns_recent_note(struct ns_recent *recent, const struct ns_tuple *tuple, int64_t time);
/* When the log told of it; 0: it has not. */
int64_t ns_recent_time(const struct ns_recent *recent, const struct ns_tuple *tuple);

/* The book is rebuilt: makes `next`, which is whole, the engine's book, and frees the one before. Observations that
 * wait are named, and the figures of all endpoints that have any of an address which loses its owner are read, by the
 * old book. The first time it finds out, from the store, which addresses changed hands while no agent ran. */
void ns_engine_change_book(struct ns_engine *engine, struct ns_book *next);
/* Services of the configuration, and ports that endpoints publish -> book. To be called with a book that has the
 * endpoints' and the host's addresses already. */
int ns_engine_add_services(struct ns_engine *engine, struct ns_book *book, struct ns_error *err);

/* Addresses of which it cannot be known whose the figures are that came while no agent ran. */
struct ns_doubts {
	struct ns_addr *addrs; /* sorted */
	size_t n, allocated;
};
void ns_doubts_release(struct ns_doubts *doubts);

/* What an attachment and the engine keep of all this. */
bool ns_attachment_has_doubt(const struct ns_attachment *attachment, const struct ns_tuple *tuple);

#endif
