/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The attacks. Most stand twice, once for each version of IP. The api workload may reach TCP 5432, UDP 53 and pings of
 * the peer: nothing of what is here but the controls.
 */
#include <netinet/in.h>

#include "attack.h"

#define GRE      47
#define ESP      50
#define AH       51
#define SCTP     132
#define NOBODYS  253
#define TCP(...) .proto = IPPROTO_TCP, .type = (__VA_ARGS__)

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

#define V4(title, set, ...)                                                                                            \
	{                                                                                                              \
		.name = title "4", .group = set, .family = AF_INET, __VA_ARGS__                                        \
	}
#define V6(title, set, ...)                                                                                            \
	{                                                                                                              \
		.name = title "6", .group = set, .family = AF_INET6, __VA_ARGS__                                       \
	}
#define BOTH(title, set, ...) V4(title, set, __VA_ARGS__), V6(title, set, __VA_ARGS__)
/* To a host that is not known at all, one on the link, and a known one with another port. */
#define EVERYWHERE(title, set, ...)                                                                                    \
	BOTH(title "-far", set, .to = HOST_FAR, .port = 53, __VA_ARGS__),                                              \
		BOTH(title "-neighbour", set, .to = HOST_NEIGHBOUR, .port = 53, __VA_ARGS__),                          \
		BOTH(title "-peer", set, .to = HOST_PEER, .port = 54, __VA_ARGS__)
#define FAR_AND_PEER(title, set, ...)                                                                                  \
	BOTH(title "-far", set, .to = HOST_FAR, .port = 53, __VA_ARGS__),                                              \
		BOTH(title "-peer", set, .to = HOST_PEER, .port = 54, __VA_ARGS__)

