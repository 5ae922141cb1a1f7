/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "clock.h"
#include "identity.h"
#include "log.h"
#include "netns.h"
#include "nspawn.h"
#include "watch_object.h"

/* A process younger than this, found because something happened, is what happened. */
#define FRESH_US 1000000
/* A container that changes its addresses makes us read them this often and no more; one that does so without end, more
 * than READ_BURST times in a second, makes everybody's rules be looked at each time, and is read four times a second.
 */
#define READ_SPACING_US  5000
#define READ_BURST       20
#define READ_BURST_US    1000000
#define READ_RESTLESS_US 250000
/* A process changes its own rights within this of its coming, if at all. */
#define CAPS_FRESH_US 5000000
#define CAPS_AGAIN_US 60000000
/* Podman has the first process of a container in its namespace well within this, or its hooks take long. */
#define NAME_AWAITED_US 2000000

size_t ns_watched_place(const struct ns_watch *watch, ino_t inode)
{
	size_t low = 0, high = watch->n_watched;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (watch->watched[middle]->inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct ns_watched *ns_watched_find(const struct ns_watch *watch, ino_t inode)
{
	size_t i = ns_watched_place(watch, inode);

	return i < watch->n_watched && watch->watched[i]->inode == inode ? watch->watched[i] : NULL;
}

static int insert(struct ns_watch *watch, struct ns_watched *watched)
{
	size_t at = ns_watched_place(watch, watched->inode);

	if (watch->n_watched == watch->room_watched) {
		size_t room = watch->room_watched ? watch->room_watched * 2 : 16;
		struct ns_watched **bigger = reallocarray(watch->watched, room, sizeof(void *));

		if (!bigger)
			return -ENOMEM;
		watch->watched = bigger;
		watch->room_watched = room;
	}
	memmove(watch->watched + at + 1, watch->watched + at, (watch->n_watched - at) * sizeof(void *));
	watch->watched[at] = watched;
	watch->n_watched++;
	return 0;
}

struct ns_watched *ns_watched_free(struct ns_watched *watched)
{
	if (!watched)
		return NULL;
	ns_anchors_release(&watched->anchors);
	watched->addresses = ns_addresses_free(watched->addresses);
	free(watched->hint);
	ns_identity_release(&watched->endpoint);
	free(watched);
	return NULL;
}

NS_DEFINE_CLEANUP(struct ns_watched *, ns_watched_free)

static void on_addresses(void *ctx)
{
	struct ns_watched *watched = ctx;

	watched->addresses_dirty = true;
	ns_watch_mark(watched->watch, NS_LOOK_ADDRESSES);
}

static void on_process_ended(void *ctx)
{
	struct ns_watched *watched = ctx;

	watched->cgroup_of = 0;
	ns_watch_mark(watched->watch, NS_LOOK_PROCESSES | NS_LOOK_DIRS);
}

/* Below /proc a path is a process's and says nothing to a reader. */
bool ns_watched_hold(struct ns_watched *watched)
{
	struct stat st;
	bool held;

	if (watched->listed || !*watched->hold)
		return false;
	held = stat(watched->hold, &st) == 0 && st.st_dev == watched->watch->nsfs && st.st_ino == watched->inode;
	watched->anchors.mounted = held;
	(void)snprintf(watched->endpoint.netns_path, sizeof watched->endpoint.netns_path, "%s",
		       held && strncmp(watched->hold, "/proc/", 6) != 0 ? watched->hold : "");
	return held;
}

void ns_watched_set_path(struct ns_watched *watched, const char *path)
{
	watched->listed = watched->anchors.mounted = *path != '\0';
	(void)snprintf(watched->endpoint.netns_path, sizeof watched->endpoint.netns_path, "%s", path);
	(void)ns_watched_hold(watched);
}

/* A process that is being made into a container gives up its rights on the way: those who came a short while ago are
 * asked again, and everybody once in a while. */
static void read_caps(struct ns_watched *watched, const struct ns_proc_entry *entries, size_t n)
{
	int64_t now = ns_clock_elapsed();
	uint64_t digest = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		digest = (digest ^ (uint64_t)entries[i].pid) * 1099511628211u;
	if (digest != watched->caps_of)
		watched->caps_since = now;
	else if (watched->caps_at > watched->caps_since + CAPS_FRESH_US && now < watched->caps_at + CAPS_AGAIN_US)
		return;
	watched->caps_of = digest;
	watched->caps_at = now;
	watched->caps = ns_caps_of(entries, n, &watched->owners, watched->watch->own_userns);
}

void ns_watched_ask_runtime(struct ns_watched *watched, const struct ns_proc_entry *entries, size_t n)
{
	const struct ns_watch *watch = watched->watch;

	n = n < NS_WATCH_CGROUPS_ASKED_MAX ? n : NS_WATCH_CGROUPS_ASKED_MAX;
	for (size_t i = 0; i < n && !*watched->cgroup.runtime; i++)
		(void)ns_proc_cgroup(entries[i].pid, &watch->own_cgroup, &watched->cgroup);
	/* Without a scope of its own a machine has no name in its cgroup. */
	if (strcmp(watched->cgroup.runtime, "nspawn") == 0)
		for (size_t i = 0; i < n && !*watched->cgroup.id; i++)
			(void)ns_nspawn_find(entries[i].pid, watch->own_userns, watched->cgroup.id);
	if (strcmp(watched->cgroup.runtime, "podman") != 0)
		return;
	/* It was found by the namespace's path, which others may share. */
	if (strcmp(watched->conmon.id, watched->cgroup.id) != 0)
		watched->conmon = (struct ns_conmon_words){ 0 };
	for (size_t i = 0; i < n && !*watched->conmon.name; i++)
		(void)ns_conmon_find(entries[i].pid, &watched->cgroup, &watch->own_cgroup, watched->inode,
				     watch->own_userns, &watched->conmon);
}

void ns_watched_set_processes(struct ns_watched *watched, const struct ns_proc_entry *entries, size_t n)
{
	(void)ns_anchors_choose(&watched->anchors, watched->watch->event, entries, n, watched->init, on_process_ended,
				watched);
	watched->endpoint.pid = watched->anchors.pid;
	/* A runtime's helper may have been the first process here; the container's own come later. */
	if (watched->cgroup_of != watched->anchors.pid || watched->endpoint.provisional)
		ns_watched_ask_runtime(watched, entries, n);
	watched->cgroup_of = watched->anchors.pid;
	read_caps(watched, entries, n);
}

/* A container that is being started has no process yet that its engine tells of: then its cgroup alone says it, or who
 * told of it. Where the engine does tell of a process elsewhere, the cgroup's name is somebody's forgery. */
static const struct ns_container *by_id(const struct ns_watch *watch, const char *runtime, const char *id)
{
	for (size_t i = 0; i < watch->n_engines && *id; i++) {
		const struct ns_container *container;
		ino_t elsewhere;

		if (*runtime && strcmp(ns_docker_runtime(watch->engines[i]), runtime) != 0)
			continue;
		container = ns_docker_find(watch->engines[i], id);
		if (!container || !*container->name)
			ns_docker_want(watch->engines[i], id);
		else if (!ns_residents_where(&watch->residents, container, &elsewhere))
			return container;
	}
	return NULL;
}

/* The first link that leads past the outer lock. Before the ports are known nothing is said of veths. */
static void find_bare_link(const struct ns_watched *watched, struct ns_bare_link *ret)
{
	const struct ns_endpoint *endpoint = &watched->endpoint;

	for (size_t i = 0; i < endpoint->n_interfaces && !*ret->name; i++) {
		const struct ns_interface *interface = &endpoint->interfaces[i];
		bool has_two_ends = strcmp(interface->kind, "veth") == 0 || strcmp(interface->kind, "netkit") == 0;
		const struct ns_port *port = ns_ports_find(&watched->watch->ports, interface->peer_index);

		if (has_two_ends && (!watched->ports_known || !interface->peer_outside || !interface->peer_index ||
				     (port && port->cookie == endpoint->cookie)))
			continue;
		if (!has_two_ends && !ns_findings_is_bare(interface))
			continue;
		memcpy(ret->name, interface->name, sizeof ret->name);
		memcpy(ret->kind, interface->kind, sizeof ret->kind);
	}
}

/* Of the containers in a namespace its maker, and those that cannot be told apart from it. */
static size_t without_members(const struct ns_watched *watched, const struct ns_container **containers, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n && watched->maker.n_inhabitants > 0; i++) {
		const struct ns_container *container = containers[i];
		const struct ns_inhabitant *inhabitant =
			ns_inhabitants_find(watched->watch, watched->inode, container->id);

		if (inhabitant && inhabitant->place.cgroup != watched->maker.cgroup)
			continue;
		containers[kept] = container;
		if (inhabitant) {
			containers[kept] = containers[0];
			containers[0] = container;
		}
		kept++;
	}
	return watched->maker.n_inhabitants > 0 ? kept : n;
}

/* Whoever lives there only to hold it. */
static bool is_sandbox(const struct ns_watched *watched, const struct ns_identity_facts *facts)
{
	if (watched->maker.cgroup)
		return watched->maker.sandbox;
	return facts->n_containers > 0 ? facts->containers[0]->sandbox : watched->maker.n_members > 0;
}

/* Without an engine that knows: the bundle of who made it, or, of a pod, of anybody in it. */
static const struct ns_container *by_bundle(const struct ns_watched *watched)
{
	const struct ns_container *container = ns_watch_named(watched->watch, &watched->cgroup);

	return container && (watched->maker.cgroup || watched->maker.n_inhabitants == 0 || *container->pod_namespace)
		       ? container
		       : NULL;
}

bool ns_watched_identify(struct ns_watched *watched)
{
	const struct ns_container *containers[NS_RESIDENTS_MAX], *first;
	bool sandbox;
	struct ns_identity_facts facts = {
		.naming = &watched->watch->naming,
		.netns_path = watched->listed ? watched->endpoint.netns_path : "",
		.pid = watched->endpoint.pid,
		.cgroup = watched->cgroup,
		.containers = containers,
		.n_containers = ns_residents_of(&watched->watch->residents, watched->inode, containers),
		.hint = watched->hint,
		.caps = watched->caps,
		.truncated = watched->truncated,
	};

	facts.undivided =
		ns_members_undivided(watched->watch, watched, containers, facts.n_containers, &facts.n_sharing);
	facts.n_containers = without_members(watched, containers, facts.n_containers);
	if (facts.n_containers == 0) {
		containers[0] = by_id(watched->watch, watched->cgroup.runtime, watched->cgroup.id);
		if (!containers[0] && watched->hint)
			containers[0] = by_id(watched->watch, watched->hint->runtime, watched->hint->container_id);
		facts.n_containers = containers[0] ? 1 : 0;
	}
	if (facts.n_containers == 0) {
		containers[0] = by_bundle(watched);
		facts.n_containers = containers[0] ? 1 : 0;
	}
	first = facts.n_containers > 0 ? containers[0] : NULL;
	if (first && first->pid > 0 && !*watched->conmon.name)
		ns_watched_ask_runtime(watched, &(struct ns_proc_entry){ watched->inode, first->pid }, 1);
	facts.cgroup = watched->cgroup;
	facts.pod = ns_watch_pod(watched->watch, &facts.cgroup);
	facts.conmon = watched->conmon;
	facts.conmon_awaited = first && strcmp(first->runtime, "podman") == 0 && !*watched->conmon.name &&
			       ns_clock_elapsed() < watched->name_awaited;
	find_bare_link(watched, &facts.bare);
	watched->init = first ? first->pid : 0;
	sandbox = is_sandbox(watched, &facts);
	if (ns_identity_decide(&facts, &watched->endpoint) || watched->endpoint.sandbox != sandbox) {
		watched->endpoint.sandbox = sandbox;
		return true;
	}
	return false;
}

static bool same_interface(const struct ns_interface *a, const struct ns_interface *b)
{
	return a->index == b->index && a->peer_index == b->peer_index && a->peer_outside == b->peer_outside &&
	       memcmp(a->mac, b->mac, sizeof a->mac) == 0 && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->kind, b->kind) == 0;
}

