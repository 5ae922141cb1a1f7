/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames sent and counted.
 */
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attack_frame.h"
#include "attack_tap.h"

#define PAUSE_NS     200000L /* between frames: no queue on the way overflows */
#define DECOY_TRIES  32      /* whether memory comes back at once is for the kernel to say */
#define ETHER_HEADER 14
#define IPV6_HEADER  40
#define IPV6_NEXT    6 /* the next header's number */

static const char marker_prefix[] = "nanoseg-frm-";

bool frame_can_take(const struct frame *f, enum frame_road road)
{
	return road != FRAME_DGRAM || !f->mac;
}

int frame_list(void)
{
	for (size_t i = 0; i < frame_count; i++)
		for (int road = 0; road < FRAME_ROADS; road++)
			if (frame_can_take(&frames[i], (enum frame_road)road))
				printf("%s %s %s\n", frames[i].name, frames[i].group, frame_roads[road]);
	return 0;
}

static bool is_inbound(const struct frame *f)
{
	return !strncmp(f->group, "in-", 3);
}

/* An allowed frame of another protocol than this one's, without a marker. */
static void send_before(struct frame_sender *copied, const struct frame *f, uint16_t source_port)
{
	bool udp = !f->proto || f->proto == IPPROTO_UDP;
	const char *name = f->family == AF_INET6 ? udp ? "ok-data6" : "ok-udp6" : udp ? "ok-data4" : "ok-udp4";
	for (size_t i = 0; i < frame_count; i++) {
		struct frame_bytes bytes;
		if (strcmp(frames[i].name, name) != 0)
			continue;
		frame_build(i, FRAME_ROADS, source_port, &bytes);
		frame_sender_send(copied, bytes.data[0], bytes.length[0]);
	}
}

/* The same frame, without its marker, that says of itself what is not so: IPv6 that hop-by-hop options follow, or in
 * place of a fragment header what stands behind it; IPv4 that it has options. */
static void send_decoy(struct frame_sender *copied, const uint8_t *frame, size_t length)
{
	uint8_t decoy[FRAME_MAX_BYTES], *ip = decoy + ETHER_HEADER, *at;
	memcpy(decoy, frame, length);
	while ((at = memmem(decoy, length, marker_prefix, sizeof(marker_prefix) - 1)))
		memset(at, 0, sizeof(marker_prefix) - 1);
	if (length > ETHER_HEADER + IPV6_HEADER && decoy[ETHER_HEADER - 2] == 0x86)
		ip[IPV6_NEXT] = ip[IPV6_NEXT] == IPPROTO_FRAGMENT ? ip[IPV6_HEADER] : IPPROTO_HOPOPTS;
	else if (length > ETHER_HEADER)
		ip[0] = 0x47;
	frame_sender_send(copied, decoy, length);
}

/* What the kernel hands out again is what the same processor gave back. */
static void stay_on_this_processor(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0) {
		perror("attack: sched_setaffinity");
		exit(1);
	}
}

static unsigned send_road(enum frame_road road, const char *group)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	const char *device = getenv("ATTACK_DEVICE");
	if (!device)
		device = "eth0";
	struct frame_sender *sender = frame_sender_open(road, device),
			    *copied = frame_sender_open(FRAME_PACKET, device);
	uint16_t source_port = (uint16_t)(20000 + getpid() % 10000);
	unsigned sent = 0;
	if (road == FRAME_STALE || road == FRAME_DECOY)
		stay_on_this_processor();
	for (size_t i = 0; i < frame_count; i++) {
		struct frame_bytes bytes;
		if (group ? strcmp(frames[i].group, group) != 0 : is_inbound(&frames[i]))
			continue;
		if (!frame_can_take(&frames[i], road))
			continue;
		frame_build(i, road, source_port, &bytes);
		for (size_t n = 0; n < bytes.count; n++) {
			for (unsigned try = 0; try < (road == FRAME_DECOY && frames[i].forged ? DECOY_TRIES : 1);
			     try++) {
				if (road == FRAME_STALE)
					send_before(copied, &frames[i], source_port);
				else if (road == FRAME_DECOY)
					send_decoy(copied, bytes.data[n], bytes.length[n]);
				frame_sender_send(sender, bytes.data[n], bytes.length[n]);
			}
		}
		sent++;
		nanosleep(&pause, NULL);
	}
	frame_sender_close(sender);
	frame_sender_close(copied);
	return sent;
}

int frame_send(const char *road, const char *group)
{
	for (int r = 0; r < FRAME_ROADS; r++)
		if (!strcmp(frame_roads[r], road))
			return send_road((enum frame_road)r, group) ? 0 : 2;
	fprintf(stderr, "attack: no road %s\n", road);
	return 2;
}

static void count(void *ctx, const uint8_t *data, size_t length, uint16_t type)
{
	unsigned *counts = ctx;
	(void)type;
	const uint8_t *at = memmem(data, length, marker_prefix, sizeof(marker_prefix) - 1);
	if (!at || (size_t)(data + length - at) < ATTACK_MARKER_SIZE)
		return;
	char digits[5] = { 0 };
	memcpy(digits, at + sizeof(marker_prefix) - 1, 4);
	unsigned long value = strtoul(digits, NULL, 16);
	if ((value & 0xfff) < frame_count && value >> 12 < FRAME_ROADS)
		counts[(value & 0xfff) * FRAME_ROADS + (value >> 12)]++;
}

int frame_watch(const char *device)
{
	unsigned *counts = calloc(frame_count * FRAME_ROADS, sizeof(*counts));
	if (!counts)
		return 1;
	int status = attack_tap(device, true, count, counts);
	for (size_t i = 0; i < frame_count; i++)
		for (int road = 0; road < FRAME_ROADS; road++)
			if (frame_can_take(&frames[i], (enum frame_road)road))
				printf("%s %s %s %u\n", frames[i].name, frames[i].group, frame_roads[road],
				       counts[i * FRAME_ROADS + (size_t)road]);
	free(counts);
	return status;
}
