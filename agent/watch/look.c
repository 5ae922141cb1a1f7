/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "log.h"
#include "watch_object.h"

/* A scan of /proc may take one part in five of the time, however often something asks for one. */
#define SCAN_REST_FACTOR 4
/* Addresses that changed while they were read are read again after this. */
#define AGAIN_US        5000
#define FAILED_AGAIN_US 200000
/* Between the first sight of a container's process and its first instruction are 20 ms and more. */
#define AWAIT_US          5000
#define NEW_PROCESSES_MAX 1024

static void list_dirs(struct ns_watch *watch)
{
	struct ns_error err = NS_ERROR_INIT;
	char missing[sizeof watch->dirs_state.detail];
	int r = ns_netns_dirs_list(watch->dirs, watch->own_inode, &watch->files, &err);

	if (r < 0) {
		ns_source_state_set(&watch->dirs_state, "failing", err.text);
		return;
	}
	if (watch->files.waiting > 0)
		ns_watch_settle(watch);
	ns_netns_dirs_missing(watch->dirs, missing, sizeof missing);
	if (watch->files.refused > 0)
		ns_source_state_set(&watch->dirs_state, "failing", "a namespace's path is too long to be kept");
	else
		ns_source_state_set(&watch->dirs_state, ns_netns_dirs_any(watch->dirs) ? "ok" : "absent", missing);
}

/* Microseconds that this thread has used. By the clock, a scan that others interrupt would be paid for with a rest many
 * times as long as the interruption. */
