/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Internet addresses, IPv4 and IPv6 alike. Bytes are in network order; an IPv4 address uses the first
 * four and the rest are zero, so that memcmp and hashing of the whole struct are right.
 */
#ifndef NANOSEG_ADDR_H
#define NANOSEG_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <nanoseg/error.h>

struct ns_addr {
	uint8_t family; /* AF_INET, AF_INET6, or 0: no address */
	uint8_t bytes[16];
};

struct ns_prefix {
	struct ns_addr addr; /* host bits zero */
	uint8_t length;      /* 0..32 or 0..128 */
};

struct ns_addr_range {
	struct ns_addr lo, hi; /* inclusive, same family */
};

/* What an address is by its number alone (IANA special-purpose registries, RFC 6890 and RFC 4291). */
enum ns_addr_scope {
	NS_ADDR_SCOPE_INVALID = 0,
	NS_ADDR_UNSPECIFIED,
	NS_ADDR_LOOPBACK,
	NS_ADDR_LINK_LOCAL,
	NS_ADDR_MULTICAST,
	NS_ADDR_BROADCAST, /* 255.255.255.255 only; a subnet's own broadcast needs its prefix */
	NS_ADDR_PRIVATE,   /* RFC 1918, RFC 6598, RFC 4193, and other non-global ranges */
	NS_ADDR_GLOBAL,
};

#define NS_ADDR_TEXT_MAX   46 /* INET6_ADDRSTRLEN */
#define NS_PREFIX_TEXT_MAX 50 /* address "/128" */

int ns_addr_parse(const char *text, struct ns_addr *ret, struct ns_error *err);
const char *ns_addr_format(const struct ns_addr *addr, char buf[static NS_ADDR_TEXT_MAX]);

/* From raw network-order bytes. IPv4-mapped IPv6 (::ffff:a.b.c.d) stays IPv6 here. */
struct ns_addr ns_addr_from_bytes(int family, const void *bytes);
size_t ns_addr_length(const struct ns_addr *addr); /* 4, 16, or 0 */

/* Orders by family, then bytes: <0, 0, >0. */
int ns_addr_compare(const struct ns_addr *a, const struct ns_addr *b);
bool ns_addr_equal(const struct ns_addr *a, const struct ns_addr *b);

/* One up or down; false on overflow, and then *addr is unchanged. */
bool ns_addr_increment(struct ns_addr *addr);
bool ns_addr_decrement(struct ns_addr *addr);

enum ns_addr_scope ns_addr_scope(const struct ns_addr *addr);

/* "10.0.0.0/8", or a bare address for a whole one (/32, /128). Host bits that are set are an error that
 * says what would be right. */
int ns_prefix_parse(const char *text, struct ns_prefix *ret, struct ns_error *err);
/* A whole address prints without "/32" or "/128". */
const char *ns_prefix_format(const struct ns_prefix *prefix, char buf[static NS_PREFIX_TEXT_MAX]);
struct ns_prefix ns_prefix_of(const struct ns_addr *addr, uint8_t length); /* masks the host bits */
/* Its first `bits` bits, no more than an address of its family has, are those of `bytes`. */
bool ns_addr_begins(const struct ns_addr *addr, const uint8_t *bytes, unsigned bits);
bool ns_prefix_contains(const struct ns_prefix *prefix, const struct ns_addr *addr);
struct ns_addr_range ns_prefix_range(const struct ns_prefix *prefix);
/* The last address of an IPv4 prefix shorter than /31; family 0 otherwise. */
struct ns_addr ns_prefix_broadcast(const struct ns_prefix *prefix);

#endif
