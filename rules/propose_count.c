/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Programs and addresses of rules, each counted once. Who runs in a container may give its programs any number of
 * names, and ask any number of addresses: what there is room for is told apart, and of the rest it is said that it is
 * there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "propose_tally.h"

#define ADDRESS_SLOTS ((size_t)2 * NS_TALLY_ADDRESSES_MAX)

struct ns_address_slot {
	const struct ns_tally *tally; /* NULL: empty */
	struct ns_addr addr;
	bool source;
};

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "no memory for a proposal");
}

/* ---- addresses ---- */

static size_t hash(const struct ns_tally *tally, const struct ns_addr *addr, bool source)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)(uintptr_t)tally ^ source;

	for (size_t i = 0; i < ns_addr_length(addr); i++)
		h = (h ^ addr->bytes[i]) * 0x100000001b3u; /* FNV-1a */
	return (size_t)(h ^ h >> 32) & (ADDRESS_SLOTS - 1);
}

int ns_tally_address(struct ns_tallies *tallies, struct ns_tally *tally, const struct ns_addr *addr, bool source,
		     struct ns_error *err)
{
	struct ns_address_slot *slot;
	size_t at = hash(tally, addr, source);

	if (!tallies->addresses)
		tallies->addresses = calloc(ADDRESS_SLOTS, sizeof(*tallies->addresses));
	if (!tallies->addresses)
		return no_memory(err);
	if (source ? tally->more_sources : tally->more_peers)
		return 0;
	for (slot = &tallies->addresses[at]; slot->tally; slot = &tallies->addresses[at]) {
		if (slot->tally == tally && slot->source == source && ns_addr_equal(&slot->addr, addr))
			return 0;
		at = (at + 1) & (ADDRESS_SLOTS - 1);
	}
	if (tallies->n_addresses == NS_TALLY_ADDRESSES_MAX) {
		*(source ? &tally->more_sources : &tally->more_peers) = true;
		return 0;
	}
	*slot = (struct ns_address_slot){ tally, *addr, source };
	tallies->n_addresses++;
	++*(source ? &tally->sources : &tally->peers);
	return 0;
}

/* ---- programs ---- */

/* Cut from the left to what a policy holds. NULL with 0: there is no room for another. */
static int intern(struct ns_tallies *tallies, const char *program, const char **ret, struct ns_error *err)
{
	size_t length = strlen(program);

	if (length >= NS_PROCESS_MAX)
		program += length - (NS_PROCESS_MAX - 1);
	*ret = ns_strings_find_text(tallies->programs, program);
	if (*ret || tallies->n_programs == NS_TALLY_PROGRAMS_MAX)
		return 0;
	*ret = ns_strings_intern(tallies->programs, program);
	if (!*ret)
		return no_memory(err);
	tallies->n_programs++;
	return 0;
}

int ns_tally_add_program(struct ns_tally_part *part, const char *program, struct ns_error *err)
{
	size_t lo = 0, hi = part->n_programs;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;
		int order = part->programs[middle] == program ? 0 : strcmp(part->programs[middle], program);

		if (order == 0)
			return 0;
		if (order < 0)
			lo = middle + 1;
		else
			hi = middle;
	}
	if (part->n_programs == NS_TALLY_RULE_PROGRAMS_MAX) {
		part->more_programs = true;
		/* The first ones in order are those that are named. */
		if (lo == part->n_programs)
			return 0;
		part->n_programs--;
	}
	if (part->n_programs == part->programs_allocated) {
		size_t more = part->programs_allocated ? 2 * part->programs_allocated : 1;
		const char **programs = reallocarray(part->programs, more, sizeof(*programs));

		if (!programs)
			return no_memory(err);
		part->programs = programs;
		part->programs_allocated = more;
	}
	memmove(&part->programs[lo + 1], &part->programs[lo], (part->n_programs - lo) * sizeof(*part->programs));
	part->programs[lo] = program;
	part->n_programs++;
	return 0;
}

/* Whether one program, a known one, was seen with enough distinct ephemeral ports. */
static int count_port(struct ns_tally *tally, const char *program, uint16_t port, struct ns_error *err)
{
	struct ns_tally_ports *ports = NULL;

	for (size_t i = 0; i < tally->n_ports && !ports; i++)
		if (tally->ports[i].program == program)
			ports = &tally->ports[i];
	if (!ports && tally->n_ports == NS_TALLY_RULE_PROGRAMS_MAX)
		return 0;
	if (!ports && tally->n_ports == tally->ports_allocated) {
		size_t more = tally->ports_allocated ? 2 * tally->ports_allocated : 1;

		ports = reallocarray(tally->ports, more, sizeof(*ports));
		if (!ports)
			return no_memory(err);
		tally->ports = ports;
		tally->ports_allocated = more;
		ports = NULL;
	}
	if (!ports) {
		ports = &tally->ports[tally->n_ports++];
		*ports = (struct ns_tally_ports){ program, 0, 0 };
	}
	if (ports->distinct == 0 || ports->last != port)
		ports->distinct++;
	ports->last = port;
	tally->takes_any_port = ports->distinct >= NS_EPHEMERAL_EVIDENCE;
	return 0;
}

int ns_tally_program(struct ns_tallies *tallies, struct ns_tally *tally, struct ns_tally_part *part,
		     const struct ns_edge *edge, bool ephemeral, struct ns_error *err)
{
	const char *program;
	int r = intern(tallies, edge->process, &program, err);

	if (r < 0)
		return r;
	if (!program) {
		part->more_programs = true;
		return 0;
	}
	if (ephemeral && !tally->takes_any_port)
		r = count_port(tally, program, edge->tuple.port, err);
	return r < 0 ? r : ns_tally_add_program(part, program, err);
}