int ns_watched_read_addresses(struct ns_watched *watched, struct ns_error *err)
{
	struct ns_endpoint *endpoint = &watched->endpoint;
	struct ns_found_address addresses[NS_ENDPOINT_ADDRESSES_MAX];
	struct ns_interface interfaces[NS_ENDPOINT_INTERFACES_MAX];
	struct ns_addresses_found found = { .addresses = addresses,
					    .max_addresses = NS_ENDPOINT_ADDRESSES_MAX,
					    .interfaces = interfaces,
					    .max_interfaces = NS_ENDPOINT_INTERFACES_MAX };
	int64_t now = ns_clock_elapsed();
	bool same;
	int r;

	if (now < watched->read_not_before)
		return -EAGAIN;
	if (now - watched->reads_since >= READ_BURST_US) {
		watched->reads_since = now;
		watched->n_reads = 0;
	}
	watched->read_not_before = now + (++watched->n_reads > READ_BURST ? READ_RESTLESS_US : READ_SPACING_US);
	r = ns_addresses_read(watched->addresses, &found, err);
	if (r < 0)
		return r;
	watched->addresses_dirty = false;
	watched->truncated = found.truncated;
	same = endpoint->n_addresses == found.n_addresses && endpoint->n_interfaces == found.n_interfaces;
	for (size_t i = 0; same && i < found.n_addresses; i++)
		same = ns_addr_equal(&addresses[i].prefix.addr, &endpoint->addresses[i].addr) &&
		       addresses[i].prefix.length == endpoint->addresses[i].length &&
		       addresses[i].index == endpoint->address_index[i];
	for (size_t i = 0; same && i < found.n_interfaces; i++)
		same = same_interface(&interfaces[i], &endpoint->interfaces[i]);
	if (same)
		return 0;
	for (size_t i = 0; i < found.n_addresses; i++) {
		endpoint->addresses[i] = addresses[i].prefix;
		endpoint->address_index[i] = addresses[i].index;
	}
	memcpy(endpoint->interfaces, interfaces, found.n_interfaces * sizeof *interfaces);
	endpoint->n_addresses = found.n_addresses;
	endpoint->n_interfaces = found.n_interfaces;
	return 1;
}

