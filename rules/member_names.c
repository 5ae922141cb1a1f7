/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/layout.h>

void ns_member_table_name(uint64_t cgroup, char ret[static NS_NFT_NAME_MAX])
{
	(void)snprintf(ret, NS_NFT_NAME_MAX, NS_MEMBER_TABLE_PREFIX "%" PRIu64, cgroup);
}

int ns_member_table_cgroup(const char *table, uint64_t *ret)
{
	char again[NS_NFT_NAME_MAX];
	uint64_t cgroup;

	if (strncmp(table, NS_MEMBER_TABLE_PREFIX, sizeof NS_MEMBER_TABLE_PREFIX - 1) != 0)
		return -EINVAL;
	cgroup = strtoull(table + sizeof NS_MEMBER_TABLE_PREFIX - 1, NULL, 10);
	ns_member_table_name(cgroup, again);
	if (cgroup == 0 || strcmp(table, again) != 0)
		return -EINVAL;
	*ret = cgroup;
	return 0;
}
