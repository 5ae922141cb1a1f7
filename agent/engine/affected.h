/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whom a change of addresses concerns, and what must wait until they have followed.
 *
 * An endpoint's rules depend on the book only by the peers that its policy names, and its outer lock on the addresses
 * that it is believed to have. Where an enforcing endpoint's peer has lost an address, elements of its sets are stale
 * until it has been reconciled, its connections cut: until then the address is in motion, and no link opens for whoever
 * has it now.
 */
#ifndef NANOSEG_ENGINE_AFFECTED_H
#define NANOSEG_ENGINE_AFFECTED_H

#include <nanoseg/addr.h>
#include <nanoseg/book.h>
#include <nanoseg/endpoint.h>

#include "claims.h"

struct ns_attachment;
struct ns_engine;

struct ns_affected {
	struct ns_addr *moving; /* sorted, distinct: stale elements may name them */
	size_t n, allocated;
	size_t n_stale; /* endpoints that have some */
};

void ns_affected_release(struct ns_affected *affected);

/* Who has which address: what policies' peers stand for, and whose word counts. */
struct ns_believed {
	const struct ns_book *book;
	const struct ns_claims *claims; /* settled */
};

/* Marks whom a change concerns: dirty, and stale whose peer lost something. After a failure not all are marked. */
int ns_affected_mark(struct ns_engine *engine, const struct ns_believed *before, const struct ns_believed *after,
		     struct ns_error *err);

/* All follow who can, and those that have stale elements are reconciled: nothing that takes something away waits for
 * the turn. It is called before anything else once the event that told of a change has been dealt with, so that many
 * changes at once are one. Of those that have followed what is left to do (follow.h) is done for a while only. */
void ns_affected_tighten(struct ns_engine *engine);
/* The endpoint has been reconciled, or ends. */
void ns_affected_done(struct ns_attachment *attachment);

/* Why a closed link of this endpoint has to stay closed; NULL: it has not. *wait: look again after so many
 * microseconds, if that is sooner than what it says. */
const char *ns_affected_holds(struct ns_attachment *attachment, const struct ns_port *port, int64_t *wait);

#endif
