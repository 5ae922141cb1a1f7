/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attachment.h"
#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "gate_ports.h"
#include "log.h"
#include "netns.h"

bool ns_mode_learns(enum ns_mode mode)
{
	return mode == NS_MODE_LEARNING || mode == NS_MODE_PROPOSED || mode == NS_MODE_APPROVED;
}

bool ns_mode_in_force(enum ns_mode mode)
{
	return mode == NS_MODE_AUDITING || mode == NS_MODE_ENFORCING;
}

bool ns_attachment_audits(const struct ns_attachment *attachment, enum ns_mode mode)
{
	return (mode == NS_MODE_INVALID ? attachment->found_mode : mode) == NS_MODE_AUDITING;
}

bool ns_cause_is_full_set(const char *cause)
{
	return strncmp(cause, "set full", strlen("set full")) == 0;
}

size_t ns_attachment_links(const struct ns_attachment *attachment, struct ns_prefix *ret, size_t max)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;
	size_t n = 0;

	for (size_t i = 0; i < endpoint->n_addresses && n < max; i++)
		ret[n++] = ns_prefix_of(&endpoint->addresses[i].addr, endpoint->addresses[i].length);
	return n;
}

void ns_attachment_gap(struct ns_attachment *attachment, int64_t from, int64_t to, const char *cause)
{
	struct ns_store *store = attachment->engine->store;
	struct ns_error err = NS_ERROR_INIT;

	if (ns_store_open_gap(store, attachment->workload, from, cause, &err) < 0 ||
	    (to && ns_store_close_gap(store, attachment->workload, cause, to, &err) < 0))
		ns_log_error("%s: a gap (%s) could not be recorded: %s", attachment->workload, cause, err.text);
}

/* One reader a group in a namespace, so everybody who shares it has one of his own; the same one after a restart, or
 * the rules would have to be made anew. */
static uint16_t choose_nflog_group(const struct ns_attachment *attachment)
{
	struct ns_engine *engine = attachment->engine;
	const struct ns_endpoint *endpoint = attachment->endpoint;
	unsigned first = (unsigned)(endpoint->member.cgroup % NS_MEMBERS_MAX);

	if (!ns_endpoint_is_member(endpoint))
		return NS_NFLOG_GROUP;
	for (unsigned i = 0; i < NS_MEMBERS_MAX; i++) {
		uint16_t group = (uint16_t)(NS_NFLOG_GROUP + 1 + (first + i) % NS_MEMBERS_MAX);
		bool taken = false;

		NS_FOREACH_MEMBER(engine, member)
		taken = taken ||
			(member->nflog_group == group && member->endpoint->netns_cookie == endpoint->netns_cookie);
		if (!taken)
			return group;
	}
	return 0;
}

static void inner_table(const struct ns_endpoint *endpoint, char ret[static NS_NFT_NAME_MAX])
{
	if (ns_endpoint_is_member(endpoint))
		ns_member_table_name(endpoint->member.cgroup, ret);
	else
		memcpy(ret, NS_TABLE_NAME, sizeof NS_TABLE_NAME);
}

static void observed(void *ctx, struct ns_endpoint *endpoint, const struct ns_observation *observation)
{
	ns_engine_enqueue(ctx, endpoint, observation);
}

static void gap(void *ctx, struct ns_endpoint *endpoint, int64_t time, const char *cause)
{
	struct ns_attachment *attachment = ns_attachment_of(endpoint);

	if (!attachment)
		return;
	ns_log_warning("%s: the learning window has a gap: %s", attachment->workload, cause);
	/* A lost log message loses no edge (the next harvest has it), a full set does until it is made anew. */
	ns_attachment_gap(attachment, time, ns_cause_is_full_set(cause) ? 0 : ns_clock_now(), cause);
}

static int load_figure(void *ctx, const struct ns_counter_base *base)
{
	uint64_t packets, bytes;
	bool is_new;

	return ns_figures_advance(ctx, &base->tuple, base->deny, base->packets, base->bytes, &packets, &bytes, &is_new);
}

