/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caps.h"
#include "cleanup.h"
#include "conmon.h"
#include "docker_json.h"
#include "identity.h"
#include "json.h"
#include "proc_scan.h"

#define ANNOTATION "nanoseg.workload"
/* Between a container's first process and its conmon: the runtime that makes it, and its wrappers. */
#define ANCESTORS_MAX 6
#define STAT_MAX      512
#define STATUS_MAX    4096

/* As Podman takes it. */
static bool is_name(const char *text)
{
	if (!isalnum((unsigned char)*text) || strlen(text) >= NS_NAME_MAX)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("_.-", *text))
			return false;
	return true;
}

static const char *next_argument(const char **at, const char *end)
{
	const char *argument = *at, *nul = memchr(argument, '\0', (size_t)(end - argument));

	if (!nul) /* the end, or cut off */
		return NULL;
	*at = nul + 1;
	return argument;
}

static void take(const char **to, const char *option, const char *letter, const char *word, const char *value)
{
	if (!*to && (strcmp(option, letter) == 0 || strcmp(option, word) == 0))
		*to = value;
}

bool ns_conmon_parse_arguments(const char *text, size_t length, const char *id, struct ns_conmon_words *ret,
			       char ret_bundle[static PATH_MAX])
{
	const char *end = text + length, *option, *value, *cid = NULL, *name = NULL, *bundle = NULL;

	(void)next_argument(&text, end); /* the program */
	option = next_argument(&text, end);
	/* The first of each counts, and what follows --exit-command is another program's. A value is never taken for an
	 * option; whoever starts a container chooses some of them. */
	while (option && strcmp(option, "--exit-command") != 0) {
		value = next_argument(&text, end);
		if (!value || *option != '-' || *value == '-') {
			option = value;
			continue;
		}
		take(&cid, option, "-c", "--cid", value);
		take(&name, option, "-n", "--name", value);
		take(&bundle, option, "-b", "--bundle", value);
		option = next_argument(&text, end);
	}
	if (!cid || !ns_docker_is_id(cid) || (id && strcmp(cid, id) != 0) || !name || !is_name(name))
		return false;
	*ret = (struct ns_conmon_words){ 0 };
	(void)snprintf(ret->id, sizeof ret->id, "%s", cid);
	(void)snprintf(ret->name, sizeof ret->name, "%s", name);
	(void)snprintf(ret_bundle, PATH_MAX, "%s", bundle && *bundle == '/' && strlen(bundle) < PATH_MAX ? bundle : "");
	return true;
}

static const char *network_path(const json_t *config)
{
	const json_t *namespaces = json_object_get(json_object_get(config, "linux"), "namespaces"), *one;
	size_t i;

	json_array_foreach (namespaces, i, one) {
		const char *type = json_string_value(json_object_get(one, "type"));
		const char *path = json_string_value(json_object_get(one, "path"));

		if (type && strcmp(type, "network") == 0)
			return path && *path == '/' && strlen(path) < PATH_MAX ? path : "";
	}
	return "";
}

int ns_conmon_parse_config(const char *text, size_t length, char ret_workload[static NS_WORKLOAD_MAX],
			   char ret_netns[static PATH_MAX], struct ns_error *err)
{
	NS_JSON json_t *json = NULL;
	const char *workload;
	int r = ns_json_decode(text, length, NS_HOOK_BYTES_MAX, NS_JSON_DEPTH_MAX, &json, err);

	if (r < 0)
		return r;
	workload = json_string_value(json_object_get(json_object_get(json, "annotations"), ANNOTATION));
	(void)snprintf(ret_workload, NS_WORKLOAD_MAX, "%s",
		       workload && ns_identity_is_workload(workload) ? workload : "");
	(void)snprintf(ret_netns, PATH_MAX, "%s", network_path(json));
	return 0;
}

static void free_text(char **text)
{
	free(*text);
}

static bool read_bundle(const char *bundle, char ret_workload[static NS_WORKLOAD_MAX], char ret_netns[static PATH_MAX])
{
	NS_CLEANUP(free_text) char *text = NULL;
	char path[PATH_MAX + sizeof "/config.json"];
	NS_CLOSE int fd = -1;
	struct stat st;
	size_t n = 0, room;

	(void)snprintf(path, sizeof path, "%s/config.json", bundle);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > NS_HOOK_BYTES_MAX)
		return false;
	room = (size_t)st.st_size;
	text = malloc(room + 1);
	while (text && n < room) {
		ssize_t got = read(fd, text + n, room - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	return text && ns_conmon_parse_config(text, n, ret_workload, ret_netns, NULL) == 0;
}

/* "PID (PROGRAM) STATE PARENT …"; the program's name may hold any byte. */
static bool read_stat(pid_t pid, bool *ret_conmon, pid_t *ret_parent)
{
	char text[STAT_MAX];
	ssize_t n = ns_proc_read(pid, "stat", text, sizeof text - 1);
	const char *open, *close;
	char *end;
	long parent;

	if (n <= 0)
		return false;
	text[n] = '\0';
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open || strlen(close) < 4)
		return false;
	errno = 0;
	parent = strtol(close + 4, &end, 10);
	if (errno != 0 || end == close + 4 || parent < 0 || parent > INT_MAX)
		return false;
	*ret_conmon = close - open == sizeof "(conmon" - 1 && memcmp(open, "(conmon", sizeof "(conmon" - 1) == 0;
	*ret_parent = (pid_t)parent;
	return true;
}

