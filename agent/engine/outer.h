/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The outer lock of one endpoint: table `netdev nanoseg-COOKIE` in the agent's namespace, on the host's end of each of
 * its links. It is there while a policy is in force (auditing, enforcing) and the endpoint has such links.
 */
#ifndef NANOSEG_ENGINE_OUTER_H
#define NANOSEG_ENGINE_OUTER_H

#include <nanoseg/endpoint.h>
#include <nanoseg/outer.h>
#include <nanoseg/policy.h>
#include <nanoseg/store.h>

#include "figures.h"
#include "lock.h"
#include "own.h"
#include "sets.h"

struct ns_attachment;
struct ns_engine;

struct ns_outer {
	struct ns_lock *lock;
	bool there;      /* a table of ours is in the kernel */
	bool unrecalled; /* it is, and what it says of the endpoint could not be read yet */
	char digest[72]; /* of the plan in the kernel; "": not told by this daemon yet */
	char *failure;   /* why it is not as wanted; NULL: it is */
	enum ns_mode mode;
	struct ns_port_name ports[NS_ENDPOINT_INTERFACES_MAX]; /* of the plan in the kernel */
	size_t n_ports;
	struct ns_own own;
	struct ns_figures figures; /* of its deny sets */
	struct ns_sets_seen seen;  /* likewise */
	int64_t passed;            /* when addresses first changed hands since those were read; CLOCK_REALTIME; 0 */
};

/* What it should be; `wanted` false: no table. */
struct ns_outer_wish {
	bool wanted;
	struct ns_plan plan;
	char digest[72];
	enum ns_mode mode;
	struct ns_port_name ports[NS_ENDPOINT_INTERFACES_MAX];
	size_t n_ports;
	int interfaces[NS_ENDPOINT_INTERFACES_MAX]; /* at the other ends of its ports */
	size_t n_interfaces;
	struct ns_own_now now;
};
void ns_outer_wish_release(struct ns_outer_wish *wish);

int ns_outer_open(struct ns_attachment *attachment, struct ns_error *err);
void ns_outer_close(struct ns_outer *outer); /* the table stays */

/* The wish under a policy in force. Without ports nothing is wanted. */
int ns_outer_wanted(struct ns_attachment *attachment, const struct ns_policy *policy, enum ns_mode mode,
		    struct ns_outer_wish *ret, struct ns_error *err);
/* Makes it so; keeps a failure in outer->failure. `forced`: also when nothing seems to have changed. */
int ns_outer_apply(struct ns_attachment *attachment, struct ns_outer_wish *wish, bool forced, struct ns_error *err);
/* The endpoint ended: the table goes, or is an orphan's while its links are there. */
void ns_outer_end(struct ns_attachment *attachment);

/* The store keeps raw figures by cookie; those of the outer lock stand beside the inner lock's, under a number that
 * neither the kernel, which counts up from one, nor the id of a member reaches. */
uint64_t ns_outer_figures_key(const struct ns_attachment *attachment);
/* The deny sets -> store, within a transaction of the caller's. */
int ns_outer_harvest(struct ns_attachment *attachment, struct ns_error *err);

/* Frames that only the outer lock saw, refused. */
struct ns_outer_refused {
	uint64_t cookie;              /* of the endpoint */
	uint64_t source, link, frame; /* another's source; ARP and neighbour discovery; neither IPv4, IPv6 nor ARP */
};
/* Those of all endpoints, in one question: one a table would make the kernel look through all tables each time. */
struct ns_outer_tally {
	struct ns_outer_refused *list; /* by cookie; those that refused something */
	size_t n, allocated;
};
void ns_outer_tally(struct ns_engine *engine, struct ns_outer_tally *ret);
void ns_outer_tally_release(struct ns_outer_tally *tally);
/* NULL: none. Valid as long as the tally. */
const struct ns_outer_refused *ns_outer_refused(const struct ns_outer_tally *tally,
						const struct ns_attachment *attachment);

/* Removes the tables of endpoints that ended while no agent ran. One that still has its port on this host stays. */
void ns_outer_sweep(struct ns_engine *engine);

/* The index in a chain's name, "from_7"; 0: not such a chain. */
int ns_outer_index_of_chain(const struct ns_plan_chain *chain);
/* Adds a port that is not in the list yet, where there is room (NS_ENDPOINT_INTERFACES_MAX); returns how many it has.
 */
size_t ns_outer_add_port(struct ns_port_name *list, size_t n, const struct ns_port_name *port);
/* The ports of a plan, from its chains; at most NS_ENDPOINT_INTERFACES_MAX. */
size_t ns_outer_ports_of(const struct ns_plan *plan, struct ns_port_name *ret);
/* Whether the port is or was, under whatever name, under the lock that is in the kernel. */
bool ns_outer_had(const struct ns_outer *outer, const struct ns_port *port);
/* Whether the port is under the lock that is in the kernel. */
bool ns_outer_covers(const struct ns_outer *outer, const struct ns_port *port);

#endif
