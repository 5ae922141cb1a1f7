/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The gate: table `netdev nanoseg` in the agent's namespace, which says of each of the links that containers get
 * whether anything passes at all. A container's first packet follows its link within milliseconds; so a link is closed
 * from birth, and opens when its endpoint's plan is in.
 *
 * While a policy is in force the gate stands: chains on the links' names with a wildcard close what nobody has opened,
 * also while no agent runs. Otherwise, and where the kernel has no wildcards, links are closed one by one as they
 * appear.
 */
#ifndef NANOSEG_GATE_H
#define NANOSEG_GATE_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include <nanoseg/endpoint.h>
#include <nanoseg/outer.h>

#include "lock.h"

struct ns_engine;

struct ns_gate_port {
	struct ns_port_name port;
	bool open;      /* in the kernel */
	bool wanted;    /* what it should be */
	bool unmanaged; /* open, and leads to no known container */
	bool seen;      /* of the update under way */
	char *why;      /* closed: why; NULL: not told */
};

struct ns_gate {
	struct ns_lock *lock;
	struct ns_gate_port *ports; /* by index */
	size_t n_ports, allocated;
	bool read;     /* what a daemon before this one left has been looked at */
	bool standing; /* in the kernel */
	bool wants_standing;
	bool dirty; /* some port is not in the kernel as wanted */
	char failure[NS_ERROR_TEXT_MAX];
	bool recheck;
	sd_event_source *timer; /* until a link that leads nowhere known may open */
};

int ns_gate_open(struct ns_engine *engine, struct ns_error *err);
void ns_gate_close(struct ns_engine *engine); /* the table stays */

/* Looks at every port and makes the kernel follow. Cheap when nothing changed. A failure is kept and returned. */
int ns_gate_update(struct ns_engine *engine, struct ns_error *err);
/* A port's other end moved: what it was opened for is no more. */
void ns_gate_forget(struct ns_engine *engine, const struct ns_port *port);

/* The kernel against the plan: malloced text, "" when equal. */
int ns_gate_difference(struct ns_engine *engine, char **ret, struct ns_error *err);
/* Whether all of the endpoint's ports are open; *ret_why otherwise ("" with none: it has no ports), the gate's. */
bool ns_gate_is_open_for(const struct ns_engine *engine, uint64_t cookie, size_t *ret_n_ports, const char **ret_why);
/* {"state","closed":[{port,why}],"unmanaged":[port]} */
json_t *ns_gate_json(const struct ns_engine *engine);

#endif