int ns_attachment_load_figures(struct ns_attachment *attachment, struct ns_error *err)
{
	return ns_store_list_counters(attachment->engine->store, attachment->endpoint->cookie, load_figure,
				      &attachment->figures, err);
}

static int record_existing(void *ctx, const struct ns_observation *observation)
{
	struct ns_attachment *attachment = ctx;

	ns_engine_enqueue(attachment->engine, attachment->endpoint, observation);
	return 0;
}

/* What was going on before there was a table: open connections and served ports, which no first packet will show. */
static void read_existing(struct ns_attachment *attachment)
{
	struct ns_error err = NS_ERROR_INIT;
	uint16_t served[NS_UDP_SERVED_MAX];
	int n = ns_learner_existing(attachment->learner, record_existing, attachment, served, NS_UDP_SERVED_MAX, &err);

	if (n < 0) {
		ns_log_warning("%s: connections older than the agent could not be read: %s", attachment->workload,
			       err.text);
		ns_attachment_gap(attachment, attachment->endpoint->since, ns_clock_now(),
				  "older connections unreadable");
		return;
	}
	if (n == 0)
		return;
	attachment->udp_served = calloc((size_t)n, sizeof *attachment->udp_served);
	if (!attachment->udp_served) {
		ns_log_warning("%s: out of memory for its UDP servers", attachment->workload);
		return;
	}
	memcpy(attachment->udp_served, served, (size_t)n * sizeof *served);
	attachment->n_udp_served = (size_t)n;
}

/* The name that is all there is to go by: rules in force under it are put in force, since whoever waits for them has
 * begun. Labels may name another workload, so nothing is learned, and thereby opened, under the name alone. */
static bool takes_name_alone(const struct ns_attachment *attachment)
{
	struct ns_workload workload;

	return attachment->endpoint->name_only &&
	       ns_store_get_workload(attachment->engine->store, attachment->endpoint->workload, &workload, NULL) == 0 &&
	       ns_mode_in_force(workload.mode);
}

/* The store's word for this namespace counts when the runtime has not spoken yet, and when rules are in force under it:
 * a name that a path or an engine gives later must not open what is closed. */
static void choose_workload(struct ns_attachment *attachment)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;
	struct ns_store *store = attachment->engine->store;
	char stored[NS_WORKLOAD_MAX];
	struct ns_workload workload;

	(void)snprintf(attachment->workload, sizeof attachment->workload, "%s", endpoint->workload);
	attachment->identified = !endpoint->provisional || takes_name_alone(attachment);
	if (ns_store_endpoint_workload(store, endpoint->cookie, stored, NULL) < 0)
		return;
	if (!endpoint->provisional &&
	    (ns_store_get_workload(store, stored, &workload, NULL) < 0 || ns_mode_learns(workload.mode)))
		return;
	(void)snprintf(attachment->workload, sizeof attachment->workload, "%s", stored);
	attachment->identified = true;
	if (!endpoint->provisional)
		ns_attachment_rename(attachment);
}

/* Whether taking the name would replace rules in force by a learning table. */
static bool would_open(const struct ns_attachment *attachment, const char *name)
{
	struct ns_store *store = attachment->engine->store;
	struct ns_workload old, new;

	if (!attachment->identified || ns_store_get_workload(store, attachment->workload, &old, NULL) < 0 ||
	    ns_mode_learns(old.mode))
		return false;
	return ns_store_get_workload(store, name, &new, NULL) < 0 || ns_mode_learns(new.mode);
}

