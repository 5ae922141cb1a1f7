/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The address book: which addresses stand for which peer right now. The engine keeps it; compiling a
 * policy reads it; naming an observed address reads it the other way round. Pure data.
 */
#ifndef NANOSEG_BOOK_H
#define NANOSEG_BOOK_H

#include <nanoseg/edge.h>

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

/* Calls `each` for every address of the peer, in ascending order, without duplicates, until it returns other than 0,
 * and returns that. */
typedef int (*ns_book_each)(void *ctx, const struct ns_addr *addr);
int ns_book_each_workload(const struct ns_book *book, const char *workload, ns_book_each each, void *ctx);
int ns_book_each_host(const struct ns_book *book, ns_book_each each, void *ctx);
int ns_book_each_service(const struct ns_book *book, const char *service, ns_book_each each, void *ctx);
int ns_book_each_name(const struct ns_book *book, const char *name, ns_book_each each, void *ctx);

/* Names an address as seen from an endpoint whose on-link prefixes are given (they tell a subnet's
 * broadcast). *ret_name is owned by the book and valid until it changes; "" where the class has none. A
 * workload wins over the host, the host over a service, that over a DNS name, then multicast, broadcast, private and
 * link-local (NS_PEER_CIDR), and last NS_PEER_INTERNET. family 0 is NS_PEER_ANY. */
enum ns_peer_class ns_book_classify(const struct ns_book *book, const struct ns_addr *addr,
				    const struct ns_prefix *links, size_t n_links, const char **ret_name);

#endif