/* clang-format off */
const struct attack attacks[] = {
	/* what is allowed */
	BOTH("allowed-udp", "control", .to = HOST_PEER, .port = 53),
	BOTH("allowed-socket", "control", .road = ROAD_UDP, .to = HOST_PEER, .port = 53),
	V6("neighbour-solicitation", "control", .to = HOST_PEER, .proto = IPPROTO_ICMPV6, .type = 135, .hops = 255),

	/* what is not, by itself and with addresses that are not the first or not its own */
	EVERYWHERE("udp", "plain", .proto = IPPROTO_UDP),
	EVERYWHERE("syn", "plain", TCP(SYN)),
	BOTH("second-udp", "source", .road = ROAD_UDP, .forged = true, .from = HOST_SECOND, .to = HOST_FAR, .port = 53),
	BOTH("second-udp-peer", "source", .road = ROAD_UDP, .forged = true, .from = HOST_SECOND, .to = HOST_PEER, .port = 54),
	BOTH("second-tcp", "source", .road = ROAD_TCP, .forged = true, .from = HOST_SECOND, .to = HOST_FAR, .port = 8003,
	     .bare = true, .wire_to = HOST_FAR, .wire_port = 8003),
	BOTH("forged-peer", "source", .forged = true, .from = HOST_PEER, .to = HOST_FAR, .port = 53),
	BOTH("forged-nobody", "source", .forged = true, .from = HOST_NOBODY, .to = HOST_NEIGHBOUR, .port = 53),

	/* rewritten destinations; the table is in attack.c */
	BOTH("dnat-loopback-tcp", "nat", .road = ROAD_TCP, .to = HOST_LOOPBACK, .port = 9001,
	     .bare = true, .wire_to = HOST_FAR, .wire_port = 8001),
	BOTH("dnat-own-tcp", "nat", .road = ROAD_TCP, .to = HOST_OWN, .port = 9002,
	     .bare = true, .wire_to = HOST_FAR, .wire_port = 8002),
	BOTH("dnat-loopback-udp", "nat", .road = ROAD_UDP, .to = HOST_LOOPBACK, .port = 9001),
	BOTH("dnat-own-udp", "nat", .road = ROAD_UDP, .to = HOST_OWN, .port = 9002),
	BOTH("dnat-allowed-udp", "nat", .road = ROAD_UDP, .to = HOST_PEER, .port = 9003),
	BOTH("dnat-loopback-peer", "nat", .road = ROAD_UDP, .to = HOST_LOOPBACK, .port = 9004),

	/* fragments. IPv6 has no way round the kernel's own reassembly: only complete ones leave */
	V4("fragment-first-far", "fragment", .shape = SHAPE_FIRST, .to = HOST_FAR, .port = 53),
	V4("fragment-first-peer", "fragment", .shape = SHAPE_FIRST, .to = HOST_PEER, .port = 54),
	V4("fragment-rest-far", "fragment", .shape = SHAPE_REST, .to = HOST_FAR),
	V4("fragment-rest-peer", "fragment", .shape = SHAPE_REST, .to = HOST_PEER),
	V4("fragment-rest-tcp-peer", "fragment", .shape = SHAPE_REST, .to = HOST_PEER, .proto = IPPROTO_TCP),
	V4("fragment-tiny-peer", "fragment", .shape = SHAPE_TINY, .to = HOST_PEER, TCP(SYN), .port = 5432,
	   .bare = true, .wire_to = HOST_PEER),
	V4("fragment-tiny-far", "fragment", .shape = SHAPE_TINY, .to = HOST_FAR, TCP(SYN), .port = 5432,
	   .bare = true, .wire_to = HOST_FAR),
	EVERYWHERE("fragments", "fragment", .shape = SHAPE_PAIR),
	FAR_AND_PEER("fragments-tcp", "fragment", .shape = SHAPE_PAIR, TCP(SYN)),

	/* neighbour discovery and multicast listeners where no link needs them */
	V6("nd-router-solicitation-far", "link", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 133, .hops = 255),
	V6("nd-router-advertisement-far", "link", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 134, .hops = 255),
	V6("nd-solicitation-far", "link", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 135, .hops = 255),
	V6("nd-advertisement-far", "link", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 136, .hops = 255),
	V6("nd-redirect-far", "link", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 137, .hops = 255),
	V6("nd-router-solicitation-hops", "link", .to = HOST_ALL, .proto = IPPROTO_ICMPV6, .type = 133, .hops = 64),
	V6("nd-router-advertisement-hops", "link", .to = HOST_ALL, .proto = IPPROTO_ICMPV6, .type = 134, .hops = 254),
	V6("nd-solicitation-hops", "link", .to = HOST_NEIGHBOUR, .proto = IPPROTO_ICMPV6, .type = 135, .hops = 64),
	V6("nd-advertisement-hops", "link", .to = HOST_NEIGHBOUR, .proto = IPPROTO_ICMPV6, .type = 136, .hops = 254),
	V6("nd-redirect-hops", "link", .to = HOST_NEIGHBOUR, .proto = IPPROTO_ICMPV6, .type = 137, .hops = 1),
	V6("nd-advertisement-group", "link", .to = HOST_GROUP, .proto = IPPROTO_ICMPV6, .type = 136, .hops = 255),
	V6("mld-query-far", "link", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 130, .hops = 1),
	V6("mld-report-far", "link", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 131, .hops = 1),
	V6("mld2-report-far", "link", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 143, .hops = 1),
	V6("mld2-report-neighbour", "link", .to = HOST_NEIGHBOUR, .proto = IPPROTO_ICMPV6, .type = 143, .hops = 1),
	V6("mld-report-hops", "link", .to = HOST_GROUP, .proto = IPPROTO_ICMPV6, .type = 131, .hops = 5),
	V6("mld2-report-hops", "link", .to = HOST_ALL, .proto = IPPROTO_ICMPV6, .type = 143, .hops = 64),
	V4("igmp-far", "link", .to = HOST_FAR, .proto = IPPROTO_IGMP, .hops = 1),
	V4("igmp-neighbour", "link", .to = HOST_NEIGHBOUR, .proto = IPPROTO_IGMP, .hops = 1),
	V4("igmp-group", "link", .to = HOST_GROUP, .proto = IPPROTO_IGMP, .hops = 1),

	/* errors about connections that there are not, or that are somebody else's */
	V4("icmp-unreachable-far", "error", .to = HOST_FAR, .proto = IPPROTO_ICMP, .type = 3),
	V4("icmp-unreachable-peer", "error", .to = HOST_PEER, .proto = IPPROTO_ICMP, .type = 3),
	V4("icmp-redirect-far", "error", .to = HOST_FAR, .proto = IPPROTO_ICMP, .type = 5),
	V4("icmp-exceeded-far", "error", .to = HOST_FAR, .proto = IPPROTO_ICMP, .type = 11),
	V4("icmp-parameter-far", "error", .to = HOST_FAR, .proto = IPPROTO_ICMP, .type = 12),
	V4("icmp-live-far", "error", .live = true, .to = HOST_FAR, .proto = IPPROTO_ICMP, .type = 3),
	V4("icmp-live-neighbour", "error", .live = true, .to = HOST_NEIGHBOUR, .proto = IPPROTO_ICMP, .type = 11),
	V4("icmp-reply-far", "error", .to = HOST_FAR, .proto = IPPROTO_ICMP, .type = 0),
	V4("icmp-timestamp-peer", "error", .to = HOST_PEER, .proto = IPPROTO_ICMP, .type = 13),
	V6("icmp-unreachable-far", "error", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 1),
	V6("icmp-unreachable-peer", "error", .to = HOST_PEER, .proto = IPPROTO_ICMPV6, .type = 1),
	V6("icmp-too-big-far", "error", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 2),
	V6("icmp-exceeded-far", "error", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 3),
	V6("icmp-parameter-far", "error", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 4),
	V6("icmp-live-far", "error", .live = true, .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 1),
	V6("icmp-live-neighbour", "error", .live = true, .to = HOST_NEIGHBOUR, .proto = IPPROTO_ICMPV6, .type = 3),
	V6("icmp-reply-far", "error", .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 129),
	V6("icmp-node-query-peer", "error", .to = HOST_PEER, .proto = IPPROTO_ICMPV6, .type = 139),

	/* other protocols, and transport headers that are not whole */
	FAR_AND_PEER("gre", "protocol", .proto = GRE),
	FAR_AND_PEER("ipip", "protocol", .proto = IPPROTO_IPIP),
	FAR_AND_PEER("ip6ip", "protocol", .proto = IPPROTO_IPV6),
	FAR_AND_PEER("esp", "protocol", .proto = ESP),
	FAR_AND_PEER("ah", "protocol", .proto = AH),
	FAR_AND_PEER("sctp", "protocol", .proto = SCTP),
	FAR_AND_PEER("protocol-253", "protocol", .proto = NOBODYS),
	BOTH("short-tcp-far", "short", .shape = SHAPE_SHORT, .to = HOST_FAR, TCP(SYN), .bare = true, .wire_to = HOST_FAR),
	BOTH("short-tcp-peer", "short", .shape = SHAPE_SHORT, .to = HOST_PEER, TCP(SYN), .bare = true, .wire_to = HOST_PEER),
	BOTH("short-udp-far", "short", .shape = SHAPE_SHORT, .to = HOST_FAR, .bare = true, .wire_to = HOST_FAR),
	BOTH("short-udp-peer", "short", .shape = SHAPE_SHORT, .to = HOST_PEER, .bare = true, .wire_to = HOST_PEER),

	/* TCP that opens nothing */
	EVERYWHERE("rst", "tcp", TCP(RST)),
	EVERYWHERE("rst-ack", "tcp", TCP(RST | ACK)),
	EVERYWHERE("ack", "tcp", TCP(ACK)),
	FAR_AND_PEER("syn-ack", "tcp", TCP(SYN | ACK)),
	FAR_AND_PEER("push", "tcp", TCP(PSH | ACK)),
	FAR_AND_PEER("fin", "tcp", TCP(FIN)),
	FAR_AND_PEER("null", "tcp", TCP(0)),
	FAR_AND_PEER("xmas", "tcp", TCP(FIN | PSH | URG)),
	FAR_AND_PEER("syn-rst", "tcp", TCP(SYN | RST)),

	/* over lo into forwarding */
	BOTH("forward-udp-far", "forward", .road = ROAD_LOOPBACK, .forged = true, .from = HOST_NOBODY, .to = HOST_FAR,
	     .port = 53),
	BOTH("forward-udp-peer", "forward", .road = ROAD_LOOPBACK, .forged = true, .from = HOST_NOBODY, .to = HOST_PEER,
	     .port = 53),
	BOTH("forward-syn-far", "forward", .road = ROAD_LOOPBACK, .forged = true, .from = HOST_NOBODY, .to = HOST_FAR,
	     TCP(SYN), .port = 80),
	BOTH("forward-neighbour", "forward", .road = ROAD_LOOPBACK, .forged = true, .from = HOST_FAR, .to = HOST_NEIGHBOUR,
	     .port = 53),

	/* headers in between */
	V6("hop-udp-far", "headers", .extra = EXTRA_HOP, .to = HOST_FAR, .port = 53),
	V6("hop-udp-peer", "headers", .extra = EXTRA_HOP, .to = HOST_PEER, .port = 54),
	V6("hop-tcp-far", "headers", .extra = EXTRA_HOP, .to = HOST_FAR, TCP(SYN), .port = 80),
	V6("destination-udp-far", "headers", .extra = EXTRA_DESTINATION, .to = HOST_FAR, .port = 53),
	V6("destination-udp-peer", "headers", .extra = EXTRA_DESTINATION, .to = HOST_PEER, .port = 54),
	V6("destination-tcp-peer", "headers", .extra = EXTRA_DESTINATION, .to = HOST_PEER, TCP(SYN), .port = 22),
	V6("routing-udp-far", "headers", .extra = EXTRA_ROUTING, .to = HOST_FAR, .port = 53),
	V6("routing-udp-peer", "headers", .extra = EXTRA_ROUTING, .to = HOST_PEER, .port = 54),
	V6("routing-tcp-far", "headers", .extra = EXTRA_ROUTING, .to = HOST_FAR, TCP(SYN), .port = 80),
	V6("atomic-udp-far", "headers", .extra = EXTRA_ATOMIC, .to = HOST_FAR, .port = 53),
	V6("atomic-udp-peer", "headers", .extra = EXTRA_ATOMIC, .to = HOST_PEER, .port = 54),
	V6("all-headers-far", "headers", .extra = EXTRA_HOP | EXTRA_DESTINATION | EXTRA_ROUTING, .to = HOST_FAR, .port = 53),
	V6("hop-mld-far", "headers", .extra = EXTRA_HOP, .to = HOST_FAR, .proto = IPPROTO_ICMPV6, .type = 143, .hops = 1),
	V4("options-udp-far", "headers", .extra = EXTRA_OPTIONS, .to = HOST_FAR, .port = 53),
	V4("options-udp-peer", "headers", .extra = EXTRA_OPTIONS, .to = HOST_PEER, .port = 54),
	V4("options-tcp-far", "headers", .extra = EXTRA_OPTIONS, .to = HOST_FAR, TCP(SYN), .port = 80),

	/* to everybody */
	BOTH("all-udp", "group", .to = HOST_ALL, .port = 53),
	BOTH("link-all-udp", "group", .to = HOST_LINK_ALL, .port = 53),
	BOTH("mdns-udp", "group", .to = HOST_LINK_GROUP, .port = 5353, .hops = 255),
	BOTH("group-udp", "group", .to = HOST_GROUP, .port = 53),
	BOTH("group-socket", "group", .road = ROAD_UDP, .to = HOST_GROUP, .port = 5000),
	BOTH("link-all-syn", "group", .to = HOST_LINK_ALL, TCP(SYN), .port = 5432),
	BOTH("group-syn", "group", .to = HOST_GROUP, TCP(SYN), .port = 5432),
	V4("group-ping", "group", .to = HOST_ALL, .proto = IPPROTO_ICMP, .type = 8),
	V6("group-ping", "group", .to = HOST_ALL, .proto = IPPROTO_ICMPV6, .type = 128),

	/* a packet to an own address in somebody else's name, so that the kernel's answer goes out as an answer */
	V4("mirror-ping", "mirror", .forged = true, .from = HOST_FAR, .to = HOST_OWN, .proto = IPPROTO_ICMP, .type = 8),
	V6("mirror-ping", "mirror", .forged = true, .from = HOST_FAR, .to = HOST_OWN, .proto = IPPROTO_ICMPV6, .type = 128),
	BOTH("mirror-closed-udp", "mirror", .forged = true, .from = HOST_FAR, .to = HOST_OWN, .port = 9),
	BOTH("mirror-answer", "mirror", .road = ROAD_ANSWER, .forged = true, .from = HOST_FAR, .to = HOST_OWN, .port = 9005),
	V4("mirror-frame-ping", "mirror", .road = ROAD_LOOPBACK, .forged = true, .from = HOST_FAR, .to = HOST_OWN,
	   .proto = IPPROTO_ICMP, .type = 8),
	V6("mirror-frame-ping", "mirror", .road = ROAD_LOOPBACK, .forged = true, .from = HOST_FAR, .to = HOST_OWN,
	   .proto = IPPROTO_ICMPV6, .type = 128),
};
/* clang-format on */
const size_t attack_count = sizeof(attacks) / sizeof(*attacks);
