/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup2.h"
#include "cgroup_procs.h"
#include "cgroup_tree.h"
#include "cleanup.h"

#define WATCH_DIR    (IN_CREATE | IN_DELETE | IN_ONLYDIR | IN_DONT_FOLLOW)
#define WATCH_EVENTS IN_MODIFY
/* Times that changes are told of at once. */
#define TELL_MAX 16

struct dir {
	char *path;                     /* below the root of the hierarchy; the root is "" */
	int wd;                         /* -1: it could not be watched */
	char bare[NS_CONTAINER_ID_MAX]; /* an id that nobody knows (yet); "": none */
	bool listed;
};

struct container {
	struct ns_cgroup cgroup; /* first: the caller's pointer is ours */
	int wd;                  /* of cgroup.events; -1: it could not be watched */
	bool listed;
};

struct ns_cgroup_tree {
	const struct ns_cgroup_identity *own;
	struct ns_cgroup_tree_events events;
	void *ctx;
	sd_event_source *source;
	int inotify;
	char mount[PATH_MAX]; /* "": there is no such hierarchy */
	struct dir *dirs;
	size_t n_dirs, room_dirs;
	struct container **containers; /* sorted by id */
	size_t n, room;
	bool changed, overflow;
	char failure[NS_ERROR_TEXT_MAX];
};

static void fail(struct ns_cgroup_tree *tree, const char *what, int error)
{
	if (!*tree->failure)
		(void)snprintf(tree->failure, sizeof tree->failure, "%s%s%s", what, error ? ": " : "",
			       error ? strerror(error) : "");
}

