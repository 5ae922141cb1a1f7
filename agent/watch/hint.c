/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a hook of the runtime tells of a namespace: looked at at once, without waiting for any sign.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "cleanup.h"
#include "clock.h"
#include "identity.h"
#include "names.h"
#include "netns.h"
#include "watch_object.h"

/* Well-formed UTF-8 without control characters. */
static bool is_text(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	NS_JSON json_t *json = json_string(text); /* NULL for what is not UTF-8 */

	for (; json && *c; c++)
		if (*c < ' ' || *c == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0)) /* C0, DEL, C1 */
			return false;
	return json;
}

/* A runtime's name, or a container's id. */
static bool is_token(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("._-", *text))
			return false;
	return true;
}

/* A namespace and a pod, as Kubernetes calls them. */
static bool is_pod_word(const char *text)
{
	char part[NS_NAME_MAX];

	return !*text || ns_names_put_part(part, text);
}

static bool is_workload(const char *text)
{
	return !*text || ns_identity_is_workload(text);
}

static int take_word(char *to, size_t room, const char *from, bool (*is_right)(const char *), const char *what,
		     struct ns_error *err)
{
	size_t n = from ? strlen(from) : 0;

	to[0] = '\0';
	if (n >= room)
		return ns_error_set(err, -EINVAL, "the %s is longer than %zu bytes", what, room - 1);
	if (n > 0 && !is_right(from))
		return ns_error_set(err, -EINVAL, "the %s has characters that it may not have", what);
	if (n > 0)
		memcpy(to, from, n + 1);
	return 0;
}

#define TAKE(field, is_right) take_word(words->field, sizeof words->field, hint->field, is_right, #field, err)

static int take_words(const struct ns_hint *hint, struct ns_hint_words *words, struct ns_error *err)
{
	int r = TAKE(runtime, is_token);

	if (r == 0)
		r = TAKE(container_id, is_token);
	if (r == 0)
		r = TAKE(name, is_text);
	if (r == 0)
		r = TAKE(workload, is_workload);
	if (r == 0)
		r = TAKE(image, is_text);
	if (r == 0)
		r = TAKE(pod_namespace, is_pod_word);
	if (r == 0)
		r = TAKE(pod, is_pod_word);
	if (r == 0 && !*words->pod != !*words->pod_namespace)
		r = ns_error_set(err, -EINVAL, "a pod is told by its namespace and its name, both");
	return r;
}

static int open_hinted(const struct ns_watch *watch, const struct ns_hint *hint, struct ns_watched_start *start,
		       struct ns_error *err)
{
	struct stat st;
	int r;

	if (hint->netns_path && *hint->netns_path) {
		r = take_word(start->hold, sizeof start->hold, hint->netns_path, is_text, "path", err);
		if (r == 0 && start->hold[0] != '/')
			r = ns_error_set(err, -EINVAL, "the path of a namespace must be absolute");
		if (r < 0)
			return r;
		start->netns_fd = ns_netns_open_path(start->hold, err);
	} else if (hint->pid > 0) {
		start->netns_fd = ns_netns_open_pid(hint->pid, err);
	} else {
		return ns_error_set(err, -EINVAL, "neither a path nor a process tells the namespace");
	}
	if (start->netns_fd < 0)
		return start->netns_fd;
	if (fstat(start->netns_fd, &st) < 0)
		return ns_error_set(err, -errno, "cannot look at the namespace: %s", strerror(errno));
	start->inode = st.st_ino;
	return 0;
}

#define FILL(field)                                                                                                    \
	do {                                                                                                           \
		if (*news->field && (same || !*words->field))                                                          \
			memcpy(words->field, news->field, sizeof words->field);                                        \
	} while (0)

/* Several containers may share a namespace: it is called after the first that was told of, and the others add only what
 * that one left out. */
static void merge(struct ns_hint_words *words, const struct ns_hint_words *news)
{
	bool same =
		!*words->container_id || !*news->container_id || strcmp(words->container_id, news->container_id) == 0;

	FILL(runtime);
	FILL(container_id);
	FILL(name);
	FILL(workload);
	FILL(image);
	FILL(pod_namespace);
	FILL(pod);
}

/* A container that does not make the namespace it is in: the words are its own. */
static int announce_member(struct ns_watch *watch, struct ns_inhabitant *inhabitant, const struct ns_hint_words *words,
			   struct ns_endpoint **ret, struct ns_error *err)
{
	bool was = inhabitant->member;
	uint64_t id = inhabitant->place.cgroup;

