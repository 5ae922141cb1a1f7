/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whose packet it is: a logged packet's socket, user and program; then the observation is told.
 */
#ifndef NANOSEG_LEARN_ATTRIBUTE_H
#define NANOSEG_LEARN_ATTRIBUTE_H

#include "learn.h"
#include "packet.h"

/* Fills in inode, and uid where the packet did not say it. Egress: the socket that sent it. Ingress: the one that will
 * receive it. Transit, and protocols that inet_diag does not know: none. */
void ns_attribute_socket(struct ns_diag *diag, const struct ns_nflog_message *message, const struct ns_packet *packet,
			 struct ns_sighting *sighting);

/* Names the programs and calls `observed` for each sighting, now or, where only a walk of /proc can tell and the budget
 * does not allow one, when it does (at most NS_LEARN_PENDING_MAX wait; the rest is told without). */
void ns_attribute_programs(struct ns_learner *learner, const struct ns_sighting *sightings, size_t n);

#endif
