/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who the two sides of an edge are: a name first, an address last.
 */
#include <string.h>

#include "cleanup.h"
#include "policy_values.h"
#include "propose.h"

bool ns_propose_ingress_was_full(const struct ns_graph *gaps, const char *workload)
{
	bool unsaid = false, said = false;

	/* A gap may name the direction; if none does, that of ingress cannot be ruled out. */
	for (size_t i = 0; i < gaps->n_gaps; i++) {
		const char *cause = gaps->gaps[i].cause;

		if (strcmp(gaps->gaps[i].workload, workload) != 0 || strncmp(cause, "set full", 8) != 0)
			continue;
		if (strstr(cause, "ingress") || strstr(cause, "several"))
			return true;
		if (strstr(cause, "egress") || strstr(cause, "transit"))
			said = true;
		else if (!strstr(cause, "den"))
			unsaid = true;
	}
	return unsaid && !said;
}

/* Nearly all names are. */
static bool is_plain(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < 0x20 || (unsigned char)*name >= 0x7f)
			return false;
	return true;
}

/* A name that the policy's own parser would refuse, or that is no UTF-8, cannot stand in a policy. */
static bool can_be_written(const char *name, size_t max)
{
	NS_JSON json_t *json = is_plain(name) ? NULL : json_string(name);

	return (json || is_plain(name)) && ns_policy_check_name("", "", name, max, NULL) == 0;
}

static struct ns_side by_address(const struct ns_addr *addr, enum ns_peer_class peer_class, enum ns_step step)
{
	struct ns_side side = { .step = step };

	side.peer.peer_class = peer_class;
	side.peer.prefix = ns_prefix_of(addr, (uint8_t)(ns_addr_length(addr) * 8));
	return side;
}

struct ns_side ns_side_of(enum ns_peer_class peer_class, const char *name, const struct ns_addr *addr)
{
	struct ns_side side = { .step = NS_STEP_NAMED, .peer.peer_class = peer_class };

	if (addr->family == 0) {
		side.peer.peer_class = NS_PEER_ANY;
		side.step = NS_STEP_ANY;
		return side;
	}
	switch (peer_class) {
	case NS_PEER_WORKLOAD:
	case NS_PEER_SERVICE:
	case NS_PEER_NAME:
		if (!can_be_written(name, ns_policy_name_max(peer_class)))
			return by_address(addr, NS_PEER_CIDR, NS_STEP_UNNAMED);
		side.peer.name = ns_unconst(name); /* borrowed */
		return side;
	case NS_PEER_HOST:
		return side;
	case NS_PEER_BROADCAST:
		side.step = NS_STEP_GROUP;
		return side;
	case NS_PEER_MULTICAST:
		return by_address(addr, NS_PEER_MULTICAST, NS_STEP_GROUP);
	default:
		/* The address itself, whatever class it was given: an exact address widens nothing. */
		return by_address(addr, NS_PEER_CIDR, NS_STEP_EXACT);
	}
}

struct ns_side ns_side_network(const struct ns_addr *addr)
{
	struct ns_side side = { .peer.peer_class = NS_PEER_CIDR, .step = NS_STEP_PREFIX };

	side.peer.prefix = ns_prefix_of(addr, addr->family == AF_INET ? NS_NETWORK4_LENGTH : NS_NETWORK6_LENGTH);
	return side;
}

struct ns_side ns_side_internet(void)
{
	return (struct ns_side){ .peer.peer_class = NS_PEER_INTERNET, .step = NS_STEP_INTERNET };
}

int ns_side_compare(const struct ns_side *a, const struct ns_side *b)
{
	return ns_peer_compare(&a->peer, &b->peer);
}

bool ns_side_is_wide(const struct ns_side *side)
{
	return side->step >= NS_STEP_PREFIX;
}
