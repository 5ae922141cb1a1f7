/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <stdlib.h>

#include "attribute.h"

#define PENDING_WAIT_MIN_US 1000

void ns_attribute_socket(struct ns_diag *diag, const struct ns_nflog_message *message, const struct ns_packet *packet,
			 struct ns_sighting *sighting)
{
	const struct ns_addr anybody = { .family = packet->source.family };
	struct ns_diag_socket socket;
	int r;

	if (!ns_protocol_has_ports(packet->protocol))
		return;
	if (message->direction == NS_EGRESS) {
		r = ns_diag_find(diag, packet->protocol, &packet->source, packet->source_port, &packet->destination,
				 packet->port, message->out, &socket, NULL);
	} else if (message->direction == NS_INGRESS) {
		r = ns_diag_find(diag, packet->protocol, &packet->destination, packet->port, &packet->source,
				 packet->source_port, message->in, &socket, NULL);
		/* By now the connection may be there and not be accepted: then the one that listens is asked for. */
		if (r >= 0 && socket.inode == 0 && packet->protocol == IPPROTO_TCP)
			r = ns_diag_find(diag, packet->protocol, &packet->destination, packet->port, &anybody, 0,
					 message->in, &socket, NULL);
	} else {
		return;
	}
	if (r < 0)
		return;
	sighting->inode = socket.inode;
	if (sighting->uid < 0)
		sighting->uid = socket.uid;
}

static void tell(struct ns_learner *learner, const struct ns_sighting *sighting, const char *program)
{
	struct ns_observation observation = {
		.kind = sighting->kind,
		.tuple = sighting->tuple,
		.time = sighting->time,
		.process = program != NULL ? program : "",
		.uid = sighting->uid,
	};

	learner->events.observed(learner->ctx, learner->endpoint, &observation);
}

static bool any_unnamed(const struct ns_processes *processes, const struct ns_sighting *sightings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (sightings[i].inode != 0 && ns_processes_find(processes, sightings[i].inode) == NULL)
			return true;
	}
	return false;
}

/* False: no room. */
static bool defer(struct ns_learner *learner, const struct ns_sighting *sighting)
{
	if (learner->pending == NULL)
		learner->pending = calloc(NS_LEARN_PENDING_MAX, sizeof *learner->pending);
	if (learner->pending == NULL || learner->n_pending == NS_LEARN_PENDING_MAX)
		return false;
	learner->pending[learner->n_pending++] = *sighting;
	return true;
}

static void arm(struct ns_learner *learner)
{
	int64_t wait = ns_processes_wait(learner->processes);

	if (wait < PENDING_WAIT_MIN_US)
		wait = PENDING_WAIT_MIN_US;
	if (sd_event_source_set_time_relative(learner->timer, (uint64_t)wait) >= 0)
		(void)sd_event_source_set_enabled(learner->timer, SD_EVENT_ONESHOT);
}

void ns_attribute_programs(struct ns_learner *learner, const struct ns_sighting *sightings, size_t n)
{
	struct ns_processes *processes = learner->processes;
	bool walked = false;

	if (any_unnamed(processes, sightings, n) && ns_processes_wait(processes) == 0) {
		ns_processes_look(processes);
		if (any_unnamed(processes, sightings, n) && ns_processes_wait(processes) == 0) {
			ns_processes_walk(processes);
			walked = true;
		}
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t inode = sightings[i].inode;
		const char *program = inode != 0 ? ns_processes_find(processes, inode) : NULL;

		if (program == NULL && inode != 0 && !walked && defer(learner, &sightings[i]))
			continue;
		tell(learner, &sightings[i], program);
	}
	if (learner->n_pending > 0)
		arm(learner);
}