void ns_attachment_rename(struct ns_attachment *attachment)
{
	const char *name = attachment->endpoint->workload;
	struct ns_error err = NS_ERROR_INIT;

	if (attachment->endpoint->provisional && (attachment->identified || !takes_name_alone(attachment)))
		return;
	if (attachment->identified && strcmp(attachment->workload, name) == 0) {
		ns_words_set(&attachment->renamed, NULL);
		return;
	}
	if (would_open(attachment, name)) {
		if (!ns_words_are(attachment->renamed, name))
			ns_log_warning("%s is called %s now; its rules stay until that name has rules of its own",
				       attachment->workload, name);
		ns_words_set(&attachment->renamed, name);
		return;
	}
	ns_log_info("%s is %s", attachment->workload, name);
	/* What the kernel remembers of this namespace belongs to the new name as well: count it from the beginning. */
	if (attachment->identified && ns_attachment_harvest(attachment, &err) < 0)
		ns_log_warning("%s: the last figures could not be read: %s", attachment->workload, err.text);
	ns_figures_release(&attachment->figures);
	(void)ns_store_forget_counters(attachment->engine->store, attachment->endpoint->cookie, NULL);
	(void)snprintf(attachment->workload, sizeof attachment->workload, "%s", name);
	ns_words_set(&attachment->renamed, NULL);
	/* What stood in for its rules while it had no name let nothing out: there is nothing to take home or to cut. */
	if (!attachment->identified && !attachment->adopted &&
	    ns_gate_is_closed_for(attachment->engine, attachment->endpoint))
		attachment->mode = NS_MODE_INVALID;
	if (attachment->identified)
		attachment->heard_from = ns_clock_now();
	attachment->identified = true;
	attachment->dirty = true;
	ns_members_review(attachment->engine, attachment->endpoint->netns_cookie);
	ns_engine_store_endpoint(attachment->engine, attachment, 0);
}

bool ns_attachment_awaits_name(const struct ns_attachment *attachment)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;
	const struct ns_engine *engine = attachment->engine;

	if (attachment->identified || attachment->adopted || attachment->mode != NS_MODE_INVALID ||
	    ns_endpoint_is_member(endpoint) || endpoint->joined_late || engine->starting || !engine->gate.standing ||
	    engine->gate.failure[0])
		return false;
	return endpoint->n_interfaces == 0 || ns_gate_is_closed_for(engine, endpoint);
}

/* Whether the namespace has our table already, from before this daemon, and what was left in it then. What it holds is
 * read when its turn comes: until then it stays as it is. */
static void recall(struct ns_attachment *attachment)
{
	struct ns_workload workload;

	/* One that cannot be read is there as well, and all the more not to be replaced unseen. */
	attachment->adopted = ns_lock_look(attachment->lock, NULL) != -ENOENT;
	attachment->was_here = ns_store_last_plan_digest(attachment->engine->store, attachment->endpoint->cookie,
							 attachment->left, NULL) == 0;
	attachment->unread = attachment->adopted || attachment->was_here;
	if (!attachment->was_here)
		attachment->left[0] = '\0';
	else if (!attachment->adopted && ns_endpoint_is_member(attachment->endpoint))
		attachment->missing = true; /* it may be without by our own doing: told when it is to have one */
	else if (!attachment->adopted)
		ns_drifted_repaired(attachment, "inner", NS_DRIFTED_TAKEN);
	if (attachment->adopted &&
	    ns_store_get_workload(attachment->engine->store, attachment->workload, &workload, NULL) == 0)
		attachment->found_mode = workload.mode;
	if (attachment->adopted && !ns_endpoint_is_member(attachment->endpoint))
		ns_members_recall(attachment);
}

void ns_attachment_listen(struct ns_attachment *attachment, int netns_fd)
{
	static const struct ns_learner_events events = { observed, gap };
	struct ns_error err = NS_ERROR_INIT;
	char table[NS_NFT_NAME_MAX];

	if (attachment->learner)
		return;
	inner_table(attachment->endpoint, table);
	if (ns_learner_open(attachment->engine->event, attachment->endpoint, netns_fd, table, attachment->nflog_group,
			    &events, attachment->engine, &attachment->learner, &err) == 0) {
		ns_words_set(&attachment->learn_failure, NULL);
		(void)ns_store_close_gap(attachment->engine->store, attachment->workload, "not listening",
					 ns_clock_now(), NULL);
		return;
	}
	if (attachment->learn_failure)
		return; /* said before, and the gap is open */
	ns_words_set(&attachment->learn_failure, err.text);
	ns_log_error("%s: nothing can be learned from this namespace: %s", attachment->workload, err.text);
	ns_attachment_gap(attachment, ns_clock_now(), 0, "not listening");
}

