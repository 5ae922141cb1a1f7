/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/outer.h>

void ns_outer_table_name(uint64_t cookie, char ret[static NS_NFT_NAME_MAX])
{
	_Static_assert(sizeof(NS_OUTER_TABLE_PREFIX "18446744073709551615") <= NS_NFT_NAME_MAX, "any cookie fits");

	(void)snprintf(ret, NS_NFT_NAME_MAX, NS_OUTER_TABLE_PREFIX "%" PRIu64, cookie);
}

int ns_outer_table_cookie(const char *table, uint64_t *ret)
{
	char name[NS_NFT_NAME_MAX];
	uint64_t cookie;

	if (strncmp(table, NS_OUTER_TABLE_PREFIX, strlen(NS_OUTER_TABLE_PREFIX)) != 0)
		return -EINVAL;
	cookie = strtoull(table + strlen(NS_OUTER_TABLE_PREFIX), NULL, 10);
	ns_outer_table_name(cookie, name); /* a name has one spelling: no sign, no space, no zero in front */
	if (strcmp(name, table) != 0)
		return -EINVAL;
	*ret = cookie;
	return 0;
}
