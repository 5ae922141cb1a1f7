/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "docker.h"
#include "docker_pods.h"
#include "docker_table.h"
#include "http_client.h"

#define ANSWER_US 5000000 /* for a version or a list */
/* An inspection waits for a container that is being started, which a hook may hold up. */
#define INSPECT_US     10000000
#define RELIST_US      30000000 /* also tells an engine that hangs from one where nothing happens */
#define PROVEN_US      10000000
#define RETRY_LEAST_US 100000
#define RETRY_MOST_US  5000000
/* The least version of Podman's own API that every Podman since 4 speaks. */
#define PODS_PATH         "/v4.0.0/libpod/pods/json"
#define VERSION_BYTES_MAX 65536
#define INSPECT_BYTES_MAX 1048576

struct ns_docker {
	sd_event *event;
	char runtime[NS_RUNTIME_MAX], version[NS_DOCKER_VERSION_MAX];
	void (*changed)(void *ctx);
	void *ctx;
	struct ns_http_client *client;
	struct ns_http_request *version_request, *events_request, *list_request, *pods_request;
	sd_event_source *timer; /* when not connected: the next try; when connected: the next list */
	uint64_t retry_us;
	int64_t ok_at; /* ns_clock_elapsed() */
	enum ns_docker_state state;
	char detail[NS_ERROR_TEXT_MAX];
	int64_t since;
	struct ns_docker_table table;
	struct ns_docker_pods pods; /* of Podman */
	bool pods_again;            /* one is not known that was made after they were asked for */
	unsigned inspecting;
	char *line; /* of the event stream, not yet whole */
	size_t line_length, line_room;
	bool inspect_all; /* with the list being read */
};

static void set_state(struct ns_docker *docker, enum ns_docker_state state, const char *detail)
{
	if (docker->state == state && strcmp(docker->detail, detail) == 0)
		return;
	if (docker->state != state)
		docker->since = ns_clock_now();
	docker->state = state;
	(void)snprintf(docker->detail, sizeof docker->detail, "%s", detail);
	docker->changed(docker->ctx);
}

static void set_timer(struct ns_docker *docker, uint64_t delay)
{
	(void)sd_event_source_set_time_relative(docker->timer, delay);
	(void)sd_event_source_set_enabled(docker->timer, SD_EVENT_ONESHOT);
}

/* What is wrong with an answer: *ret is filled when something is. */
static bool is_bad(long status, const struct ns_error *error, struct ns_error *ret)
{
	*ret = *error;
	if (error->code == 0 && status != 200)
		(void)ns_error_set(ret, -EPROTO, "answered with status %ld", status);
	return ret->code != 0;
}

/* ---- pods ---- */

static void request_pods(struct ns_docker *docker);

static void on_pods(void *ctx, long status, const char *body, size_t length, const struct ns_error *error)
{
	struct ns_docker *docker = ctx;
	struct ns_error err = NS_ERROR_INIT;
	bool again = docker->pods_again;

	docker->pods_request = NULL;
	docker->pods_again = false;
	if (is_bad(status, error, &err) || ns_docker_pods_parse(&docker->pods, body, length, &err) < 0) {
		char detail[NS_ERROR_TEXT_MAX + 32];

		/* Containers outside of pods are known all the same; the next list asks again. */
		(void)snprintf(detail, sizeof detail, "list of pods: %s", err.text);
		set_state(docker, docker->state, detail);
		return;
	}
	for (size_t i = 0; i < docker->table.n; i++)
		(void)ns_docker_pods_apply(&docker->pods, &docker->table.entries[i]->container);
	docker->changed(docker->ctx);
	if (again)
		request_pods(docker);
}

/* Without memory the next list asks. */
static void request_pods(struct ns_docker *docker)
{
	static const struct ns_http_handlers handlers = { NULL, on_pods };

	if (strcmp(docker->runtime, "podman") != 0 || !*docker->version)
		return;
	if (docker->pods_request)
		docker->pods_again = true;
	else
		(void)ns_http_get(docker->client, PODS_PATH, INSPECT_US, NS_HTTP_BODY_MAX, &handlers, docker,
				  &docker->pods_request, NULL);
}

/* ---- inspections ---- */

static void drop_entry(struct ns_docker *docker, struct ns_docker_entry *entry)
{
	if (entry->request) {
		ns_http_cancel(entry->request);
		docker->inspecting--;
	}
	ns_docker_table_remove(&docker->table, entry);
}

static void pump(struct ns_docker *docker);

