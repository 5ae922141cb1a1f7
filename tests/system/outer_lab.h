/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An outer lock among wires: a container's namespace and a neighbour's, joined by a bridge in a host's namespace, which
 * holds the lock of the container's port. All of it vanishes with the test program.
 *
 *   container eth0 ── port [lock] bridge ── wire ── eth0 neighbour
 */
#ifndef NANOSEG_TEST_OUTER_LAB_H
#define NANOSEG_TEST_OUTER_LAB_H

#include "enforce_lab.h"

#include <nanoseg/outer.h>

enum outer_place { AT_HOST, AT_CONTAINER, AT_NEIGHBOUR, PLACES };

/* Who is who; each has an IPv4 and an IPv6 address. */
enum outer_who {
	WHO_OWN,    /* the container */
	WHO_PEER,   /* the neighbour, which the policy names */
	WHO_OTHER,  /* on the link, in no rule */
	WHO_RANGE,  /* in a rule's prefix, which is not on the link */
	WHO_CLIENT, /* forwarded by the container … */
	WHO_SERVER, /* … to this one */
	WHO_ROUTER, /* somewhere on the way; in no rule */
	WHO_GROUP,  /* a multicast group that may be heard */
	WHO_GROUP2, /* one that may not */
	WHO_NONE,   /* the unspecified address */
	WHO_ALL,    /* limited broadcast; all nodes */
	WHO_LINK,   /* the container's link-local address (IPv4: its other address) */
	WHO_SOLICITED,
	WHO_LISTENERS, /* where multicast listeners report to */
	WHOS
};

extern const uint8_t outer_own_mac[6], outer_peer_mac[6], outer_other_mac[6];

size_t outer_address(enum outer_who who, int family, uint8_t *ret);
const char *outer_address_text(enum outer_who who, int family);

/* Once, at the start of the program: leaves it in the host's namespace. */
void outer_lab_enter(void);
/* Runs a shell command at a place, and fails unless it succeeds. */
void outer_lab_run(enum outer_place place, const char *command);
void outer_lab_go(enum outer_place place); /* where sockets are made from now on */
int outer_lab_index(enum outer_place place);

/* The policy of the tests, on the container's port. */
void outer_lab_plan(bool auditing, struct ns_plan *ret);
void outer_lab_plan_of(const char *policy, bool auditing, struct ns_plan *ret); /* another policy, as JSON */
void outer_lab_lock(const struct ns_plan *plan);
void outer_lab_unlock(void);
/* Packets that the named counter counted, and those of all others; none without a lock. */
struct outer_counts {
	uint64_t named, others;
};
struct outer_counts outer_lab_counts(const char *name);

/* A socket for whole frames of the place's eth0. */
int outer_lab_frames(enum outer_place place, const char *device);

#endif