static bool joined_late(const struct ns_watch *watch, const struct ns_proc_entry *processes, size_t n)
{
	if (n == 0)
		return false;
	return watch->first || !watch->prompted || ns_proc_age(processes[0].pid) >= FRESH_US;
}

/* The namespace by its path or by one of its processes, whichever still leads to it. */
static int open_netns(ino_t inode, const char *path, const struct ns_proc_entry *processes, size_t n,
		      struct ns_error *err)
{
	NS_CLOSE int fd = *path ? ns_netns_open_path(path, err) : -ESRCH;
	struct stat st;

	for (size_t i = 0; fd < 0 && i < n; i++)
		fd = ns_netns_open_pid(processes[i].pid, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || st.st_ino != inode)
		return ns_error_set(err, -ESTALE, "the namespace was replaced by another one");
	return NS_TAKE_FD(fd);
}

static int check_namespace(const struct ns_watch *watch, int fd, uint64_t *ret_cookie, struct ns_error *err)
{
	int r;

	if (watch->n_watched >= NS_ENDPOINTS_MAX)
		return ns_error_set(err, -ENOSPC, "more than %d namespaces (NS_ENDPOINTS_MAX)", NS_ENDPOINTS_MAX);
	r = ns_netns_cookie(fd, ret_cookie, err);
	if (r < 0)
		return r;
	return *ret_cookie == watch->own_cookie ? -EEXIST : 0;
}