static void on_inspected(void *ctx, long status, const char *body, size_t length, const struct ns_error *error)
{
	struct ns_docker_entry *entry = ctx;
	struct ns_docker *docker = entry->owner;
	struct ns_container found;
	struct ns_error err = NS_ERROR_INIT;

	entry->request = NULL;
	docker->inspecting--;
	if (error->code == 0 && status == 404) {
		drop_entry(docker, entry);
		docker->changed(docker->ctx);
	} else if (is_bad(status, error, &err) ||
		   ns_docker_parse_container(body, length, strcmp(docker->runtime, "podman") != 0, &found, &err) < 0 ||
		   strcmp(found.id, entry->container.id) != 0) {
		char detail[NS_ERROR_TEXT_MAX + 64];

		(void)snprintf(detail, sizeof detail, "inspecting %.12s: %s", entry->container.id,
			       *err.text ? err.text : "it is another one");
		set_state(docker, docker->state, detail);
	} else {
		memcpy(found.runtime, docker->runtime, sizeof found.runtime);
		entry->container = found;
		entry->inspected = true;
		if (*found.pod_id && !ns_docker_pods_apply(&docker->pods, &entry->container))
			request_pods(docker);
		docker->changed(docker->ctx);
	}
	/* One container that cannot be inspected is no reason to give up the engine: the next list asks again. */
	pump(docker);
}

static void pump(struct ns_docker *docker)
{
	static const struct ns_http_handlers handlers = { NULL, on_inspected };
	struct ns_docker_entry *entry, *next;

	if (!*docker->version)
		return;
	for (entry = TAILQ_FIRST(&docker->table.wanted); entry && docker->inspecting < NS_DOCKER_INSPECTS_MAX;
	     entry = next) {
		char path[64 + NS_DOCKER_ID_DIGITS];

		next = TAILQ_NEXT(entry, queue);
		if (entry->request) /* asked already, and something happened since: once more afterwards */
			continue;
		(void)snprintf(path, sizeof path, "/v%s/containers/%s/json", docker->version, entry->container.id);
		if (ns_http_get(docker->client, path, INSPECT_US, INSPECT_BYTES_MAX, &handlers, entry, &entry->request,
				NULL) < 0)
			return; /* no memory: the next event or list brings us here again */
		ns_docker_table_unqueue(&docker->table, entry);
		docker->inspecting++;
	}
}

static void want(struct ns_docker *docker, struct ns_docker_entry *entry, bool urgent)
{
	ns_docker_table_queue(&docker->table, entry, urgent);
	pump(docker);
}

void ns_docker_want(struct ns_docker *docker, const char *id)
{
	struct ns_docker_entry *entry = ns_docker_table_find(&docker->table, id);

	if (!ns_docker_is_id(id) || !*docker->version)
		return;
	if (!entry)
		entry = ns_docker_table_add(&docker->table, id);
	if (!entry || entry->inspected || entry->request || entry->queued)
		return;
	entry->listed = true;
	want(docker, entry, true);
}

/* ---- the connection ---- */

static void disconnect(struct ns_docker *docker)
{
	ns_http_cancel(NS_TAKE(docker->version_request));
	ns_http_cancel(NS_TAKE(docker->events_request));
	ns_http_cancel(NS_TAKE(docker->list_request));
	ns_http_cancel(NS_TAKE(docker->pods_request));
	docker->pods_again = false;
	for (size_t i = 0; i < docker->table.n; i++) {
		struct ns_docker_entry *entry = docker->table.entries[i];

		ns_http_cancel(NS_TAKE(entry->request));
		ns_docker_table_unqueue(&docker->table, entry);
	}
	docker->inspecting = 0;
	docker->line_length = 0;
	docker->version[0] = '\0';
}

static void fail(struct ns_docker *docker, const struct ns_error *error, const char *what)
{
	bool nobody = error->code == -ENOENT || error->code == -ECONNREFUSED;
	char detail[NS_ERROR_TEXT_MAX + 32];

	/* Only a connection that worked for a while is tried again at once. */
	if (docker->state == NS_DOCKER_OK && ns_clock_elapsed() - docker->ok_at >= PROVEN_US)
		docker->retry_us = RETRY_LEAST_US;
	disconnect(docker);
	set_timer(docker, docker->retry_us);
	docker->retry_us = docker->retry_us * 2 < RETRY_MOST_US ? docker->retry_us * 2 : RETRY_MOST_US;
	(void)snprintf(detail, sizeof detail, "%s: %s", what, error->text);
	set_state(docker, nobody ? NS_DOCKER_ABSENT : NS_DOCKER_FAILING, nobody ? error->text : detail);
}

