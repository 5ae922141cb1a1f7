/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rtnetlink messages as they come from a socket in a container's namespace.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rtnl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *header;
	struct ns_interface interface;
	struct ns_prefix address;

	if (size < sizeof *header)
		return 0;
	header = malloc(size);
	if (!header)
		return 0;
	memcpy(header, data, size);
	header->nlmsg_len = (uint32_t)size; /* the library hands on whole messages only */
	if (ns_rtnl_link(header, &interface)) {
		if (interface.index <= 0 || interface.peer_index < 0 ||
		    strnlen(interface.name, sizeof interface.name) == sizeof interface.name)
			abort();
		for (const char *c = interface.name; *c; c++)
			if (*c <= ' ' || *c > '~')
				abort();
	}
	if (ns_rtnl_address(header, &address))
		if (address.length > 8 * ns_addr_length(&address.addr) || ns_addr_length(&address.addr) == 0)
			abort();
	free(header);
	return 0;
}
