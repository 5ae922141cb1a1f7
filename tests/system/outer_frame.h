/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames by hand, from a description. Each bears its number in a field of the network header that nothing looks at, so
 * that it is known again at the other end whatever became of it.
 */
#ifndef NANOSEG_TEST_OUTER_FRAME_H
#define NANOSEG_TEST_OUTER_FRAME_H

#include "outer_lab.h"

#define FRAME_MAX 512

enum { FIN = 1, SYN = 2, ACK = 16 };

/* Types of ICMP by what they say; the number depends on the family. */
enum frame_icmp {
	ECHO = 1,
	REPLY,
	UNREACHABLE,
	TOO_BIG,
	EXCEEDED,
	REDIRECT,
	ROUTER,
	SOLICIT,
	NEIGHBOUR,
	ADVERT,
	QUERY,
	REPORT
};

enum frame_header { /* between IP header and transport header */
		    PLAIN,
		    OPTIONS,        /* IPv4: record route. IPv6: destination options */
		    ALERT,          /* router alert; IPv6: in hop-by-hop options */
		    HOP_BY_HOP,     /* IPv6: padding only */
		    ROUTING,        /* IPv6 */
		    AUTHENTICATION, /* IPv6 */
		    WHOLE,          /* IPv6: a fragment header of a packet that is whole */
		    HIDDEN,         /* IPv6: destination options behind a fragment header */
};

struct quote {
	enum outer_who from, to;
	uint8_t proto;
	uint16_t source_port, port; /* ICMP: port is the type */
	bool options;               /* in the quoted IPv4 header */
	bool fragment;              /* a quoted fragment header of IPv6 */
};

struct frame_spec {
	const char *name;
	enum outer_who from, to;
	uint8_t proto;
	uint16_t source_port, port; /* ICMP: port is an enum frame_icmp */
	uint8_t flags;              /* of TCP; SCTP: the first chunk's type */
	enum frame_header header;
	uint16_t offset;                      /* of a fragment, in eights of bytes */
	bool more;                            /* fragments to come */
	uint8_t hops;                         /* 0: 64 */
	uint8_t length;                       /* of the transport header and what follows, when it is cut short */
	uint8_t tags;                         /* VLAN tags */
	uint16_t type;                        /* of the frame, when it is not the family's */
	bool other_source, other_destination; /* MAC: another one's than it should be */
	enum outer_who target;                /* neighbour discovery */
	const struct quote *quote;
	/* ARP (family 0): operation, and the sender's hardware address is another's */
	uint8_t operation;
	bool other_hardware;
};

struct frame {
	size_t length, tail; /* of it, behind the frame's header: what is compared */
	uint8_t data[FRAME_MAX];
};

/* family: AF_INET, AF_INET6; 0 for ARP, whose sender and target are `from` and `to`. `to_container`: see the MACs. */
void frame_build(const struct frame_spec *spec, int family, bool to_container, uint16_t number, struct frame *ret);
uint8_t frame_icmp_type(enum frame_icmp what, int family);

#endif
