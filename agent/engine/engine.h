/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine: for every endpoint, what it should have in the kernel, and the turn of the loop that makes it so.
 *
 * It listens to the watcher, opens a lock and a learner in each namespace, keeps the address book, compiles the
 * plan that the workload's mode asks for and applies it. Events only mark endpoints dirty; one reconcile a turn does
 * the work. What could not be done stays visible per endpoint until it is done.
 */
#ifndef NANOSEG_ENGINE_H
#define NANOSEG_ENGINE_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include <nanoseg/policy.h>
#include <nanoseg/store.h>

#include "config_services.h"
#include "watch.h"

struct ns_engine;
struct ns_fdstore;

/* When a container's link opens ([start] of the configuration). A workload whose policy is in force is always kept
 * closed until its rules are in, unless it is OPEN. */
enum ns_start {
	NS_START_INVALID = 0,
	NS_START_CLOSED,   /* only when rules are in force: nothing passes, and nothing is learned, before */
	NS_START_LEARNING, /* when the learning table is in */
	NS_START_OPEN,     /* at once, even before any rules */
};
enum ns_start ns_start_parse(const char *text); /* INVALID: other words */
const char *ns_start_format(enum ns_start start);

struct ns_start_rule {
	char pattern[NS_WORKLOAD_MAX]; /* fnmatch(3) of the workload's name; the first that matches counts */
	enum ns_start start;
};

struct ns_engine_config {
	struct ns_watch_config watch;
	enum ns_mode default_mode; /* of a workload never met before: learning */
	uint32_t learn_set_size;
	enum ns_verdict verdict; /* of new proposals */
	int64_t min_window_us;   /* a proposal made earlier says so */
	enum ns_start start;     /* of a workload that no rule below names */
	struct ns_start_rule start_rules[NS_START_RULES_MAX];
	size_t n_start_rules;
	struct ns_services services; /* named addresses that nobody has */
	char gate[NS_GATE_PATTERNS_MAX]
		 [NS_IFNAME_MAX]; /* names of the links that containers get, "veth*"; none: no gate */
	size_t n_gate;
	bool gate_never_stands;     /* for the sake of tools that cannot read chains on wildcards */
	int64_t gate_wait_us;       /* so long a link that leads to no known container stays closed */
	struct ns_fdstore *fdstore; /* borrowed; NULL: none */
	bool only_remove;           /* nothing is put into the kernel: ns_engine_remove_rules is to come */
};

/* Attaches everything that is there before it returns. The store is borrowed and must outlive the engine. */
int ns_engine_new(sd_event *event, const struct ns_engine_config *config, struct ns_store *store,
		  struct ns_engine **ret, struct ns_error *err);
/* Leaves all rules in place. Accepts NULL; returns NULL. */
struct ns_engine *ns_engine_free(struct ns_engine *engine);
/* New settings after SIGHUP: verdict, set size for tables made from now on, default mode, min_window, services. */
void ns_engine_reconfigure(struct ns_engine *engine, const struct ns_engine_config *config);

struct ns_store *ns_engine_store(struct ns_engine *engine);
const struct ns_engine_config *ns_engine_settings(const struct ns_engine *engine);

/* Brings the store up to date with the kernel's sets, for one workload or for all (NULL). Errors of single
 * endpoints are kept with the endpoint; the first is returned. */
int ns_engine_harvest(struct ns_engine *engine, const char *workload, struct ns_error *err);

/* Mode or policy of a workload changed in the store: makes the kernel follow before it returns. When an endpoint
 * could not follow, -EREMOTEIO, and err says which and why; the others have followed. */
int ns_engine_workload_changed(struct ns_engine *engine, const char *workload, struct ns_error *err);

/* [{cookie, workload, runtime, container_id, name, image, image_digest, pid, addresses[], interfaces[], mode, inner,
 * outer, since, findings[]}], of one workload or of all (NULL). New references. `inner` is "learning", "auditing",
 * "enforcing", or "failed: why". */
#define NS_INNER_SHARED "none: it shares the rules of " /* `inner` of a member without a table of its own */
json_t *ns_engine_endpoints(struct ns_engine *engine, const char *workload);
/* {endpoints: n, modes: {mode: n}, gaps: [open gaps], unprotected: [{workload, cookie, container, why, remedy}],
 * sources: […], lost_observations: n}; the caller adds version, uptime, kernel and unrestricted. An observation is lost
 * when the queue is full: its time and program are, its edge is not. */
json_t *ns_engine_status(struct ns_engine *engine);
/* Read-back of every endpoint of a workload (NULL: all), for evidence: [{cookie, workload, mode, revision,
 * plan_digest, kernel_digest, equal, difference, generation, protection, text, counters: […], elements: [{set, tag,
 * tuple…, packets, bytes}]}]. */
json_t *ns_engine_readback(struct ns_engine *engine, const char *workload);

/* Takes all tables of ours out of the kernel: inner locks, outer locks, gate. Goes on after a failure; the first is
 * returned. The engine is of no use afterwards but to be freed. */
int ns_engine_remove_rules(struct ns_engine *engine, struct ns_error *err);

/* A hook asks: is this namespace as its workload wants it? Looks at it at once; see ns_watch_hint. */
struct ns_readiness {
	bool ready; /* its links are open: rules in force, or learning */
	bool held;  /* not ready since nobody told whose it is; the gate keeps its links shut until somebody does */
	uint64_t cookie;
	char workload[NS_WORKLOAD_MAX];
	char mode[16];
	char why[NS_ERROR_TEXT_MAX]; /* not ready: what is missing */
};
int ns_engine_ready(struct ns_engine *engine, const struct ns_hint *hint, struct ns_readiness *ret,
		    struct ns_error *err);

/* Reads the kernel again and compares, for one workload or all (NULL): [{workload, cookie, container, lock:
 * "inner"|"outer"|"gate", equal, difference, protection: "owned"|"plain"}]. The gate is in the list of all. */
json_t *ns_engine_verify(struct ns_engine *engine, const char *workload);

/* What the last change of a workload's mode or policy cut, since the last call: {connections, sockets, kept}. */
json_t *ns_engine_take_cuts(struct ns_engine *engine, const char *workload);

#endif
