/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is said to the service manager about descriptors, and how it is found out whether it keeps them (fdstore.h).
 */
#ifndef NANOSEG_FDSTORE_TRIAL_H
#define NANOSEG_FDSTORE_TRIAL_H

#include <stdint.h>

#define NS_FDSTORE_TRIAL_NAME "ns-trial"

/* -ENOTCONN: there is no manager. May block while the manager has much to read. */
int ns_fdstore_send(const char *name, int fd);
int ns_fdstore_remove(const char *name);

/* Two pipes whose other ends were sent to the manager: one to keep, then one to close in its turn (BARRIER=1). When the
 * second has hung up, everything sent before has been dealt with; if the first one has, too, it was not kept. */
struct ns_fdstore_trial {
	int kept, barrier; /* -1: no trial is under way */
	uint64_t begun_ms; /* CLOCK_MONOTONIC */
	unsigned covers;   /* the caller's: so many were sent before it, and not answered for by an earlier one */
};
#define NS_FDSTORE_TRIAL_INIT                                                                                          \
	{                                                                                                              \
		.kept = -1, .barrier = -1                                                                              \
	}

int ns_fdstore_trial_begin(struct ns_fdstore_trial *trial);
/* -EAGAIN: no trial is under way, or the manager has not come to it yet. Else it has ended: 1 kept, 0 refused. */
int ns_fdstore_trial_result(struct ns_fdstore_trial *trial, int timeout_ms);
void ns_fdstore_trial_end(struct ns_fdstore_trial *trial);
uint64_t ns_fdstore_now_ms(void);

#endif
