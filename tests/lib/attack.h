/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * attack: what a root user in a container of the shop (shop.sh) does to get past the inner lock, and the watcher on the
 * host side of its veth that counts what came through. One static program.
 *
 *   attack list [GROUP]        the attacks, one a line: NAME GROUP
 *   attack send GROUP          sends every attack of the group; run inside the container
 *   attack watch DEVICE        counts until SIGTERM, then prints: NAME GROUP COUNT; prints "ready" first. 1 when the
 *                              kernel dropped frames before they were counted
 *   attack nat                 the nat table of the attacker, for nft -f
 *   attack frames              whole frames (attack_frame.h), one a line: NAME GROUP ROAD
 *   attack frame ROAD [GROUP]  sends those of the group, or all that a container sends, by the road; on eth0, or the
 * device that ATTACK_DEVICE names attack spot DEVICE         counts until SIGTERM what comes in, also for others, then
 * prints: NAME GROUP ROAD COUNT attack tally DEVICE        counts until SIGTERM everything that comes in but ARP and
 * neighbour discovery, then prints: SOURCE DESTINATION PROTOCOL PORT|TYPE COUNT LAST-MICROSECOND, and "end"
 *
 * An attack is known on the wire by a marker with its number in it, or, where a packet has no room for one, by a
 * destination, protocol and port that nothing else in the lab uses. The group "control" is what an enforced container
 * may do: it shows that the watcher sees.
 */
#ifndef NANOSEG_TESTS_ATTACK_H
#define NANOSEG_TESTS_ATTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Who is who, as lab.sh and shop.sh address them: attack_hosts.c. */
enum attack_host {
	HOST_NONE,
	HOST_FAR,       /* behind the gateway; in no policy */
	HOST_PEER,      /* db: some ports of it are allowed */
	HOST_NEIGHBOUR, /* outsider: on the link; in no policy */
	HOST_OWN,       /* the attacker's first address */
	HOST_SECOND,    /* another one of the attacker's addresses */
	HOST_LOOPBACK,
	HOST_NOBODY,     /* on the link, nobody's */
	HOST_ALL,        /* limited broadcast; all nodes */
	HOST_LINK_ALL,   /* the link's broadcast; all routers */
	HOST_LINK_GROUP, /* mDNS */
	HOST_GROUP,      /* a group beyond the link */
	HOST_GATEWAY,    /* the host itself */
	HOST_CLIENT,     /* web: some ports of the attacker are open to it */
	HOST_SOLICITED,  /* the group in which an own IPv6 address is looked for */
	HOST_ANY,        /* 0.0.0.0 and :: */
	HOST_OWN_LINK,   /* the attacker's link-local address; for IPv4 it has none */
	HOST_OTHER_LINK, /* the neighbour's */
	HOST_COUNT
};

enum attack_road {
	ROAD_RAW,      /* raw socket, IP header included */
	ROAD_LOOPBACK, /* a frame put on lo, as if it had come from there */
	ROAD_UDP,      /* an ordinary socket */
	ROAD_TCP,
	ROAD_ANSWER, /* an ordinary UDP socket that answers a forged packet */
};

enum attack_shape {
	SHAPE_WHOLE,
	SHAPE_FIRST, /* the first fragment alone */
	SHAPE_TINY,  /* the first fragment, with 8 bytes of the transport header */
	SHAPE_REST,  /* a later fragment alone */
	SHAPE_PAIR,  /* both, in order */
	SHAPE_SHORT, /* one byte where the transport header should be */
};

/* What stands between the IP header and the transport header. */
enum {
	EXTRA_HOP = 1,
	EXTRA_DESTINATION = 2,
	EXTRA_ROUTING = 4,
	EXTRA_ATOMIC = 8,   /* a fragment header of a packet that is whole */
	EXTRA_OPTIONS = 16, /* IPv4: record route */
};

struct attack {
	const char *name, *group;
	int family;
	enum attack_road road;
	enum attack_shape shape;
	enum attack_host to, from; /* from: 0 is HOST_OWN unless forged */
	bool forged;
	uint8_t proto; /* 0: UDP */
	uint8_t type;  /* ICMP type, or TCP flags */
	uint8_t hops;  /* 0: 64 */
	uint8_t extra;
	bool live; /* an ICMP error that quotes a live connection */
	uint16_t port;
	/* Where a packet without a marker ends up; wire_port 0 and SHAPE_SHORT: told by its length. */
	bool bare;
	enum attack_host wire_to;
	uint16_t wire_port;
};

extern const struct attack attacks[];
extern const size_t attack_count;

#define ATTACK_PACKET_MAX  512
#define ATTACK_MARKER_SIZE 16

void attack_marker(size_t number, uint8_t ret[ATTACK_MARKER_SIZE]);
uint8_t attack_proto(const struct attack *a);
/* Address bytes in network order; returns how many: 4 or 16. */
size_t attack_host_bytes(enum attack_host host, int family, uint8_t *ret);
void attack_host_mac(enum attack_host host, int family, uint8_t ret[6]);
const char *attack_host_text(enum attack_host host, int family);
socklen_t attack_host_sockaddr(enum attack_host host, int family, uint16_t port, struct sockaddr_storage *ret);

/* An IP packet, or both fragments of one; live_port is the own port of a live connection with the peer's UDP port 53.
 * The source port is different in each run, so that no run continues connections of the one before. */
struct attack_packets {
	size_t count;
	size_t length[2];
	uint8_t data[2][ATTACK_PACKET_MAX];
};
void attack_build(size_t number, uint16_t source_port, uint16_t live_port, struct attack_packets *ret);

int attack_send(const char *group);
int attack_watch(const char *device);
int attack_tally(const char *device);

#endif
