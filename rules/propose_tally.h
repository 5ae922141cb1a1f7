/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is known of a rule before it is one. Inside of propose*.c.
 */
#ifndef NANOSEG_PROPOSE_TALLY_H
#define NANOSEG_PROPOSE_TALLY_H

#include "propose.h"

/* Distinct addresses that are told apart, of all rules together; of more only "at least" is said. */
#define NS_TALLY_ADDRESSES_MAX 65536
/* Distinct programs that are told apart: of all rules, and of one. */
#define NS_TALLY_PROGRAMS_MAX      65536
#define NS_TALLY_RULE_PROGRAMS_MAX 1024

/* A run of ports that become one rule, whatever the ports after it bring: a rule holds NS_RULE_PORTS_MAX spans, and
 * where the run after the next one begins may depend on whether the server turns out to take any port. */
struct ns_tally_part {
	uint16_t first_port;
	enum ns_step peer_step, source_step; /* of the first edge */
	uint64_t seen;                       /* distinct pairs of address and port */
	struct ns_evidence evidence;         /* figures alone */
	const char **programs;               /* in order of their texts; of the tallies */
	size_t n_programs, programs_allocated;
	bool more_programs; /* than could be told apart */
};

/* A program's ephemeral ports, which come in order. */
struct ns_tally_ports {
	const char *program;
	uint16_t last;
	unsigned distinct;
};

struct ns_tally {
	enum ns_direction direction;
	uint8_t protocol;
	struct ns_side peer, source; /* own their names */
	struct ns_span *spans;       /* as seen; sorted, disjoint, never adjacent */
	size_t n_spans, spans_allocated;
	/* How many spans there were if all ephemeral ports became one. */
	size_t n_joined;
	uint16_t joined_hi;
	bool takes_any_port;
	struct ns_tally_ports *ports;
	size_t n_ports, ports_allocated;
	struct ns_tally_part *parts;
	size_t n_parts, parts_allocated;
	/* The pair that was counted last. */
	struct ns_addr last_peer, last_source;
	uint16_t last_port;
	/* Distinct addresses of the sides that are wide: those told apart, and how many one port alone had. */
	size_t peers, sources, port_peers, most_peers;
	bool more_peers, more_sources;
};

struct ns_tallies {
	struct ns_tally **list;
	size_t n, allocated;
	uint32_t *slots; /* index + 1 of the list; 0: empty */
	size_t n_slots;
	struct ns_tally *latest;
	struct ns_strings *programs;
	size_t n_programs;
	struct ns_address_slot *addresses;
	size_t n_addresses;
};

void ns_tally_release(struct ns_tally *tally);

/* ---- propose_count.c: programs and addresses, told apart as far as there is room ---- */

int ns_tally_program(struct ns_tallies *tallies, struct ns_tally *tally, struct ns_tally_part *part,
		     const struct ns_edge *edge, bool ephemeral, struct ns_error *err);
int ns_tally_add_program(struct ns_tally_part *part, const char *program, struct ns_error *err);
int ns_tally_address(struct ns_tallies *tallies, struct ns_tally *tally, const struct ns_addr *addr, bool source,
		     struct ns_error *err);

/* ---- propose_evidence.c ---- */

/* Evidence of a rule that stands for this part of the tally. rule->spans must be final. */
int ns_propose_evidence(const struct ns_tally *tally, const struct ns_tally_part *part, bool ephemeral,
			struct ns_rule *rule, struct ns_error *err);

static inline bool ns_is_ephemeral(uint16_t port)
{
	return port >= NS_EPHEMERAL_FIRST && port <= NS_EPHEMERAL_LAST;
}

#endif
