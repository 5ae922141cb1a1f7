/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Containers by their cgroups: who came, who ended, and where each lives. See members.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "watch_object.h"

/* A container that nobody knows and that is in the agent's own namespace for so long was not on its way elsewhere. A
 * runtime needs some 10 ms for that. */
#define HOST_AFTER_US 250000
/* Where it lives is asked so often: it is on its way, or nobody can be seen in it. */
#define ASK_US        1000
#define ASK_LATE_US   5000
#define ASK_UNSEEN_US 1000000
#define EARLY_US      30000
/* A cgroup that nobody is in for so long has ended, though it is there. */
#define EMPTY_US 1000000
/* No runtime is so slow. */
#define SLOW_US 5000000
/* Processes of one container that are looked at. */
#define PROCESSES_MAX 64

/* Because the kernel told, as opposed to: it was time for a scan. */
static void on_tree(void *ctx)
{
	struct ns_watch *watch = ctx;
	bool prompted = watch->prompted;

	watch->prompted = true;
	ns_members_update(watch);
	watch->prompted = prompted;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct ns_watch *watch = ctx;

	watch->members.timer_at = 0;
	on_tree(watch);
	return 0;
}

static void again(struct ns_watch *watch, int64_t at)
{
	struct ns_members *members = &watch->members;
	int64_t now = ns_clock_elapsed();

	if (members->timer_at != 0 && members->timer_at <= at)
		return;
	members->timer_at = at;
	(void)sd_event_source_set_time_relative(members->timer, at > now ? (uint64_t)(at - now) : 0);
	(void)sd_event_source_set_enabled(members->timer, SD_EVENT_ONESHOT);
}

static bool is_known(void *ctx, const char *id)
{
	const struct ns_watch *watch = ctx;

	for (size_t i = 0; i < watch->n_engines; i++)
		if (ns_docker_find(watch->engines[i], id))
			return true;
	return false;
}

int ns_members_init(struct ns_watch *watch, struct ns_error *err)
{
	static const struct ns_cgroup_tree_events events = { is_known, on_tree };
	NS_CLOSE int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int r = sd_event_add_time_relative(watch->event, &watch->members.timer, CLOCK_MONOTONIC, 0, ASK_US / 4,
					   on_timer, watch);

	if (r >= 0)
		r = sd_event_source_set_enabled(watch->members.timer, SD_EVENT_OFF);
	if (r < 0)
		return ns_error_set(err, r, "cannot prepare the members' timer: %s", strerror(-r));
	if (fd >= 0)
		(void)ns_caps_owners(fd, &watch->members.owners);
	return ns_cgroup_tree_new(watch->event, &watch->own_cgroup, &events, watch, &watch->tree, err);
}

void ns_members_release(struct ns_watch *watch)
{
	struct ns_members *members = &watch->members;

	for (size_t i = 0; i < members->n; i++) {
		ns_identity_release(&members->list[i]->endpoint);
		free(members->list[i]);
	}
	free(members->list);
	sd_event_source_disable_unref(members->timer);
	*members = (struct ns_members){ 0 };
	watch->tree = ns_cgroup_tree_free(watch->tree);
}

