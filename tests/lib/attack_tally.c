/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The tally: whatever comes in on a device, by addresses, protocol and port, for a judge who knows nothing of how it
 * was sent. What every link needs (ARP, neighbour discovery, multicast listeners) is left out.
 */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attack.h"
#include "attack_tap.h"

#define ROWS_MAX 8192
#define ROW_SIZE 160

struct row {
	char text[ROW_SIZE];
	unsigned count;
	uint64_t last_us;
};

struct tally {
	size_t rows;
	struct row row[ROWS_MAX];
};

static void add(struct tally *t, const char *text)
{
	struct timespec now;
	size_t i = 0;
	while (i < t->rows && strcmp(t->row[i].text, text) != 0)
		i++;
	if (i == ROWS_MAX) {
		fprintf(stderr, "attack: too many kinds of packets\n");
		exit(1);
	}
	if (i == t->rows)
		snprintf(t->row[t->rows++].text, ROW_SIZE, "%s", text);
	clock_gettime(CLOCK_REALTIME, &now);
	t->row[i].count++;
	t->row[i].last_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void tally_ip(struct tally *t, int family, const uint8_t *from, const uint8_t *to, unsigned proto,
		     const uint8_t *l4, size_t length)
{
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN], text[ROW_SIZE];
	unsigned port = 0;
	if (proto == IPPROTO_ICMPV6 && length && ((l4[0] >= 130 && l4[0] <= 136) || l4[0] == 143))
		return;
	if (family == AF_INET6 && proto == IPPROTO_HOPOPTS && length > 8 && l4[0] == IPPROTO_ICMPV6 &&
	    (l4[8] == 143 || (l4[8] >= 130 && l4[8] <= 132)))
		return;
	if ((proto == IPPROTO_TCP || proto == IPPROTO_UDP) && length >= 4)
		port = (unsigned)(l4[2] << 8 | l4[3]);
	else if ((proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) && length)
		port = l4[0];
	inet_ntop(family, from, source, sizeof(source));
	inet_ntop(family, to, destination, sizeof(destination));
	snprintf(text, sizeof(text), "%s %s %u %u", source, destination, proto, port);
	add(t, text);
}

static void tally_frame(void *ctx, const uint8_t *data, size_t length, uint16_t type)
{
	char text[ROW_SIZE];
	size_t header = length ? (size_t)(data[0] & 0xf) * 4 : 0;
	if (type == ETHERTYPE_ARP)
		return;
	if (type == ETHERTYPE_IP && length >= 20 && header >= 20 && header <= length) {
		bool later = (data[6] & 0x1f) || data[7];
		size_t total = (size_t)(data[2] << 8 | data[3]);
		if (total >= header && total < length)
			length = total;
		tally_ip(ctx, AF_INET, data + 12, data + 16, data[9], data + header, later ? 0 : length - header);
	} else if (type == ETHERTYPE_IPV6 && length >= 40) {
		size_t payload = (size_t)(data[4] << 8 | data[5]);
		tally_ip(ctx, AF_INET6, data + 8, data + 24, data[6], data + 40,
			 payload < length - 40 ? payload : length - 40);
	} else {
		snprintf(text, sizeof(text), "frame 0x%04x 0 0", type);
		add(ctx, text);
	}
}

int attack_tally(const char *device)
{
	struct tally *t = calloc(1, sizeof(*t));
	if (!t)
		return 1;
	int status = attack_tap(device, true, tally_frame, t);
	for (size_t i = 0; i < t->rows; i++)
		printf("%s %u %llu\n", t->row[i].text, t->row[i].count, (unsigned long long)t->row[i].last_us);
	puts("end");
	free(t);
	return status;
}
