/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cgroup.h"

#define ID_DIGITS 64

/* A piece of the text; not terminated. */
struct piece {
	const char *at;
	size_t length;
};

static bool piece_is(struct piece p, const char *word)
{
	return p.length == strlen(word) && memcmp(p.at, word, p.length) == 0;
}

static bool take_prefix(struct piece *p, const char *prefix)
{
	size_t n = strlen(prefix);

	if (p->length < n || memcmp(p->at, prefix, n) != 0)
		return false;
	p->at += n;
	p->length -= n;
	return true;
}

static bool take_suffix(struct piece *p, const char *suffix)
{
	size_t n = strlen(suffix);

	if (p->length < n || memcmp(p->at + p->length - n, suffix, n) != 0)
		return false;
	p->length -= n;
	return true;
}

static bool is_id(struct piece p)
{
	if (p.length != ID_DIGITS)
		return false;
	for (size_t i = 0; i < p.length; i++)
		if (!isdigit((unsigned char)p.at[i]) && !(p.at[i] >= 'a' && p.at[i] <= 'f'))
			return false;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Machine and container names: printable, and short enough to be kept whole. systemd writes \x2d for a dash. */
static bool copy_name(struct piece p, bool unescape, char ret[static NS_CONTAINER_ID_MAX])
{
	char name[NS_CONTAINER_ID_MAX];
	size_t n = 0;

	for (size_t i = 0; i < p.length; i++) {
		char c = p.at[i];

		if (unescape && c == '\\') {
			int high, low;

			if (i + 3 >= p.length || p.at[i + 1] != 'x')
				return false;
			high = hex_digit(p.at[i + 2]);
			low = hex_digit(p.at[i + 3]);
			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 3;
		}
		if (c <= ' ' || c > '~' || c == '/' || n + 1 >= sizeof name)
			return false;
		name[n++] = c;
	}
	if (n == 0)
		return false;
	name[n] = '\0';
	memcpy(ret, name, n + 1);
	return true;
}

static void set(struct ns_cgroup_identity *ret, const char *runtime, struct piece id)
{
	*ret = (struct ns_cgroup_identity){ 0 };
	(void)snprintf(ret->runtime, sizeof ret->runtime, "%s", runtime);
	(void)snprintf(ret->id, sizeof ret->id, "%.*s", (int)id.length, id.at);
}

/* Names that say the runtime themselves. conmon and monitor processes are the runtime's own and carry other names. */
static bool by_prefix(struct piece p, struct ns_cgroup_identity *ret)
{
	static const struct {
		const char *prefix, *runtime;
	} known[] = {
		{ "docker-", "docker" },      { "libpod-", "podman" }, { "cri-containerd-", "containerd" },
		{ "nerdctl-", "containerd" }, { "crio-", "crio" },
	};

	(void)take_suffix(&p, ".scope");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct piece id = p;

		if (take_prefix(&id, known[i].prefix) && is_id(id)) {
			set(ret, known[i].runtime, id);
			return true;
		}
	}
	return false;
}

/* Bare ids: the directory above says whose they are. Below kubepods every pod of every runtime looks the same. */
static bool by_parent(struct piece parent, bool in_kubepods, struct piece p, struct ns_cgroup_identity *ret)
{
	if (!is_id(p))
		return false;
	if (piece_is(parent, "docker"))
		set(ret, "docker", p);
	else if (piece_is(parent, "k8s.io") || in_kubepods)
		set(ret, "containerd", p);
	else
		return false;
	return true;
}

static bool by_lxc(struct piece parent, struct piece p, struct ns_cgroup_identity *ret)
{
	struct ns_cgroup_identity found = { .runtime = "lxc" };

	if (!take_prefix(&p, "lxc.payload.") && !piece_is(parent, "lxc.payload") && !piece_is(parent, "lxc"))
		return false;
	if (!copy_name(p, false, found.id))
		return false;
	*ret = found;
	return true;
}

/* machine-NAME.scope and systemd-nspawn@NAME.service hold "payload"; with --keep-unit the unit is anybody's and the
 * name stays unknown. */
static bool by_nspawn(struct piece parent, struct piece p, struct ns_cgroup_identity *ret)
{
	struct ns_cgroup_identity found = { .runtime = "nspawn" };

	if (!piece_is(p, "payload"))
		return false;
	if ((take_prefix(&parent, "machine-") && take_suffix(&parent, ".scope")) ||
	    (take_prefix(&parent, "systemd-nspawn@") && take_suffix(&parent, ".service")))
		if (!copy_name(parent, true, found.id))
			found.id[0] = '\0';
	*ret = found;
	return true;
}

/* The id of a pod of Podman that a cgroup above the container's is named after: POD, or with systemd
 * machine-libpod_pod_POD.slice, of a user user-libpod_pod_POD.slice. */
