/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine's state as JSON: endpoints and status.
 */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "fdstore.h"
#include "json.h"
#include "unprotected.h"

static json_t *addresses(const struct ns_endpoint *endpoint)
{
	char text[NS_ADDR_TEXT_MAX];
	json_t *array = json_array();

	for (size_t i = 0; i < endpoint->n_addresses; i++)
		json_array_append_new(array, json_string(ns_addr_format(&endpoint->addresses[i].addr, text)));
	return array;
}

static json_t *interfaces(const struct ns_endpoint *endpoint)
{
	json_t *array = json_array();

	for (size_t i = 0; i < endpoint->n_interfaces; i++)
		json_array_append_new(array, json_string(endpoint->interfaces[i].name));
	return array;
}

/* What every reader of the endpoint should know: the watcher's findings, and the lock's. */
static json_t *findings(const struct ns_endpoint *endpoint, const struct ns_attachment *attachment,
			const struct ns_outer_tally *tally)
{
	const struct ns_outer_refused *refused = attachment ? ns_outer_refused(tally, attachment) : NULL;
	json_t *array = json_array();

	for (size_t i = 0; i < endpoint->n_findings; i++)
		json_array_append_new(array, json_string(endpoint->findings[i]));
	if (attachment && attachment->disputed)
		json_array_append_new(array,
				      json_sprintf("%zu of its addresses are not believed to be its own (%s): another "
						   "endpoint or the host has them too",
						   attachment->disputed, attachment->disputed_first));
	if (attachment && attachment->outer.own.strangers)
		json_array_append_new(array,
				      json_sprintf("%zu of its addresses came after its link was locked (%s), "
						   "and it may not send from them",
						   attachment->outer.own.strangers, attachment->outer.own.stranger));
	if (refused)
		json_array_append_new(
			array, json_sprintf("outer lock: it refused %llu packets with another's source, %llu in "
					    "ARP or neighbour discovery, %llu that are no IP",
					    (unsigned long long)refused->source, (unsigned long long)refused->link,
					    (unsigned long long)refused->frame));
	if (attachment && attachment->cut_failure)
		json_array_append_new(
			array, json_sprintf("open connections could not all be cut: %s", attachment->cut_failure));
	if (attachment && ns_drifted_said(&attachment->drifted)->failure[0])
		json_array_append_new(array, json_sprintf("changes of its rules by others are not noticed: %s",
							  ns_drifted_said(&attachment->drifted)->failure));
	if (attachment && attachment->learn_failure)
		json_array_append_new(array, json_sprintf("not listening: %s", attachment->learn_failure));
	if (attachment && attachment->mode != NS_MODE_INVALID &&
	    ns_lock_protection(attachment->lock) == NS_LOCK_UNPROTECTED)
		json_array_append_new(array,
				      json_string("this kernel cannot own tables (6.9 and later can): root in the "
						  "container's network namespace with NET_ADMIN could change the "
						  "rules"));
	return array;
}

static json_t *inner(const struct ns_attachment *attachment)
{
	if (!attachment)
		return json_string("failed: its namespace cannot be entered");
	if (attachment->failure)
		return json_sprintf("failed: %s", attachment->failure);
	if (ns_member_is_judged_by_base(attachment))
		return json_sprintf(NS_INNER_SHARED "%s", ns_member_base(attachment)->workload);
	if (attachment->mode == NS_MODE_INVALID)
		return json_string("pending");
	return json_string(ns_mode_learns(attachment->mode) ? "learning" : ns_mode_format(attachment->mode));
}

static json_t *outer(const struct ns_engine *engine, const struct ns_attachment *attachment)
{
	if (!attachment)
		return json_string("failed: its namespace cannot be entered");
	if (!engine->host)
		return json_string(engine->host_failure);
	if (attachment->endpoint->host_netns)
		return json_string("none: it is on the host's own network");
	if (ns_endpoint_is_member(attachment->endpoint))
		return json_string("none: it shares that of its network namespace");
	if (ns_mode_in_force(attachment->mode) && attachment->members.outer_waits)
		return json_sprintf("none: %s shares the links and learns", attachment->members.outer_waits);
	if (attachment->outer.failure)
		return json_sprintf("failed: %s", attachment->outer.failure);
	if (attachment->outer.there && attachment->outer.mode != NS_MODE_INVALID)
		return json_string(ns_mode_format(attachment->outer.mode));
	if (attachment->outer.there)
		return json_string("pending");
	return json_string(ns_mode_in_force(attachment->mode) ? "none: no link of its ends on this host"
							      : "none: no policy is in force");
}

static json_t *gate(const struct ns_engine *engine, const struct ns_endpoint *endpoint)
{
	const char *why;
	size_t n;

	if (!engine->gate.lock)
		return json_string("none: there is no gate");
	if (endpoint->host_netns)
		return json_string("none: it is on the host's own network");
	if (!ns_gate_is_open_for(engine, endpoint->netns_cookie, &n, &why))
		return json_sprintf("closed: %s", why);
	return json_string(n ? "open" : "none: no link of its ends on this host");
}

static enum ns_mode wanted_mode(struct ns_engine *engine, const char *name)
{
	struct ns_workload workload;

	if (ns_store_get_workload(engine->store, name, &workload, NULL) < 0)
		return engine->config.default_mode;
	return workload.mode;
}

