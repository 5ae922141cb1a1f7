/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One endpoint: from the workload's mode and policy to the kernel, and what was found there back to the store.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <nanoseg/layout.h>

#include "adjust.h"
#include "attachment.h"
#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "log.h"
#include "shift.h"

/* What the workload asks for. */
struct wish {
	struct ns_policies *policies;
	struct ns_loaded *loaded; /* what the plans were made of; NULL: it learns */
	struct ns_workload workload;
	struct ns_plan plan;
	char digest[72];
	struct ns_outer_wish outer;
};

static void wish_release(struct wish *wish)
{
	if (wish->policies)
		(void)ns_policies_put(wish->policies, wish->loaded);
	ns_plan_release(&wish->plan);
	ns_outer_wish_release(&wish->outer);
}

/* Where others share the namespace, the outer lock is of their rules too. */
static int want_outer(struct ns_attachment *attachment, const struct ns_policy *policy, struct wish *wish,
		      struct ns_error *err)
{
	NS_CLEANUP(ns_policy_release) struct ns_policy everybodys = NS_POLICY_INIT;
	enum ns_mode mode = wish->workload.mode;
	int r;

	ns_words_set(&attachment->members.outer_waits, NULL);
	if (!ns_members_any(attachment))
		return ns_outer_wanted(attachment, policy, mode, &wish->outer, err);
	r = ns_members_outer(attachment, &everybodys, &mode, err);
	return r < 0 ? r : ns_outer_wanted(attachment, &everybodys, mode, &wish->outer, err);
}

static int compile(struct ns_attachment *attachment, struct wish *wish, struct ns_error *err)
{
	struct ns_engine *engine = attachment->engine;
	struct ns_prefix links[NS_ENDPOINT_ADDRESSES_MAX];
	struct ns_member_cgroup others[NS_MEMBERS_MAX];
	const struct ns_endpoint *endpoint = attachment->endpoint;
	const struct ns_member_cgroup member = { endpoint->member.cgroup, endpoint->member.level };
	struct ns_compile_options options = {
		.member = ns_endpoint_is_member(endpoint) ? &member : NULL,
		.host = endpoint->host_netns,
		.others = others,
		.n_others = ns_endpoint_is_member(endpoint) ? 0 : ns_members_others(attachment, others),
		.nflog_group = attachment->nflog_group,
		.learn_set_size = engine->config.learn_set_size,
		.links = links,
		.n_links = ns_attachment_links(attachment, links, NS_ENDPOINT_ADDRESSES_MAX),
		.udp_served = attachment->udp_served,
		.n_udp_served = attachment->n_udp_served,
	};
	const struct ns_policy *policy;
	int r;

	if (ns_mode_learns(wish->workload.mode))
		return ns_compile_learn(&options, &wish->plan, err);
	wish->policies = &engine->policies;
	r = ns_policies_get(&engine->policies, engine->store, wish->workload.name, wish->workload.active_revision,
			    &wish->loaded, err);
	if (r < 0)
		return r;
	policy = ns_policies_read(&engine->policies, wish->loaded);
	if (!policy)
		return ns_error_set(err, -ENOMEM, "out of memory for the policy of %s", attachment->workload);
	r = ns_compile_enforce(policy, engine->book, wish->workload.mode == NS_MODE_AUDITING, &options, &wish->plan,
			       err);
	if (r == 0 && !options.member)
		r = want_outer(attachment, policy, wish, err);
	return r;
}

static int make_wish(struct ns_attachment *attachment, struct wish *ret, struct ns_error *err)
{
	struct ns_engine *engine = attachment->engine;
	int r = 0;

	/* A name that is only an id is learned under and not remembered. The window of one that is new begins with what
	 * was seen before the name was told. */
	if (attachment->identified)
		r = ns_store_meet_workload(engine->store, attachment->workload, engine->config.default_mode,
					   attachment->heard_from, &ret->workload, err);
	else
		ret->workload.mode = engine->config.default_mode;
	if (r < 0)
		return r;
	if (!ns_mode_learns(ret->workload.mode) && !ret->workload.active_revision)
		return ns_error_set(err, -ENODATA, "%s is in mode %s and has no approved policy", attachment->workload,
				    ns_mode_format(ret->workload.mode));
	r = compile(attachment, ret, err);
	if (r < 0)
		return r;
	return ns_plan_digest(&ret->plan, ret->digest, err);
}