/* What can be found out of it now; -errno when it cannot be an endpoint. */
static int fill(struct ns_watched *watched, const struct ns_watched_start *start, int fd, struct ns_error *err)
{
	struct ns_watch *watch = watched->watch;
	int r = ns_addresses_open(watch->event, fd, on_addresses, watched, &watched->addresses, err);

	if (r >= 0)
		r = ns_watched_read_addresses(watched, err);
	if (r == -EAGAIN) /* in flux: the endpoint counts now, its addresses follow */
		watched->addresses_dirty = true;
	else if (r < 0)
		return r;
	if (watched->addresses_dirty)
		ns_watch_mark(watch, NS_LOOK_ADDRESSES);
	(void)ns_caps_owners(fd, &watched->owners);
	if (start->hint) {
		watched->hint = malloc(sizeof *watched->hint);
		if (!watched->hint)
			return ns_error_set(err, -ENOMEM, "no memory for an endpoint");
		*watched->hint = *start->hint;
		memcpy(watched->hold, start->hold, sizeof watched->hold);
	}
	ns_watched_set_path(watched, start->path ? start->path : "");
	ns_watched_set_processes(watched, start->processes, start->n_processes);
	ns_members_find_maker(watched);
	(void)ns_watched_identify(watched);
	if (!*watched->endpoint.workload) /* the process that told whose it is has ended meanwhile */
		return ns_error_set(err, -ESRCH, "the namespace is nobody's any more");
	return 0;
}