static void on_listed_one(void *ctx, const struct ns_container *told)
{
	struct ns_docker *docker = ctx;
	struct ns_docker_entry *entry = ns_docker_table_find(&docker->table, told->id);

	if (!entry)
		entry = ns_docker_table_add(&docker->table, told->id);
	if (!entry)
		return;
	entry->listed = true;
	ns_docker_entry_note(entry, told);
	if (docker->inspect_all || !entry->inspected || entry->container.pid == 0)
		want(docker, entry, false);
}

static void on_list(void *ctx, long status, const char *body, size_t length, const struct ns_error *error)
{
	struct ns_docker *docker = ctx;
	struct ns_error err = NS_ERROR_INIT;

	docker->list_request = NULL;
	if (is_bad(status, error, &err) || ns_docker_parse_list(body, length, on_listed_one, docker, &err) < 0) {
		fail(docker, &err, "list of containers");
		return;
	}
	for (size_t i = docker->table.n; i > 0; i--)
		if (!docker->table.entries[i - 1]->listed)
			drop_entry(docker, docker->table.entries[i - 1]);
	docker->inspect_all = false;
	request_pods(docker);
	if (docker->state != NS_DOCKER_OK)
		docker->ok_at = ns_clock_elapsed();
	set_timer(docker, RELIST_US);
	set_state(docker, NS_DOCKER_OK,
		  docker->table.full ? "more containers than can be kept (NS_DOCKER_CONTAINERS_MAX)" : "");
	docker->changed(docker->ctx);
}

static int request_list(struct ns_docker *docker, struct ns_error *err)
{
	static const struct ns_http_handlers handlers = { NULL, on_list };
	/* {"status":["created","running","paused","restarting"]}; Podman knows no such state as the last one, and
	 * refuses the whole. */
	const char *last = strcmp(docker->runtime, "podman") == 0 ? "" : "%2C%22restarting%22";
	char path[256];

	for (size_t i = 0; i < docker->table.n; i++)
		docker->table.entries[i]->listed = false;
	docker->table.full = false;
	(void)snprintf(path, sizeof path,
		       "/v%s/containers/"
		       "json?all=1&filters=%%7B%%22status%%22%%3A%%5B%%22created%%22%%2C%%22running%%22%%2C%%22paused%%"
		       "22%s%%5D%%7D",
		       docker->version, last);
	return ns_http_get(docker->client, path, ANSWER_US, NS_HTTP_BODY_MAX, &handlers, docker, &docker->list_request,
			   err);
}

static int take_event(struct ns_docker *docker, const char *text, size_t length, struct ns_error *err)
{
	struct ns_container told;
	enum ns_docker_action action;
	struct ns_docker_entry *entry;
	int r = ns_docker_parse_event(text, length, &action, &told, err);

	if (r < 0 || action == NS_DOCKER_OTHER)
		return r;
	entry = ns_docker_table_find(&docker->table, told.id);
	if (action == NS_DOCKER_LOOK) {
		if (!entry)
			entry = ns_docker_table_add(&docker->table, told.id);
		if (!entry)
			return 0;
		entry->listed = true;
		ns_docker_entry_note(entry, &told);
		want(docker, entry, true);
	} else if (entry && action == NS_DOCKER_DIED) {
		entry->listed = true;
		entry->container.pid = 0;
		entry->container.sandbox_key[0] = '\0';
		want(docker, entry, false); /* an answer under way may still tell the old state */
	} else if (entry) {
		drop_entry(docker, entry);
	}
	docker->changed(docker->ctx);
	return 0;
}

/* Events are JSON objects, one a line; a chunk ends anywhere. */
static int on_events(void *ctx, const char *data, size_t length)
{
	struct ns_docker *docker = ctx;

	while (length > 0) {
		const char *newline = memchr(data, '\n', length);
		size_t n = newline ? (size_t)(newline - data) : length;
		int r = 0;

		if (n > NS_DOCKER_EVENT_MAX - docker->line_length)
			return -EMSGSIZE;
		if (docker->line_length + n > docker->line_room) {
			size_t room = docker->line_length + n + 1024;
			char *bigger = realloc(docker->line, room);

			if (!bigger)
				return -ENOMEM;
			docker->line = bigger;
			docker->line_room = room;
		}
		if (n > 0)
			memcpy(docker->line + docker->line_length, data, n);
		docker->line_length += n;
		if (!newline)
			break;
		if (docker->line_length > 0)
			r = take_event(docker, docker->line, docker->line_length, NULL);
		docker->line_length = 0;
		if (r < 0)
			return r;
		data += n + 1;
		length -= n + 1;
	}
	return 0;
}