static int64_t used_us(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool scan(struct ns_watch *watch)
{
	struct ns_error err = NS_ERROR_INIT;
	int64_t begin = used_us();
	int r = ns_proc_scan(watch->own_inode, &watch->processes, &err);

	watch->scan_not_before = ns_clock_elapsed() + SCAN_REST_FACTOR * (used_us() - begin);
	ns_source_state_set(&watch->processes_state, r < 0 ? "failing" : "ok", err.text);
	return r == 0;
}

/* Sets the paths from the listing; true when a scan is needed to know what that means. */
static bool note_paths(struct ns_watch *watch)
{
	bool need = false;

	for (size_t i = 0; i < watch->n_watched; i++) {
		struct ns_watched *watched = watch->watched[i];
		const struct ns_netns_file *file = ns_netns_files_find(&watch->files, watched->inode);

		ns_watched_set_path(watched, file ? file->path : "");
		need = need || !watched->anchors.mounted;
	}
	for (size_t i = 0; i < watch->files.n && !need; i++)
		need = !ns_watched_find(watch, watch->files.files[i].inode);
	return need;
}

static void note_processes(struct ns_watch *watch)
{
	for (size_t i = 0; i < watch->n_watched; i++) {
		size_t n;
		const struct ns_proc_entry *entries =
			ns_proc_table_find(&watch->processes, watch->watched[i]->inode, &n);

		ns_watched_set_processes(watch->watched[i], entries, n);
	}
}

static bool somebody_ended(const struct ns_watch *watch)
{
	for (size_t i = 0; i < watch->n_watched; i++)
		if (!ns_anchors_any(&watch->watched[i]->anchors))
			return true;
	return false;
}

static void sweep(struct ns_watch *watch)
{
	for (size_t i = watch->n_watched; i > 0; i--)
		if (!ns_anchors_any(&watch->watched[i - 1]->anchors))
			ns_watched_detach(watch->watched[i - 1]);
}

static bool is_known(const struct ns_watch *watch, const char *id)
{
	for (size_t i = 0; i < watch->n_engines; i++)
		if (ns_docker_find(watch->engines[i], id))
			return true;
	return false;
}

static bool made_by_runtime(const struct ns_watch *watch, const struct ns_proc_entry *entries, size_t n)
{
	const struct ns_container *containers[NS_RESIDENTS_MAX];
	struct ns_cgroup_identity found;

	if (ns_residents_of(&watch->residents, entries[0].inode, containers) > 0)
		return true;
	for (size_t i = 0; i < n && i < NS_WATCH_CGROUPS_ASKED_MAX; i++)
		if (ns_proc_cgroup(entries[i].pid, &watch->own_cgroup, &found) &&
		    (*found.runtime || is_known(watch, found.id)))
			return true;
	return false;
}

static void attach(struct ns_watch *watch, const struct ns_watched_start *start)
{
	struct ns_error err = NS_ERROR_INIT;
	int r = ns_watched_attach(watch, start, &err);

	/* Whoever ports end at is told of before they are. */
	ns_watch_read_links(watch);
	/* A container may end at any instant: that is no failure, and whatever is left of it is seen at the next look.
	 */
	if (r == 0 || r == -EEXIST || r == -ENOENT || r == -ESRCH || r == -ESTALE || r == -EINVAL)
		return;
	(void)snprintf(watch->attach_failure, sizeof watch->attach_failure, "%s", err.text);
	if (watch->failed_inode != start->inode)
		ns_log_warning("cannot attach to namespace %s: %s", *start->path ? start->path : "of a container",
			       err.text);
	watch->failed_inode = start->inode;
}

const char *ns_watch_listed_path(struct ns_watch *watch, ino_t inode)
{
	const struct ns_netns_file *file = ns_netns_files_find(&watch->files, inode);

	if (!file && ns_netns_dirs_list(watch->dirs, watch->own_inode, &watch->files, NULL) == 0)
		file = ns_netns_files_find(&watch->files, inode);
	return file ? file->path : "";
}

static void attach_scanned(struct ns_watch *watch, ino_t inode, const char *path)
{
	struct ns_watched_start start = { .inode = inode, .netns_fd = -1, .path = path };

	start.processes = ns_proc_table_find(&watch->processes, inode, &start.n_processes);
	attach(watch, &start);
}

void ns_watch_attach_found(struct ns_watch *watch, const struct ns_proc_entry *processes, size_t n)
{
	struct ns_watched_start start = {
		.inode = processes[0].inode, .netns_fd = -1, .processes = processes, .n_processes = n
	};

	start.path = ns_watch_listed_path(watch, start.inode);
	attach(watch, &start);
}

static void attach_new(struct ns_watch *watch)
{
	watch->attach_failure[0] = '\0';
	for (size_t i = 0; i < watch->files.n; i++)
		if (!ns_watched_find(watch, watch->files.files[i].inode) &&
		    (i == 0 || watch->files.files[i].inode != watch->files.files[i - 1].inode))
			attach_scanned(watch, watch->files.files[i].inode, watch->files.files[i].path);
	for (size_t i = 0; i < watch->processes.n;) {
		const struct ns_proc_entry *group = &watch->processes.entries[i];
		size_t n = 1;

		while (i + n < watch->processes.n && group[n].inode == group->inode)
			n++;
		i += n;
		if (!ns_watched_find(watch, group->inode) && made_by_runtime(watch, group, n))
			attach_scanned(watch, group->inode, "");
	}
	ns_source_state_set(&watch->namespaces_state, *watch->attach_failure ? "failing" : "ok", watch->attach_failure);
}

static void identify_all(struct ns_watch *watch)
{
	for (size_t i = 0; i < watch->n_watched; i++) {
		struct ns_watched *watched = watch->watched[i];
		char old[NS_WORKLOAD_MAX];

		memcpy(old, watched->endpoint.workload, sizeof old);
		if (ns_watched_identify(watched))
			watch->events.identify(watch->ctx, &watched->endpoint, old);
	}
	ns_members_identify(watch, NULL);
}

/* Podman has made the namespace, and its processes are about to come; who it is must be known before its first
 * instruction, and nothing else tells. */
static bool awaits_name(const struct ns_watched *watched)
{
	return watched->endpoint.provisional && !watched->endpoint.name_only &&
	       strcmp(watched->endpoint.runtime, "podman") == 0 && ns_clock_elapsed() < watched->name_awaited;
}

static bool any_awaits_name(const struct ns_watch *watch)
{
	for (size_t i = 0; i < watch->n_watched; i++)
		if (awaits_name(watch->watched[i]))
			return true;
	return false;
}

/* Among the processes that came since the last scan is the conmon that starts the container, before any of the
 * container's own; it comes into the world under its name. */
static void seek_monitors(struct ns_watch *watch)
{
	pid_t newest = ns_proc_newest(), pid = watch->newest_process;

	watch->newest_process = newest;
	if (pid > newest || !any_awaits_name(watch))
		return; /* the numbers have begun again: its descendants tell a little later */
	for (pid = newest - pid > NEW_PROCESSES_MAX ? newest - NEW_PROCESSES_MAX : pid; pid < newest; pid++) {
		struct ns_conmon_words words;
		struct ns_watched *watched;
		ino_t inode;

		if (!ns_conmon_is(pid + 1, &watch->own_cgroup, watch->own_userns, &words, &inode))
			continue;
		watched = ns_watched_find(watch, inode);
		if (watched && awaits_name(watched) && !*watched->cgroup.runtime && !*watched->conmon.name)
			watched->conmon = words;
	}
}

static void read_addresses(struct ns_watch *watch)
{
	for (size_t i = 0; i < watch->n_watched; i++) {
		struct ns_watched *watched = watch->watched[i];
		int r;

		if (!watched->addresses_dirty)
			continue;
		r = ns_watched_read_addresses(watched, NULL);
		if (r > 0) {
			ns_watch_doubt_ports(watch, &watched->endpoint);
			watch->events.addresses(watch->ctx, &watched->endpoint);
			ns_members_take_addresses(watch, watched);
		}
		ns_watch_read_links(watch);
		if (watched->addresses_dirty) {
			watch->dirty |= NS_LOOK_ADDRESSES;
			ns_watch_again(watch, ns_clock_elapsed() + (r == -EAGAIN ? AGAIN_US : FAILED_AGAIN_US));
		}
	}
}

static bool same_prefix(const struct ns_prefix *a, const struct ns_prefix *b)
{
	return ns_addr_equal(&a->addr, &b->addr) && a->length == b->length;
}

static void read_host(struct ns_watch *watch)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_found_address addresses[NS_WATCH_HOST_ADDRESSES_MAX];
	struct ns_addresses_found found = { .addresses = addresses,
					    .max_addresses = NS_WATCH_HOST_ADDRESSES_MAX,
					    .without_link_local = true };
	int r = ns_addresses_read(watch->host, &found, &err);
	bool same;

	if (r < 0) {
		watch->dirty |= NS_LOOK_HOST;
		ns_watch_again(watch, ns_clock_elapsed() + AGAIN_US);
	}
	ns_source_state_set(&watch->links_state, r < 0 || found.truncated ? "failing" : "ok",
			    r < 0             ? err.text
			    : found.truncated ? "the host has more addresses than can be kept"
					      : "");
	if (r < 0)
		return;
	same = found.n_addresses == watch->n_host_addresses;
	for (size_t i = 0; same && i < found.n_addresses; i++)
		same = same_prefix(&addresses[i].prefix, &watch->host_addresses[i]);
	if (same)
		return;
	for (size_t i = 0; i < found.n_addresses; i++) {
		watch->host_addresses[i] = addresses[i].prefix;
		watch->host_index[i] = addresses[i].index;
	}
	watch->n_host_addresses = found.n_addresses;
	if (!watch->first)
		watch->events.host_addresses(watch->ctx);
	ns_members_take_addresses(watch, NULL);
}

