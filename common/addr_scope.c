/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The IANA special-purpose address registries, as far as they matter to a policy: what is not globally routable
 * unicast must never pass as "internet".
 */
#include <nanoseg/addr.h>

struct special {
	uint8_t bytes[16];
	uint8_t length;
	enum ns_addr_scope scope;
};

/* More specific entries stand before those that contain them. */
static const struct special special4[] = {
	{ { 255, 255, 255, 255 }, 32, NS_ADDR_BROADCAST },
	{ { 0, 0, 0, 0 }, 32, NS_ADDR_UNSPECIFIED },
	{ { 0 }, 8, NS_ADDR_PRIVATE },            /* "this network", RFC 791 */
	{ { 10 }, 8, NS_ADDR_PRIVATE },           /* RFC 1918 */
	{ { 100, 64 }, 10, NS_ADDR_PRIVATE },     /* RFC 6598 */
	{ { 127 }, 8, NS_ADDR_LOOPBACK },         /* RFC 1122 */
	{ { 169, 254 }, 16, NS_ADDR_LINK_LOCAL }, /* RFC 3927 */
	{ { 172, 16 }, 12, NS_ADDR_PRIVATE },     /* RFC 1918 */
	{ { 192, 0, 0 }, 24, NS_ADDR_PRIVATE },   /* RFC 6890 */
	{ { 192, 0, 2 }, 24, NS_ADDR_PRIVATE },   /* documentation, RFC 5737 */
	{ { 192, 168 }, 16, NS_ADDR_PRIVATE },    /* RFC 1918 */
	{ { 198, 18 }, 15, NS_ADDR_PRIVATE },     /* benchmarking, RFC 2544 */
	{ { 198, 51, 100 }, 24, NS_ADDR_PRIVATE },
	{ { 203, 0, 113 }, 24, NS_ADDR_PRIVATE },
	{ { 224 }, 4, NS_ADDR_MULTICAST }, /* RFC 5771 */
	{ { 240 }, 4, NS_ADDR_PRIVATE },   /* reserved, RFC 1112 */
};

static const struct special special6[] = {
	{ { 0 }, 128, NS_ADDR_UNSPECIFIED },
	{ { [15] = 1 }, 128, NS_ADDR_LOOPBACK },
	{ { [10] = 0xff, 0xff }, 96, NS_ADDR_PRIVATE },                  /* IPv4-mapped, never on the wire */
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, NS_ADDR_PRIVATE }, /* RFC 8215 */
	{ { 0x00, 0x64, 0xff, 0x9b }, 96, NS_ADDR_PRIVATE },             /* NAT64, RFC 6052: holds private IPv4 too */
	{ { 0x20, 0x01, 0x00, 0x02, 0x00, 0x00 }, 48, NS_ADDR_PRIVATE }, /* benchmarking, RFC 5180 */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, NS_ADDR_PRIVATE },             /* documentation, RFC 3849 */
	{ { 0x3f, 0xff }, 20, NS_ADDR_PRIVATE },                         /* documentation, RFC 9637 */
	{ { 0x20 }, 3, NS_ADDR_GLOBAL },                                 /* 2000::/3, RFC 4291 */
	{ { 0xfc }, 7, NS_ADDR_PRIVATE },                                /* RFC 4193 */
	{ { 0xfe, 0x80 }, 10, NS_ADDR_LINK_LOCAL },
	{ { 0xff }, 8, NS_ADDR_MULTICAST },
	{ { 0 }, 0, NS_ADDR_PRIVATE }, /* everything else is unassigned */
};

static enum ns_addr_scope find(const struct special *table, size_t n, const struct ns_addr *addr)
{
	for (size_t i = 0; i < n; i++)
		if (ns_addr_begins(addr, table[i].bytes, table[i].length))
			return table[i].scope;
	return NS_ADDR_GLOBAL;
}

enum ns_addr_scope ns_addr_scope(const struct ns_addr *addr)
{
	switch (addr->family) {
	case AF_INET:
		return find(special4, sizeof special4 / sizeof special4[0], addr);
	case AF_INET6:
		return find(special6, sizeof special6 / sizeof special6[0], addr);
	default:
		return NS_ADDR_SCOPE_INVALID;
	}
}
