/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attachment.h"
#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "gate_ports.h"

static size_t place(const struct ns_gate *gate, int index)
{
	size_t low = 0, high = gate->n_ports;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (gate->ports[middle].port.index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct ns_gate_port *ns_gate_find(const struct ns_gate *gate, int index)
{
	size_t i = place(gate, index);

	return i < gate->n_ports && gate->ports[i].port.index == index ? &gate->ports[i] : NULL;
}

static struct ns_gate_port *insert(struct ns_gate *gate, const struct ns_port *port, bool open)
{
	size_t at = place(gate, port->index);

	if (gate->n_ports == gate->allocated) {
		size_t more = gate->allocated ? gate->allocated * 2 : 64;
		struct ns_gate_port *bigger = reallocarray(gate->ports, more, sizeof *bigger);

		if (!bigger)
			return NULL;
		gate->ports = bigger;
		gate->allocated = more;
	}
	memmove(gate->ports + at + 1, gate->ports + at, (gate->n_ports - at) * sizeof *gate->ports);
	gate->n_ports++;
	gate->ports[at] = (struct ns_gate_port){ .open = open, .port.index = port->index };
	return &gate->ports[at];
}

/* As the kernel takes it: a name, or a prefix and an asterisk. */
static bool matches(const struct ns_engine_config *config, const char *name)
{
	for (size_t i = 0; i < config->n_gate; i++) {
		size_t length = strlen(config->gate[i]);
		bool wild = length && config->gate[i][length - 1] == '*';

		if (wild ? strncmp(config->gate[i], name, length - 1) == 0 : strcmp(config->gate[i], name) == 0)
			return true;
	}
	return false;
}

/* What a daemon before this one left closed. Where there was no gate, every link that is there already is open: closing
 * it would cut who runs now. */
static bool was_closed(const struct ns_plan *found, const struct ns_port *port)
{
	const struct ns_plan_set *set = ns_plan_find_set(found, NS_SET_OPEN_PORTS);

	for (size_t i = 0; set && i < set->n_elements; i++) {
		int index;

		memcpy(&index, set->elements[i].key, sizeof index);
		if (index == port->index &&
		    strncmp((const char *)set->elements[i].key + 4, port->name, NS_IFNAME_MAX) == 0)
			return false;
	}
	for (size_t i = 0; !set && i < found->n_chains; i++)
		if (strcmp(found->chains[i].device, port->name) == 0)
			return true;
	return set != NULL;
}

static int read_before(struct ns_engine *engine, struct ns_error *err)
{
	struct ns_gate *gate = &engine->gate;
	NS_CLEANUP(ns_plan_release) struct ns_plan found = NS_PLAN_INIT;
	size_t n;
	const struct ns_port *ports = ns_watch_ports(engine->watch, &n);
	int r = ns_lock_read(gate->lock, &found, err);

	if (r < 0 && r != -ENOENT && r != -EBADE)
		return r;
	for (size_t i = 0; i < n; i++)
		if (matches(&engine->config, ports[i].name) && !ns_gate_find(gate, ports[i].index) &&
		    !insert(gate, &ports[i], !was_closed(&found, &ports[i])))
			return ns_error_set(err, -ENOMEM, "out of memory for the gate");
	gate->recheck = r != -ENOENT; /* whatever it is, it becomes what is wanted */
	gate->read = true;
	return 0;
}

/* The endpoints by cookie, for one judgement. */
struct index {
	struct ns_endpoint **endpoints;
	size_t n;
};

static void index_release(struct index *index)
{
	free(index->endpoints);
}

static int by_cookie(const void *a, const void *b)
{
	const struct ns_endpoint *const *x = a, *const *y = b;

	return (*x)->cookie < (*y)->cookie ? -1 : (*x)->cookie > (*y)->cookie;
}

static int make_index(struct ns_engine *engine, struct index *ret, struct ns_error *err)
{
	size_t allocated = 0;

	NS_FOREACH_ENDPOINT(engine, endpoint)
	allocated++;
	ret->endpoints = calloc(allocated + 1, sizeof(struct ns_endpoint *));
	if (!ret->endpoints)
		return ns_error_set(err, -ENOMEM, "out of memory for the gate");
	NS_FOREACH_ENDPOINT(engine, endpoint)
	ret->endpoints[ret->n++] = endpoint;
	qsort(ret->endpoints, ret->n, sizeof(struct ns_endpoint *), by_cookie);
	return 0;
}

static struct ns_attachment *attachment_of_port(const struct index *index, const struct ns_port *port)
{
	const struct ns_endpoint wanted = { .cookie = port->cookie }, *key = &wanted;
	struct ns_endpoint **found = bsearch(&key, index->endpoints, index->n, sizeof(struct ns_endpoint *), by_cookie);

	return found ? ns_attachment_of(*found) : NULL;
}

static bool say(struct ns_gate_port *gated, bool open, const char *why)
{
	ns_words_set(&gated->why, open ? NULL : why);
	return open;
}

static bool was_locked(struct ns_engine *engine, const struct ns_port *port)
{
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		const struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (attachment && ns_outer_had(&attachment->outer, port))
			return true;
	}
	return ns_orphans_cover(&engine->orphans, port);
}

/* A link to nobody we know. It may become a container's in a moment, so it waits; and it may be somebody's own affair,
 * so it does not wait for ever. */
static bool judge_unknown(struct ns_engine *engine, const struct ns_port *port, struct ns_gate_port *gated,
			  int64_t *wait)
{
	int64_t left = port->since + engine->config.gate_wait_us - ns_clock_elapsed();

	if (was_locked(engine, port))
		return say(gated, false, "it was the link of a container with a policy, and leads elsewhere now");
	if (gated->open) {
		gated->unmanaged = true;
		return true;
	}
	if (engine->config.start == NS_START_CLOSED)
		return say(gated, false, "it leads to no known container, and 'start' is closed");
	if (left > 0) {
		if (*wait == 0 || left < *wait)
			*wait = left;
		return say(gated, false, "it leads to no known container yet");
	}
	gated->unmanaged = true;
	return true;
}

static bool judge_endpoint(struct ns_engine *engine, const struct index *index, const struct ns_port *port,
			   struct ns_gate_port *gated, int64_t *wait)
{
	struct ns_attachment *attachment = attachment_of_port(index, port);
	const char *held;
	enum ns_start start;

	if (!attachment)
		return say(gated, gated->open, "its endpoint's namespace cannot be entered");
	start = ns_engine_start_of(engine, attachment->workload);
	if (start == NS_START_OPEN)
		return true;
	/* Who it is decides what it may: until then all stays as it was, and new links are closed. */
	if (!attachment->identified)
		return say(gated, gated->open, "its runtime has not told whose it is");
	if (attachment->mode == NS_MODE_INVALID)
		return say(gated, gated->open, attachment->failure ? attachment->failure : "its rules are not in");
	/* What is in the kernel may be what was wanted under another name, or before. */
	if (attachment->dirty && !gated->open)
		return say(gated, false, attachment->failure ? attachment->failure : "its rules are not in yet");
	held = gated->open ? NULL : ns_affected_holds(attachment, port, wait);
	if (held)
		return say(gated, false, held);
	if (ns_mode_in_force(attachment->mode) && !attachment->members.outer_waits)
		return say(gated, ns_outer_covers(&attachment->outer, port),
			   attachment->outer.failure ? attachment->outer.failure : "its outer lock is not in");
	if (ns_mode_in_force(attachment->mode))
		return true; /* a member learns, so there is no outer lock */
	return say(gated, start != NS_START_CLOSED, "'start' is closed, and it has no policy in force");
}

static void drop_unseen(struct ns_gate *gate)
{
	size_t kept = 0;

	for (size_t i = 0; i < gate->n_ports; i++)
		if (gate->ports[i].seen)
			gate->ports[kept++] = gate->ports[i];
		else
			ns_words_set(&gate->ports[i].why, NULL);
	gate->dirty = gate->dirty || kept != gate->n_ports;
	gate->n_ports = kept;
}

static int judge(struct ns_engine *engine, const struct index *index, const struct ns_port *port, int64_t *wait)
{
	struct ns_gate *gate = &engine->gate;
	struct ns_gate_port *gated = ns_gate_find(gate, port->index);

	if (!gated) {
		gated = insert(gate, port, false);
		gate->dirty = true;
	}
	if (!gated)
		return -ENOMEM;
	gated->seen = true;
	gate->dirty = gate->dirty || strcmp(gated->port.name, port->name) != 0;
	memcpy(gated->port.name, port->name, NS_IFNAME_MAX);
	gated->wanted = port->far == NS_PORT_ENDPOINT ? judge_endpoint(engine, index, port, gated, wait)
						      : judge_unknown(engine, port, gated, wait);
	if (gated->wanted)
		ns_words_set(&gated->why, NULL);
	gate->dirty = gate->dirty || gated->wanted != gated->open;
	return 0;
}

int ns_gate_judge(struct ns_engine *engine, int64_t *ret_wait, struct ns_error *err)
{
	struct ns_gate *gate = &engine->gate;
	NS_CLEANUP(index_release) struct index index = { 0 };
	size_t n;
	const struct ns_port *ports = ns_watch_ports(engine->watch, &n);
	int r = gate->read ? 0 : read_before(engine, err);

	*ret_wait = 0;
	if (r == 0)
		r = make_index(engine, &index, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < gate->n_ports; i++)
		gate->ports[i].seen = gate->ports[i].unmanaged = false;
	for (size_t i = 0; i < n; i++)
		if (matches(&engine->config, ports[i].name) && judge(engine, &index, &ports[i], ret_wait) < 0)
			return ns_error_set(err, -ENOMEM, "out of memory for the gate");
	drop_unseen(gate);
	return 0;
}

bool ns_gate_is_closed_for(const struct ns_engine *engine, const struct ns_endpoint *endpoint)
{
	size_t n, n_closed = 0;
	const struct ns_port *ports = ns_watch_ports(engine->watch, &n);

	if (!engine->gate.lock || engine->gate.failure[0])
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct ns_gate_port *gated;

		if (ports[i].far != NS_PORT_ENDPOINT || ports[i].cookie != endpoint->cookie)
			continue;
		gated = ns_gate_find(&engine->gate, ports[i].index);
		if (!gated || gated->open)
			return false;
		n_closed++;
	}
	return n_closed > 0 && n_closed >= endpoint->n_interfaces;
}

void ns_gate_forget(struct ns_engine *engine, const struct ns_port *port)
{
	struct ns_gate_port *gated = ns_gate_find(&engine->gate, port->index);

	if (gated && gated->open) {
		gated->open = false;
		engine->gate.dirty = true;
	}
}
