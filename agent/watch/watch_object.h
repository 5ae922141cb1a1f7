/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The watcher from the inside: what watch.c (life, events), look.c (finding the truth) and the others share.
 */
#ifndef NANOSEG_WATCH_OBJECT_H
#define NANOSEG_WATCH_OBJECT_H

#include "addresses.h"
#include "anchors.h"
#include "bundles_known.h"
#include "cgroup.h"
#include "cgroup_tree.h"
#include "docker.h"
#include "identity.h"
#include "links.h"
#include "members.h"
#include "netns_dirs.h"
#include "proc_scan.h"
#include "residents.h"
#include "watch.h"

/* Addresses of the machine itself, link-local ones set aside. */
#define NS_WATCH_HOST_ADDRESSES_MAX 1024
/* Of the processes in one unknown namespace so many are asked for their cgroup. */
#define NS_WATCH_CGROUPS_ASKED_MAX 64

/* What a look looks at. */
enum ns_look {
	NS_LOOK_DIRS = 1 << 0,      /* the netns directories */
	NS_LOOK_PROCESSES = 1 << 1, /* /proc */
	NS_LOOK_ADDRESSES = 1 << 2, /* of the endpoints marked */
	NS_LOOK_IDENTITY = 1 << 3,  /* who everybody is */
	NS_LOOK_HOST = 1 << 4,      /* the agent's own addresses */
};

/* One endpoint. The netlink socket in `addresses` pins the namespace, so the inode is its own while this lives. */
struct ns_watched {
	struct ns_endpoint endpoint; /* first: the caller's pointer is ours */
	struct ns_watch *watch;
	ino_t inode;
	struct ns_addresses *addresses;
	bool addresses_dirty, truncated;
	bool ports_known;
	bool listed;             /* netns_path is a file of the netns directories */
	int64_t read_not_before; /* ns_clock_elapsed() */
	int64_t reads_since;     /* likewise: n_reads were since then */
	unsigned n_reads;
	int nsid;      /* that the agent's namespace gave it; NS_NSID_UNKNOWN: none yet */
	int nsid_told; /* an answer that does not count yet */
	struct ns_anchors anchors;
	struct ns_cgroup_identity cgroup; /* of the process watched */
	struct ns_conmon_words conmon;    /* of the same container */
	pid_t init;                       /* the container's first process, as its engine tells; 0: not known */
	pid_t cgroup_of;                  /* the process it was read of; 0: none */
	struct ns_caps_owners owners;     /* user namespaces, whose capabilities count here */
	struct ns_caps caps;              /* of its processes */
	uint64_t caps_of;                 /* a digest of the processes that were asked … */
	int64_t caps_since, caps_at;      /* … since when, and when they were asked last; ns_clock_elapsed() */
	struct ns_hint_words *hint;       /* NULL: nobody told of it, or it tells nothing */
	int64_t name_awaited;             /* until then its name is looked for often; ns_clock_elapsed() */
	char hold[NS_NETNS_PATH_MAX];     /* the path told, which keeps it an endpoint; "": none */
	struct ns_maker maker;            /* whose endpoint it is, when containers share it */
};

/* A namespace that is to become an endpoint. */
struct ns_watched_start {
	ino_t inode;
	int netns_fd;     /* the caller's; -1: opened by its path or by a process */
	const char *path; /* in a netns directory; NULL or "": none */
	const struct ns_proc_entry *processes;
	size_t n_processes;
	const struct ns_hint_words *hint; /* NULL: nobody told of it */
	char hold[NS_NETNS_PATH_MAX];
};

struct ns_source_state {
	char state[16]; /* ok, absent, failing */
	char detail[NS_ERROR_TEXT_MAX];
	int64_t since;
};

struct ns_watch {
	sd_event *event;
	struct ns_watch_events events;
	void *ctx;
	uint64_t scan_interval;

	ino_t own_inode, own_userns;
	dev_t nsfs;
	uint64_t own_cookie;
	struct ns_cgroup_identity own_cgroup; /* runtime "": the agent runs in no container */

	struct ns_netns_dirs *dirs;
	struct ns_links *links;
	struct ns_ports ports;
	bool nsids_due, nsids_failed; /* endpoints' ids are to be asked for; some could not be */
	bool reading_links;
	struct ns_docker *engines[2];
	size_t n_engines;
	struct ns_residents residents; /* of the look under way */
	struct ns_addresses *host;
	struct ns_prefix host_addresses[NS_WATCH_HOST_ADDRESSES_MAX];
	int host_index[NS_WATCH_HOST_ADDRESSES_MAX]; /* the interface each is on */
	size_t n_host_addresses;