size_t ns_inhabitants_place(const struct ns_members *members, uint64_t id)
{
	size_t low = 0, high = members->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (members->list[middle]->place.cgroup < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct ns_inhabitant *add(struct ns_watch *watch, const struct ns_cgroup *cgroup)
{
	struct ns_members *members = &watch->members;
	size_t at = ns_inhabitants_place(members, cgroup->place.cgroup);
	struct ns_inhabitant *inhabitant;

	if (at < members->n && members->list[at]->place.cgroup == cgroup->place.cgroup)
		return members->list[at];
	if (members->n == members->room) {
		size_t room = members->room ? members->room * 2 : 64;
		struct ns_inhabitant **bigger = reallocarray(members->list, room, sizeof(void *));

		if (!bigger)
			return NULL;
		members->list = bigger;
		members->room = room;
	}
	inhabitant = calloc(1, sizeof *inhabitant);
	if (!inhabitant)
		return NULL;
	inhabitant->watch = watch;
	inhabitant->place = cgroup->place;
	inhabitant->identity = cgroup->identity;
	inhabitant->rank = NS_MAKER_GUESS;
	inhabitant->came = ns_clock_elapsed();
	memmove(members->list + at + 1, members->list + at, (members->n - at) * sizeof(void *));
	members->list[at] = inhabitant;
	members->n++;
	return inhabitant;
}

static void drop(struct ns_watch *watch, struct ns_inhabitant *inhabitant)
{
	struct ns_members *members = &watch->members;
	size_t at = ns_inhabitants_place(members, inhabitant->place.cgroup);

	ns_members_end(inhabitant);
	memmove(members->list + at, members->list + at + 1, (members->n - at - 1) * sizeof(void *));
	members->n--;
	ns_identity_release(&inhabitant->endpoint);
	free(inhabitant);
}

/* An id is never given again, so the one that is not in the tree any more has ended. */
static void update_list(struct ns_watch *watch)
{
	struct ns_members *members = &watch->members;
	int64_t now = ns_clock_elapsed();
	const struct ns_cgroup *cgroup;
	size_t at = 0;

	for (size_t i = 0; (cgroup = ns_cgroup_tree_at(watch->tree, i)); i++) {
		struct ns_inhabitant *inhabitant;

		while (at < members->n && members->list[at]->place.cgroup < cgroup->place.cgroup)
			drop(watch, members->list[at]);
		inhabitant = at < members->n && members->list[at]->place.cgroup == cgroup->place.cgroup
				     ? members->list[at]
				     : NULL;
		if (!inhabitant && cgroup->populated)
			inhabitant = add(watch, cgroup);
		if (!inhabitant)
			continue;
		at++;
		inhabitant->identity = cgroup->identity;
		if (cgroup->populated)
			inhabitant->empty_since = 0;
		else if (!inhabitant->empty_since)
			inhabitant->empty_since = now;
	}
	while (at < members->n)
		drop(watch, members->list[at]);
	for (size_t i = members->n; i > 0; i--) {
		struct ns_inhabitant *inhabitant = members->list[i - 1];

		if (inhabitant->empty_since && now >= inhabitant->empty_since + EMPTY_US)
			drop(watch, inhabitant);
		else if (inhabitant->empty_since)
			again(watch, inhabitant->empty_since + EMPTY_US);
	}
}

/* Of a container's processes, which may be in several namespaces, the one that tells where it lives: the eldest, unless
 * it left a namespace that is mounted somewhere, or that its engine knows, for one of its own. */
struct choice {
	pid_t pid;
	ino_t inode;
	int64_t age;
	bool listed;
};

static void consider(const struct ns_watch *watch, pid_t pid, bool on_host, struct choice *choice)
{
	int64_t age = ns_proc_age(pid);
	ino_t inode;
	bool listed;

	if (age < 0 || ns_proc_netns(pid, &inode) < 0)
		return;
	if (inode == watch->own_inode)
		listed = on_host;
	else
		listed = ns_netns_files_find(&watch->files, inode) != NULL;
	/* Who is on the way, and who stayed behind in the agent's namespace, tells less than one who has arrived. */
	if (choice->pid && choice->inode != watch->own_inode && inode == watch->own_inode && !on_host)
		return;
	if (choice->pid && (choice->inode == watch->own_inode) == (inode == watch->own_inode) &&
	    (choice->listed > listed || (choice->listed == listed && choice->age >= age)))
		return;
	*choice = (struct choice){ pid, inode, age, listed };
}

/* Where a container lives, when that is not known. */
static void settle(struct ns_inhabitant *inhabitant)
{
	struct ns_watch *watch = inhabitant->watch;
	int64_t now = ns_clock_elapsed(), age = now - inhabitant->came;
	bool on_host = ns_watch_on_host(watch, &inhabitant->identity);
	struct choice choice = { 0 };
	pid_t pids[PROCESSES_MAX];
	size_t n;

	if (inhabitant->unseen && now < inhabitant->asked_at + ASK_UNSEEN_US)
		return;
	inhabitant->asked_at = now;
	n = ns_cgroup_tree_processes(watch->tree, inhabitant->place.path, pids, PROCESSES_MAX);
	for (size_t i = 0; i < n; i++)
		consider(watch, pids[i], on_host, &choice);
	/* In a pid namespace that is not below the agent's: nothing that it could do anything about. */
	inhabitant->unseen = !choice.pid && age >= EARLY_US;
	if (choice.pid &&
	    (choice.inode != watch->own_inode || on_host || age >= HOST_AFTER_US || choice.age >= HOST_AFTER_US)) {
		inhabitant->pid = choice.pid;
		inhabitant->inode = choice.inode;
	} else if (!inhabitant->empty_since && !inhabitant->unseen) {
		again(watch, now + (age < EARLY_US ? ASK_US : ASK_LATE_US));
	}
}

/* One that was taken to be on the host's network, and was only slow on its way. A container that leaves the namespace
 * by itself is on the host's network as its engine sees it, or is older than that. */
static bool was_on_the_way(const struct ns_inhabitant *inhabitant)
{
	struct ns_watch *watch = inhabitant->watch;
	const struct ns_container *container;
	pid_t pid = inhabitant->pid;
	ino_t inode;

	if (inhabitant->inode != watch->own_inode || ns_watch_on_host(watch, &inhabitant->identity))
		return false;
	container = ns_watch_container(watch, &inhabitant->identity);
	if (container && container->pid > 0)
		pid = container->pid;
	else if (ns_clock_elapsed() > inhabitant->came + SLOW_US)
		return false;
	return ns_proc_netns(pid, &inode) == 0 && inode != watch->own_inode;
}

void ns_inhabitants_update(struct ns_watch *watch)
{
	struct ns_members *members = &watch->members;

	update_list(watch);
	for (size_t i = 0; i < members->n; i++) {
		if (was_on_the_way(members->list[i])) {
			ns_members_end(members->list[i]);
			members->list[i]->inode = 0;
		}
		if (!members->list[i]->inode)
			settle(members->list[i]);
	}
}

struct ns_inhabitant *ns_inhabitants_settle(struct ns_watch *watch, pid_t pid, ino_t inode)
{
	char path[NS_CGROUP_PATH_MAX];
	const struct ns_cgroup *cgroup;
	struct ns_inhabitant *inhabitant;

	ns_cgroup_tree_read(watch->tree);
	if (ns_proc_cgroup2(pid, path) < 0)
		return NULL;
	cgroup = ns_cgroup_tree_of_path(watch->tree, path);
	inhabitant = cgroup ? add(watch, cgroup) : NULL;
	if (!inhabitant)
		return NULL;
	if (!inhabitant->member) {
		inhabitant->pid = pid;
		inhabitant->inode = inode;
	}
	return inhabitant;
}

struct ns_inhabitant *ns_inhabitants_get(const struct ns_members *members, uint64_t id)
{
	size_t at = ns_inhabitants_place(members, id);

	return at < members->n && members->list[at]->place.cgroup == id ? members->list[at] : NULL;
}

struct ns_inhabitant *ns_inhabitants_find(const struct ns_watch *watch, ino_t inode, const char *id)
{
	for (size_t i = 0; i < watch->members.n; i++)
		if (watch->members.list[i]->inode == inode && strcmp(watch->members.list[i]->identity.id, id) == 0)
			return watch->members.list[i];
	return NULL;
}