json_t *ns_engine_take_cuts(struct ns_engine *engine, const char *workload)
{
	struct ns_cut_result sum = { 0 };

	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment || strcmp(attachment->workload, workload) != 0)
			continue;
		sum.connections += attachment->cut.connections;
		sum.sockets += attachment->cut.sockets;
		sum.kept += attachment->cut.kept;
		attachment->cut = (struct ns_cut_result){ 0 };
	}
	return json_pack("{s:I s:I s:I}", "connections", (json_int_t)sum.connections, "sockets",
			 (json_int_t)sum.sockets, "kept", (json_int_t)sum.kept);
}

static json_t *endpoint_json(struct ns_engine *engine, const struct ns_endpoint *endpoint,
			     const struct ns_outer_tally *tally)
{
	const struct ns_attachment *attachment = ns_attachment_of(endpoint);
	const char *workload = attachment ? attachment->workload : endpoint->workload;

	json_t *json = json_pack("{s:I s:s s:s s:s s:s s:s s:s s:i s:o s:o s:s s:o s:o s:o s:o s:o s:o s:b}", "cookie",
				 (json_int_t)endpoint->cookie, "workload", workload, "runtime", endpoint->runtime,
				 "container_id", endpoint->container_id, "name", endpoint->name, "image",
				 endpoint->image, "image_digest", endpoint->image_digest, "pid", (int)endpoint->pid,
				 "addresses", addresses(endpoint), "interfaces", interfaces(endpoint), "mode",
				 ns_mode_format(wanted_mode(engine, workload)), "inner", inner(attachment), "outer",
				 outer(engine, attachment), "gate", gate(engine, endpoint), "drift",
				 attachment ? ns_drifted_json(attachment) : json_null(), "since",
				 ns_time_json(endpoint->since), "findings", findings(endpoint, attachment, tally),
				 "provisional", attachment ? !attachment->identified : endpoint->provisional);

	(void)json_object_set_new(json, "netns_cookie", json_integer((json_int_t)endpoint->netns_cookie));
	(void)json_object_set_new(json, "named_by", ns_json_text(endpoint->named_by));
	(void)json_object_set_new(json, "member", ns_member_json(attachment, endpoint));
	return json;
}

json_t *ns_engine_endpoints(struct ns_engine *engine, const char *workload)
{
	NS_CLEANUP(ns_outer_tally_release) struct ns_outer_tally tally;
	json_t *array = json_array();

	ns_outer_tally(engine, &tally);
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		const struct ns_attachment *attachment = ns_attachment_of(endpoint);
		const char *name = attachment ? attachment->workload : endpoint->workload;

		if (!workload || strcmp(name, workload) == 0)
			json_array_append_new(array, endpoint_json(engine, endpoint, &tally));
	}
	return array;
}

static const char *why_outside(const json_t *container)
{
	const char *why = json_string_value(json_object_get(container, "why"));

	return why && *why ? why : "it is on the host's own network, which is not segmented";
}

/* Containers on the host's own network that cannot be told from the host. */
static void add_outside(struct ns_engine *engine, json_t *array)
{
	json_t *outside = ns_watch_outside(engine->watch), *container;
	size_t i;

	json_array_foreach (outside, i, container) {
		json_array_append_new(array, json_pack("{s:O s:n s:O s:s s:s s:n}", "workload",
						       json_object_get(container, "workload"), "cookie", "container",
						       json_object_get(container, "container_id"), "why",
						       why_outside(container), "remedy",
						       "give it a network of its own (not --network host)", "since"));
	}
	json_decref(outside);
}

static int count_mode(void *ctx, const struct ns_workload *workload)
{
	const char *word = ns_mode_format(workload->mode);
	json_t *modes = ctx;

	return json_object_set_new(modes, word, json_integer(1 + json_integer_value(json_object_get(modes, word))));
}

static json_t *open_gaps(struct ns_engine *engine)
{
	struct ns_graph graph = NS_GRAPH_INIT;
	json_t *array = json_array();

	if (ns_store_load_gaps(engine->store, NULL, &graph, NULL) == 0)
		for (size_t i = 0; i < graph.n_gaps; i++)
			if (graph.gaps[i].to == 0)
				json_array_append_new(array,
						      json_pack("{s:s s:o s:n s:s}", "workload", graph.gaps[i].workload,
								"from", ns_time_json(graph.gaps[i].from), "to", "cause",
								graph.gaps[i].cause));
	ns_graph_release(&graph);
	return array;
}

static json_t *ownership(const struct ns_engine *engine)
{
	const char *why = "not started by systemd";

	if (!engine->features.owner_persist)
		return json_string("none: this kernel cannot own tables (6.9 and later can)");
	if (engine->config.fdstore && ns_fdstore_available(engine->config.fdstore, &why))
		return json_string("kept by systemd");
	return json_sprintf("has a gap while no agent runs: %s", why);
}

json_t *ns_engine_status(struct ns_engine *engine)
{
	json_t *modes = json_object(), *bare = json_array();
	size_t n = 0;

	(void)ns_store_list_workloads(engine->store, count_mode, modes, NULL);
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		n++;
		ns_unprotected_add(bare, endpoint);
	}
	add_outside(engine, bare);
	if (engine->host_failure[0])
		json_array_append_new(bare, json_pack("{s:s s:n s:s s:s s:s s:n}", "workload", "", "cookie",
						      "container", "", "why", engine->host_failure, "remedy",
						      "see 'nanoseg doctor', mend it and restart nanosegd", "since"));
	return json_pack("{s:I s:o s:o s:o s:o s:I s:o s:o}", "endpoints", (json_int_t)n, "modes", modes, "gaps",
			 open_gaps(engine), "unprotected", bare, "sources", ns_watch_status(engine->watch),
			 "lost_observations", (json_int_t)engine->lost_observations, "gate", ns_gate_json(engine),
			 "ownership", ownership(engine));
}
