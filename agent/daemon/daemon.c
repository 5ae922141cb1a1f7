/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "api.h"
#include "cleanup.h"
#include "clock.h"
#include "daemon.h"
#include "engine.h"
#include "fdstore.h"
#include "log.h"
#include "memory.h"

#define HEARTBEAT_US    UINT64_C(5000000)
#define FDSTORE_BUSY_US UINT64_C(50000)
#define MEMORY_US       UINT64_C(2000000)
#define REST_TICKS      15 /* of MEMORY_US: between two rests of the store */

struct daemon {
	const char *config_path;
	struct ns_config config;
	sd_event *event;
	struct ns_store *store;
	struct ns_fdstore *fdstore;
	struct ns_engine *engine;
	struct ns_api *api;
	int lock_fd;
	bool only_remove;
	struct ns_memory memory;
	unsigned rested; /* ticks of its timer */
};

static struct ns_actor self(void)
{
	struct ns_actor actor = { .uid = (int64_t)getuid(), .user = "nanosegd", .pid = (int64_t)getpid() };

	return actor;
}

static void audit(struct daemon *daemon, const char *event)
{
	struct ns_actor actor = self();
	struct ns_error err = NS_ERROR_INIT;

	if (ns_store_audit(daemon->store, event, "", NULL, &actor, ns_clock_now(), &err) < 0)
		ns_log_error("the audit log could not be written: %s", err.text);
}

static void fill_engine_config(const struct ns_config *config, struct ns_engine_config *ret)
{
	memset(ret, 0, sizeof *ret);
	for (unsigned i = 0; i < config->n_netns_dirs; i++)
		ret->watch.netns_dirs[i] = config->netns_dirs[i];
	ret->watch.n_netns_dirs = config->n_netns_dirs;
	ret->watch.docker_socket = config->docker_socket;
	ret->watch.podman_socket = config->podman_socket;
	for (unsigned i = 0; i < config->n_bundle_dirs; i++)
		ret->watch.bundle_dirs[i] = config->bundle_dirs[i];
	ret->watch.n_bundle_dirs = config->n_bundle_dirs;
	ret->watch.naming = config->naming;
	ret->watch.scan_interval_us = config->scan_interval_us;
	ret->default_mode = ns_mode_parse(config->default_mode);
	ret->learn_set_size = config->set_size;
	ret->verdict = ns_verdict_parse(config->verdict);
	ret->min_window_us = config->min_window_us;
	ret->start = ns_start_parse(config->start);
	for (unsigned i = 0; i < config->n_start_rules; i++) {
		struct ns_start_rule *rule = &ret->start_rules[i];

		memcpy(rule->pattern, config->start_rules[i].pattern, sizeof rule->pattern);
		rule->start = ns_start_parse(config->start_rules[i].start);
	}
	ret->n_start_rules = config->n_start_rules;
	ret->services = config->services;
	for (unsigned i = 0; i < config->n_gate; i++)
		memcpy(ret->gate[i], config->gate[i], sizeof ret->gate[i]);
	ret->n_gate = config->n_gate;
	ret->gate_never_stands = strcmp(config->gate_standing, "never") == 0;
	ret->gate_wait_us = config->gate_wait_us;
}

/* Whether our tables stay ours while no agent runs, for `systemctl status` and the journal. */
static void tell_ownership(const struct daemon *daemon)
{
	const char *why;

	if (ns_fdstore_available(daemon->fdstore, &why)) {
		(void)sd_notify(0, "STATUS=watching; tables stay owned across restarts");
		ns_log_info("the service manager keeps the sockets that own tables");
	} else {
		(void)sd_notifyf(0, "STATUS=watching; tables are not owned while nanosegd is down: %s", why);
		ns_log_warning("tables are not owned while nanosegd is down: %s", why);
	}
}