NS_DEFINE_CLEANUP(struct ns_attachment *, ns_attachment_free)

static int open_lock(struct ns_attachment *attachment, int netns_fd, struct ns_error *err)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;
	char table[NS_NFT_NAME_MAX];
	int r = ns_engine_open_nft(attachment->engine, netns_fd, endpoint->cookie, endpoint->netns_cookie,
				   &attachment->nft, err);

	inner_table(endpoint, table);
	if (r == 0)
		r = ns_lock_open_on(attachment->nft, NFPROTO_INET, table, &attachment->lock, err);
	if (r == 0 && !ns_endpoint_is_member(endpoint))
		r = ns_outer_open(attachment, err);
	return r;
}

int ns_attachment_open(struct ns_engine *engine, struct ns_endpoint *endpoint, int netns_fd, struct ns_attachment **ret,
		       struct ns_error *err)
{
	NS_CLEANUP(ns_attachment_freep) struct ns_attachment *attachment = calloc(1, sizeof *attachment);
	int r;

	if (!attachment)
		return ns_error_set(err, -ENOMEM, "out of memory for endpoint %s", endpoint->workload);
	attachment->engine = engine;
	attachment->endpoint = endpoint;
	attachment->attached = attachment->outer.own.changed = ns_clock_elapsed();
	attachment->heard_from = ns_clock_now();
	attachment->nflog_group = choose_nflog_group(attachment);
	if (!attachment->nflog_group)
		return ns_error_set(err, -ENOSPC, "more than %d containers share one network namespace",
				    NS_MEMBERS_MAX);
	choose_workload(attachment);
	r = open_lock(attachment, netns_fd, err);
	if (r < 0)
		return r;
	ns_drifted_open(attachment, netns_fd);
	ns_attachment_listen(attachment, netns_fd);
	r = ns_attachment_load_figures(attachment, err);
	if (r < 0)
		return r;
	recall(attachment);
	if (ns_endpoint_is_member(endpoint)) {
		r = ns_members_add(engine, attachment, err);
		if (r < 0)
			return r;
	}
	r = ns_engine_index(engine, attachment, err);
	if (r < 0)
		return r;
	if (!attachment->adopted && attachment->learner && ns_netns_may_have_sockets(netns_fd))
		read_existing(attachment);
	attachment->dirty = true;
	*ret = NS_TAKE(attachment);
	return 0;
}

struct ns_attachment *ns_attachment_free(struct ns_attachment *attachment)
{
	if (!attachment)
		return NULL;
	ns_follow_drop(attachment);
	ns_members_remove(attachment->engine, attachment);
	ns_engine_unindex(attachment->engine, attachment);
	attachment->learner = ns_learner_close(attachment->learner);
	ns_drifted_close(attachment);
	ns_outer_close(&attachment->outer);
	attachment->lock = ns_lock_close(attachment->lock);
	attachment->nft = ns_nft_close(attachment->nft);
	ns_figures_release(&attachment->figures);
	ns_recent_clear(&attachment->recent);
	ns_members_clear(&attachment->members);
	free(attachment->drifted.words);
	ns_words_set(&attachment->cut_failure, NULL);
	ns_words_set(&attachment->learn_failure, NULL);
	ns_words_set(&attachment->failure, NULL);
	ns_words_set(&attachment->renamed, NULL);
	free(attachment->udp_served);
	attachment->policy = ns_policies_put(&attachment->engine->policies, attachment->policy);
	attachment->trying = ns_policies_put(&attachment->engine->policies, attachment->trying);
	free(attachment);
	return NULL;
}
