/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two sorted views of the same pairs: holders with their addresses, and addresses with their holders.
 */
#include <errno.h>
#include <string.h>

#include <nanoseg/book.h>

#include "cleanup.h"

/* Whoever has addresses: a class and a name ("" for the host). Each is allocated by itself, so that pointers to its
 * name stay true when others come. */
struct holder {
	enum ns_peer_class peer_class;
	struct ns_addr *addrs; /* sorted, distinct */
	size_t n, allocated;
	char name[];
};

struct owned {
	struct ns_addr addr;
	const struct holder *holder;
};

struct ns_book {
	struct holder **holders; /* by class, then name */
	size_t n_holders, holders_allocated;
	struct owned *owned; /* by address, then class, then name */
	size_t n_owned, owned_allocated;
};

int ns_book_new(struct ns_book **ret, struct ns_error *err)
{
	struct ns_book *book = calloc(1, sizeof(*book));

	if (!book)
		return ns_error_set(err, -ENOMEM, "no memory for an address book");
	*ret = book;
	return 0;
}

void ns_book_clear(struct ns_book *book)
{
	for (size_t i = 0; i < book->n_holders; i++) {
		free(book->holders[i]->addrs);
		free(book->holders[i]);
	}
	free(book->holders);
	free(book->owned);
	*book = (struct ns_book){ 0 };
}

struct ns_book *ns_book_free(struct ns_book *book)
{
	if (book)
		ns_book_clear(book);
	free(book);
	return NULL;
}

/* Opens a gap at index `at` of a sorted array. NULL: no memory. */
static void *insert(void **array, size_t size, size_t *n, size_t *allocated, size_t at)
{
	char *entry;

	if (*n == *allocated) {
		size_t more = *allocated ? *allocated * 2 : 8;
		void *grown = reallocarray(*array, more, size);

		if (!grown)
			return NULL;
		*array = grown;
		*allocated = more;
	}
	entry = (char *)*array + at * size;
	memmove(entry + size, entry, (*n - at) * size);
	(*n)++;
	return entry;
}

static int compare_holder(const struct holder *holder, enum ns_peer_class peer_class, const char *name)
{
	if (holder->peer_class != peer_class)
		return holder->peer_class < peer_class ? -1 : 1;
	return strcmp(holder->name, name);
}

