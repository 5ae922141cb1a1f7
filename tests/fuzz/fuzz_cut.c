/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages of conntrack: what is read has ends of one family, and ports only where the protocol has them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include "cut_flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_end(const struct ns_cut_flow *flow, const struct ns_cut_end *end)
{
	if (end->addr.family != flow->source.addr.family || ns_addr_length(&end->addr) == 0)
		abort();
	if (end->port != 0 && !ns_protocol_has_ports(flow->protocol))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ns_cut_flow flow;
	struct nlmsghdr *nlh;

	if (size < sizeof(*nlh) || size > UINT16_MAX)
		return 0;
	nlh = malloc(size);
	if (!nlh)
		return 0;
	memcpy(nlh, data, size);
	nlh->nlmsg_len = (uint32_t)size;
	if (ns_cut_flow_read(nlh, &flow) == 0) {
		check_end(&flow, &flow.source);
		check_end(&flow, &flow.destination);
		check_end(&flow, &flow.reply_source);
		check_end(&flow, &flow.reply_destination);
		if (flow.icmp_type != 0 && !ns_protocol_is_icmp(flow.protocol))
			abort();
	}
	free(nlh);
	return 0;
}