int ns_watched_attach(struct ns_watch *watch, const struct ns_watched_start *start, struct ns_error *err)
{
	NS_CLEANUP(ns_watched_freep) struct ns_watched *watched = NULL;
	NS_CLOSE int opened = -1;
	int fd = start->netns_fd, r;
	uint64_t cookie = 0;

	if (fd < 0) {
		opened = open_netns(start->inode, start->path ? start->path : "", start->processes, start->n_processes,
				    err);
		fd = opened;
	}
	if (fd < 0)
		return fd;
	r = check_namespace(watch, fd, &cookie, err);
	if (r < 0)
		return r;
	watched = calloc(1, sizeof *watched);
	if (!watched)
		return ns_error_set(err, -ENOMEM, "no memory for an endpoint");
	watched->watch = watch;
	watched->inode = start->inode;
	watched->nsid = watched->nsid_told = NS_NSID_UNKNOWN;
	watched->anchors = (struct ns_anchors)NS_ANCHORS_INIT;
	watched->endpoint.cookie = watched->endpoint.netns_cookie = cookie;
	watched->endpoint.since = ns_clock_now();
	watched->name_awaited = ns_clock_elapsed() + NAME_AWAITED_US;
	watched->endpoint.joined_late = joined_late(watch, start->processes, start->n_processes);
	r = fill(watched, start, fd, err);
	if (r < 0)
		return r;
	ns_watch_read_links(watch); /* whoever comes now is not to wait for this one's rules */
	r = insert(watch, watched);
	if (r < 0)
		return ns_error_set(err, r, "no memory for an endpoint");
	watch->nsids_due = true;
	watch->events.attach(watch->ctx, &NS_TAKE(watched)->endpoint, fd);
	return 0;
}

void ns_watched_detach(struct ns_watched *watched)
{
	struct ns_watch *watch = watched->watch;
	size_t at = ns_watched_place(watch, watched->inode);

	ns_members_end_in(watch, watched->inode);
	/* Out of the list first: a walk from the callback sees only what is still there. */
	memmove(watch->watched + at, watch->watched + at + 1, (watch->n_watched - at - 1) * sizeof(void *));
	watch->n_watched--;
	/* And its ports lead nowhere before the locks that its end takes away are gone. */
	ns_ports_unbind(&watch->ports, watched->endpoint.cookie);
	watch->events.detach(watch->ctx, &watched->endpoint);
	(void)ns_watched_free(watched);
}
