/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attribute.h"
#include "cleanup.h"
#include "clock.h"
#include "learn.h"
#include "log.h"
#include "netns.h"
#include "nft/socket.h"

#define OVERRUN_INTERVAL_US 1000000
#define EPHEMERAL_FIRST     32768 /* the kernel's own default */
#define EPHEMERAL_LAST      60999
/* A packet's own time is believed when it is this near; it may have waited in our buffer. */
#define TIME_PAST_MAX_US INT64_C(3600000000)

NS_DEFINE_CLEANUP(struct ns_learner *, ns_learner_close)

static void tell_gap(struct ns_learner *learner, int64_t time, const char *cause)
{
	learner->events.gap(learner->ctx, learner->endpoint, time, cause);
}

/* One loss shows twice, as ENOBUFS and as a hole in the sequence, and losses come in crowds. */
static void tell_overrun(struct ns_learner *learner)
{
	int64_t now = ns_clock_elapsed();

	if (learner->overrun_told != 0 && now - learner->overrun_told < OVERRUN_INTERVAL_US)
		return;
	learner->overrun_told = now;
	tell_gap(learner, ns_clock_now(), "log overrun");
}

static int64_t believe(int64_t time)
{
	int64_t now = ns_clock_now();

	return time <= now && time >= now - TIME_PAST_MAX_US ? time : now;
}

/* True: *ret is a sighting to be named and told. */
static bool take_message(struct ns_learner *learner, const struct ns_nflog_message *message, struct ns_sighting *ret)
{
	struct ns_packet packet;
	struct ns_sighting sighting = { .kind = message->kind, .time = believe(message->time), .uid = message->uid };

	if (message->kind == NS_LOG_FULL) {
		char cause[64];

		(void)snprintf(cause, sizeof cause, "set full: %s%d", ns_direction_format(message->direction),
			       message->family == AF_INET ? 4 : 6);
		tell_gap(learner, sighting.time, cause);
		return false;
	}
	if (ns_packet_parse(message->family, message->payload, message->payload_length, &packet) < 0)
		return false; /* the set knows what the kernel made of it */
	sighting.tuple = ns_packet_tuple(&packet, message->direction, learner->endpoint->addresses,
					 learner->endpoint->n_addresses);
	ns_attribute_socket(learner->diag, message, &packet, &sighting);
	*ret = sighting;
	return true;
}

static void log_is_broken(struct ns_learner *learner, const struct ns_error *err)
{
	ns_log_warning("%s: %s", learner->endpoint->workload, err->text);
	learner->log_broken = true;
	(void)sd_event_source_set_enabled(learner->log_source, SD_EVENT_OFF);
	tell_gap(learner, ns_clock_now(), "log unavailable");
}

static int on_log(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct ns_learner *learner = userdata;
	struct ns_sighting sightings[NS_NFLOG_TURN_MESSAGES];
	struct ns_error err = NS_ERROR_INIT;
	size_t n = 0;
	int event = NS_NFLOG_OTHER;

	for (size_t i = 0; i < NS_NFLOG_TURN_MESSAGES && event > NS_NFLOG_NOTHING; i++) {
		struct ns_nflog_message message;

		event = ns_nflog_next(learner->log, &message, &err);
		learner->news = learner->news || event != NS_NFLOG_NOTHING;
		if (event == NS_NFLOG_LOST)
			tell_overrun(learner);
		else if (event == NS_NFLOG_MESSAGE && take_message(learner, &message, &sightings[n]))
			n++;
	}
	ns_attribute_programs(learner, sightings, n);
	if (event < 0)
		log_is_broken(learner, &err);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct ns_learner *learner = userdata;
	NS_FREE struct ns_sighting *pending = NS_TAKE(learner->pending);
	size_t n = learner->n_pending;

	learner->n_pending = 0;
	if (learner->log_absent_untold) {
		learner->log_absent_untold = false;
		tell_gap(learner, ns_clock_now(), "log unavailable");
	}
	ns_attribute_programs(learner, pending, n);
	return 0;
}

static int add_sources(struct ns_learner *learner, sd_event *event, struct ns_error *err)
{
	int r = sd_event_add_io(event, &learner->log_source, ns_nflog_fd(learner->log), EPOLLIN, on_log, learner);

	if (r >= 0)
		r = sd_event_add_time(event, &learner->timer, CLOCK_MONOTONIC, 0, 0, on_timer, learner);
	if (r >= 0)
		r = sd_event_source_set_enabled(learner->timer,
						learner->log_absent_untold ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (r < 0)
		return ns_error_set(err, r, "event loop: %s", strerror(-r));
	return 0;
}

/* Runs inside the namespace: /proc/sys/net shows that of the thread that reads. */
static int read_ephemeral(void *ctx, struct ns_error *err)
{
	struct ns_learner *learner = ctx;
	NS_CLOSE int fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_RDONLY | O_CLOEXEC);
	char text[64], *middle, *end;
	unsigned long first, last;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	first = strtoul(text, &middle, 10);
	last = strtoul(middle, &end, 10);
	if (middle > text && end > middle && first <= last && last <= UINT16_MAX) {
		learner->ephemeral_first = (uint16_t)first;
		learner->ephemeral_last = (uint16_t)last;
	}
	return 0;
}

int ns_learner_open(sd_event *event, struct ns_endpoint *endpoint, int netns_fd, const char *table,
		    uint16_t nflog_group, const struct ns_learner_events *events, void *ctx, struct ns_learner **ret,
		    struct ns_error *err)
{
	NS_CLEANUP(ns_learner_closep) struct ns_learner *learner = calloc(1, sizeof *learner);
	struct ns_error degraded = NS_ERROR_INIT;
	int r;

	if (learner == NULL)
		return ns_error_set(err, -ENOMEM, "learner: out of memory");
	learner->endpoint = endpoint;
	(void)snprintf(learner->table, sizeof learner->table, "%s", table);
	learner->events = *events;
	learner->ctx = ctx;
	learner->ephemeral_first = EPHEMERAL_FIRST;
	learner->ephemeral_last = EPHEMERAL_LAST;
	r = ns_nft_open(netns_fd, &learner->nft, err);
	if (r >= 0)
		r = ns_diag_open(netns_fd, &learner->diag, err);
	if (r >= 0)
		r = ns_processes_new(netns_fd, &learner->processes, err);
	if (r >= 0)
		r = ns_nflog_open(netns_fd, nflog_group == 0 ? NS_NFLOG_GROUP : nflog_group, &learner->log, err);
	if (r >= 0)
		r = ns_netns_call(netns_fd, read_ephemeral, learner, err);
	if (r < 0)
		return r;
	if (ns_nflog_bind(learner->log, &degraded) < 0) {
		ns_log_warning("%s: learning without times and processes: %s", endpoint->workload, degraded.text);
		learner->log_absent_untold = true;
	}
	r = add_sources(learner, event, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(learner);
	return 0;
}

bool ns_learner_has_news(const struct ns_learner *learner)
{
	return learner->news || learner->log_broken || !ns_nflog_is_bound(learner->log);
}

struct ns_learner *ns_learner_close(struct ns_learner *learner)
{
	if (learner != NULL) {
		(void)sd_event_source_disable_unref(learner->timer);
		(void)sd_event_source_disable_unref(learner->log_source);
		(void)ns_nflog_close(learner->log);
		(void)ns_diag_close(learner->diag);
		(void)ns_processes_free(learner->processes);
		(void)ns_nft_close(learner->nft);
		free(learner->pending);
		free(learner);
	}
	return NULL;
}
