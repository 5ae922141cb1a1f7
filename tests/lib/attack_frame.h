/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whole Ethernet frames, made by hand and sent below the container's own output hook: what a process with NET_RAW and
 * nothing else does. Each frame goes by each road; its marker says which frame it is and which road it took.
 *
 * A frame is only refused for what it is: the rest of it (checksums, lengths, hop limits, MAC addresses) is right, and
 * where it can be, it goes to a peer, a protocol and a port that are allowed.
 */
#ifndef NANOSEG_TESTS_ATTACK_FRAME_H
#define NANOSEG_TESTS_ATTACK_FRAME_H

#include "attack.h"

enum frame_road {
	FRAME_PACKET, /* AF_PACKET, SOCK_RAW */
	FRAME_DGRAM,  /* AF_PACKET, SOCK_DGRAM: the kernel makes the Ethernet header */
	FRAME_BYPASS, /* AF_PACKET with PACKET_QDISC_BYPASS */
	FRAME_RING,   /* AF_PACKET with PACKET_TX_RING */
	FRAME_XDP,    /* AF_XDP in copy mode */
	FRAME_STALE,  /* by the ring, whose frames the kernel does not copy; just before, a copied one that is allowed
		       * and has another protocol: who reads past what was copied finds that one's headers */
	FRAME_DECOY,  /* the same, but what goes before is the frame itself with a header or options of eight bytes
		       * announced that are not there: who believes it finds the transport header in the payload */
	FRAME_ROADS
};

enum frame_shape {
	FRAME_WHOLE,
	FRAME_PAIR,    /* two fragments, in order */
	FRAME_FIRST,   /* the first fragment alone */
	FRAME_TINY,    /* the first fragment, with 8 bytes of the transport header */
	FRAME_REST,    /* the later fragment alone */
	FRAME_SHIFT,   /* a later fragment that begins 8 bytes into the transport header: it holds TCP's flags */
	FRAME_OVERLAP, /* a first fragment of an answer, and one that puts a SYN over its flags */
	FRAME_HIDDEN,  /* IPv6: the first fragment ends before the transport header begins */
	FRAME_SHORT,   /* no fragment, and one byte where the transport header should be */
	FRAME_ARP,
};

struct frame {
	const char *name, *group;
	const char *chain;       /* IPv6 extension headers, IPv4 options: letters, see attack_frame_build.c */
	const uint8_t *hardware; /* the destination's MAC where no host has it */
	int family;
	int inner; /* AF_INET, AF_INET6: carries such a packet to HOST_FAR */
	enum frame_shape shape;
	enum attack_host to;                 /* the IP destination; of ARP: whose MAC it goes to */
	enum attack_host by;                 /* whose MAC sends; 0: HOST_OWN */
	enum attack_host from;               /* the IP source, of ARP the sender; 0: the same as `by` */
	enum attack_host about;              /* the target of ARP and neighbour discovery; where a source route leads */
	enum attack_host mac;                /* 0: that of `by`; else a forged one */
	uint16_t source_port, port;          /* source_port 0: a fresh one */
	uint16_t forged_source, forged_port; /* those of the `forged` header; 0: the real ones */
	uint16_t tags[2];                    /* Ethernet types of VLAN tags, outermost first */
	uint16_t vlan;                       /* number in the innermost tag */
	uint16_t ethertype;                  /* 0: what fits the family */
	uint8_t proto;                       /* 0: UDP */
	uint8_t type;                        /* TCP flags, ICMP type, ARP operation */
	uint8_t hops;                        /* 0: 64, and 255 for neighbour discovery */
	uint8_t forged_type;                 /* the TCP flags of the `forged` header */
	bool forged;          /* eight bytes behind the transport header stands the beginning of another one */
	bool forged_hardware; /* of ARP: the sender's hardware address is the neighbour's, the frame's is not */
	bool llc;             /* 802.3 with a length, and an LLC header */
};

extern const struct frame frames[];
extern const size_t frame_count;
extern const char *const frame_roads[FRAME_ROADS];

#define FRAME_MAX_BYTES 512

struct frame_bytes {
	size_t count;
	size_t length[2];
	uint8_t data[2][FRAME_MAX_BYTES];
};
void frame_build(size_t number, enum frame_road road, uint16_t source_port, struct frame_bytes *ret);
void frame_marker(size_t number, enum frame_road road, uint8_t ret[ATTACK_MARKER_SIZE]);
/* SOCK_DGRAM cannot choose the source's MAC. */
bool frame_can_take(const struct frame *f, enum frame_road road);

/* A road on a device: opens, sends one frame; both exit with a message when they cannot. */
struct frame_sender;
struct frame_sender *frame_sender_open(enum frame_road road, const char *device);
void frame_sender_send(struct frame_sender *sender, const uint8_t *frame, size_t length);
void frame_sender_close(struct frame_sender *sender);

int frame_list(void);
int frame_send(const char *road, const char *group);
int frame_watch(const char *device);

#endif
