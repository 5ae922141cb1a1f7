/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The watcher: which network namespaces exist on this machine, who lives in them, and when they end.
 *
 * Sources: rtnetlink link and nsid notifications, inotify on the netns directories, runtime events, and a scan
 * of /proc as the safety net. All of them only say "look"; one look per turn of the loop finds the truth. Links of the
 * agent's own namespace are besides taken for what they are, at once.
 * A namespace is an endpoint when it is bind-mounted in one of the netns directories or one of its processes
 * is in a cgroup that a known runtime made, and it is not the agent's own.
 *
 * A container is a member, an endpoint besides its namespace's (endpoint.h), when it has a cgroup (v2) of its own and
 * did not make the namespace it is in: it joined another container's, or the agent's own (host network), or runs in a
 * pod. Members come and go by the same callbacks, after the namespace's endpoint comes and before it goes; netns_fd is
 * the shared namespace, addresses and interfaces are its. Whether a member gets a table of its own is the engine's
 * decision.
 */
#ifndef NANOSEG_WATCH_H
#define NANOSEG_WATCH_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include <nanoseg/endpoint.h>
#include <nanoseg/error.h>

#include "naming.h"

struct ns_watch;

struct ns_watch_config {
	const char *netns_dirs[NS_NETNS_DIRS_MAX]; /* missing directories are waited for */
	size_t n_netns_dirs;
	const char *docker_socket; /* NULL or "": none */
	const char *podman_socket;
	const char *bundle_dirs[NS_BUNDLE_DIRS_MAX]; /* bundle.h; none: no bundle is looked for */
	size_t n_bundle_dirs;
	struct ns_naming naming;
	uint64_t scan_interval_us;
};

/* Called from the event loop, never re-entrantly but for ns_watch_attend(). The endpoint is owned by the watcher and
 * stays at its address from attach to detach. */
struct ns_watch_events {
	/* A namespace that was not there before. netns_fd is open during the call only. Identity may be
	 * provisional. An error is reported by the callee; the endpoint is kept all the same. */
	void (*attach)(void *ctx, struct ns_endpoint *endpoint, int netns_fd);
	/* Workload, image or another part of the identity changed. */
	void (*identify)(void *ctx, struct ns_endpoint *endpoint, const char *old_workload);
	/* Addresses or interfaces changed. */
	void (*addresses)(void *ctx, struct ns_endpoint *endpoint);
	/* The namespace is gone or nobody is left in it; the callee closes every socket it holds in it. */
	void (*detach)(void *ctx, struct ns_endpoint *endpoint);
	/* Addresses of the agent's own namespace changed (the peer class "host"). */
	void (*host_addresses)(void *ctx);
	/* A veth of the agent's namespace appeared, was renamed, or its other end moved or became known; or it is gone.
	 * Called as soon as the kernel tells, before any look, since whoever is behind it may send at once; not for
	 * what is there from the start (ns_watch_ports). With an endpoint it comes after attach, and when that ends
	 * before detach. More than NS_PORTS_MAX are told of and not kept. The port is the watcher's, valid during the
	 * call; it may also come from within ns_watch_hint(). May be NULL. */
	void (*port)(void *ctx, const struct ns_port *port, bool gone);
};

/* Does a first full scan, with an attach callback for each namespace found, before it returns; *ret is not set yet
 * during those. host_addresses is not called for what is there from the start. */
int ns_watch_new(sd_event *event, const struct ns_watch_config *config, const struct ns_watch_events *events, void *ctx,
		 struct ns_watch **ret, struct ns_error *err);
struct ns_watch *ns_watch_free(struct ns_watch *watch); /* no detach callbacks; accepts NULL; returns NULL */

/* NULL-terminated walk: pass NULL for the first. Namespaces come first, then members. */
struct ns_endpoint *ns_watch_next(struct ns_watch *watch, struct ns_endpoint *after);
/* A fresh fd of the endpoint's namespace, or -errno when it is gone. Caller closes. */
int ns_watch_open_netns(struct ns_watch *watch, const struct ns_endpoint *endpoint, struct ns_error *err);
/* For attach, which takes its time: takes what the links have to tell by now. Ports' events come before this returns,
 * also of the endpoint that is being attached. */
void ns_watch_attend(struct ns_watch *watch);
/* Addresses of the agent's own namespace; returns their number, at most max. */
size_t ns_watch_host_addresses(struct ns_watch *watch, struct ns_prefix *ret, size_t max);

/* The veths of the agent's namespace, by index; valid until the next turn of the loop. */
const struct ns_port *ns_watch_ports(const struct ns_watch *watch, size_t *ret_n);

/* What a hook of the runtime tells of a namespace. Strings may be NULL or "". */
struct ns_hint {
	const char *netns_path; /* or: */
	pid_t pid;
	const char *runtime, *container_id, *name, *workload, *image;
	const char *pod_namespace, *pod; /* of a pod of Kubernetes, both or none: its workload follows from them */
};
/* Looks at that namespace at once: it becomes an endpoint if it is not one (the callbacks are made before this
 * returns), and the hint is taken for its identity until its runtime's API says otherwise; a workload that it names
 * stays, unless a label names another. Not from within a callback.
 * With a pid whose container (by its cgroup) joins a namespace that another made, or the agent's own, the words are the
 * member's, and so is *ret; a container that cannot be told apart has its namespace's.
 * -ENOENT: no such namespace. -EINVAL: it is the agent's own and the process in no container, or a word is not what a
 * name may be. */
int ns_watch_hint(struct ns_watch *watch, const struct ns_hint *hint, struct ns_endpoint **ret, struct ns_error *err);

/* Running containers that have no namespace of their own and so no lock, since they are on the host's network and could
 * not become members; the last finding says why:
 * [{"workload","runtime","container_id","name","image","pid","findings":["host-network"…]}]. New reference. */
json_t *ns_watch_outside(struct ns_watch *watch);

/* Sources and their health, for `status`: [{"source":"docker","state":"ok|connecting|absent|failing","detail":"…",
 * "since":"…Z"}…]. New reference. */
json_t *ns_watch_status(struct ns_watch *watch);

#endif
