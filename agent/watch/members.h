/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Containers by their cgroups (v2): in which namespace each lives, who of them made it, and who joined another's and so
 * is a member, an endpoint besides the namespace's.
 *
 * A container is put into its cgroup by its runtime first and into its namespace a few milliseconds later, all of it
 * before its first instruction. So one that is still in the agent's own namespace counts as being on the host's network
 * only when its engine says so or when it stays there. Once settled it stays in the namespace as long as that and the
 * cgroup last: a container whose first process goes elsewhere leaves sockets and processes behind.
 */
#ifndef NANOSEG_MEMBERS_H
#define NANOSEG_MEMBERS_H

#include <systemd/sd-event.h>

#include <nanoseg/endpoint.h>

#include "caps.h"
#include "cgroup.h"
#include "conmon.h"
#include "identity.h"

struct ns_watch;
struct ns_watched;

/* How sure it is that a container made the namespace it is in: the least wins, and of equals the one that came first.
 */
enum ns_maker_rank {
	NS_MAKER_SANDBOX = 0, /* made to hold it */
	NS_MAKER_KEY,         /* its engine calls the namespace its own */
	NS_MAKER_GUESS,       /* nothing is known: the first one there */
	NS_MAKER_NEVER,       /* in a pod, whose sandbox made it */
};

/* Of a namespace. It stays when its container ends, so that nobody else inherits its name. */
struct ns_maker {
	uint64_t cgroup; /* 0: not known */
	struct ns_cgroup_identity identity;
	enum ns_maker_rank rank;
	bool sandbox;                     /* it does nothing but hold the namespace */
	const struct ns_inhabitant *best; /* of the decision under way */
	size_t n_inhabitants, n_members;  /* likewise; members as they are announced */
};

/* One container with a cgroup of its own and a process in it. */
struct ns_inhabitant {
	struct ns_endpoint endpoint; /* first: the caller's pointer is ours; of meaning while it is a member */
	struct ns_watch *watch;
	struct ns_member place;
	struct ns_cgroup_identity identity;
	bool member;         /* announced */
	const char *refusal; /* why it is none though it should be; NULL: there is no reason */
	enum ns_maker_rank rank;
	bool ranked;
	ino_t inode;            /* of its namespace; 0: not known yet */
	pid_t pid;              /* by which that is known */
	bool unseen;            /* no process of it can be seen from here */
	int64_t came, asked_at; /* ns_clock_elapsed(); asked_at: where it lives */
	int64_t empty_since;    /* likewise; 0: a process is in it */
	struct ns_conmon_words conmon;
	struct ns_hint_words hint;
	bool hinted;
	struct ns_caps caps;
	int64_t caps_at;
};

struct ns_members {
	struct ns_inhabitant **list; /* sorted by the id of the cgroup */
	size_t n, room;
	size_t n_members;
	bool ranks_due;               /* an engine may know more of them by now */
	struct ns_caps_owners owners; /* of the agent's own namespace */
	sd_event_source *timer;
	int64_t timer_at; /* 0: it is off */
};

/* inhabitants.c */
int ns_members_init(struct ns_watch *watch, struct ns_error *err);
void ns_members_release(struct ns_watch *watch);
/* From the tree of cgroups: who came, who ended, and where those live of whom that is not known. */
void ns_inhabitants_update(struct ns_watch *watch);
/* The container that a process is in, taken to live in the namespace `inode`, as who prepares it says; NULL: none. */
struct ns_inhabitant *ns_inhabitants_settle(struct ns_watch *watch, pid_t pid, ino_t inode);
/* Where in the list the id of a cgroup is or would be. */
size_t ns_inhabitants_place(const struct ns_members *members, uint64_t id);
/* By the id of its cgroup; NULL: none. */
struct ns_inhabitant *ns_inhabitants_get(const struct ns_members *members, uint64_t id);
/* The one of this id in that namespace; NULL: none. */
struct ns_inhabitant *ns_inhabitants_find(const struct ns_watch *watch, ino_t inode, const char *id);

/* members.c */
/* Decides who is a member, with the callbacks that follow from it, and attaches namespaces that only a cgroup told of.
 */
void ns_members_update(struct ns_watch *watch);
/* Who made a namespace that is about to become an endpoint. */
void ns_members_find_maker(struct ns_watched *watched);
/* Will it be a member? */
bool ns_members_joins(const struct ns_watch *watch, const struct ns_inhabitant *inhabitant);
/* Who everybody is; `known` (may be NULL): of one alone. */
void ns_members_identify(struct ns_watch *watch, struct ns_inhabitant *only);
/* After a change of the addresses of an endpoint; NULL: of the agent's own namespace. */
void ns_members_take_addresses(struct ns_watch *watch, const struct ns_watched *watched);
/* Announces the end of those in a namespace that is about to end. */
void ns_members_end_in(struct ns_watch *watch, ino_t inode);
void ns_members_end(struct ns_inhabitant *inhabitant);
struct ns_endpoint *ns_members_next(const struct ns_watch *watch, const struct ns_endpoint *after);
int ns_members_open_netns(const struct ns_watch *watch, const struct ns_endpoint *endpoint, struct ns_error *err);
/* Why containers in a namespace cannot be told apart; NULL: they can. *ret_n: how many live there. */
const char *ns_members_undivided(const struct ns_watch *watch, const struct ns_watched *watched,
				 const struct ns_container *const *containers, size_t n, size_t *ret_n);
/* Why a container on the host's network is no member; NULL: it is one. */
const char *ns_members_outside(const struct ns_watch *watch, const struct ns_container *container);

#endif
