/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The roads out of a container that begin below its output hook.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attack_frame.h"

#define SLOTS      64
#define SLOT_SIZE  2048
#define RING_SIZE  ((size_t)SLOTS * SLOT_SIZE)
#define WAIT_TRIES 200

const char *const frame_roads[FRAME_ROADS] = {
	[FRAME_PACKET] = "packet", [FRAME_DGRAM] = "dgram", [FRAME_BYPASS] = "bypass", [FRAME_RING] = "ring",
	[FRAME_XDP] = "xdp",       [FRAME_STALE] = "stale", [FRAME_DECOY] = "decoy",
};

/* A ring of AF_XDP, as the kernel has laid it out. */
struct xdp_ring {
	uint32_t *producer, *consumer;
	void *entries;
};

struct frame_sender {
	enum frame_road road;
	int fd, device;
	uint8_t *memory; /* the ring of AF_PACKET, or the frames of AF_XDP */
	uint32_t next;
	struct xdp_ring transmit, completed;
};

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "attack: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void open_ring(struct frame_sender *s)
{
	int version = TPACKET_V2;
	struct tpacket_req request = {
		.tp_block_size = RING_SIZE, .tp_block_nr = 1, .tp_frame_size = SLOT_SIZE, .tp_frame_nr = SLOTS
	};
	if (setsockopt(s->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(s->fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)) < 0)
		fail("PACKET_TX_RING");
	s->memory = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (s->memory == MAP_FAILED)
		fail("mmap of the ring");
}

static void open_packet(struct frame_sender *s)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = s->device };
	int on = 1;
	s->fd = socket(AF_PACKET, (s->road == FRAME_DGRAM ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail("AF_PACKET");
	if (s->road == FRAME_BYPASS && setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0)
		fail("PACKET_QDISC_BYPASS");
	if (s->road == FRAME_RING || s->road == FRAME_STALE || s->road == FRAME_DECOY)
		open_ring(s);
}

static struct xdp_ring map_ring(int fd, const struct xdp_ring_offset *offsets, size_t entry, off_t at)
{
	uint8_t *map = mmap(NULL, (size_t)offsets->desc + SLOTS * entry, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, fd, at);
	if (map == MAP_FAILED)
		fail("mmap of an XDP ring");
	return (struct xdp_ring){ (uint32_t *)(void *)(map + offsets->producer),
				  (uint32_t *)(void *)(map + offsets->consumer), map + offsets->desc };
}

static void open_xdp(struct frame_sender *s)
{
	int slots = SLOTS;
	struct xdp_mmap_offsets offsets;
	socklen_t size = sizeof(offsets);
	struct sockaddr_xdp at = { .sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY, .sxdp_ifindex = (uint32_t)s->device };
	s->memory = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || s->memory == MAP_FAILED)
		fail("AF_XDP");
	struct xdp_umem_reg frames_at = { .addr = (uintptr_t)s->memory, .len = RING_SIZE, .chunk_size = SLOT_SIZE };
	if (setsockopt(s->fd, SOL_XDP, XDP_UMEM_REG, &frames_at, sizeof(frames_at)) < 0 ||
	    setsockopt(s->fd, SOL_XDP, XDP_UMEM_FILL_RING, &slots, sizeof(slots)) < 0 ||
	    setsockopt(s->fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &slots, sizeof(slots)) < 0 ||
	    setsockopt(s->fd, SOL_XDP, XDP_TX_RING, &slots, sizeof(slots)) < 0 ||
	    getsockopt(s->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size) < 0)
		fail("the rings of AF_XDP");
	s->transmit = map_ring(s->fd, &offsets.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING);
	s->completed = map_ring(s->fd, &offsets.cr, sizeof(uint64_t), (off_t)XDP_UMEM_PGOFF_COMPLETION_RING);
	/* The queue of one that was closed just now is free a moment later. */
	for (int try = 0; bind(s->fd, (struct sockaddr *)&at, sizeof(at)) < 0; try++) {
		if (errno != EBUSY || try == WAIT_TRIES)
			fail("bind of AF_XDP");
		usleep(10000);
	}
}

struct frame_sender *frame_sender_open(enum frame_road road, const char *device)
{
	struct frame_sender *s = calloc(1, sizeof(*s));
	if (!s)
		fail("calloc");
	s->road = road;
	s->device = (int)if_nametoindex(device);
	if (!s->device)
		fail(device);
	if (road == FRAME_XDP)
		open_xdp(s);
	else
		open_packet(s);
	return s;
}

/* The kernel makes the header from this address. 802.3 has a length where others have a type. */
static void send_dgram(struct frame_sender *s, const uint8_t *frame, size_t length)
{
	uint16_t type = (uint16_t)(frame[12] << 8 | frame[13]);
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(type < ETH_P_802_3_MIN ? ETH_P_802_2 : type),
				  .sll_ifindex = s->device,
				  .sll_halen = ETH_ALEN };
	memcpy(to.sll_addr, frame, ETH_ALEN);
	if (sendto(s->fd, frame + ETH_HLEN, length - ETH_HLEN, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("send by SOCK_DGRAM");
}

/* Where the kernel looks for the frame: TPACKET2_HDRLEN less an address. */
_Static_assert(sizeof(struct tpacket2_hdr) % TPACKET_ALIGNMENT == 0, "the frame begins right behind its header");

static void send_ring(struct frame_sender *s, const uint8_t *frame, size_t length)
{
	uint8_t *slot = s->memory + (size_t)(s->next++ % SLOTS) * SLOT_SIZE;
	struct tpacket2_hdr *header = (struct tpacket2_hdr *)(void *)slot;
	memcpy(slot + sizeof(*header), frame, length);
	header->tp_len = (uint32_t)length;
	__atomic_store_n(&header->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	if (send(s->fd, NULL, 0, 0) < 0)
		fail("send by the ring");
}

static void send_xdp(struct frame_sender *s, const uint8_t *frame, size_t length)
{
	uint32_t at = __atomic_load_n(s->transmit.producer, __ATOMIC_RELAXED);
	uint64_t address = (uint64_t)(at % SLOTS) * SLOT_SIZE;
	memcpy(s->memory + address, frame, length);
	((struct xdp_desc *)s->transmit.entries)[at % SLOTS] =
		(struct xdp_desc){ .addr = address, .len = (uint32_t)length };
	__atomic_store_n(s->transmit.producer, at + 1, __ATOMIC_RELEASE);
	/* Sent is what the kernel has handed back. */
	for (int try = 0; try < WAIT_TRIES; try++) {
		if (sendto(s->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN && errno != EBUSY &&
		    errno != ENOBUFS)
			fail("send by AF_XDP");
		if (__atomic_load_n(s->completed.producer, __ATOMIC_ACQUIRE) == at + 1) {
			__atomic_store_n(s->completed.consumer, at + 1, __ATOMIC_RELEASE);
			return;
		}
		usleep(1000);
	}
	errno = ETIMEDOUT;
	fail("AF_XDP sends nothing");
}

void frame_sender_send(struct frame_sender *s, const uint8_t *frame, size_t length)
{
	switch (s->road) {
	case FRAME_DGRAM:
		send_dgram(s, frame, length);
		break;
	case FRAME_RING:
	case FRAME_STALE:
	case FRAME_DECOY:
		send_ring(s, frame, length);
		break;
	case FRAME_XDP:
		send_xdp(s, frame, length);
		break;
	default:
		if (send(s->fd, frame, length, 0) != (ssize_t)length)
			fail("send");
	}
}

/* Mappings end with the process. */
void frame_sender_close(struct frame_sender *s)
{
	close(s->fd);
	free(s);
}