int ns_attachment_wanted(struct ns_attachment *attachment, struct ns_plan *ret, struct ns_plan *ret_outer,
			 struct ns_error *err)
{
	NS_CLEANUP(wish_release) struct wish wish = { 0 };
	int r = make_wish(attachment, &wish, err);

	if (r < 0)
		return r;
	*ret = wish.plan;
	wish.plan = (struct ns_plan)NS_PLAN_INIT;
	if (ret_outer) {
		*ret_outer = wish.outer.plan;
		wish.outer.plan = (struct ns_plan)NS_PLAN_INIT;
	}
	return 0;
}

/* A found table is somebody's approved wish. Until it is known whose namespace this is, it stays as it is: replacing it
 * by a learning table would open what was closed. */
static bool must_wait(const struct ns_attachment *attachment)
{
	return attachment->adopted && !attachment->identified;
}

static void record_failure(struct ns_attachment *attachment, const struct ns_error *err)
{
	if (!ns_words_are(attachment->failure, err->text))
		ns_log_error("%s (cookie %llu): not as wanted in the kernel: %s", attachment->workload,
			     (unsigned long long)attachment->endpoint->cookie, err->text);
	if (!attachment->failure)
		attachment->failed_since = ns_clock_now();
	ns_words_set(&attachment->failure, err->text);
}

/* Nobody watched when it began: a gap until its first rules were in. Told when its name is known, and only then, so
 * that it reaches into the window that the first sight of a workload begins. */
static void tell_lateness(struct ns_attachment *attachment)
{
	if (!attachment->identified || attachment->told_late)
		return;
	attachment->told_late = true;
	if (attachment->endpoint->joined_late && !attachment->adopted && !attachment->was_here)
		ns_attachment_gap(attachment, attachment->endpoint->since,
				  attachment->applied ? attachment->applied : ns_clock_now(), "joined late");
}

/* Evidence must not claim more than was read. The lock compared that with the plan, so both digests are the same one.
 */
static void record_readback(struct ns_attachment *attachment, enum ns_lock_extent extent)
{
	static const char *const words[] = {
		[NS_LOCK_EXTENT_NONE] = "",
		[NS_LOCK_EXTENT_CHANGES] = "changes",
		[NS_LOCK_EXTENT_ELEMENTS] = "elements",
		[NS_LOCK_EXTENT_TABLE] = "table",
	};
	struct ns_readback readback = {
		.cookie = attachment->endpoint->cookie,
		.workload = attachment->workload,
		.revision = attachment->revision,
		.mode = ns_mode_format(attachment->mode),
		.plan_digest = attachment->plan_digest,
		.kernel_digest = attachment->plan_digest,
		.difference = "",
		.extent = words[extent],
	};
	struct ns_error err = NS_ERROR_INIT;

	if (extent == NS_LOCK_EXTENT_TABLE)
		attachment->table_read = attachment->applied;
	readback.table_read = attachment->table_read;
	if (ns_store_add_readback(attachment->engine->store, &readback, attachment->applied, &err) < 0)
		ns_log_error("%s: the read-back could not be stored: %s", attachment->workload, err.text);
}

static void record_success(struct ns_attachment *attachment, const struct wish *wish,
			   const struct ns_lock_result *result)
{
	if (attachment->mode != wish->workload.mode || attachment->revision != wish->workload.active_revision)
		ns_log_info("%s (cookie %llu): %s%s, +%zu -%zu elements", attachment->workload,
			    (unsigned long long)attachment->endpoint->cookie, ns_mode_format(wish->workload.mode),
			    result->adopted ? " (adopted)" : "", result->elements_added, result->elements_removed);
	tell_lateness(attachment);
	ns_members_keep_in_plan(attachment);
	attachment->mode = wish->workload.mode;
	attachment->applied = ns_clock_now();
	attachment->learn_set_size = attachment->engine->config.learn_set_size;
	attachment->revision = wish->workload.active_revision;
	attachment->generation = result->generation;
	(void)snprintf(attachment->plan_digest, sizeof attachment->plan_digest, "%s", wish->digest);
	ns_words_set(&attachment->failure, NULL);
	record_readback(attachment, result->extent);
}

/* A set that was full is full no more: it goes with the old table. */
static void close_full_sets(struct ns_attachment *attachment)
{
	struct ns_store *store = attachment->engine->store;
	struct ns_graph gaps = NS_GRAPH_INIT;

	if (ns_store_load_gaps(store, attachment->workload, &gaps, NULL) == 0)
		for (size_t i = 0; i < gaps.n_gaps; i++)
			if (gaps.gaps[i].to == 0 && ns_cause_is_full_set(gaps.gaps[i].cause))
				(void)ns_store_close_gap(store, attachment->workload, gaps.gaps[i].cause,
							 ns_clock_now(), NULL);
	ns_graph_release(&gaps);
}

