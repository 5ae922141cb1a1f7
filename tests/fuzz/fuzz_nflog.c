/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages of nfnetlink_log as they come from a container's namespace, and the packets in them. A message that is
 * accepted points into itself; a packet that is read gives a tuple that a set could hold.
 */
#include <stdlib.h>
#include <string.h>

#include "nflog_parse.h"
#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right)
{
	if (!right)
		abort();
}

static void read_packet(const struct ns_nflog_message *message)
{
	const struct ns_prefix link = { .addr = { AF_INET, { 10, 0, 0, 1 } }, .length = 24 };
	struct ns_packet packet;
	struct ns_tuple tuple;

	if (ns_packet_parse(message->family, message->payload, message->payload_length, &packet) < 0)
		return;
	tuple = ns_packet_tuple(&packet, message->direction, &link, 1);
	check(tuple.peer.family == message->family);
	check(tuple.port == 0 || ns_protocol_has_ports(tuple.protocol) || ns_protocol_is_icmp(tuple.protocol));
	check((tuple.source.family != 0) == (message->direction == NS_TRANSIT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ns_nflog_message message;
	struct nlmsghdr *nlh;

	if (size < sizeof *nlh || size > UINT16_MAX)
		return 0;
	nlh = malloc(size); /* of just that size, so that a step too far is seen */
	if (nlh == NULL)
		return 0;
	memcpy(nlh, data, size);
	nlh->nlmsg_len = (uint32_t)size; /* as the reader of the socket has made sure */
	if (ns_nflog_parse(nlh, &message) > 0) {
		check(message.kind != NS_LOG_INVALID && message.direction != NS_DIRECTION_INVALID);
		check(message.payload >= (const uint8_t *)nlh && message.payload_length <= size &&
		      message.payload + message.payload_length <= (const uint8_t *)nlh + size);
		check(message.time >= 0 && message.uid >= -1);
		read_packet(&message);
	}
	free(nlh);
	return 0;
}