/* Index of the first holder that is not before (class, name). */
static size_t holder_index(const struct ns_book *book, enum ns_peer_class peer_class, const char *name)
{
	size_t from = 0, to = book->n_holders;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare_holder(book->holders[middle], peer_class, name) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static struct holder *find_holder(const struct ns_book *book, enum ns_peer_class peer_class, const char *name)
{
	size_t at = holder_index(book, peer_class, name);

	if (at < book->n_holders && compare_holder(book->holders[at], peer_class, name) == 0)
		return book->holders[at];
	return NULL;
}

static struct holder *meet_holder(struct ns_book *book, enum ns_peer_class peer_class, const char *name)
{
	struct holder *holder = find_holder(book, peer_class, name), **slot;

	if (holder)
		return holder;
	holder = calloc(1, sizeof(*holder) + strlen(name) + 1);
	if (!holder)
		return NULL;
	holder->peer_class = peer_class;
	memcpy(holder->name, name, strlen(name) + 1);
	slot = insert((void **)&book->holders, sizeof(struct holder *), &book->n_holders, &book->holders_allocated,
		      holder_index(book, peer_class, name));
	if (!slot) {
		free(holder);
		return NULL;
	}
	*slot = holder;
	return holder;
}

static size_t addr_index(const struct holder *holder, const struct ns_addr *addr)
{
	size_t from = 0, to = holder->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (ns_addr_compare(&holder->addrs[middle], addr) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* With holder NULL: the first entry of that address or after it. */
static size_t owned_index(const struct ns_book *book, const struct ns_addr *addr, const struct holder *holder)
{
	size_t from = 0, to = book->n_owned;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		const struct owned *owned = &book->owned[middle];
		int order = ns_addr_compare(&owned->addr, addr);

		if (order == 0 && holder)
			order = compare_holder(owned->holder, holder->peer_class, holder->name);
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool names_somebody(const struct ns_addr *addr)
{
	enum ns_addr_scope scope = ns_addr_scope(addr);

	return scope == NS_ADDR_PRIVATE || scope == NS_ADDR_GLOBAL;
}

static int add(struct ns_book *book, enum ns_peer_class peer_class, const char *name, const struct ns_addr *addr,
	       struct ns_error *err)
{
	struct holder *holder;
	struct ns_addr *slot;
	struct owned *owned;
	size_t at;

	if (!names_somebody(addr))
		return 0;
	holder = meet_holder(book, peer_class, name);
	if (!holder)
		return ns_error_set(err, -ENOMEM, "no memory for the addresses of %s", name);
	at = addr_index(holder, addr);
	if (at < holder->n && ns_addr_equal(&holder->addrs[at], addr))
		return 0;
	owned = insert((void **)&book->owned, sizeof(*owned), &book->n_owned, &book->owned_allocated,
		       owned_index(book, addr, holder));
	if (!owned)
		return ns_error_set(err, -ENOMEM, "no memory for the addresses of %s", name);
	*owned = (struct owned){ *addr, holder };
	slot = insert((void **)&holder->addrs, sizeof(*slot), &holder->n, &holder->allocated, at);
	if (!slot) { /* both views or none */
		size_t i = (size_t)(owned - book->owned);

		memmove(owned, owned + 1, (book->n_owned - i - 1) * sizeof(*owned));
		book->n_owned--;
		return ns_error_set(err, -ENOMEM, "no memory for the addresses of %s", name);
	}
	*slot = *addr;
	return 0;
}

int ns_book_add_workload(struct ns_book *book, const char *workload, const struct ns_addr *addr, struct ns_error *err)
{
	return add(book, NS_PEER_WORKLOAD, workload, addr, err);
}

int ns_book_add_host(struct ns_book *book, const struct ns_addr *addr, struct ns_error *err)
{
	return add(book, NS_PEER_HOST, "", addr, err);
}

int ns_book_add_service(struct ns_book *book, const char *service, const struct ns_addr *addr, struct ns_error *err)
{
	return add(book, NS_PEER_SERVICE, service, addr, err);
}

int ns_book_add_name(struct ns_book *book, const char *name, const struct ns_addr *addr, struct ns_error *err)
{
	return add(book, NS_PEER_NAME, name, addr, err);
}

static int each_of(const struct ns_book *book, enum ns_peer_class peer_class, const char *name, ns_book_each each,
		   void *ctx)
{
	const struct holder *holder = find_holder(book, peer_class, name);
	int r = 0;

	for (size_t i = 0; holder && r == 0 && i < holder->n; i++)
		r = each(ctx, &holder->addrs[i]);
	return r;
}

int ns_book_each_workload(const struct ns_book *book, const char *workload, ns_book_each each, void *ctx)
{
	return each_of(book, NS_PEER_WORKLOAD, workload, each, ctx);
}

int ns_book_each_host(const struct ns_book *book, ns_book_each each, void *ctx)
{
	return each_of(book, NS_PEER_HOST, "", each, ctx);
}

int ns_book_each_service(const struct ns_book *book, const char *service, ns_book_each each, void *ctx)
{
	return each_of(book, NS_PEER_SERVICE, service, each, ctx);
}

int ns_book_each_name(const struct ns_book *book, const char *name, ns_book_each each, void *ctx)
{
	return each_of(book, NS_PEER_NAME, name, each, ctx);
}

static enum ns_peer_class classify_by_number(const struct ns_addr *addr, const struct ns_prefix *links, size_t n_links)
{
	switch (ns_addr_scope(addr)) {
	case NS_ADDR_MULTICAST:
		return NS_PEER_MULTICAST;
	case NS_ADDR_BROADCAST:
		return NS_PEER_BROADCAST;
	default:
		break;
	}
	for (size_t i = 0; i < n_links; i++) {
		struct ns_addr broadcast = ns_prefix_broadcast(&links[i]);

		if (broadcast.family && ns_addr_equal(&broadcast, addr))
			return NS_PEER_BROADCAST;
	}
	return ns_addr_scope(addr) == NS_ADDR_GLOBAL ? NS_PEER_INTERNET : NS_PEER_CIDR;
}

enum ns_peer_class ns_book_classify(const struct ns_book *book, const struct ns_addr *addr,
				    const struct ns_prefix *links, size_t n_links, const char **ret_name)
{
	size_t at;

	*ret_name = "";
	if (addr->family == 0)
		return NS_PEER_ANY;
	at = owned_index(book, addr, NULL);
	if (at < book->n_owned && ns_addr_equal(&book->owned[at].addr, addr)) {
		*ret_name = book->owned[at].holder->name;
		return book->owned[at].holder->peer_class;
	}
	return classify_by_number(addr, links, n_links);
}