/* A process of the container can leave its namespaces for new ones, but not its cgroup. */
static bool is_outside(pid_t pid, const struct ns_cgroup_identity *container, const struct ns_cgroup_identity *own,
		       ino_t netns, ino_t own_userns)
{
	struct ns_cgroup_identity cgroup;
	ino_t its_netns, its_userns;

	if (ns_proc_netns(pid, &its_netns) < 0 || its_netns == netns || ns_caps_userns(pid, &its_userns) < 0 ||
	    its_userns != own_userns)
		return false;
	return !ns_proc_cgroup(pid, own, &cgroup) || !ns_cgroup_same(&cgroup, container);
}

/* By its real user: its files in /proc belong to root when it says so itself. */
static bool is_of_user(pid_t pid, uid_t uid)
{
	char text[STATUS_MAX], wanted[64];
	ssize_t n = ns_proc_read(pid, "status", text, sizeof text - 1);
	const char *at;
	unsigned u = uid;

	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strstr(text, "\nUid:\t");
	(void)snprintf(wanted, sizeof wanted, "\nUid:\t%u\t%u\t%u\t%u\n", u, u, u, u);
	return at && strncmp(at, wanted, strlen(wanted)) == 0;
}

static bool has_own_processes(pid_t pid)
{
	char path[48];
	struct stat its, own;

	(void)snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
	return stat(path, &its) == 0 && stat("/proc/self/ns/pid", &own) == 0 && its.st_ino == own.st_ino;
}

/* A user's conmon is in a user namespace of his, as his containers are, but among the machine's processes and outside
 * of the container's cgroup. */
static bool is_users_monitor(pid_t pid, const struct ns_cgroup_identity *container,
			     const struct ns_cgroup_identity *own, ino_t netns)
{
	struct ns_cgroup_identity cgroup;
	ino_t its_netns;

	return ns_proc_netns(pid, &its_netns) == 0 && its_netns != netns && is_of_user(pid, container->uid) &&
	       has_own_processes(pid) && (!ns_proc_cgroup(pid, own, &cgroup) || !ns_cgroup_same(&cgroup, container));
}

static bool read_words(pid_t pid, const char *id, struct ns_conmon_words *ret, char ret_netns[static PATH_MAX])
{
	char text[NS_CONMON_ARGUMENTS_MAX], bundle[PATH_MAX];
	ssize_t n = ns_proc_read(pid, "cmdline", text, sizeof text);

	ret_netns[0] = '\0';
	return n > 0 && ns_conmon_parse_arguments(text, (size_t)n, id, ret, bundle) &&
	       (!*bundle || read_bundle(bundle, ret->workload, ret_netns));
}

bool ns_conmon_is(pid_t pid, const struct ns_cgroup_identity *own, ino_t own_userns, struct ns_conmon_words *ret,
		  ino_t *ret_netns)
{
	struct ns_conmon_words found;
	struct ns_cgroup_identity cgroup;
	char path[PATH_MAX];
	struct stat st;
	ino_t userns;
	bool is_conmon;
	pid_t parent;

	if (!read_stat(pid, &is_conmon, &parent) || !is_conmon || !is_of_user(pid, 0) || !has_own_processes(pid) ||
	    ns_caps_userns(pid, &userns) < 0 || userns != own_userns || ns_proc_cgroup(pid, own, &cgroup))
		return false;
	if (!read_words(pid, NULL, &found, path) || !*path || stat(path, &st) < 0)
		return false;
	*ret = found;
	*ret_netns = st.st_ino;
	return true;
}

/* Its bundle is the user's to write, and could be anything: it is not read. */
static bool read_users_words(pid_t pid, const char *id, struct ns_conmon_words *ret)
{
	char text[NS_CONMON_ARGUMENTS_MAX], bundle[PATH_MAX];
	ssize_t n = ns_proc_read(pid, "cmdline", text, sizeof text);

	return n > 0 && ns_conmon_parse_arguments(text, (size_t)n, id, ret, bundle);
}

bool ns_conmon_find(pid_t pid, const struct ns_cgroup_identity *container, const struct ns_cgroup_identity *own,
		    ino_t netns, ino_t own_userns, struct ns_conmon_words *ret)
{
	struct ns_conmon_words found;
	char path[PATH_MAX];
	bool is_conmon;
	pid_t parent;

	if (!read_stat(pid, &is_conmon, &parent))
		return false;
	for (int i = 0; i < ANCESTORS_MAX && parent > 1; i++) {
		pid = parent;
		if (!read_stat(pid, &is_conmon, &parent))
			return false;
		if (!is_conmon)
			continue;
		if (container->rootless) {
			if (!is_users_monitor(pid, container, own, netns) ||
			    !read_users_words(pid, container->id, &found))
				continue;
		} else if (!is_outside(pid, container, own, netns, own_userns) ||
			   !read_words(pid, container->id, &found, path)) {
			continue;
		}
		*ret = found;
		return true;
	}
	return false;
}
