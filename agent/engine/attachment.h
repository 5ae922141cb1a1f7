/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An attachment: what the engine holds in one endpoint's namespace. Private to agent/engine.
 */
#ifndef NANOSEG_ATTACHMENT_H
#define NANOSEG_ATTACHMENT_H

#include <nanoseg/endpoint.h>
#include <nanoseg/store.h>

#include "cut.h"
#include "engine.h"
#include "figures.h"
#include "follow.h"
#include "drifted.h"
#include "learner.h"
#include "leases.h"
#include "lock.h"
#include "members.h"
#include "outer.h"
#include "policies.h"
#include "words.h"

#define NS_UDP_SERVED_MAX 256
#define NS_CAUSE_MAX      128

struct ns_attachment {
	struct ns_engine *engine;
	struct ns_endpoint *endpoint;
	char workload[NS_WORKLOAD_MAX]; /* what the engine goes by: the store's word until the runtime has spoken */
	int64_t attached;               /* when; CLOCK_BOOTTIME */
	int64_t heard_from;             /* since when what is seen here is that workload's; CLOCK_REALTIME */

	struct ns_nft *nft; /* owns the inner lock's table */
	struct ns_lock *lock;
	struct ns_learner *learner;
	struct ns_outer outer;
	struct ns_members members;  /* of a namespace */
	struct ns_edition *edition; /* of the book that its rules are to follow from; NULL: of the present one */
	size_t removed;             /* elements of its inner lock, since it is behind */
	struct ns_loaded *policy;   /* what its rules were last made of; NULL: none is in force */
	struct ns_loaded
		*trying; /* what they are to be made of, while not all of that is in the kernel; NULL: nothing */
	struct ns_drifted drifted;
	struct ns_cut_result cut; /* since it was last asked for */
	char *cut_failure;        /* why the last cut was not a whole one; NULL: it was */
	struct ns_figures figures;
	struct ns_recent recent;
	size_t doubted;       /* figures that nobody was given, by the harvest under way */
	uint16_t *udp_served; /* NULL: none */
	size_t n_udp_served;

	int64_t contested; /* since when it waits for another's address; CLOCK_BOOTTIME; 0: it does not */
	size_t disputed;   /* addresses it has and is not believed to stand for */
	char disputed_first[NS_ADDR_TEXT_MAX];
	char *renamed;                /* the name it has now, while the rules of the old one stay; NULL: none */
	struct ns_addr doubted_first; /* the address of the first of them */

	uint64_t harvest_round;        /* the last in which it was read for its news; ns_harvests.round */
	int64_t read;                  /* when it was last harvested; CLOCK_BOOTTIME; 0: not yet */
	uint64_t round;                /* the last in which it was reconciled by a turn; engine->round */
	char left[NS_DIGEST_TEXT_MAX]; /* the plan that one left in the kernel; "": not told */
	enum ns_mode found_mode;       /* of the plan in it, while `mode` is not known */
	enum ns_mode mode;             /* of the plan in the kernel; INVALID: none of ours yet */
	uint64_t revision;             /* likewise */
	uint32_t learn_set_size;       /* likewise */
	int64_t applied;               /* when; CLOCK_REALTIME */
	int64_t table_read;            /* when all of it was last read back; likewise */
	unsigned generation;           /* likewise */
	char plan_digest[72];          /* likewise; "" : none */
	char *failure;                 /* why the kernel is not as wanted; NULL: it is */
	int64_t failed_since;
	char *learn_failure; /* why nothing is heard from it; NULL: it is heard */

	uint16_t nflog_group;
	bool net_admin;  /* the endpoint's, when it was last told of */
	bool identified; /* by the runtime, or by the store from before */
	bool split;      /* a member that is to have a table of its own */
	bool missing;    /* it had a table before this daemon, and has none */
	bool undecided;  /* whether it is, has to be found out again */
	bool harvested;  /* since this daemon has it */
	bool patient;    /* the harvest under way is not the last */
	bool told_late;  /* that it ran before it was watched, if it did */
	bool unread;     /* the last harvest failed, or there was none since a daemon before this one had it */
	bool batching;   /* the one under way stores something */
	bool stale;      /* elements in the kernel may name a peer's address that is another's now */
	bool behind;     /* its rules have followed addresses that moved, and what is recorded of them has not */
	bool cut_due;    /* the last cut failed, and is to be tried again */
	bool dirty;
	bool recheck;  /* the kernel may not be as it was left: read it whatever is thought to be there */
	bool was_here; /* a daemon before this one had it, in this boot */
	bool adopted;  /* the table was there before this daemon */
};

/* "set full: …": a gap that lasts until the set is made anew; the others are over when they are told. */
bool ns_cause_is_full_set(const char *cause);

/* True while the plan in the kernel lets everything pass and remembers it. */
bool ns_mode_learns(enum ns_mode mode);
/* Whether what is counted as refused is let pass all the same. `mode`: of one of its locks. */
bool ns_attachment_audits(const struct ns_attachment *attachment, enum ns_mode mode);
/* True while a policy decides: auditing and enforcing. */
bool ns_mode_in_force(enum ns_mode mode);

int ns_attachment_open(struct ns_engine *engine, struct ns_endpoint *endpoint, int netns_fd, struct ns_attachment **ret,
		       struct ns_error *err);
struct ns_attachment *ns_attachment_free(struct ns_attachment *attachment); /* rules stay */

/* Takes the name that the watcher has now; one that is only provisional for rules in force under it. Rules in force are
 * not given up for a name that has none: the old name stays then, `renamed` says so, and each turn tries again. */
void ns_attachment_rename(struct ns_attachment *attachment);

/* Nobody knows yet who it is, and the standing gate lets nothing out of it until that is known. A table that lets
 * everything pass would only be made to be replaced, and take as long as everything else together: it has none. */
bool ns_attachment_awaits_name(const struct ns_attachment *attachment);

/* Opens the learner if that failed before. */
void ns_attachment_listen(struct ns_attachment *attachment, int netns_fd);

/* Makes the kernel hold what the workload's mode and policy ask for now; a failure is kept in the attachment, logged
 * once and returned. Does nothing when the kernel already has it. */
int ns_attachment_reconcile(struct ns_attachment *attachment, struct ns_error *err);

/* The plans that the workload asks for now; ret_outer (may be NULL) has no chains where no outer lock is wanted. */
int ns_attachment_wanted(struct ns_attachment *attachment, struct ns_plan *ret, struct ns_plan *ret_outer,
			 struct ns_error *err);

/* The raw figures that the store has of this endpoint. */
int ns_attachment_load_figures(struct ns_attachment *attachment, struct ns_error *err);
/* Kernel figures -> store. */
int ns_attachment_harvest(struct ns_attachment *attachment, struct ns_error *err);
/* Within a harvest, before anything is stored: where nothing has changed, no batch of the store is begun. */
int ns_attachment_begin(struct ns_attachment *attachment, struct ns_error *err);
/* One observation -> store, named by the address book. */
int ns_attachment_record(struct ns_attachment *attachment, const struct ns_observation *observation, uint64_t packets,
			 uint64_t bytes, struct ns_error *err);
void ns_attachment_gap(struct ns_attachment *attachment, int64_t from, int64_t to, const char *cause);

/* On-link prefixes of an endpoint; returns their number. */
size_t ns_attachment_links(const struct ns_attachment *attachment, struct ns_prefix *ret, size_t max);

#endif
