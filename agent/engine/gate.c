/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "attachment.h"
#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "gate_ports.h"
#include "log.h"

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	ns_engine_schedule(ctx);
	return 0;
}

int ns_gate_open(struct ns_engine *engine, struct ns_error *err)
{
	struct ns_gate *gate = &engine->gate;
	int r = ns_lock_open_on(engine->host, NFPROTO_NETDEV, NS_GATE_TABLE, &gate->lock, err);

	if (r < 0)
		return r;
	r = sd_event_add_time_relative(engine->event, &gate->timer, CLOCK_MONOTONIC, 0, 0, on_timer, engine);
	if (r >= 0)
		r = sd_event_source_set_enabled(gate->timer, SD_EVENT_OFF);
	return r < 0 ? ns_error_set(err, r, "cannot add to the event loop: %s", strerror(-r)) : 0;
}

void ns_gate_close(struct ns_engine *engine)
{
	struct ns_gate *gate = &engine->gate;

	gate->lock = ns_lock_close(gate->lock);
	gate->timer = sd_event_source_disable_unref(gate->timer);
	for (size_t i = 0; i < gate->n_ports; i++)
		ns_words_set(&gate->ports[i].why, NULL);
	free(gate->ports);
	gate->ports = NULL;
	gate->n_ports = gate->allocated = 0;
}

static struct ns_port_name *list_ports(const struct ns_gate *gate, bool open, size_t max, size_t *ret_n)
{
	struct ns_port_name *list = calloc(gate->n_ports + 1, sizeof *list);
	size_t n = 0;

	for (size_t i = 0; list && i < gate->n_ports && n < max; i++)
		if (gate->ports[i].wanted == open)
			list[n++] = gate->ports[i].port;
	*ret_n = n;
	return list;
}

static bool wants_standing(const struct ns_engine *engine)
{
	return engine->gate.wants_standing && engine->features.device_wildcards && engine->config.n_gate > 0 &&
	       !engine->config.gate_never_stands;
}

static int compile(struct ns_engine *engine, struct ns_plan *ret, struct ns_error *err)
{
	struct ns_gate *gate = &engine->gate;
	NS_FREE struct ns_port_name *open = NULL, *closed = NULL;
	const char *patterns[NS_GATE_PATTERNS_MAX];
	struct ns_gate_options options = {
		.standing = wants_standing(engine),
		.patterns = patterns,
		.n_patterns = engine->config.n_gate,
		.egress_hook = engine->features.netdev_egress,
	};

	for (size_t i = 0; i < engine->config.n_gate; i++)
		patterns[i] = engine->config.gate[i];
	options.open = open = list_ports(gate, true, SIZE_MAX, &options.n_open);
	options.closed = closed = list_ports(gate, false, NS_GATE_CLOSED_MAX, &options.n_closed);
	if (!open || !closed)
		return ns_error_set(err, -ENOMEM, "out of memory for the gate");
	return ns_compile_gate(&options, ret, err);
}

/* Of links that are closed one by one those beyond the bound are open, and that is a failure until fewer are to be
 * closed; they go on being taken for closed, so that they are when there is room. */
static int note_open(struct ns_gate *gate, struct ns_error *err)
{
	size_t closed = 0;

	for (size_t i = 0; i < gate->n_ports; i++) {
		gate->ports[i].open = gate->ports[i].wanted;
		closed += !gate->ports[i].wanted;
	}
	if (gate->standing || closed <= NS_GATE_CLOSED_MAX)
		return 0;
	return ns_error_set(err, -E2BIG,
			    "%zu links are to be closed one by one, and %d are: the newest of them are open", closed,
			    NS_GATE_CLOSED_MAX);
}

