/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Members' tables are called as outer locks are, in another family and by another number.
 */
#include <errno.h>

#include <nanoseg/layout.h>
#include <nanoseg/outer.h>

void ns_member_table_name(uint64_t cgroup, char ret[static NS_NFT_NAME_MAX])
{
	ns_outer_table_name(cgroup, ret);
}

int ns_member_table_cgroup(const char *table, uint64_t *ret)
{
	uint64_t cgroup;

	if (ns_outer_table_cookie(table, &cgroup) < 0 || cgroup == 0)
		return -EINVAL;
	*ret = cgroup;
	return 0;
}
