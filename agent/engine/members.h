/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Members: containers that share a network namespace (endpoint.h), and which of them have a table of their own there.
 *
 * A member is split off when rules of its own are in force, when it has had rules and was put back to learning, or when
 * the namespace learns and there is somebody to tell it apart from. Otherwise the namespace's table judges it: so a
 * container that nobody has approved does not open a pod whose rules are in force by joining it. On the host's own
 * network there is nobody else to judge it, and it is always split off.
 *
 * Tables come and go in an order that never leaves a packet to nobody: first the member's table comes, then the
 * namespace's one leaves its packets to it; first the namespace's takes them back, then the member's goes.
 */
#ifndef NANOSEG_ENGINE_MEMBERS_H
#define NANOSEG_ENGINE_MEMBERS_H

#include <nanoseg/endpoint.h>
#include <nanoseg/layout.h>
#include <nanoseg/policy.h>
#include <nanoseg/store.h>

#include "cut.h"

struct ns_attachment;
struct ns_engine;

/* What a namespace's own attachment knows of its members. */
struct ns_members {
	struct ns_member_cgroup *in_plan; /* those that the table in the kernel leaves to themselves */
	size_t n_in_plan;
	/* Tables that were there before this daemon, and whose members the watcher has not told yet. */
	struct ns_member_cgroup *unclaimed; /* room for NS_MEMBERS_MAX, or NULL */
	size_t n_unclaimed;
	char *outer_waits; /* a member that still learns, so that there is no outer lock; NULL: none */
};

void ns_members_clear(struct ns_members *members);

static inline bool ns_endpoint_is_member(const struct ns_endpoint *endpoint)
{
	return endpoint->member.cgroup != 0;
}

/* Of a member's namespace; NULL: the host's, or it cannot be entered. */
struct ns_attachment *ns_member_base(const struct ns_attachment *member);

/* A member's attachment is there; before it is freed it has to be taken off. */
int ns_members_add(struct ns_engine *engine, struct ns_attachment *member, struct ns_error *err);
void ns_members_remove(struct ns_engine *engine, const struct ns_attachment *member);

/* Something that the decision depends on has changed, for the members of a namespace (0: of all). */
void ns_members_review(struct ns_engine *engine, uint64_t netns_cookie);
/* Decides for those members whether each is split off, and marks what has to follow. */
void ns_members_decide(struct ns_engine *engine);

/* The members that the table of this namespace has to leave to their own; at most NS_MEMBERS_MAX. */
size_t ns_members_others(const struct ns_attachment *base, struct ns_member_cgroup ret[static NS_MEMBERS_MAX]);
/* The table in the kernel leaves those to themselves now. */
void ns_members_keep_in_plan(struct ns_attachment *attachment);
/* No table of its own is wanted, nor there: the namespace's is its. */
bool ns_member_is_judged_by_base(const struct ns_attachment *attachment);
/* Whether the table in the kernel leaves the member's packets to the member's own. */
bool ns_member_is_left_out(const struct ns_attachment *base, const struct ns_attachment *member);
/* The member's table is in, or has changed: the namespace's table leaves it its packets, the outer lock its traffic. */
int ns_member_settle(struct ns_attachment *member, struct ns_error *err);
/* Takes away the table of a member that is not split off (any more). */
int ns_member_unite(struct ns_attachment *member, struct ns_error *err);

/* An error when it should have a table of its own, and this kernel cannot tell its packets from others'. */
int ns_member_check(const struct ns_attachment *member, struct ns_error *err);

/* The member is no more, and its namespace goes on: its table goes. */
void ns_member_end(struct ns_attachment *member);

/* Whether anybody in this namespace has a table of his own. */
bool ns_members_any(const struct ns_attachment *base);
/* The outer lock cannot tell members apart: it allows what any of them may. *ret is their rules and the namespace's
 * own; *mode, which is the namespace's, becomes what the outer lock can be: it audits when one of them does, and while
 * one learns there is none, and no policy. */
int ns_members_outer(struct ns_attachment *base, struct ns_policy *ret, enum ns_mode *mode, struct ns_error *err);

/* Whose connections a cut may touch; `ret_view` points into the object. Not to be called for a namespace of its own. */
struct ns_member_cut {
	struct ns_cut_member view;
	struct ns_plan plans[NS_MEMBERS_MAX + 1]; /* of the others */
	struct ns_permits *permits[NS_MEMBERS_MAX + 1];
	size_t n_permits;
	const char *others[NS_MEMBERS_MAX]; /* paths of the others' cgroups */
	bool anything;                      /* one of the others lets everything pass, or cannot be asked */
};
int ns_member_cut_open(struct ns_attachment *attachment, struct ns_member_cut *ret, struct ns_error *err);
void ns_member_cut_release(struct ns_member_cut *cut);

/* What a table found in a namespace says of its members. */
void ns_members_recall(struct ns_attachment *base);
/* The watcher has told of this one. */
void ns_members_claim(struct ns_attachment *member);
/* Takes away the tables of members that ended while no agent ran. */
void ns_members_sweep(struct ns_engine *engine);

/* {"of": WORKLOAD, "cgroup": PATH, "id", "table": bool}, or null. */
json_t *ns_member_json(const struct ns_attachment *attachment, const struct ns_endpoint *endpoint);

#endif
