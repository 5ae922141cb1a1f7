/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When the kernel's figures are read. Whoever needs them true (a graph that is asked for, a proposal, evidence, a
 * change of rules or of an address's owner, an end) has them read at once, and does not care for what is said here.
 *
 * Of new elements the log tells, so within NS_HARVEST_EVERY_US those endpoints are read that have news; so are those
 * whose outer lock, which logs nothing, may have refused somebody whose address has changed hands since. What is left
 * are figures of elements that are known. They are read in turn, those of a few endpoints as often, those of many in a
 * share of one processor, however long a round takes. Nothing waits for more than a slice of it.
 */
#ifndef NANOSEG_ENGINE_HARVEST_H
#define NANOSEG_ENGINE_HARVEST_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "budget.h"

struct ns_attachment;
struct ns_engine;
struct ns_error;

#define NS_HARVEST_EVERY_US UINT64_C(10000000)

struct ns_harvests {
	sd_event_source *timer;
	struct ns_budget budget; /* for those without news */
	uint64_t round;          /* of those with news, each once; ns_attachment.harvest_round */
	bool under_way;          /* a round is, and goes on with the next slice */
	uint64_t next;           /* cookie of the one without news whose turn it is, or of the next one after it */
};

int ns_harvests_open(struct ns_engine *engine, struct ns_error *err);
void ns_harvests_close(struct ns_engine *engine);
/* One endpoint now, as ns_attachment_harvest; a failure is kept with it, and logged once. */
int ns_harvest_one(struct ns_attachment *attachment, struct ns_error *err);

#endif