/* False: no path of a cgroup is that long. */
static bool full_path(const struct ns_cgroup_tree *tree, const char *path, const char *file, char ret[static PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s%s%s", tree->mount, path, file);

	return n >= 0 && n < PATH_MAX;
}

static bool lies_in(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	return strncmp(path, parent, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

bool ns_cgroup_tree_populated(struct ns_cgroup_tree *tree, const struct ns_cgroup *cgroup)
{
	char path[PATH_MAX];

	return full_path(tree, cgroup->place.path, "/cgroup.events", path) && ns_cgroup_events_populated(path);
}

static void forget_container(struct ns_cgroup_tree *tree, size_t at)
{
	struct container *container = tree->containers[at];

	if (container->wd >= 0)
		(void)inotify_rm_watch(tree->inotify, container->wd);
	free(container);
	memmove(tree->containers + at, tree->containers + at + 1, (tree->n - at - 1) * sizeof(void *));
	tree->n--;
	tree->changed = true;
}

static void forget_dir(struct ns_cgroup_tree *tree, size_t at)
{
	if (tree->dirs[at].wd >= 0)
		(void)inotify_rm_watch(tree->inotify, tree->dirs[at].wd);
	free(tree->dirs[at].path);
	tree->dirs[at] = tree->dirs[--tree->n_dirs];
}

/* A directory and all that lies in it. */
static void forget(struct ns_cgroup_tree *tree, const char *path)
{
	for (size_t i = tree->n; i > 0; i--)
		if (lies_in(tree->containers[i - 1]->cgroup.place.path, path))
			forget_container(tree, i - 1);
	for (size_t i = tree->n_dirs; i > 0; i--)
		if (lies_in(tree->dirs[i - 1].path, path))
			forget_dir(tree, i - 1);
}

static struct container *find_container(const struct ns_cgroup_tree *tree, uint64_t id, size_t *ret_at)
{
	size_t low = 0, high = tree->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tree->containers[middle]->cgroup.place.cgroup < id)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_at = low;
	return low < tree->n && tree->containers[low]->cgroup.place.cgroup == id ? tree->containers[low] : NULL;
}

static bool make_room(struct ns_cgroup_tree *tree)
{
	size_t room = tree->room ? tree->room * 2 : 64;
	struct container **bigger;

	if (tree->n < tree->room)
		return true;
	bigger = reallocarray(tree->containers, room, sizeof(void *));
	if (bigger) {
		tree->containers = bigger;
		tree->room = room;
	}
	return bigger;
}

static void add_container(struct ns_cgroup_tree *tree, const char *path, const struct ns_cgroup_identity *identity)
{
	struct container *container;
	char full[PATH_MAX];
	struct stat st;
	size_t at;

	if (!full_path(tree, path, "/cgroup.events", full))
		return;
	*strrchr(full, '/') = '\0';
	if (stat(full, &st) < 0)
		return;
	container = find_container(tree, st.st_ino, &at);
	if (container) {
		container->listed = true;
		return;
	}
	if (tree->n >= NS_CGROUP_TREE_MAX) {
		fail(tree, "more containers' cgroups than can be watched (NS_ENDPOINTS_MAX)", 0);
		return;
	}
	container = make_room(tree) ? calloc(1, sizeof *container) : NULL;
	if (!container) {
		fail(tree, "a container's cgroup", ENOMEM);
		return;
	}
	container->cgroup.place.cgroup = st.st_ino;
	container->cgroup.place.level = ns_cgroup2_level(path);
	(void)snprintf(container->cgroup.place.path, sizeof container->cgroup.place.path, "%s", path);
	container->cgroup.identity = *identity;
	container->listed = true;
	full[strlen(full)] = '/'; /* the name of the file again */
	container->wd = inotify_add_watch(tree->inotify, full, WATCH_EVENTS);
	if (container->wd < 0 && errno != ENOENT && errno != ENODEV)
		fail(tree, "a container's cgroup cannot be watched", errno);
	container->cgroup.populated = ns_cgroup_events_populated(full);
	memmove(tree->containers + at + 1, tree->containers + at, (tree->n - at) * sizeof(void *));
	tree->containers[at] = container;
	tree->n++;
	tree->changed = true;
}

static void add_dir(struct ns_cgroup_tree *tree, const char *path, const char *bare)
{
	struct dir dir = { .path = NULL };
	char full[PATH_MAX];

	if (!full_path(tree, path, "", full))
		return;
	dir.wd = inotify_add_watch(tree->inotify, full, WATCH_DIR);
	if (dir.wd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENOTDIR))
		return;
	if (dir.wd < 0)
		fail(tree, "a cgroup cannot be watched", errno);
	for (size_t i = 0; i < tree->n_dirs; i++)
		if (dir.wd >= 0 ? tree->dirs[i].wd == dir.wd : strcmp(tree->dirs[i].path, path) == 0)
			return;
	if (tree->n_dirs == tree->room_dirs) {
		size_t room = tree->room_dirs ? tree->room_dirs * 2 : 64;
		struct dir *bigger =
			tree->n_dirs < NS_CGROUP_TREE_DIRS_MAX ? reallocarray(tree->dirs, room, sizeof *bigger) : NULL;

		if (bigger) {
			tree->dirs = bigger;
			tree->room_dirs = room;
		}
	}
	if (tree->n_dirs < tree->room_dirs)
		dir.path = strdup(path);
	if (!dir.path) {
		fail(tree, "more cgroups than can be watched (NS_CGROUP_TREE_DIRS_MAX)", 0);
		if (dir.wd >= 0)
			(void)inotify_rm_watch(tree->inotify, dir.wd);
		return;
	}
	(void)snprintf(dir.bare, sizeof dir.bare, "%s", bare);
	tree->dirs[tree->n_dirs++] = dir;
}

/* Where another may make directories (systemd delegates some), he calls them what he likes, by a container's id too. */
static bool is_roots(const struct ns_cgroup_tree *tree, const struct dir *dir)
{
	char full[PATH_MAX];
	struct stat st;

	return full_path(tree, dir->path, "", full) && stat(full, &st) == 0 && st.st_uid == geteuid();
}

/* A directory that somebody made: a container's, or one that a container's may come in. */
static void found(struct ns_cgroup_tree *tree, const struct dir *parent, const char *name)
{
	struct ns_cgroup_identity identity = { 0 };
	char line[NS_CGROUP_PATH_MAX + sizeof "0::"];
	int n = snprintf(line, sizeof line, "0::%s/%s", parent->path, name);
	const char *path = line + 3;
	bool is;

	if (strcmp(name, "user.slice") == 0 || !is_roots(tree, parent))
		return;
	if (n < 0 || (size_t)n >= sizeof line || ns_cgroup2_level(path) > NS_CGROUP_LEVELS_MAX) {
		fail(tree, "a cgroup lies too deep (NS_CGROUP_PATH_MAX, NS_CGROUP_LEVELS_MAX)", 0);
		return;
	}
	is = ns_cgroup_identify(line, (size_t)n, tree->own, &identity);
	/* In a directory called by an id that nobody knows only Podman keeps containers: it is a pod's. The name of
	 * anything else may be a lie of the container's that it belongs to. */
	if (is && *parent->bare && strcmp(identity.runtime, "podman") != 0)
		return;
	if (is && (*identity.runtime || tree->events.is_known(tree->ctx, identity.id)))
		add_container(tree, path, &identity);
	else
		add_dir(tree, path, is ? identity.id : "");
}

static void close_stream(DIR **stream)
{
	if (*stream)
		(void)closedir(*stream);
}

static void list(struct ns_cgroup_tree *tree, size_t at)
{
	NS_CLEANUP(close_stream) DIR *stream = NULL;
	const struct dirent *entry;
	char full[PATH_MAX];

	tree->dirs[at].listed = true;
	if (!full_path(tree, tree->dirs[at].path, "", full))
		return;
	stream = opendir(full);
	while (stream && (entry = readdir(stream))) {
		struct dir parent = tree->dirs[at]; /* the list moves when it grows */

		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			found(tree, &parent, entry->d_name);
	}
}

/* Watching comes before listing: what is made in between is found twice, not never. */
static void list_new(struct ns_cgroup_tree *tree)
{
	for (size_t i = 0; i < tree->n_dirs; i++)
		if (!tree->dirs[i].listed)
			list(tree, i);
}

static void forget_all(struct ns_cgroup_tree *tree)
{
	while (tree->n > 0)
		forget_container(tree, tree->n - 1);
	while (tree->n_dirs > 0)
		forget_dir(tree, tree->n_dirs - 1);
}

void ns_cgroup_tree_relist(struct ns_cgroup_tree *tree)
{
	char mount[PATH_MAX] = "";
	struct stat st;

	(void)ns_cgroup2_mount(mount, NULL);
	if (strcmp(mount, tree->mount) != 0)
		forget_all(tree);
	memcpy(tree->mount, mount, strlen(mount) + 1);
	tree->failure[0] = '\0';
	tree->overflow = false;
	if (!*mount)
		return;
	for (size_t i = 0; i < tree->n; i++)
		tree->containers[i]->listed = false;
	for (size_t i = tree->n_dirs; i > 0; i--) {
		char full[PATH_MAX];

		tree->dirs[i - 1].listed = false;
		if (tree->dirs[i - 1].wd < 0 || !full_path(tree, tree->dirs[i - 1].path, "", full) ||
		    stat(full, &st) < 0)
			forget_dir(tree, i - 1);
	}
	add_dir(tree, "", "");
	list_new(tree);
	for (size_t i = tree->n; i > 0; i--) {
		struct container *container = tree->containers[i - 1];
		bool populated = ns_cgroup_tree_populated(tree, &container->cgroup);

		if (!container->listed) {
			forget_container(tree, i - 1);
			continue;
		}
		tree->changed = tree->changed || populated != container->cgroup.populated;
		container->cgroup.populated = populated;
	}
}

void ns_cgroup_tree_ask(struct ns_cgroup_tree *tree)
{
	for (size_t i = tree->n_dirs; i > 0; i--) {
		struct ns_cgroup_identity identity = { 0 };
		char path[NS_CGROUP_PATH_MAX];

		/* What is forgotten moves others here, which are asked at the next time. */
		if (i > tree->n_dirs || !*tree->dirs[i - 1].bare ||
		    !tree->events.is_known(tree->ctx, tree->dirs[i - 1].bare))
			continue;
		memcpy(identity.id, tree->dirs[i - 1].bare, sizeof identity.id);
		(void)snprintf(path, sizeof path, "%s", tree->dirs[i - 1].path);
		forget(tree, path);
		add_container(tree, path, &identity);
	}
}

static void heard_of_dir(struct ns_cgroup_tree *tree, const struct dir *parent, const struct inotify_event *event)
{
	char path[NS_CGROUP_PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%s", parent->path, event->name);

	if (event->mask & IN_CREATE)
		found(tree, parent, event->name);
	else if (event->mask & IN_DELETE && n >= 0 && (size_t)n < sizeof path)
		forget(tree, path);
}

static void heard(struct ns_cgroup_tree *tree, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		tree->overflow = true;
	if (event->wd < 0)
		return;
	for (size_t i = 0; i < tree->n; i++) {
		struct container *container = tree->containers[i];

		if (container->wd != event->wd)
			continue;
		if (event->mask & IN_IGNORED)
			container->wd = -1;
		container->cgroup.populated = ns_cgroup_tree_populated(tree, &container->cgroup);
		tree->changed = true;
		return;
	}
	for (size_t i = 0; i < tree->n_dirs; i++) {
		struct dir parent = tree->dirs[i];
		char path[NS_CGROUP_PATH_MAX];

		if (parent.wd != event->wd)
			continue;
		(void)snprintf(path, sizeof path, "%s", parent.path);
		if (event->mask & IN_IGNORED)
			forget(tree, path);
		else if (event->mask & IN_ISDIR && event->len > 0)
			heard_of_dir(tree, &parent, event);
		return;
	}
}

void ns_cgroup_tree_read(struct ns_cgroup_tree *tree)
{
	_Alignas(struct inotify_event) char buffer[16384];
	ssize_t n;

	while ((n = read(tree->inotify, buffer, sizeof buffer)) > 0) {
		const struct inotify_event *event;

		for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof *event + event->len)) {
			event = (const struct inotify_event *)(const void *)(buffer + at);
			heard(tree, event);
		}
		list_new(tree);
	}
	if (tree->overflow)
		ns_cgroup_tree_relist(tree);
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct ns_cgroup_tree *tree = ctx;

	ns_cgroup_tree_read(tree);
	/* Whoever is told may read on: what is found then must be told as well. */
	for (int i = 0; tree->changed && i < TELL_MAX; i++) {
		tree->changed = false;
		tree->events.changed(tree->ctx);
	}
	return 0;
}

