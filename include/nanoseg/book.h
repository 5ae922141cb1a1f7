/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The address book: which addresses stand for which peer right now. The engine keeps it; compiling a
 * policy reads it; naming an observed address reads it the other way round. Pure data.
 *
 * A port that an engine publishes on the host leads to a container, so it is that workload's and not the host's: it is
 * a service named "published/WORKLOAD", on addresses of the host, and on its ports and protocol alone. Who asks a
 * service sends to the service's address; what the host makes of that (DNAT, a proxy) comes behind both locks. The
 * other side sees who asked, or the host where that masquerades or a proxy asks.
 */
#ifndef NANOSEG_BOOK_H
#define NANOSEG_BOOK_H

#include <nanoseg/edge.h>
#include <nanoseg/published.h>

#define NS_PUBLISHED_PREFIX "published/"

struct ns_book;

int ns_book_new(struct ns_book **ret, struct ns_error *err);
struct ns_book *ns_book_free(struct ns_book *book); /* accepts NULL; returns NULL */
void ns_book_clear(struct ns_book *book);

/* Several replicas add their addresses under one name; adding twice is harmless. Loopback, multicast and
 * unspecified addresses are ignored; link-local ones too, since they name nobody beyond their link. */
int ns_book_add_workload(struct ns_book *book, const char *workload, const struct ns_addr *addr, struct ns_error *err);
int ns_book_add_host(struct ns_book *book, const struct ns_addr *addr, struct ns_error *err);
int ns_book_add_service(struct ns_book *book, const char *service, const struct ns_addr *addr, struct ns_error *err);
int ns_book_add_name(struct ns_book *book, const char *name, const struct ns_addr *addr, struct ns_error *err);
/* Ports that are opened on the host for this workload. Where they are on one address, they count while the host has
 * it. A workload whose name leaves no room for the prefix is passed over: its ports stay the host's. */
int ns_book_publish(struct ns_book *book, const char *workload, const struct ns_published *published,
		    struct ns_error *err);

/* Calls `each` for every address of the peer, in ascending order, without duplicates, until it returns other than 0,
 * and returns that. */
typedef int (*ns_book_each)(void *ctx, const struct ns_addr *addr);
int ns_book_each_workload(const struct ns_book *book, const char *workload, ns_book_each each, void *ctx);
int ns_book_each_host(const struct ns_book *book, ns_book_each each, void *ctx);
int ns_book_each_service(const struct ns_book *book, const char *service, ns_book_each each, void *ctx);
int ns_book_each_name(const struct ns_book *book, const char *name, ns_book_each each, void *ctx);

/* Addresses that stand for a peer on these ports of this protocol only. */
struct ns_ported {
	struct ns_addr_range addrs;
	uint8_t protocol;
	uint16_t first, last;
};
/* Likewise for every place where the service's ports are published. host: for an endpoint in the host's own namespace,
 * to whom loopback is the host. */
typedef int (*ns_book_each_ported)(void *ctx, const struct ns_ported *ported);
int ns_book_each_published(const struct ns_book *book, const char *service, bool host, ns_book_each_ported each,
			   void *ctx);

/* From where an address is looked at. */
struct ns_book_view {
	const struct ns_prefix *links; /* on-link prefixes of the endpoint: they tell a subnet's broadcast */
	size_t n_links;
	bool host; /* the endpoint is in the host's own namespace (ns_endpoint.host_netns): its loopback is the host */
};

/* Names an address. *ret_name is owned by the book and valid until it changes; "" where the class has none. A workload
 * wins over the host, the host over a service, that over a DNS name, then multicast, broadcast, private and link-local
 * (NS_PEER_CIDR), and last NS_PEER_INTERNET. family 0 is NS_PEER_ANY. */
enum ns_peer_class ns_book_classify(const struct ns_book *book, const struct ns_book_view *view,
				    const struct ns_addr *addr, const char **ret_name);
/* Names the peer of a tuple: as above, but what is sent to a published port of the host is the service's. One that is
 * published on the very address wins over one on all of them. */
enum ns_peer_class ns_book_classify_peer(const struct ns_book *book, const struct ns_book_view *view,
					 const struct ns_tuple *tuple, const char **ret_name);

/* Calls `each` for every address that somebody had in the book and that is another's, or nobody's, in `next`: who had
 * it. */
typedef int (*ns_book_each_loss)(void *ctx, const struct ns_addr *addr, enum ns_peer_class peer_class,
				 const char *name);
int ns_book_each_lost(const struct ns_book *book, const struct ns_book *next, ns_book_each_loss each, void *ctx);
bool ns_book_publishes_the_same(const struct ns_book *a, const struct ns_book *b);

/* Calls `each` for every address of a peer that is in one of the books and not in the other (`lost`: in the first),
 * until it returns other than 0, and returns that. */
typedef int (*ns_book_each_change)(void *ctx, const struct ns_addr *addr, enum ns_peer_class peer_class,
				   const char *name, bool lost);
int ns_book_compare(const struct ns_book *before, const struct ns_book *after, ns_book_each_change each, void *ctx);

#endif