	merge(&inhabitant->hint, words);
	inhabitant->hinted = true;
	ns_members_update(watch);
	/* It may have ended meanwhile. */
	inhabitant = ns_inhabitants_get(&watch->members, id);
	if (!inhabitant || !inhabitant->member)
		return ns_error_set(err, -ENOENT, "the container cannot be told apart: %s",
				    inhabitant && inhabitant->refusal ? inhabitant->refusal : "it has ended");
	if (was)
		ns_members_identify(watch, inhabitant);
	*ret = &inhabitant->endpoint;
	return 0;
}

/* A namespace that is known: who it is, and what its interfaces are by now. */
static void refresh(struct ns_watched *watched, const struct ns_watched_start *start)
{
	struct ns_watch *watch = watched->watch;
	char old[NS_WORKLOAD_MAX];

	if (!watched->hint)
		watched->hint = calloc(1, sizeof *watched->hint);
	if (watched->hint)
		merge(watched->hint, start->hint);
	if (*start->hold)
		memcpy(watched->hold, start->hold, sizeof watched->hold);
	ns_watched_hold(watched);
	if (watched->endpoint.provisional)
		ns_watched_ask_runtime(watched, start->processes, start->n_processes);
	memcpy(old, watched->endpoint.workload, sizeof old);
	if (ns_watched_identify(watched))
		watch->events.identify(watch->ctx, &watched->endpoint, old);
	watched->read_not_before = 0;
	if (ns_watched_read_addresses(watched, NULL) > 0) {
		ns_watch_doubt_ports(watch, &watched->endpoint);
		watch->events.addresses(watch->ctx, &watched->endpoint);
		ns_members_take_addresses(watch, watched);
	}
}

static void close_start(const struct ns_watched_start *start)
{
	ns_closep(&start->netns_fd);
}

static int find_or_attach(struct ns_watch *watch, struct ns_watched_start *start, struct ns_inhabitant *inhabitant,
			  struct ns_endpoint **ret, struct ns_error *err)
{
	const struct ns_hint_words *words = start->hint;
	struct ns_watched *watched = ns_watched_find(watch, start->inode);
	bool joins = inhabitant && ns_members_joins(watch, inhabitant);
	int r = 0;

	ns_watch_read_links(watch);
	ns_watch_mark(watch, NS_LOOK_DIRS | NS_LOOK_PROCESSES | NS_LOOK_IDENTITY);
	(void)ns_residents_find(watch->engines, watch->n_engines, watch->own_inode, &watch->own_cgroup,
				&watch->residents);
	if (joins)
		start->hint = NULL;
	if (!watched) {
		start->path = ns_watch_listed_path(watch, start->inode);
		r = ns_watched_attach(watch, start, err);
	} else if (!joins) {
		refresh(watched, start);
	}
	/* Who cannot be told apart has what the namespace has. */
	if (r == 0 && joins)
		joins = announce_member(watch, inhabitant, words, ret, NULL) == 0;
	watch->residents.n = 0;
	ns_watch_read_links(watch);
	if (r < 0)
		return r == -ESRCH ? -ENOENT : r;
	if (!joins)
		*ret = &ns_watched_find(watch, start->inode)->endpoint;
	return 0;
}

int ns_watch_hint(struct ns_watch *watch, const struct ns_hint *hint, struct ns_endpoint **ret, struct ns_error *err)
{
	struct ns_hint_words words = { 0 };
	NS_CLEANUP(close_start) struct ns_watched_start start = { .netns_fd = -1, .hint = &words };
	struct ns_inhabitant *inhabitant = NULL;
	struct ns_proc_entry process;
	int r = take_words(hint, &words, err);

	if (r == 0)
		r = open_hinted(watch, hint, &start, err);
	if (r < 0)
		return r;
	if (hint->pid > 0) {
		ino_t inode;

		process = (struct ns_proc_entry){ start.inode, hint->pid };
		start.processes = &process;
		start.n_processes = ns_proc_netns(hint->pid, &inode) == 0 && inode == start.inode ? 1 : 0;
	}
	if (start.n_processes > 0)
		inhabitant = ns_inhabitants_settle(watch, hint->pid, start.inode);
	if (start.inode == watch->own_inode)
		return inhabitant ? announce_member(watch, inhabitant, &words, ret, err)
				  : ns_error_set(err, -EINVAL, "that is the agent's own namespace");
	return find_or_attach(watch, &start, inhabitant, ret, err);
}
