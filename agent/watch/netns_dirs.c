/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nanoseg/limits.h>

#include "cleanup.h"
#include "netns_dirs.h"

/* Entries of one directory that are looked at: far beyond the endpoints that can be had. */
#define ENTRIES_MAX ((size_t)2 * NS_ENDPOINTS_MAX)

#define WATCH_DIR (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct watched_dir {
	char *path;
	int wd; /* of the directory or of its nearest ancestor; -1: none */
	bool exists;
};

struct ns_netns_dirs {
	struct watched_dir dirs[NS_NETNS_DIRS_MAX];
	size_t n;
	int inotify, mounts;
	sd_event_source *inotify_source, *mounts_source;
	dev_t nsfs; /* the device of every namespace file */
	void (*changed)(void *ctx);
	void *ctx;
};

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct ns_netns_dirs *dirs = ctx;
	char buffer[16384];

	/* Which file it was does not matter, and neither does an overflow: a listing tells. */
	while (read(fd, buffer, sizeof buffer) > 0)
		;
	dirs->changed(dirs->ctx);
	return 0;
}

static int on_mounts(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct ns_netns_dirs *dirs = ctx;

	dirs->changed(dirs->ctx);
	return 0;
}

static bool watch_in_use(const struct ns_netns_dirs *dirs, int wd)
{
	for (size_t i = 0; i < dirs->n; i++)
		if (dirs->dirs[i].wd == wd)
			return true;
	return false;
}

/* The same inode gets the same descriptor again, so renewing is cheap, and a directory that was replaced or mounted
 * over is noticed. */
static void arm(struct ns_netns_dirs *dirs, struct watched_dir *dir)
{
	char path[NS_NETNS_PATH_MAX];
	int old = dir->wd;
	bool whole = true;

	(void)snprintf(path, sizeof path, "%s", dir->path);
	dir->wd = -1;
	dir->exists = false;
	for (;;) {
		char *slash;

		dir->wd = inotify_add_watch(dirs->inotify, path, WATCH_DIR);
		if (dir->wd >= 0) {
			dir->exists = whole;
			break;
		}
		slash = strrchr(path, '/');
		if (!slash || strcmp(path, "/") == 0)
			break;
		slash[slash == path] = '\0';
		whole = false;
	}
	if (old >= 0 && !watch_in_use(dirs, old))
		(void)inotify_rm_watch(dirs->inotify, old);
}

static int add_sources(struct ns_netns_dirs *dirs, sd_event *event, struct ns_error *err)
{
	int r;

	dirs->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (dirs->inotify < 0)
		return ns_error_set(err, -errno, "cannot watch directories: %s", strerror(errno));
	dirs->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (dirs->mounts < 0)
		return ns_error_set(err, -errno, "cannot watch the mount table: %s", strerror(errno));
	r = sd_event_add_io(event, &dirs->inotify_source, dirs->inotify, EPOLLIN, on_inotify, dirs);
	if (r >= 0)
		r = sd_event_add_io(event, &dirs->mounts_source, dirs->mounts, EPOLLPRI, on_mounts, dirs);
	if (r < 0)
		return ns_error_set(err, r, "cannot watch directories: %s", strerror(-r));
	return 0;
}

NS_DEFINE_CLEANUP(struct ns_netns_dirs *, ns_netns_dirs_free)

int ns_netns_dirs_new(sd_event *event, const char *const *paths, size_t n, void (*changed)(void *ctx), void *ctx,
		      struct ns_netns_dirs **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_netns_dirs_freep) struct ns_netns_dirs *dirs = calloc(1, sizeof *dirs);
	struct stat st;
	int r;

	if (!dirs)
		return ns_error_set(err, -ENOMEM, "no memory for the namespace directories");
	dirs->inotify = dirs->mounts = -1;
	dirs->changed = changed;
	dirs->ctx = ctx;
	if (n > NS_NETNS_DIRS_MAX)
		return ns_error_set(err, -E2BIG, "%zu namespace directories are more than %d", n, NS_NETNS_DIRS_MAX);
	if (stat("/proc/self/ns/net", &st) < 0)
		return ns_error_set(err, -errno, "cannot see the own namespace: %s", strerror(errno));
	dirs->nsfs = st.st_dev;
	for (; dirs->n < n; dirs->n++) {
		struct watched_dir *dir = &dirs->dirs[dirs->n];

		if (paths[dirs->n][0] != '/' || strlen(paths[dirs->n]) >= NS_NETNS_PATH_MAX - 2)
			return ns_error_set(err, -EINVAL,
					    "namespace directory \"%s\" must be an absolute path of at "
					    "most %d bytes",
					    paths[dirs->n], NS_NETNS_PATH_MAX - 3);
		*dir = (struct watched_dir){ .path = strdup(paths[dirs->n]), .wd = -1 };
		if (!dir->path)
			return ns_error_set(err, -ENOMEM, "no memory for the namespace directories");
		for (size_t end = strlen(dir->path); end > 1 && dir->path[end - 1] == '/'; end--)
			dir->path[end - 1] = '\0';
	}
	r = add_sources(dirs, event, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(dirs);
	return 0;
}