NS_DEFINE_CLEANUP(struct ns_cgroup_tree *, ns_cgroup_tree_free)

int ns_cgroup_tree_new(sd_event *event, const struct ns_cgroup_identity *own,
		       const struct ns_cgroup_tree_events *events, void *ctx, struct ns_cgroup_tree **ret,
		       struct ns_error *err)
{
	NS_CLEANUP(ns_cgroup_tree_freep) struct ns_cgroup_tree *tree = calloc(1, sizeof *tree);
	int r;

	if (!tree)
		return ns_error_set(err, -ENOMEM, "no memory for a list of cgroups");
	tree->own = own;
	tree->events = *events;
	tree->ctx = ctx;
	tree->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (tree->inotify < 0)
		return ns_error_set(err, -errno, "cannot watch cgroups: %s", strerror(errno));
	r = sd_event_add_io(event, &tree->source, tree->inotify, EPOLLIN, on_inotify, tree);
	if (r < 0)
		return ns_error_set(err, r, "cannot watch cgroups: %s", strerror(-r));
	ns_cgroup_tree_relist(tree);
	tree->changed = false;
	*ret = NS_TAKE(tree);
	return 0;
}

struct ns_cgroup_tree *ns_cgroup_tree_free(struct ns_cgroup_tree *tree)
{
	if (!tree)
		return NULL;
	forget_all(tree);
	free(tree->dirs);
	free(tree->containers);
	sd_event_source_disable_unref(tree->source);
	ns_closep(&tree->inotify);
	free(tree);
	return NULL;
}

const struct ns_cgroup *ns_cgroup_tree_at(const struct ns_cgroup_tree *tree, size_t i)
{
	return i < tree->n ? &tree->containers[i]->cgroup : NULL;
}

const struct ns_cgroup *ns_cgroup_tree_of_path(const struct ns_cgroup_tree *tree, const char *path)
{
	for (size_t i = 0; i < tree->n; i++)
		if (lies_in(path, tree->containers[i]->cgroup.place.path))
			return &tree->containers[i]->cgroup;
	return NULL;
}

size_t ns_cgroup_tree_processes(const struct ns_cgroup_tree *tree, const char *path, pid_t *ret, size_t max)
{
	char full[PATH_MAX];

	return full_path(tree, path, "", full) ? ns_cgroup_procs(full, NS_CGROUP_TREE_BELOW_MAX, ret, max) : 0;
}

bool ns_cgroup_tree_is_there(const struct ns_cgroup_tree *tree)
{
	return *tree->mount;
}

const char *ns_cgroup_tree_failure(const struct ns_cgroup_tree *tree)
{
	return tree->failure;
}