/* Sets that are made anew take their elements and figures with them: bring those home first. That must not keep the new
 * rules out, so what cannot be read is a gap. */
static void bring_home(struct ns_attachment *attachment, const struct wish *wish)
{
	struct ns_error err = NS_ERROR_INIT;
	enum ns_mode old = attachment->mode;

	if (old == NS_MODE_INVALID && !attachment->adopted)
		return;
	if (old == NS_MODE_INVALID)
		attachment->mode =
			wish->workload.mode; /* which of the two kinds of deny it was is not told by the table */
	if (ns_attachment_harvest(attachment, &err) < 0) {
		ns_log_error("%s: the last figures could not be read: %s", attachment->workload, err.text);
		ns_attachment_gap(attachment, attachment->applied ? attachment->applied : ns_clock_now(),
				  ns_clock_now(), "last figures unreadable");
	}
	attachment->mode = old;
}

/* New sets count from zero. */
static void forget_figures(struct ns_attachment *attachment)
{
	struct ns_error err = NS_ERROR_INIT;

	close_full_sets(attachment);
	ns_figures_release(&attachment->figures);
	if (ns_store_forget_counters(attachment->engine->store, attachment->endpoint->cookie, &err) < 0)
		ns_log_error("%s: old figures could not be forgotten: %s", attachment->workload, err.text);
}

/* Address changes leave the sets that packets add to as they are; everything else may make them anew. */
static bool sets_may_go(const struct ns_attachment *attachment, const struct wish *wish)
{
	return attachment->mode == NS_MODE_INVALID ||
	       ns_mode_learns(attachment->mode) != ns_mode_learns(wish->workload.mode) ||
	       attachment->learn_set_size != attachment->engine->config.learn_set_size;
}

static void record_cut(const struct ns_attachment *attachment, const struct ns_cut_result *result)
{
	struct ns_actor actor = { .uid = (int64_t)getuid(), .user = "nanosegd", .pid = (int64_t)getpid() };
	struct ns_error err = NS_ERROR_INIT;
	NS_JSON json_t *detail =
		json_pack("{s:I s:I s:I s:I s:I}", "cookie", (json_int_t)attachment->endpoint->cookie, "revision",
			  (json_int_t)attachment->revision, "connections", (json_int_t)result->connections, "sockets",
			  (json_int_t)result->sockets, "kept", (json_int_t)result->kept);

	ns_log_info("%s (cookie %llu): %u connections and %u sockets cut that the policy does not allow",
		    attachment->workload, (unsigned long long)attachment->endpoint->cookie, result->connections,
		    result->sockets);
	if (ns_store_audit(attachment->engine->store, "cut", attachment->workload, detail, &actor, ns_clock_now(),
			   &err) < 0)
		ns_log_error("%s: the cut could not be written to the audit log: %s", attachment->workload, err.text);
}

/* The addresses that it has, and those that it had under its locks: when a runtime takes them away one after the other,
 * at a container's end, its own connections do not become somebody else's. */
static size_t own_addresses(const struct ns_attachment *attachment, struct ns_prefix *ret)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;
	const struct ns_own *own = &attachment->outer.own;
	size_t n = 0;

	for (size_t i = 0; i < endpoint->n_addresses; i++)
		ret[n++] = endpoint->addresses[i];
	for (size_t i = 0; i < own->n_known; i++)
		ret[n++] = (struct ns_prefix){ .addr = own->known[i],
					       .length = own->known[i].family == AF_INET ? 32 : 128 };
	return n;
}

/* Open connections must not outlive the rules that allowed them. Only with the plan in force: what is cut cannot come
 * back then. */
