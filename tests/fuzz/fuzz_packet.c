/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The first bytes of packets. The first byte of the input chooses the family. A packet that ends a byte earlier is read
 * as the same or not at all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct ns_packet *a, const struct ns_packet *b)
{
	return ns_addr_equal(&a->source, &b->source) && ns_addr_equal(&a->destination, &b->destination) &&
	       a->protocol == b->protocol && a->source_port == b->source_port && a->port == b->port;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int family = size > 0 && (data[0] & 1) != 0 ? AF_INET6 : AF_INET;
	struct ns_packet whole = { 0 }, cut = { 0 };
	uint8_t *bytes;
	int r;

	if (size < 1 || size > 4096)
		return 0;
	bytes = malloc(size);
	if (bytes == NULL)
		return 0;
	memcpy(bytes, data + 1, size - 1);
	r = ns_packet_parse(family, bytes, size - 1, &whole);
	if (r != 0 && r != -EBADMSG && r != -ENODATA)
		abort();
	if (r == 0 && whole.source.family != family)
		abort();
	if (size > 1) { /* exactly one byte less, in a buffer of its own */
		uint8_t *shorter = malloc(size - 1);

		if (shorter != NULL) {
			memcpy(shorter, bytes, size - 1);
			if (ns_packet_parse(family, shorter, size - 2, &cut) == 0 && (r != 0 || !same(&whole, &cut)))
				abort();
			free(shorter);
		}
	}
	free(bytes);
	return 0;
}