static int on_heartbeat(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct daemon *daemon = ctx;
	struct ns_error err = NS_ERROR_INIT;

	if (ns_store_heartbeat(daemon->store, ns_clock_now(), &err) < 0)
		ns_log_error("the heartbeat could not be stored: %s", err.text);
	(void)sd_event_source_set_time_relative(source, HEARTBEAT_US);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static int on_fdstore(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct daemon *daemon = ctx;

	if (ns_fdstore_check(daemon->fdstore))
		tell_ownership(daemon);
	(void)sd_event_source_set_time_relative(source,
						ns_fdstore_busy(daemon->fdstore) ? FDSTORE_BUSY_US : HEARTBEAT_US);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

/* A change that concerns many takes memory for a moment, as the start does. */
static int on_memory(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct daemon *daemon = ctx;

	if (!daemon->memory.given || ++daemon->rested % REST_TICKS == 0)
		ns_store_rest(daemon->store);
	ns_memory_give_back(&daemon->memory);
	(void)sd_event_source_set_time_relative(source, MEMORY_US);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static uint64_t monotonic_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* What can be changed without forgetting anything is changed; a file that is wrong changes nothing. */
static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *ctx)
{
	struct daemon *daemon = ctx;
	struct ns_engine_config engine_config;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_config config;
	char waits[NS_CONFIG_UNTIL_RESTART_MAX];

	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)monotonic_us());
	if (ns_config_load(daemon->config_path, &config, &err) < 0) {
		ns_log_error("%s; the configuration stays as it was", err.text);
	} else {
		if (ns_config_until_restart(&daemon->config, &config, waits, sizeof waits))
			ns_log_warning("not as the configuration says before nanosegd is restarted: %s", waits);
		daemon->config.log_level = config.log_level;
		ns_log_set_level((enum ns_log_level)config.log_level);
		fill_engine_config(&config, &engine_config);
		engine_config.fdstore = daemon->fdstore;
		ns_engine_reconfigure(daemon->engine, &engine_config);
		audit(daemon, "daemon.reload");
		ns_log_info("configuration read again");
	}
	(void)sd_notify(0, "READY=1");
	return 0;
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *ctx)
{
	struct daemon *daemon = ctx;

	ns_log_info("stopping; the rules stay");
	(void)sd_notify(0, "STOPPING=1");
	return sd_event_exit(daemon->event, 0);
}

static int make_directory(const char *path, mode_t mode, struct ns_error *err)
{
	int r;

	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	r = -errno;
	return ns_error_set(err, r, "cannot make %s: %s", path, strerror(-r));
}

/* Two daemons on one state would undo each other's work. The lock goes with the process, however it ends. */
static int take_lock(struct daemon *daemon, struct ns_error *err)
{
	char path[NS_CONFIG_PATH_MAX + 16];
	int r;

	r = make_directory(daemon->config.runtime_dir, 0755, err);
	if (r == 0)
		r = make_directory(daemon->config.state_dir, 0700, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof path, "%s/nanosegd.lock", daemon->config.state_dir);
	daemon->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (daemon->lock_fd < 0) {
		r = -errno;
		return ns_error_set(err, r, "cannot open %s: %s", path, strerror(-r));
	}
	if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return ns_error_set(err, -EBUSY,
				    "another nanosegd runs with the state in %s; stop it, or set [daemon] "
				    "state_dir to another directory",
				    daemon->config.state_dir);
	return 0;
}

/* Three descriptors an endpoint, and more: the soft limit of 1,024 would be the limit of containers. */
static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int add_signals(struct daemon *daemon, struct ns_error *err)
{
	sigset_t mask;
	int r;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	r = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_terminate, daemon);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGINT, on_terminate, daemon);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hangup, daemon);
	return r < 0 ? ns_error_set(err, r, "cannot take signals: %s", strerror(-r)) : 0;
}

/* Sockets that an agent before this one left with the service manager. */
static int open_fdstore(struct daemon *daemon, struct ns_error *err)
{
	int unknown = ns_fdstore_open(&daemon->fdstore, err);

	if (unknown < 0)
		return unknown;
	if (unknown > 0)
		ns_log_warning("the service manager handed in %d descriptors that are none of ours; they were closed",
			       unknown);
	ns_log_info("taken over from the service manager: %zu sockets", ns_fdstore_kept(daemon->fdstore));
	return 0;
}