struct ns_netns_dirs *ns_netns_dirs_free(struct ns_netns_dirs *dirs)
{
	if (!dirs)
		return NULL;
	sd_event_source_disable_unref(dirs->inotify_source);
	sd_event_source_disable_unref(dirs->mounts_source);
	ns_closep(&dirs->inotify);
	ns_closep(&dirs->mounts);
	for (size_t i = 0; i < dirs->n; i++)
		free(dirs->dirs[i].path);
	free(dirs);
	return NULL;
}

static int add_file(struct ns_netns_files *files, ino_t inode, unsigned dir, const char *path, const char *name)
{
	struct ns_netns_file *file;

	if (files->n == files->room) {
		size_t room = files->room ? files->room * 2 : 16;
		struct ns_netns_file *bigger = reallocarray(files->files, room, sizeof *bigger);

		if (!bigger)
			return -ENOMEM;
		files->files = bigger;
		files->room = room;
	}
	file = &files->files[files->n];
	*file = (struct ns_netns_file){ .inode = inode, .dir = dir };
	if (snprintf(file->path, sizeof file->path, "%s/%s", path, name) >= (int)sizeof file->path)
		files->refused++;
	else
		files->n++;
	return 0;
}

static int list_dir(const struct ns_netns_dirs *dirs, unsigned index, ino_t own, struct ns_netns_files *files)
{
	NS_CLEANUP(close_dir) DIR *dir = opendir(dirs->dirs[index].path);
	const struct dirent *entry;
	size_t seen = 0;

	if (!dir)
		return 0; /* gone again: the watch tells when it comes back */
	while ((entry = readdir(dir)) && seen++ < ENTRIES_MAX) {
		struct stat st;

		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue;
		if (st.st_dev == dirs->nsfs && st.st_ino != own) {
			if (add_file(files, st.st_ino, index, dirs->dirs[index].path, entry->d_name) < 0)
				return -ENOMEM;
		} else if (st.st_dev != dirs->nsfs && S_ISREG(st.st_mode)) {
			files->waiting++;
		}
	}
	return 0;
}

static int compare_files(const void *pa, const void *pb)
{
	const struct ns_netns_file *a = pa, *b = pb;

	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	if (a->dir != b->dir)
		return a->dir < b->dir ? -1 : 1;
	return strcmp(a->path, b->path);
}

int ns_netns_dirs_list(struct ns_netns_dirs *dirs, ino_t own, struct ns_netns_files *files, struct ns_error *err)
{
	files->n = files->waiting = files->refused = 0;
	for (size_t i = 0; i < dirs->n; i++)
		arm(dirs, &dirs->dirs[i]);
	for (size_t i = 0; i < dirs->n; i++)
		if (list_dir(dirs, (unsigned)i, own, files) < 0)
			return ns_error_set(err, -ENOMEM, "no memory for the list of namespaces");
	if (files->n > 0)
		qsort(files->files, files->n, sizeof *files->files, compare_files);
	return 0;
}

void ns_netns_files_release(struct ns_netns_files *files)
{
	free(files->files);
	*files = (struct ns_netns_files){ 0 };
}

const struct ns_netns_file *ns_netns_files_find(const struct ns_netns_files *files, ino_t inode)
{
	size_t low = 0, high = files->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (files->files[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low < files->n && files->files[low].inode == inode ? &files->files[low] : NULL;
}

bool ns_netns_dirs_any(const struct ns_netns_dirs *dirs)
{
	for (size_t i = 0; i < dirs->n; i++)
		if (dirs->dirs[i].exists)
			return true;
	return false;
}

void ns_netns_dirs_missing(const struct ns_netns_dirs *dirs, char *ret, size_t room)
{
	size_t used = 0;

	*ret = '\0';
	for (size_t i = 0; i < dirs->n && used < room; i++)
		if (!dirs->dirs[i].exists)
			used += (size_t)snprintf(ret + used, room - used, "%s%s", used ? " " : "waiting for ",
						 dirs->dirs[i].path);
}