static void on_events_end(void *ctx, long status, const char *body, size_t length, const struct ns_error *error)
{
	struct ns_docker *docker = ctx;
	struct ns_error err = NS_ERROR_INIT;

	docker->events_request = NULL;
	if (!is_bad(status, error, &err))
		(void)ns_error_set(&err, -ECONNRESET, "ended");
	fail(docker, &err, "event stream");
}

static int request_events(struct ns_docker *docker, struct ns_error *err)
{
	static const struct ns_http_handlers handlers = { on_events, on_events_end };
	char path[256];

	/* {"type":["container"]}. `since` closes the gap between asking and being heard; what comes twice does no harm.
	 */
	(void)snprintf(path, sizeof path,
		       "/v%s/events?since=%" PRId64 "&filters=%%7B%%22type%%22%%3A%%5B%%22container%%22%%5D%%7D",
		       docker->version, ns_clock_now() / 1000000 - 1);
	return ns_http_get(docker->client, path, 0, VERSION_BYTES_MAX, &handlers, docker, &docker->events_request, err);
}

static void on_version(void *ctx, long status, const char *body, size_t length, const struct ns_error *error)
{
	struct ns_docker *docker = ctx;
	struct ns_error err = NS_ERROR_INIT;

	docker->version_request = NULL;
	if (is_bad(status, error, &err) || ns_docker_parse_version(body, length, docker->version, &err) < 0) {
		fail(docker, &err, "version");
		return;
	}
	set_state(docker, NS_DOCKER_CONNECTING, "");
	docker->inspect_all = true;
	if (request_events(docker, &err) < 0 || request_list(docker, &err) < 0)
		fail(docker, &err, "connecting");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	static const struct ns_http_handlers handlers = { NULL, on_version };
	struct ns_docker *docker = ctx;
	struct ns_error err = NS_ERROR_INIT;
	int r;

	if (*docker->version)
		r = request_list(docker, &err);
	else
		r = ns_http_get(docker->client, "/version", ANSWER_US, VERSION_BYTES_MAX, &handlers, docker,
				&docker->version_request, &err);
	if (r < 0)
		fail(docker, &err, "asking");
	return 0;
}

NS_DEFINE_CLEANUP(struct ns_docker *, ns_docker_free)

int ns_docker_new(sd_event *event, const char *socket, const char *runtime, void (*changed)(void *ctx), void *ctx,
		  struct ns_docker **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_docker_freep) struct ns_docker *docker = calloc(1, sizeof *docker);
	int r;

	if (!docker)
		return ns_error_set(err, -ENOMEM, "no memory for a container engine");
	ns_docker_table_init(&docker->table, runtime, docker);
	docker->event = sd_event_ref(event);
	docker->changed = changed;
	docker->ctx = ctx;
	docker->retry_us = RETRY_LEAST_US;
	docker->since = ns_clock_now();
	(void)snprintf(docker->runtime, sizeof docker->runtime, "%s", runtime);
	(void)snprintf(docker->detail, sizeof docker->detail, "%s: not asked yet", socket);
	r = ns_http_client_new(event, socket, &docker->client, err);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(event, &docker->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, docker);
	if (r < 0)
		return ns_error_set(err, r, "cannot prepare a container engine's timer: %s", strerror(-r));
	*ret = NS_TAKE(docker);
	return 0;
}

struct ns_docker *ns_docker_free(struct ns_docker *docker)
{
	if (!docker)
		return NULL;
	docker->client = ns_http_client_free(docker->client); /* and with it every request */
	ns_docker_table_release(&docker->table);
	ns_docker_pods_release(&docker->pods);
	free(docker->line);
	sd_event_source_disable_unref(docker->timer);
	sd_event_unref(docker->event);
	free(docker);
	return NULL;
}

const char *ns_docker_runtime(const struct ns_docker *docker)
{
	return docker->runtime;
}

const struct ns_container *ns_docker_find(const struct ns_docker *docker, const char *id)
{
	const struct ns_docker_entry *entry = ns_docker_table_find(&docker->table, id);

	return entry ? &entry->container : NULL;
}

const char *ns_docker_pod(const struct ns_docker *docker, const char *id)
{
	const struct ns_docker_pod *pod = ns_docker_pods_find(&docker->pods, id);

	return pod ? pod->name : NULL;
}

const struct ns_container *ns_docker_at(const struct ns_docker *docker, size_t i)
{
	return i < docker->table.n ? &docker->table.entries[i]->container : NULL;
}

enum ns_docker_state ns_docker_get_state(const struct ns_docker *docker, const char **ret_detail, int64_t *ret_since)
{
	*ret_detail = docker->detail;
	*ret_since = docker->since;
	return docker->state;
}