	sd_event_source *turn, *scan_timer, *again_timer, *settle_timer;
	unsigned dirty; /* enum ns_look */
	bool prompted;  /* something happened, as opposed to: it was time for a scan */
	bool first;     /* the scan before ns_watch_new returns */
	unsigned settle_step;
	int64_t again_at, scan_not_before; /* ns_clock_elapsed(); 0: none */

	struct ns_watched **watched; /* sorted by inode */
	size_t n_watched, room_watched;
	struct ns_cgroup_tree *tree;
	struct ns_members members;
	struct ns_naming naming;
	struct ns_bundles_known bundles;
	struct ns_netns_files files;
	struct ns_proc_table processes;

	pid_t newest_process; /* at the last scan */
	char attach_failure[NS_ERROR_TEXT_MAX];
	ino_t failed_inode; /* the last namespace that could not be attached, so that the log says it once */
	struct ns_source_state namespaces_state, dirs_state, processes_state, links_state, ports_state, cgroups_state;
};

/* Asks for a look in this turn of the loop. */
void ns_watch_mark(struct ns_watch *watch, unsigned look);
/* Asks for the marked look again, not before `at`. */
void ns_watch_again(struct ns_watch *watch, int64_t at);
/* Looks again several times in the next moments: what was announced is not there yet. */
void ns_watch_settle(struct ns_watch *watch);

/* host_side.c: takes what rtnetlink has to tell of the agent's own namespace; the ports' events come from here. */
void ns_watch_read_links(struct ns_watch *watch);
/* Asks for those ports that do not agree with what the endpoint says of its interfaces, with the next reading. */
void ns_watch_doubt_ports(struct ns_watch *watch, const struct ns_endpoint *endpoint);
/* For struct ns_ports. */
uint64_t ns_watch_cookie_of(void *ctx, int nsid);
void ns_watch_port_changed(void *ctx, const struct ns_port *port, bool gone);

/* look.c: one look at all that is marked dirty. */
void ns_watch_look(struct ns_watch *watch);
/* told.c */
/* What its engine or else its bundle tells of a container by its cgroup's name; NULL: nothing (yet). An engine is asked
 * to tell. */
const struct ns_container *ns_watch_container(struct ns_watch *watch, const struct ns_cgroup_identity *who);
/* The same, as far as it says who the container is, and not only what it may do. */
const struct ns_container *ns_watch_named(struct ns_watch *watch, const struct ns_cgroup_identity *who);
/* Whether either says that it is on the host's network. */
bool ns_watch_on_host(struct ns_watch *watch, const struct ns_cgroup_identity *who);
/* The name of the Podman pod that the cgroup tells the id of; "": not known (yet). */
const char *ns_watch_pod(const struct ns_watch *watch, const struct ns_cgroup_identity *who);

/* endpoints.c */
/* Where in the list an inode is or would be. */
size_t ns_watched_place(const struct ns_watch *watch, ino_t inode);
struct ns_watched *ns_watched_find(const struct ns_watch *watch, ino_t inode);
/* Opens, identifies and announces a namespace that was not there before. -ENOENT, -ESRCH, -ESTALE: gone again; -EEXIST:
 * the agent's own. */
int ns_watched_attach(struct ns_watch *watch, const struct ns_watched_start *start, struct ns_error *err);
/* Announces the end and frees it. */
void ns_watched_detach(struct ns_watched *watched);
struct ns_watched *ns_watched_free(struct ns_watched *watched); /* accepts NULL, half-built; returns NULL */
/* Its file in one of the netns directories, whose name may say who it is; "": none. */
const char *ns_watch_listed_path(struct ns_watch *watch, ino_t inode);
/* A namespace that one of these processes, all of them in it, told of. */
void ns_watch_attach_found(struct ns_watch *watch, const struct ns_proc_entry *processes, size_t n);
/* From a listing ("": it has no file there) and a scan. */
void ns_watched_set_path(struct ns_watched *watched, const char *path);
/* Does the path that was told of lead to it still? Sets what follows from that where no listing told more. */
bool ns_watched_hold(struct ns_watched *watched);
void ns_watched_set_processes(struct ns_watched *watched, const struct ns_proc_entry *entries, size_t n);
/* Asks the processes whose container they are, as far as that is not known. */
void ns_watched_ask_runtime(struct ns_watched *watched, const struct ns_proc_entry *entries, size_t n);
/* True when the identity is another one now. */
bool ns_watched_identify(struct ns_watched *watched);
/* Reads the addresses: 1 when they changed. -EAGAIN: later. */
int ns_watched_read_addresses(struct ns_watched *watched, struct ns_error *err);

void ns_source_state_set(struct ns_source_state *state, const char *word, const char *detail);

#endif
