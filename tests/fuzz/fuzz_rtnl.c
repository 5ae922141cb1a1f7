/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rtnetlink messages as they come from a socket in a container's namespace.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rtnl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char text[static NS_IFNAME_MAX])
{
	if (strnlen(text, NS_IFNAME_MAX) == NS_IFNAME_MAX)
		abort();
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *header;
	struct ns_interface interface;
	struct ns_prefix address;
	struct ns_link_news news;
	int index, nsid;

	if (size < sizeof *header)
		return 0;
	header = malloc(size);
	if (!header)
		return 0;
	memcpy(header, data, size);
	header->nlmsg_len = (uint32_t)size; /* the library hands on whole messages only */
	if (ns_rtnl_link(header, &interface)) {
		check_text(interface.name);
		check_text(interface.kind);
		if (interface.index <= 0 || interface.peer_index < 0)
			abort();
	}
	if (ns_rtnl_address(header, &address, &index))
		if (index < 0 || address.length > 8 * ns_addr_length(&address.addr) ||
		    ns_addr_length(&address.addr) == 0)
			abort();
	if (ns_rtnl_link_news(header, &news)) {
		check_text(news.name);
		if (news.index <= 0 || news.peer_index < 0 || news.peer_nsid < NS_NSID_SAME || news.moved_index < 0 ||
		    news.moved_nsid < NS_NSID_UNKNOWN || (news.moved_index > 0 && !news.gone))
			abort();
	}
	if (ns_rtnl_nsid(header, &nsid) && nsid < NS_NSID_UNKNOWN)
		abort();
	free(header);
	return 0;
}
