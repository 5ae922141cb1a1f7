/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside the address book; for rules/book*.c.
 */
#ifndef NANOSEG_BOOK_PRIVATE_H
#define NANOSEG_BOOK_PRIVATE_H

#include <nanoseg/book.h>

/* Whoever has addresses: a class and a name ("" for the host). Each is allocated by itself, so that pointers to its
 * name stay true when others come. */
struct ns_book_holder {
	enum ns_peer_class peer_class;
	struct ns_addr *addrs; /* sorted, distinct */
	size_t n, allocated;
	char name[];
};

struct ns_book_owned {
	struct ns_addr addr;
	const struct ns_book_holder *holder;
};

struct ns_book_published {
	struct ns_published at;
	const struct ns_book_holder *holder; /* of class service */
};

struct ns_book {
	struct ns_book_holder **holders; /* by class, then name */
	size_t n_holders, holders_allocated;
	struct ns_book_owned *owned; /* by address, then class, then name */
	size_t n_owned, owned_allocated;
	struct ns_book_published
		*published; /* by protocol, first port, then address: of each family, all comes first */
	size_t n_published, published_allocated;
};

/* Opens a gap at index `at` of a sorted array. NULL: no memory. */
void *ns_book_insert(void **array, size_t size, size_t *n, size_t *allocated, size_t at);
struct ns_book_holder *ns_book_meet_holder(struct ns_book *book, enum ns_peer_class peer_class, const char *name);
/* NULL: nobody. */
const struct ns_book_holder *ns_book_owner(const struct ns_book *book, const struct ns_addr *addr);

#endif
