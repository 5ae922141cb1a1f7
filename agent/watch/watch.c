/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "netns.h"
#include "watch_object.h"

#define SCAN_INTERVAL_LEAST_US 100000
#define TIMER_ACCURACY_US      1000
/* A scan takes time for each endpoint. So many are looked after every scan_interval, and more of them less often: what
 * happens is told by the kernel and the engines, and the scan is for what they did not tell. */
#define SCAN_ENDPOINTS 60

/* After a sign that something is being made, looks at these intervals: LXC and nspawn have their first instruction 22
 * and 48 ms after the veth, others later, and a mount lands within a few ms of its file. */
static const uint64_t settle_us[] = { 2000, 5000, 10000, 20000, 40000, 80000, 160000, 320000 };

static int on_turn(sd_event_source *source, void *ctx)
{
	struct ns_watch *watch = ctx;

	ns_watch_look(watch);
	return 0;
}

void ns_watch_mark(struct ns_watch *watch, unsigned look)
{
	watch->dirty |= look;
	if (look & (NS_LOOK_DIRS | NS_LOOK_PROCESSES))
		watch->prompted = true;
	(void)sd_event_source_set_enabled(watch->turn, SD_EVENT_ONESHOT);
}

static void set_timer(sd_event_source *timer, uint64_t delay)
{
	(void)sd_event_source_set_time_relative(timer, delay);
	(void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

void ns_watch_again(struct ns_watch *watch, int64_t at)
{
	int64_t now = ns_clock_elapsed();

	if (watch->again_at != 0 && watch->again_at <= at)
		return;
	watch->again_at = at;
	set_timer(watch->again_timer, at > now ? (uint64_t)(at - now) : 0);
}

void ns_watch_settle(struct ns_watch *watch)
{
	if (watch->settle_step == 0)
		set_timer(watch->settle_timer, settle_us[watch->settle_step++]);
	else
		watch->settle_step = 1;
}

static int on_again(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct ns_watch *watch = ctx;

	watch->again_at = 0;
	(void)sd_event_source_set_enabled(watch->turn, SD_EVENT_ONESHOT);
	return 0;
}

static int on_settle(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct ns_watch *watch = ctx;

	if (watch->settle_step < sizeof settle_us / sizeof *settle_us)
		set_timer(source, settle_us[watch->settle_step++]);
	else
		watch->settle_step = 0;
	ns_watch_mark(watch, NS_LOOK_DIRS | NS_LOOK_PROCESSES);
	return 0;
}

static uint64_t until_scan(const struct ns_watch *watch)
{
	return watch->n_watched <= SCAN_ENDPOINTS ? watch->scan_interval
						  : watch->scan_interval * watch->n_watched / SCAN_ENDPOINTS;
}

static int on_scan(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct ns_watch *watch = ctx;

	set_timer(source, until_scan(watch));
	ns_links_relist(watch->links);
	ns_cgroup_tree_relist(watch->tree);
	ns_bundles_known_forget(&watch->bundles);
	watch->dirty |= NS_LOOK_DIRS | NS_LOOK_PROCESSES | NS_LOOK_IDENTITY;
	(void)sd_event_source_set_enabled(watch->turn, SD_EVENT_ONESHOT);
	return 0;
}

static void on_dirs(void *ctx)
{
	ns_watch_mark(ctx, NS_LOOK_DIRS);
}

static void on_links(void *ctx)
{
	ns_watch_read_links(ctx);
}

static void on_engine(void *ctx)
{
	ns_watch_mark(ctx, NS_LOOK_PROCESSES | NS_LOOK_IDENTITY);
}

static void on_host(void *ctx)
{
	ns_watch_mark(ctx, NS_LOOK_HOST);
}

void ns_source_state_set(struct ns_source_state *state, const char *word, const char *detail)
{
	if (strcmp(state->state, word) != 0)
		state->since = ns_clock_now();
	(void)snprintf(state->state, sizeof state->state, "%s", word);
	(void)snprintf(state->detail, sizeof state->detail, "%s", detail);
}

static int add_timer(struct ns_watch *watch, sd_event_source **source, sd_event_time_handler_t handler)
{
	int r = sd_event_add_time_relative(watch->event, source, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, handler, watch);

	return r < 0 ? r : sd_event_source_set_enabled(*source, SD_EVENT_OFF);
}

static int add_sources(struct ns_watch *watch, struct ns_error *err)
{
	int r = sd_event_add_defer(watch->event, &watch->turn, on_turn, watch);

	if (r >= 0)
		r = sd_event_source_set_enabled(watch->turn, SD_EVENT_OFF);
	if (r >= 0)
		r = add_timer(watch, &watch->scan_timer, on_scan);
	if (r >= 0)
		r = add_timer(watch, &watch->again_timer, on_again);
	if (r >= 0)
		r = add_timer(watch, &watch->settle_timer, on_settle);
	if (r < 0)
		return ns_error_set(err, r, "cannot prepare the watcher's timers: %s", strerror(-r));
	set_timer(watch->scan_timer, watch->scan_interval);
	return 0;
}

static int know_oneself(struct ns_watch *watch, struct ns_error *err)
{
	int r = ns_proc_netns(getpid(), &watch->own_inode);
	struct stat st;

	if (r >= 0)
		r = ns_caps_userns(getpid(), &watch->own_userns);
	if (r < 0 || stat("/proc/self/ns/net", &st) < 0) {
		r = r < 0 ? r : -errno;
		return ns_error_set(err, r, "cannot see the own namespaces in /proc: %s", strerror(-r));
	}
	watch->nsfs = st.st_dev;
	(void)ns_proc_cgroup(getpid(), NULL, &watch->own_cgroup);
	return ns_netns_own_cookie(&watch->own_cookie, err);
}

static int add_engine(struct ns_watch *watch, const char *socket, const char *runtime, struct ns_error *err)
{
	int r;

	if (!socket || !*socket)
		return 0;
	r = ns_docker_new(watch->event, socket, runtime, on_engine, watch, &watch->engines[watch->n_engines], err);
	if (r == 0)
		watch->n_engines++;
	return r;
}

NS_DEFINE_CLEANUP(struct ns_watch *, ns_watch_free)

int ns_watch_new(sd_event *event, const struct ns_watch_config *config, const struct ns_watch_events *events, void *ctx,
		 struct ns_watch **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_watch_freep) struct ns_watch *watch = calloc(1, sizeof *watch);
	int r;

	if (!watch)
		return ns_error_set(err, -ENOMEM, "no memory for the watcher");
	watch->event = sd_event_ref(event);
	watch->events = *events;
	watch->ctx = ctx;
	watch->naming = config->naming;
	memcpy(watch->bundles.bundles.dirs, config->bundle_dirs, sizeof config->bundle_dirs);
	watch->bundles.bundles.n = config->n_bundle_dirs;
	watch->ports =
		(struct ns_ports){ .cookie_of = ns_watch_cookie_of, .changed = ns_watch_port_changed, .ctx = watch };
	watch->scan_interval =
		config->scan_interval_us < SCAN_INTERVAL_LEAST_US ? SCAN_INTERVAL_LEAST_US : config->scan_interval_us;
	r = know_oneself(watch, err);
	if (r >= 0)
		r = add_sources(watch, err);
	if (r >= 0)
		r = ns_netns_dirs_new(event, config->netns_dirs, config->n_netns_dirs, on_dirs, watch, &watch->dirs,
				      err);
	/* Listening comes before looking: what happens in between is seen twice, not never. */
	if (r >= 0)
		r = ns_links_new(event, &watch->ports, on_links, watch, &watch->links, err);
	if (r >= 0)
		r = ns_addresses_open(event, -1, on_host, watch, &watch->host, err);
	if (r >= 0)
		r = add_engine(watch, config->docker_socket, "docker", err);
	if (r >= 0)
		r = add_engine(watch, config->podman_socket, "podman", err);
	if (r >= 0)
		r = ns_members_init(watch, err);
	if (r < 0)
		return r;
	watch->first = true;
	ns_links_relist(watch->links);
	watch->dirty = NS_LOOK_DIRS | NS_LOOK_PROCESSES | NS_LOOK_HOST;
	ns_watch_look(watch);
	watch->first = false;
	*ret = NS_TAKE(watch);
	return 0;
}

struct ns_watch *ns_watch_free(struct ns_watch *watch)
{
	if (!watch)
		return NULL;
	ns_members_release(watch);
	ns_bundles_known_release(&watch->bundles);
	while (watch->n_watched > 0)
		(void)ns_watched_free(watch->watched[--watch->n_watched]);
	free(watch->watched);
	while (watch->n_engines > 0)
		(void)ns_docker_free(watch->engines[--watch->n_engines]);
	ns_residents_release(&watch->residents);
	(void)ns_addresses_free(watch->host);
	(void)ns_links_free(watch->links);
	ns_ports_release(&watch->ports);
	(void)ns_netns_dirs_free(watch->dirs);
	sd_event_source_disable_unref(watch->turn);
	sd_event_source_disable_unref(watch->scan_timer);
	sd_event_source_disable_unref(watch->again_timer);
	sd_event_source_disable_unref(watch->settle_timer);
	ns_netns_files_release(&watch->files);
	ns_proc_table_release(&watch->processes);
	sd_event_unref(watch->event);
	free(watch);
	return NULL;
}

struct ns_endpoint *ns_watch_next(struct ns_watch *watch, struct ns_endpoint *after)
{
	const struct ns_watched *last = (const struct ns_watched *)(const void *)after;
	size_t i;

	if (after && after->member.cgroup)
		return ns_members_next(watch, after);
	i = last ? ns_watched_place(watch, last->inode + 1) : 0;
	return i < watch->n_watched ? &watch->watched[i]->endpoint : ns_members_next(watch, NULL);
}

int ns_watch_open_netns(struct ns_watch *watch, const struct ns_endpoint *endpoint, struct ns_error *err)
{
	const struct ns_watched *watched = (const struct ns_watched *)(const void *)endpoint;

	if (endpoint->member.cgroup)
		return ns_members_open_netns(watch, endpoint, err);
	return ns_addresses_open_netns(watched->addresses, err);
}

size_t ns_watch_host_addresses(struct ns_watch *watch, struct ns_prefix *ret, size_t max)
{
	size_t n = watch->n_host_addresses < max ? watch->n_host_addresses : max;

	memcpy(ret, watch->host_addresses, n * sizeof *ret);
	return n;
}
