/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The watcher: every frame that the container's veth hands to the host, and which attack it belongs to.
 */
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack.h"
#include "attack_tap.h"

struct view {
	int family;
	uint8_t proto;
	const uint8_t *to, *l4;
	size_t l4_length;
	bool more; /* fragments follow */
};

/* A packet without extension headers; none of the bare attacks has any. */
static bool parse(const uint8_t *data, size_t length, uint16_t type, struct view *ret)
{
	if (type == ETHERTYPE_IP && length >= 20) {
		size_t header = (size_t)(data[0] & 0xf) * 4, total = (size_t)(data[2] << 8 | data[3]);
		if (header < 20 || total < header || total > length)
			return false;
		*ret = (struct view){ AF_INET, data[9], data + 16, data + header, total - header, data[6] & 0x20 };
		return !(data[6] & 0x1f) && !data[7];
	}
	if (type == ETHERTYPE_IPV6 && length >= 40) {
		size_t payload = (size_t)(data[4] << 8 | data[5]);
		if (payload > length - 40)
			return false;
		*ret = (struct view){ AF_INET6, data[6], data + 24, data + 40, payload, false };
		return true;
	}
	return false;
}

static bool is_bare(const struct attack *a, const struct view *v)
{
	uint8_t to[16];
	if (!a->bare || a->family != v->family || v->proto != (a->road == ROAD_TCP ? IPPROTO_TCP : attack_proto(a)) ||
	    memcmp(to, v->to, attack_host_bytes(a->wire_to, a->family, to)) != 0)
		return false;
	switch (a->shape) {
	case SHAPE_SHORT:
		return v->l4_length == 1;
	case SHAPE_TINY:
		return v->l4_length == 8 && v->more;
	default:
		return v->l4_length >= 20 && (v->l4[2] << 8 | v->l4[3]) == a->wire_port;
	}
}

static void count(void *ctx, const uint8_t *data, size_t length, uint16_t type)
{
	unsigned *counts = ctx;
	struct view v = { 0 };
	bool parsed = parse(data, length, type, &v);
	for (size_t i = 0; i < attack_count; i++) {
		uint8_t marker[ATTACK_MARKER_SIZE];
		attack_marker(i, marker);
		if (memmem(data, length, marker, sizeof(marker)) || (parsed && is_bare(&attacks[i], &v)))
			counts[i]++;
	}
}

int attack_watch(const char *device)
{
	unsigned *counts = calloc(attack_count, sizeof(*counts));
	if (!counts)
		return 1;
	int status = attack_tap(device, false, count, counts);
	for (size_t i = 0; i < attack_count; i++)
		printf("%s %s %u\n", attacks[i].name, attacks[i].group, counts[i]);
	free(counts);
	return status;
}