static int cut(struct ns_attachment *attachment, const struct wish *wish, struct ns_error *err)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;
	struct ns_prefix own[2 * NS_ENDPOINT_ADDRESSES_MAX];
	struct ns_cut_result result = { 0 };
	NS_CLEANUP(ns_member_cut_release) struct ns_member_cut shared = { 0 };
	bool alone = !ns_endpoint_is_member(endpoint) && !ns_members_any(attachment);
	NS_CLOSE int fd = ns_watch_open_netns(attachment->engine->watch, endpoint, err);
	int r = fd < 0 || alone ? fd : ns_member_cut_open(attachment, &shared, err);

	if (r >= 0)
		r = ns_cut(fd, &wish->plan, own, own_addresses(attachment, own), alone ? NULL : &shared.view, &result,
			   err);

	attachment->cut.connections += result.connections;
	attachment->cut.sockets += result.sockets;
	attachment->cut.kept += result.kept;
	if (r < 0 && !ns_words_are(attachment->cut_failure, err->text))
		ns_log_error("%s (cookie %llu): open connections could not all be cut: %s", attachment->workload,
			     (unsigned long long)endpoint->cookie, err->text);
	ns_words_set(&attachment->cut_failure, r < 0 ? err->text : NULL);
	if (result.connections || result.sockets)
		record_cut(attachment, &result);
	/* What this kernel cannot do it cannot do in a second either; the rest is tried again. */
	attachment->cut_due = r < 0 && r != -EOPNOTSUPP;
	if (attachment->cut_due)
		ns_engine_arm_retry(attachment->engine); /* not every caller does */
	return attachment->cut_due ? r : 0;
}

/* Whether the plan may forbid what was allowed before it. `drifted`: it was in force, and somebody else changed it. */
static bool tightens(const struct ns_attachment *attachment, const struct wish *wish,
		     const struct ns_lock_result *result, bool drifted)
{
	if (wish->workload.mode != NS_MODE_ENFORCING || attachment->endpoint->n_addresses == 0)
		return false; /* without an address it has no connection, and its entries could not be told apart */
	if (attachment->cut_due)
		return true;
	if (attachment->mode == NS_MODE_INVALID && attachment->adopted)
		return true; /* whoever put it there may not have come to the cut */
	if (attachment->mode == NS_MODE_INVALID && !attachment->endpoint->joined_late)
		return false; /* born closed */
	return attachment->mode != NS_MODE_ENFORCING || attachment->revision != wish->workload.active_revision ||
	       result->elements_removed > 0 || drifted;
}

/* A table from before this daemon that holds what is wanted is not touched; one that is neither that nor as it was left
 * has been changed, and is put right. */
static bool is_there_already(struct ns_attachment *attachment, const struct wish *wish, struct ns_lock_result *ret)
{
	char found[NS_DIGEST_TEXT_MAX];
	int r;

	if (!attachment->adopted || attachment->mode != NS_MODE_INVALID)
		return false;
	r = ns_lock_confirm(attachment->lock, &wish->plan, ret, found, NULL);
	/* Between a commit and its record it was its own agent, which nobody can tell from others by what is left. */
	if (r == 0 && attachment->left[0] && strcmp(attachment->left, found) != 0)
		ns_drifted_repaired(
			attachment, "inner",
			"it was changed while no agent ran, or by one that was killed before it recorded it");
	if (r >= 0)
		attachment->left[0] = '\0'; /* it is told once */
	return r > 0;
}

/* It has followed addresses that moved, and what it holds since then is as planned: it was read back. */
static bool has_followed(struct ns_attachment *attachment, const struct wish *wish, struct ns_lock_result *ret)
{
	return attachment->behind && !attachment->dirty && !attachment->failure &&
	       attachment->mode == wish->workload.mode && attachment->revision == wish->workload.active_revision &&
	       ns_shift_settle(attachment->lock, &wish->plan, ret, NULL) > 0;
}

static int apply_inner(struct ns_attachment *attachment, struct wish *wish, bool forced, struct ns_error *err)
{
	struct ns_lock_result result = { 0 };
	bool as_left = strcmp(wish->digest, attachment->plan_digest) == 0 && !attachment->behind, leaving, tighter,
	     drifted;
	int r;

	if (wish->workload.mode != NS_MODE_ENFORCING)
		attachment->cut_due = false; /* nothing is forbidden any more */
	if (!forced && !attachment->failure && !attachment->cut_due && as_left) {
		attachment->mode = wish->workload.mode; /* learning, proposed and approved are one plan */
		attachment->revision = wish->workload.active_revision;
		tell_lateness(attachment);
		return 0;
	}
	leaving = sets_may_go(attachment, wish);
	if (!(!forced && has_followed(attachment, wish, &result)) && !is_there_already(attachment, wish, &result)) {
		if (leaving)
			bring_home(attachment, wish);
		r = !forced && !attachment->failure && ns_lock_adjust(attachment->lock, &wish->plan, &result) > 0
			    ? 0
			    : ns_lock_apply(attachment->lock, &wish->plan, &result, err);
		if (r < 0)
			return r;
	}
	drifted = as_left && ns_drifted_found(&result);
	if (drifted)
		ns_drifted_repaired(attachment, "inner", result.before);
	if (leaving && result.sets_changed)
		forget_figures(attachment);
	result.elements_removed += attachment->removed;
	tighter = tightens(attachment, wish, &result, drifted);
	attachment->removed = 0;
	record_success(attachment, wish, &result);
	return tighter;
}