static void note_pod(struct piece p, struct ns_cgroup_identity *found)
{
	static const char mark[] = "libpod_pod_";

	if (take_suffix(&p, ".slice")) {
		const char *at = memmem(p.at, p.length, mark, sizeof mark - 1);

		if (!at)
			return;
		p.length -= (size_t)(at - p.at) + sizeof mark - 1;
		p.at = at + sizeof mark - 1;
	}
	if (is_id(p))
		(void)snprintf(found->pod, sizeof found->pod, "%.*s", ID_DIGITS, p.at);
}

/* user-UID.slice, which the service manager makes. */
static bool is_user(struct piece p, uid_t *ret)
{
	uint64_t uid = 0;

	if (!take_prefix(&p, "user-") || !take_suffix(&p, ".slice") || p.length == 0 || p.length > 10)
		return false;
	for (size_t i = 0; i < p.length; i++) {
		if (!isdigit((unsigned char)p.at[i]))
			return false;
		uid = uid * 10 + (uint64_t)(p.at[i] - '0');
	}
	if (uid >= UINT32_MAX) /* (uid_t)-1 is nobody */
		return false;
	*ret = (uid_t)uid;
	return true;
}

static bool next_piece(struct piece path, size_t *at, struct piece *ret)
{
	while (*at < path.length && path.at[*at] == '/')
		(*at)++;
	*ret = (struct piece){ path.at + *at, 0 };
	while (*at < path.length && path.at[*at] != '/') {
		(*at)++;
		ret->length++;
	}
	return ret->length > 0;
}

static bool identify_path(struct piece path, bool systemd_line, const struct ns_cgroup_identity *own,
			  struct ns_cgroup_identity *ret, struct ns_cgroup_identity *bare)
{
	struct piece parent = { "", 0 }, p;
	bool in_kubepods = false, rootless = false;
	uid_t uid = 0;

	for (size_t i = 0; next_piece(path, &i, &p);) {
		struct ns_cgroup_identity found;

		/* Below here users make the cgroups (systemd delegates them), and call them what they like. */
		if (!rootless && piece_is(p, "user.slice")) {
			if (!next_piece(path, &i, &p) || !is_user(p, &uid))
				return false;
			rootless = true;
			parent = p;
			continue;
		}
		in_kubepods = in_kubepods || (p.length >= 8 && memcmp(p.at, "kubepods", 8) == 0);
		if (by_prefix(p, &found) || by_parent(parent, in_kubepods, p, &found) || by_lxc(parent, p, &found) ||
		    (systemd_line && by_nspawn(parent, p, &found))) {
			if (strcmp(found.runtime, "podman") == 0)
				note_pod(parent, &found);
			found.rootless = rootless;
			found.uid = uid;
			if (!own || !ns_cgroup_same(own, &found)) {
				*ret = found;
				return true;
			}
		} else if (is_id(p) && !*bare->id) {
			/* A user's Podman makes it so where it has no service manager to ask. */
			set(&found, rootless ? "podman" : "", p);
			found.rootless = rootless;
			found.uid = uid;
			if (!own || strcmp(own->id, found.id) != 0)
				*bare = found;
		}
		parent = p;
	}
	return false;
}

/* "ID:CONTROLLERS:PATH"; the path may hold colons, the controllers may not. */
static bool split_line(struct piece line, bool *ret_unified, bool *ret_systemd, struct piece *ret_path)
{
	const char *first = memchr(line.at, ':', line.length), *second, *end = line.at + line.length;
	struct piece controllers;

	if (!first)
		return false;
	second = memchr(first + 1, ':', (size_t)(end - first - 1));
	if (!second)
		return false;
	controllers = (struct piece){ first + 1, (size_t)(second - first - 1) };
	*ret_unified = controllers.length == 0;
	*ret_systemd = *ret_unified || piece_is(controllers, "name=systemd");
	*ret_path = (struct piece){ second + 1, (size_t)(end - second - 1) };
	return true;
}

bool ns_cgroup_identify(const char *text, size_t length, const struct ns_cgroup_identity *own,
			struct ns_cgroup_identity *ret)
{
	struct ns_cgroup_identity from_v1, bare = { 0 };
	bool found_v1 = false;

	for (size_t i = 0; i < length;) {
		const char *newline = memchr(text + i, '\n', length - i);
		struct piece line = { text + i, newline ? (size_t)(newline - text) - i : length - i }, path;
		bool unified, systemd_line;

		i += line.length + 1;
		if (!split_line(line, &unified, &systemd_line, &path))
			continue;
		if (unified && identify_path(path, systemd_line, own, ret, &bare))
			return true;
		if (!unified && !found_v1)
			found_v1 = identify_path(path, systemd_line, own, &from_v1, &bare);
	}
	if (found_v1)
		*ret = from_v1;
	else if (*bare.id)
		*ret = bare;
	return found_v1 || *bare.id;
}

bool ns_cgroup_same(const struct ns_cgroup_identity *a, const struct ns_cgroup_identity *b)
{
	return strcmp(a->runtime, b->runtime) == 0 && strcmp(a->id, b->id) == 0 && a->rootless == b->rootless &&
	       a->uid == b->uid;
}