void ns_watch_look(struct ns_watch *watch)
{
	unsigned look;
	bool need_scan = false, scanned = false;

	ns_watch_read_links(watch);
	look = watch->dirty;
	watch->dirty = 0;
	if (look & NS_LOOK_DIRS) {
		list_dirs(watch);
		need_scan = note_paths(watch);
	}
	if (look & NS_LOOK_PROCESSES && !need_scan && ns_clock_elapsed() < watch->scan_not_before) {
		watch->dirty |= NS_LOOK_PROCESSES;
		ns_watch_again(watch, watch->scan_not_before);
	} else if (look & NS_LOOK_PROCESSES) {
		need_scan = true;
	}
	if (need_scan || look & (NS_LOOK_PROCESSES | NS_LOOK_IDENTITY))
		(void)ns_residents_find(watch->engines, watch->n_engines, watch->own_inode, &watch->own_cgroup,
					&watch->residents);
	if (look & NS_LOOK_IDENTITY) {
		ns_cgroup_tree_ask(watch->tree);
		watch->members.ranks_due = true;
	}
	/* Who lives where says whose a namespace is that is to become an endpoint. */
	ns_inhabitants_update(watch);
	if (need_scan && scan(watch)) {
		scanned = true;
		note_processes(watch);
		/* A process that forks and exits while /proc is read can be missed once: an end is seen twice. */
		if (somebody_ended(watch) && scan(watch)) {
			list_dirs(watch);
			(void)note_paths(watch);
			note_processes(watch);
			sweep(watch);
		}
		attach_new(watch);
	}
	ns_members_update(watch);
	ns_watch_read_links(watch); /* a scan of /proc takes its time */
	if (scanned)
		seek_monitors(watch);
	if (scanned || look & NS_LOOK_IDENTITY)
		identify_all(watch);
	if (any_awaits_name(watch)) {
		watch->dirty |= NS_LOOK_PROCESSES;
		ns_watch_again(watch, ns_clock_elapsed() + AWAIT_US);
	}
	watch->residents.n = 0; /* the engines may change what it points to */
	if (look & NS_LOOK_ADDRESSES)
		read_addresses(watch);
	if (look & NS_LOOK_HOST)
		read_host(watch);
	if (look & (NS_LOOK_DIRS | NS_LOOK_PROCESSES) && !(watch->dirty & NS_LOOK_PROCESSES))
		watch->prompted = false;
}