static int apply(struct ns_engine *engine, struct ns_error *err)
{
	struct ns_gate *gate = &engine->gate;
	NS_CLEANUP(ns_plan_release) struct ns_plan plan = NS_PLAN_INIT;
	struct ns_lock_result result = { 0 };
	bool standing = wants_standing(engine), as_before = !gate->dirty && gate->standing == standing;
	int r;

	if (as_before && !gate->recheck && !gate->failure[0])
		return 0;
	r = compile(engine, &plan, err);
	/* With nothing to close there is no table to be had. */
	if (r == 0)
		r = plan.n_chains ? ns_lock_apply(gate->lock, &plan, &result, err) : ns_lock_remove(gate->lock, err);
	if (r < 0)
		return r;
	if (as_before && gate->recheck && ns_drifted_found(&result))
		ns_engine_host_drifted(engine, NS_GATE_TABLE, result.before[0] ? result.before : "the table was gone");
	gate->standing = standing;
	gate->recheck = gate->dirty = false;
	return note_open(gate, err);
}

int ns_gate_update(struct ns_engine *engine, struct ns_error *err)
{
	struct ns_gate *gate = &engine->gate;
	struct ns_error local = NS_ERROR_INIT;
	int64_t wait;
	int r;

	if (!gate->lock || !engine->watch)
		return 0;
	r = ns_gate_judge(engine, &wait, &local);
	if (r == 0)
		r = apply(engine, &local);
	if (wait > 0) {
		(void)sd_event_source_set_time_relative(gate->timer, (uint64_t)wait);
		(void)sd_event_source_set_enabled(gate->timer, SD_EVENT_ONESHOT);
	}
	if (r == 0) {
		gate->failure[0] = '\0';
		return 0;
	}
	if (strcmp(gate->failure, local.text) != 0)
		ns_log_error("the gate is not as wanted: %s", local.text);
	(void)snprintf(gate->failure, sizeof gate->failure, "%s", local.text);
	ns_engine_arm_retry(engine);
	return ns_error_set(err, r, "gate: %s", local.text);
}

int ns_gate_difference(struct ns_engine *engine, char **ret, struct ns_error *err)
{
	struct ns_gate *gate = &engine->gate;
	NS_CLEANUP(ns_plan_release) struct ns_plan wanted = NS_PLAN_INIT, found = NS_PLAN_INIT;
	int r = compile(engine, &wanted, err);

	if (r == 0)
		r = ns_lock_read(gate->lock, &found, err);
	if (r == -ENOENT && wanted.n_chains == 0) {
		*ret = strdup("");
		return *ret ? 0 : -ENOMEM;
	}
	return r < 0 ? r : ns_plan_difference(&wanted, &found, 50, ret, err);
}

bool ns_gate_is_open_for(const struct ns_engine *engine, uint64_t cookie, size_t *ret_n_ports, const char **ret_why)
{
	size_t n;
	const struct ns_port *ports = ns_watch_ports(engine->watch, &n);
	bool open = true;

	*ret_n_ports = 0;
	*ret_why = "";
	for (size_t i = 0; i < n; i++) {
		const struct ns_gate_port *port;

		if (ports[i].far != NS_PORT_ENDPOINT || ports[i].cookie != cookie)
			continue;
		++*ret_n_ports;
		port = ns_gate_find(&engine->gate, ports[i].index);
		if (port && !port->open) {
			open = false;
			*ret_why = port->why ? port->why : "";
		}
	}
	return open;
}

json_t *ns_gate_json(const struct ns_engine *engine)
{
	const struct ns_gate *gate = &engine->gate;
	json_t *closed = json_array(), *unmanaged = json_array(), *state;

	for (size_t i = 0; i < gate->n_ports; i++) {
		if (!gate->ports[i].open)
			json_array_append_new(closed, json_pack("{s:s s:s}", "port", gate->ports[i].port.name, "why",
								gate->ports[i].why ? gate->ports[i].why : ""));
		else if (gate->ports[i].unmanaged)
			json_array_append_new(unmanaged, json_string(gate->ports[i].port.name));
	}
	if (!gate->lock || engine->config.n_gate == 0)
		state = json_string(gate->lock ? "off: no link names are configured" : engine->host_failure);
	else if (gate->failure[0])
		state = json_sprintf("failed: %s", gate->failure);
	else
		state = json_string(gate->standing ? "standing" : "on events");
	return json_pack("{s:o s:o s:o}", "state", state, "closed", closed, "unmanaged", unmanaged);
}
