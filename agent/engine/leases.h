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
#include <nanoseg/store.h>

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
/* Who had the address at that time: the first whose lease ended after it. NULL: the book tells, since nobody lost it
 * after that. A clock that was set back (`now` is before a lease's end) tells nothing: NULL. */
const struct ns_lease *ns_leases_at(const struct ns_leases *leases, const struct ns_addr *addr, int64_t time,
				    int64_t now);

/* Tuples that the log told of since the figures were last read: what the sets have counted of them is not known yet. */
struct ns_recent {
	struct ns_recent_tuple {
		struct ns_tuple tuple;
		int64_t time;
	} * tuples;
	size_t n, allocated; /* at most NS_RECENT_MAX */
	bool more;           /* and others */
	bool overdue;        /* one of them somebody had at the time who has it no more: read the figures soon */
	int64_t read;        /* when they were last read for that; ns_clock_elapsed() */
};

void ns_recent_note(struct ns_recent *recent, const struct ns_tuple *tuple, int64_t time);
/* When the log told of it; 0: it has not. */
int64_t ns_recent_time(const struct ns_recent *recent, const struct ns_tuple *tuple);
void ns_recent_clear(struct ns_recent *recent); /* and frees what it holds */

/* Who had which address when a daemon before this one last knew, from the store. What the sets counted while no agent
 * ran is given to nobody if the address is another's now: whose it is cannot be known. A gap says so. */
struct ns_heirlooms {
	struct ns_heirloom {
		struct ns_addr addr;
		size_t rank; /* 0: the newest */
		char *workload;
	} * list; /* by address, then rank */
	size_t n, allocated;
	int64_t since; /* the last sign of life of that daemon */
};

void ns_heirlooms_release(struct ns_heirlooms *heirlooms);
int ns_heirlooms_load(struct ns_heirlooms *heirlooms, struct ns_store *store, struct ns_error *err);
/* Whether another workload than this had the address; name "" for who is none. */
bool ns_heirlooms_doubt(const struct ns_heirlooms *heirlooms, const struct ns_addr *addr, const char *workload);

/* Whether any other workload than this is known to have had it. `strangers`: also when nobody is known to have had it,
 * or nothing is known: whose loss of it was stored last may still be named by rules that had not followed. */
bool ns_heirlooms_may_be_anothers(const struct ns_heirlooms *heirlooms, const struct ns_addr *addr,
				  const char *workload, bool strangers);

/* The book is rebuilt: makes `next`, which is whole, the engine's book, and frees the one before. Observations that
 * wait are named, and the figures of all endpoints that have any of an address which loses its owner are read, by the
 * old one. */
void ns_engine_change_book(struct ns_engine *engine, struct ns_book *next);
/* Services of the configuration, and ports that endpoints publish -> a book that has all addresses already. */
int ns_engine_add_services(struct ns_engine *engine, struct ns_book *book, struct ns_error *err);

/* From the log, before it is recorded. */
void ns_attachment_note(struct ns_attachment *attachment, const struct ns_tuple *tuple, int64_t time);
/* Of figures that came while no agent ran, in the first harvest: whether it cannot be known whose they are. */
bool ns_attachment_doubts(struct ns_attachment *attachment, const struct ns_observation *observation);
/* Reads the figures that are overdue. */
void ns_engine_read_overdue(struct ns_engine *engine);

#endif
