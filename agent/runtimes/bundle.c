/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_json.h"
#include "cleanup.h"

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && strcmp(text + n - k, end) == 0;
}

/* By what the directory is called: only containerd's own for Kubernetes holds what it alone annotates. */
static enum ns_bundle_kind kind_of(const char *dir)
{
	if (ends_with(dir, "-containers"))
		return NS_BUNDLE_STORAGE;
	return ends_with(dir, "/k8s.io") ? NS_BUNDLE_CRI : NS_BUNDLE_PLAIN;
}

/* A runtime that is known keeps its bundles in one of two manners. */
static bool may_hold(enum ns_bundle_kind kind, const char *runtime)
{
	if (strcmp(runtime, "podman") == 0 || strcmp(runtime, "crio") == 0)
		return kind == NS_BUNDLE_STORAGE;
	if (strcmp(runtime, "docker") == 0)
		return kind == NS_BUNDLE_PLAIN;
	return true;
}

static int check_root_alone(int fd, mode_t type, const char *path, struct ns_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ns_error_set(err, -errno, "%s: %m", path);
	if ((st.st_mode & S_IFMT) != type)
		return ns_error_set(err, -EPERM, "%s: not what a runtime puts there", path);
	if (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH))
		return ns_error_set(err, -EPERM, "%s: others than root can write it", path);
	return 0;
}

/* One step down, which must not lead elsewhere. */
static int step(int dir, const char *name, mode_t type, const char *path, struct ns_error *err)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (type == S_IFDIR ? O_DIRECTORY : 0);
	NS_CLOSE int fd = openat(dir, name, flags);
	int r;

	if (fd < 0)
		return ns_error_set(err, errno == ENOTDIR || errno == ELOOP ? -EPERM : -errno, "%s: %m", path);
	r = check_root_alone(fd, type, path, err);
	return r < 0 ? r : NS_TAKE_FD(fd);
}

/* DIR/ID[/userdata]/config.json; its path into ret_path. */
static int open_config(const char *dir, enum ns_bundle_kind kind, const char *id,
		       char ret_path[static NS_BUNDLE_PATH_MAX], struct ns_error *err)
{
	NS_CLOSE int top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), bundle = -1, below = -1;
	int at;

	if (snprintf(ret_path, NS_BUNDLE_PATH_MAX, "%s/%s%s/config.json", dir, id,
		     kind == NS_BUNDLE_STORAGE ? "/userdata" : "") >= NS_BUNDLE_PATH_MAX)
		return ns_error_set(err, -ENAMETOOLONG, "%s: too long", dir);
	if (top < 0)
		return ns_error_set(err, errno == ENOTDIR ? -ENOENT : -errno, "%s: %m", dir);
	bundle = step(top, id, S_IFDIR, ret_path, err);
	at = bundle;
	if (bundle >= 0 && kind == NS_BUNDLE_STORAGE) {
		below = step(bundle, "userdata", S_IFDIR, ret_path, err);
		at = below;
	}
	return at < 0 ? at : step(at, "config.json", S_IFREG, ret_path, err);
}

static int read_text(int fd, const char *path, char **ret, size_t *ret_length, struct ns_error *err)
{
	NS_FREE char *text = malloc(NS_HOOK_BYTES_MAX + 1);
	size_t n = 0;

	if (!text)
		return ns_error_set(err, -ENOMEM, "no memory");
	while (n <= NS_HOOK_BYTES_MAX) {
		ssize_t got = read(fd, text + n, NS_HOOK_BYTES_MAX + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ns_error_set(err, -errno, "%s: %m", path);
		if (got == 0)
			break;
		n += (size_t)got;
	}
	if (n > NS_HOOK_BYTES_MAX)
		return ns_error_set(err, -EBADMSG, "%s: more than %d bytes (NS_HOOK_BYTES_MAX)", path,
				    NS_HOOK_BYTES_MAX);
	*ret = NS_TAKE(text);
	*ret_length = n;
	return 0;
}

/* What the cgroup tells is the runtime's word; annotations may be others'. */
static enum ns_bundle_kind more_of(enum ns_bundle_kind kind, const char *runtime)
{
	if (kind == NS_BUNDLE_STORAGE && strcmp(runtime, "crio") == 0)
		return NS_BUNDLE_CRIO;
	if (kind == NS_BUNDLE_STORAGE && strcmp(runtime, "podman") == 0)
		return NS_BUNDLE_PODMAN;
	return kind;
}

static int find_in(const char *dir, enum ns_bundle_kind kind, const struct ns_cgroup_identity *who,
		   struct ns_container *ret, struct ns_error *err)
{
	struct ns_container found = { 0 };
	char path[NS_BUNDLE_PATH_MAX];
	NS_CLOSE int fd = open_config(dir, kind, who->id, path, err);
	NS_FREE char *text = NULL;
	size_t length = 0;
	int r = fd < 0 ? fd : read_text(fd, path, &text, &length, err);

	if (r >= 0)
		r = ns_bundle_parse(text, length, more_of(kind, who->runtime), who->id, &found, err);
	if (r < 0)
		return r;
	if (*who->runtime)
		memcpy(found.runtime, who->runtime, sizeof found.runtime);
	else if (!*found.runtime)
		(void)snprintf(found.runtime, sizeof found.runtime, "%s",
			       ends_with(dir, "/moby") ? "docker" : "containerd");
	memcpy(found.bundle, path, sizeof path);
	*ret = found;
	return 0;
}

int ns_bundle_find(const struct ns_bundles *bundles, const struct ns_cgroup_identity *who, struct ns_container *ret,
		   struct ns_error *err)
{
	struct ns_error first = NS_ERROR_INIT;

	if (who->rootless || !ns_docker_is_id(who->id))
		return ns_error_set(err, -EINVAL, "no bundle is asked for %s",
				    who->rootless ? "what users start" : "an id that is none");
	for (size_t i = 0; i < bundles->n; i++) {
		enum ns_bundle_kind kind = kind_of(bundles->dirs[i]);
		struct ns_error failed = NS_ERROR_INIT;
		int r;

		if (!may_hold(kind, who->runtime))
			continue;
		r = find_in(bundles->dirs[i], kind, who, ret, &failed);
		if (r >= 0)
			return r;
		/* Its other home may hold it; that one was there and is no good is told before that others have none.
		 */
		if (r != -ENOENT && first.code == 0)
			first = failed;
	}
	if (first.code != 0)
		return ns_error_set(err, first.code, "%s", first.text);
	return ns_error_set(err, -ENOENT, "no bundle of %.12s", who->id);
}