static int start_engine(struct daemon *daemon, struct ns_error *err)
{
	struct ns_engine_config engine_config;
	size_t dropped;
	int r;

	fill_engine_config(&daemon->config, &engine_config);
	engine_config.fdstore = daemon->fdstore;
	engine_config.only_remove = daemon->only_remove;
	r = ns_engine_new(daemon->event, &engine_config, daemon->store, &daemon->engine, err);
	if (r < 0)
		return r;
	dropped = ns_fdstore_drop_untaken(daemon->fdstore);
	if (dropped > 0)
		ns_log_info("dropped the sockets of %zu namespaces that ended meanwhile", dropped);
	return 0;
}

static int start(struct daemon *daemon, struct ns_error *err)
{
	int r = sd_event_default(&daemon->event);

	if (r < 0)
		return ns_error_set(err, r, "cannot make an event loop: %s", strerror(-r));
	r = take_lock(daemon, err);
	if (r == 0)
		r = add_signals(daemon, err);
	if (r == 0)
		r = ns_store_open(daemon->config.state_dir, &daemon->store, err);
	if (r < 0)
		return r;
	audit(daemon, "daemon.start");
	r = open_fdstore(daemon, err);
	if (r == 0)
		r = start_engine(daemon, err);
	if (r == 0)
		r = ns_api_new(daemon->event, daemon->engine, daemon->config.socket,
			       ns_fdstore_activated(daemon->fdstore), &daemon->api, err);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(daemon->event, NULL, CLOCK_MONOTONIC, 0, HEARTBEAT_US / 10, on_heartbeat,
				       daemon);
	if (r >= 0)
		r = sd_event_add_time_relative(daemon->event, NULL, CLOCK_MONOTONIC, FDSTORE_BUSY_US,
					       FDSTORE_BUSY_US / 5, on_fdstore, daemon);
	if (r >= 0)
		r = sd_event_add_time_relative(daemon->event, NULL, CLOCK_MONOTONIC, MEMORY_US / 4, MEMORY_US / 8,
					       on_memory, daemon);
	if (r < 0)
		return ns_error_set(err, r, "cannot add the heartbeat: %s", strerror(-r));
	(void)sd_event_set_watchdog(daemon->event, 1);
	return 0;
}

static void stop(struct daemon *daemon)
{
	daemon->api = ns_api_free(daemon->api);
	if (daemon->engine && !daemon->only_remove)
		(void)ns_engine_harvest(daemon->engine, NULL, NULL);
	daemon->engine = ns_engine_free(daemon->engine);
	daemon->fdstore = ns_fdstore_close(daemon->fdstore);
	if (daemon->store) {
		(void)ns_store_heartbeat(daemon->store, ns_clock_now(), NULL);
		if (!daemon->only_remove)
			audit(daemon, "daemon.stop");
	}
	daemon->store = ns_store_close(daemon->store);
	daemon->event = sd_event_unref(daemon->event);
	if (daemon->lock_fd >= 0)
		(void)close(daemon->lock_fd);
}

int ns_daemon_run(const char *config_path, const struct ns_config *config, struct ns_error *err)
{
	struct daemon daemon = { .config_path = config_path, .config = *config, .lock_fd = -1 };
	int r;

	raise_fd_limit();
	r = start(&daemon, err);
	if (r == 0) {
		ns_log_info("nanosegd " NANOSEG_VERSION " watches; socket %s", daemon.config.socket);
		(void)sd_notify(0, "READY=1");
		tell_ownership(&daemon);
		r = sd_event_loop(daemon.event);
		if (r < 0)
			(void)ns_error_set(err, r, "the event loop failed: %s", strerror(-r));
	}
	stop(&daemon);
	return r;
}

int ns_daemon_remove_rules(const struct ns_config *config, struct ns_error *err)
{
	struct daemon daemon = { .config = *config, .lock_fd = -1, .only_remove = true };
	int r = sd_event_default(&daemon.event);

	raise_fd_limit();
	if (r < 0)
		return ns_error_set(err, r, "cannot make an event loop: %s", strerror(-r));
	r = take_lock(&daemon, err);
	if (r == 0)
		r = ns_store_open(daemon.config.state_dir, &daemon.store, err);
	if (r == 0)
		r = start_engine(&daemon, err);
	if (r == 0)
		audit(&daemon, "rules.remove");
	if (r == 0)
		r = ns_engine_remove_rules(daemon.engine, err);
	stop(&daemon);
	return r;
}