/* From here on the kernel may hold something of either policy; and once all is in, only of the one. */
static void try(struct ns_attachment *attachment, struct wish *wish)
{
	(void)ns_policies_put(&attachment->engine->policies, attachment->trying);
	attachment->trying = NS_TAKE(wish->loaded);
}

static void settle(struct ns_attachment *attachment)
{
	(void)ns_policies_put(&attachment->engine->policies, attachment->policy);
	attachment->policy = NS_TAKE(attachment->trying);
}

/* Both locks, the inner one first: what it refuses can be told by program and is logged. One that cannot go in does not
 * keep the other out. The inner lock's failure is recorded here, the outer lock keeps its own. */
static int apply(struct ns_attachment *attachment, struct ns_error *err)
{
	NS_CLEANUP(wish_release) struct wish wish = { 0 };
	struct ns_error inner = NS_ERROR_INIT;
	bool forced = attachment->recheck, follows = attachment->behind && !attachment->dirty;
	int r = make_wish(attachment, &wish, &inner), outer = 0;

	if (r == 0) {
		try(attachment, &wish);
		r = apply_inner(attachment, &wish, forced, &inner);
		outer = ns_outer_apply(attachment, &wish.outer, forced, err);
		if (r >= 0 && outer == 0)
			settle(attachment);
	}
	if (r > 0) {
		/* A link that waits for these rules need not wait for the cut. None waits for those that were there. */
		attachment->dirty = outer < 0;
		if (!attachment->engine->starting && !follows)
			(void)ns_gate_update(attachment->engine, NULL);
		r = cut(attachment, &wish, &inner);
		if (r < 0)
			return ns_error_set(err, r, "%s", inner.text);
	}
	if (r < 0) {
		record_failure(attachment, &inner);
		return ns_error_set(err, r, "%s", inner.text);
	}
	if (outer == 0)
		attachment->recheck = attachment->behind = false;
	return outer;
}

/* A member: its own table, and then what follows from it for the namespace it is in. */
static int apply_member(struct ns_attachment *member, struct ns_error *err)
{
	char before[sizeof member->plan_digest];
	struct ns_attachment *base = ns_member_base(member);
	int r;

	if (member->missing && member->split)
		ns_drifted_repaired(member, "inner", NS_DRIFTED_TAKEN);
	member->missing = false;
	if (!member->split) {
		r = ns_member_unite(member, err);
		if (r == 0)
			r = ns_member_check(member, err);
		if (r < 0)
			record_failure(member, err);
		else
			ns_words_set(&member->failure, NULL);
		return r;
	}
	memcpy(before, member->plan_digest, sizeof before);
	r = apply(member, err);
	if (r < 0 || !base)
		return r;
	if (strcmp(before, member->plan_digest) == 0 && ns_member_is_left_out(base, member))
		return 0;
	return ns_member_settle(member, err);
}

int ns_attachment_reconcile(struct ns_attachment *attachment, struct ns_error *err)
{
	struct ns_error local = NS_ERROR_INIT;
	int r;

	if (attachment->engine->config.only_remove)
		return 0;
	if (attachment->edition)
		attachment->dirty = true; /* before it has followed */
	ns_follow_drop(attachment);
	if (ns_attachment_awaits_name(attachment)) {
		attachment->dirty = false;
		return 0;
	}
	if (must_wait(attachment)) {
		r = ns_error_set(
			&local, -EAGAIN,
			"the rules found in this namespace stay as they are until its runtime tells whose it is");
		record_failure(attachment, &local);
	} else if (ns_endpoint_is_member(attachment->endpoint)) {
		r = apply_member(attachment, &local);
	} else {
		r = apply(attachment, &local);
	}
	if (r < 0) {
		if (err)
			*err = local;
		return r;
	}
	attachment->dirty = false;
	/* By a book that is not the newest its rules may still name what has moved. */
	if (!attachment->engine->book_dirty)
		ns_affected_done(attachment);
	return 0;
}
