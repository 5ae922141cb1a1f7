/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What "internet" means in a policy: IANA's global unicast space less the special-purpose registries, as intervals. It
 * must say what ns_addr_scope says, and the unit test holds the two against each other at every boundary.
 */
#include "peers.h"

#define RANGE4(a, b, c, d, e, f, g, h)                                                                                 \
	{                                                                                                              \
		{ AF_INET, { a, b, c, d } },                                                                           \
		{                                                                                                      \
			AF_INET,                                                                                       \
			{                                                                                              \
				e, f, g, h                                                                             \
			}                                                                                              \
		}                                                                                                      \
	}

/* clang-format off */
static const struct ns_addr_range internet[] = {
	RANGE4(1, 0, 0, 0,       9, 255, 255, 255),
	RANGE4(11, 0, 0, 0,      100, 63, 255, 255),
	RANGE4(100, 128, 0, 0,   126, 255, 255, 255),
	RANGE4(128, 0, 0, 0,     169, 253, 255, 255),
	RANGE4(169, 255, 0, 0,   172, 15, 255, 255),
	RANGE4(172, 32, 0, 0,    191, 255, 255, 255),
	RANGE4(192, 0, 1, 0,     192, 0, 1, 255),
	RANGE4(192, 0, 3, 0,     192, 167, 255, 255),
	RANGE4(192, 169, 0, 0,   198, 17, 255, 255),
	RANGE4(198, 20, 0, 0,    198, 51, 99, 255),
	RANGE4(198, 51, 101, 0,  203, 0, 112, 255),
	RANGE4(203, 0, 114, 0,   223, 255, 255, 255),
	/* 2000::/3 in four parts: without 2001:2::/48, 2001:db8::/32 and 3fff::/20 */
	{ { AF_INET6, { 0x20, 0x00 } },
	  { AF_INET6, { 0x20, 0x01, 0x00, 0x01, [4 ... 15] = 0xff } } },
	{ { AF_INET6, { 0x20, 0x01, 0x00, 0x02, 0x00, 0x01 } },
	  { AF_INET6, { 0x20, 0x01, 0x0d, 0xb7, [4 ... 15] = 0xff } } },
	{ { AF_INET6, { 0x20, 0x01, 0x0d, 0xb9 } },
	  { AF_INET6, { 0x3f, 0xfe, [2 ... 15] = 0xff } } },
	{ { AF_INET6, { 0x3f, 0xff, 0x10, 0x00 } },
	  { AF_INET6, { 0x3f, 0xff, [2 ... 15] = 0xff } } },
};
/* clang-format on */

const struct ns_addr_range *ns_internet_ranges(size_t *ret_n)
{
	*ret_n = sizeof(internet) / sizeof(internet[0]);
	return internet;
}
