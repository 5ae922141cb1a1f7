/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two sorted views of the same pairs: holders with their addresses, and addresses with their holders.
 */
#include <errno.h>
#include <string.h>

#include "book_private.h"
#include "cleanup.h"

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
	free(book->published);
	*book = (struct ns_book){ 0 };
}

struct ns_book *ns_book_free(struct ns_book *book)
{
	if (book)
		ns_book_clear(book);
	free(book);
	return NULL;
}

void *ns_book_insert(void **array, size_t size, size_t *n, size_t *allocated, size_t at)
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

static int compare_holder(const struct ns_book_holder *holder, enum ns_peer_class peer_class, const char *name)
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

static struct ns_book_holder *find_holder(const struct ns_book *book, enum ns_peer_class peer_class, const char *name)
{
	size_t at = holder_index(book, peer_class, name);

	if (at < book->n_holders && compare_holder(book->holders[at], peer_class, name) == 0)
		return book->holders[at];
	return NULL;
}

struct ns_book_holder *ns_book_meet_holder(struct ns_book *book, enum ns_peer_class peer_class, const char *name)
{
	struct ns_book_holder *holder = find_holder(book, peer_class, name), **slot;

	if (holder)
		return holder;
	holder = calloc(1, sizeof(*holder) + strlen(name) + 1);
	if (!holder)
		return NULL;
	holder->peer_class = peer_class;
	memcpy(holder->name, name, strlen(name) + 1);
	slot = ns_book_insert((void **)&book->holders, sizeof(struct ns_book_holder *), &book->n_holders,
			      &book->holders_allocated, holder_index(book, peer_class, name));
	if (!slot) {
		free(holder);
		return NULL;
	}
	*slot = holder;
	return holder;
}

static size_t addr_index(const struct ns_book_holder *holder, const struct ns_addr *addr)
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
static size_t owned_index(const struct ns_book *book, const struct ns_addr *addr, const struct ns_book_holder *holder)
{
	size_t from = 0, to = book->n_owned;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		const struct ns_book_owned *owned = &book->owned[middle];
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
	struct ns_book_holder *holder;
	struct ns_addr *slot;
	struct ns_book_owned *owned;
	size_t at;

	if (!names_somebody(addr))
		return 0;
	holder = ns_book_meet_holder(book, peer_class, name);
	if (!holder)
		return ns_error_set(err, -ENOMEM, "no memory for the addresses of %s", name);
	at = addr_index(holder, addr);
	if (at < holder->n && ns_addr_equal(&holder->addrs[at], addr))
		return 0;
	owned = ns_book_insert((void **)&book->owned, sizeof(*owned), &book->n_owned, &book->owned_allocated,
			       owned_index(book, addr, holder));
	if (!owned)
		return ns_error_set(err, -ENOMEM, "no memory for the addresses of %s", name);
	*owned = (struct ns_book_owned){ *addr, holder };
	slot = ns_book_insert((void **)&holder->addrs, sizeof(*slot), &holder->n, &holder->allocated, at);
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
	const struct ns_book_holder *holder = find_holder(book, peer_class, name);
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

const struct ns_book_holder *ns_book_owner(const struct ns_book *book, const struct ns_addr *addr)
{
	size_t at = owned_index(book, addr, NULL);

	return at < book->n_owned && ns_addr_equal(&book->owned[at].addr, addr) ? book->owned[at].holder : NULL;
}

enum ns_peer_class ns_book_classify(const struct ns_book *book, const struct ns_book_view *view,
				    const struct ns_addr *addr, const char **ret_name)
{
	const struct ns_book_holder *owner;

	*ret_name = "";
	if (addr->family == 0)
		return NS_PEER_ANY;
	owner = ns_book_owner(book, addr);
	if (owner) {
		*ret_name = owner->name;
		return owner->peer_class;
	}
	if (view->host && ns_addr_scope(addr) == NS_ADDR_LOOPBACK)
		return NS_PEER_HOST;
	return classify_by_number(addr, view->links, view->n_links);
}

int ns_book_each_lost(const struct ns_book *book, const struct ns_book *next, ns_book_each_loss each, void *ctx)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < book->n_owned; i++) {
		const struct ns_book_owned *owned = &book->owned[i];
		const struct ns_book_holder *heir;

		if (i > 0 && ns_addr_equal(&owned[-1].addr, &owned->addr))
			continue; /* others have it besides; the first is whom it stands for */
		heir = ns_book_owner(next, &owned->addr);
		if (!heir || heir->peer_class != owned->holder->peer_class ||
		    strcmp(heir->name, owned->holder->name) != 0)
			r = each(ctx, &owned->addr, owned->holder->peer_class, owned->holder->name);
	}
	return r;
}
