/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The frames. The api workload may open TCP 5432, UDP 53 and pings to the peer, and the client may open TCP 8080 and
 * UDP 6000 to it: nothing of what is here but the controls. Groups whose names begin with "in-" are sent by another
 * container to the api's.
 */
#include <netinet/in.h>

#include "attack_frame.h"

#define GRE        47
#define ESP        50
#define AH         51
#define SCTP       132
#define NOBODYS    253
#define BEFORE_UDP (IPPROTO_UDP << 8)
#define BEFORE_TCP (IPPROTO_TCP << 8)
#define TCP(...)   .proto = IPPROTO_TCP, .type = (__VA_ARGS__)
#define ICMP4(...) .proto = IPPROTO_ICMP, .type = (__VA_ARGS__)
#define ICMP6(...) .proto = IPPROTO_ICMPV6, .type = (__VA_ARGS__)

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };
enum { ARP_REQUEST = 1, ARP_REPLY = 2, RARP_REQUEST = 3, INARP_REQUEST = 8 };
enum { NS_RS = 133, NS_RA = 134, NS_NS = 135, NS_NA = 136, NS_REDIRECT = 137 };

static const uint8_t lldp_group[6] = { 1, 0x80, 0xc2, 0, 0, 0x0e }, eapol_group[6] = { 1, 0x80, 0xc2, 0, 0, 3 },
		     everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

#define V4(title, set, ...)                                                                                            \
	{                                                                                                              \
		.name = title "4", .group = set, .family = AF_INET, __VA_ARGS__                                        \
	}
#define V6(title, set, ...)                                                                                            \
	{                                                                                                              \
		.name = title "6", .group = set, .family = AF_INET6, __VA_ARGS__                                       \
	}
#define BOTH(title, set, ...) V4(title, set, __VA_ARGS__), V6(title, set, __VA_ARGS__)
/* To a host behind the gateway, one on the link, and a known one with another port. */
#define EVERYWHERE(title, set, ...)                                                                                    \
	BOTH(title "-far", set, .to = HOST_FAR, .port = 53, __VA_ARGS__),                                              \
		BOTH(title "-neighbour", set, .to = HOST_NEIGHBOUR, .port = 53, __VA_ARGS__),                          \
		BOTH(title "-peer", set, .to = HOST_PEER, .port = 54, __VA_ARGS__)
#define ON_LINK(title, set, ...)                                                                                       \
	BOTH(title "-neighbour", set, .to = HOST_NEIGHBOUR, .port = 53, __VA_ARGS__),                                  \
		BOTH(title "-peer", set, .to = HOST_PEER, .port = 54, __VA_ARGS__)
#define ON_LINK6(title, set, ...)                                                                                      \
	V6(title "-neighbour", set, .to = HOST_NEIGHBOUR, .port = 53, __VA_ARGS__),                                    \
		V6(title "-peer", set, .to = HOST_PEER, .port = 54, __VA_ARGS__)
#define ON_LINK4(title, set, ...)                                                                                      \
	V4(title "-neighbour", set, .to = HOST_NEIGHBOUR, .port = 53, __VA_ARGS__),                                    \
		V4(title "-peer", set, .to = HOST_PEER, .port = 54, __VA_ARGS__)
#define ARP_FRAME(title, set, ...)                                                                                     \
	{                                                                                                              \
		.name = title, .group = set, .family = AF_INET, .shape = FRAME_ARP, __VA_ARGS__                        \
	}
/* A frame to the neighbour that is neither IP nor ARP. */
#define OTHER(title, set, ...)                                                                                         \
	{                                                                                                              \
		.name = title, .group = set, .family = AF_INET, .to = HOST_PEER, .port = 53, __VA_ARGS__               \
	}

/* clang-format off */
const struct frame frames[] = {
	/* what is allowed */
	BOTH("ok-udp", "control", .to = HOST_PEER, .port = 53),
	BOTH("ok-syn", "control", .to = HOST_PEER, TCP(SYN), .port = 5432),
	BOTH("ok-data", "control", .to = HOST_PEER, TCP(PSH | ACK), .port = 5432),
	BOTH("ok-first", "control", .shape = FRAME_FIRST, .to = HOST_PEER, .port = 53),
	BOTH("ok-rest", "control", .shape = FRAME_REST, .to = HOST_PEER, .port = 53),
	BOTH("ok-answer-tcp", "control", .to = HOST_CLIENT, TCP(PSH | ACK), .source_port = 8080, .port = 40000),
	BOTH("ok-answer-udp", "control", .to = HOST_CLIENT, .source_port = 6000, .port = 40000),
	V4("ok-ping", "control", .to = HOST_PEER, ICMP4(8)),
	V6("ok-ping", "control", .to = HOST_PEER, ICMP6(128)),
	ARP_FRAME("ok-arp-request", "control", .type = ARP_REQUEST, .to = HOST_ALL, .about = HOST_PEER),
	ARP_FRAME("ok-arp-reply", "control", .type = ARP_REPLY, .to = HOST_PEER, .about = HOST_PEER),
	ARP_FRAME("ok-arp-announce", "control", .type = ARP_REQUEST, .to = HOST_ALL, .about = HOST_OWN),
	V6("ok-solicitation", "control", .to = HOST_PEER, ICMP6(NS_NS), .about = HOST_PEER),
	V6("ok-solicitation-link", "control", .from = HOST_OWN_LINK, .to = HOST_PEER, ICMP6(NS_NS), .about = HOST_PEER),
	V6("ok-advertisement", "control", .to = HOST_PEER, ICMP6(NS_NA), .about = HOST_OWN),
	V6("ok-detection", "control", .from = HOST_ANY, .to = HOST_SOLICITED, ICMP6(NS_NS), .about = HOST_OWN),

	/* what is not */
	EVERYWHERE("udp", "plain", .proto = IPPROTO_UDP),
	EVERYWHERE("syn", "plain", TCP(SYN)),
	BOTH("syn-gateway", "plain", .to = HOST_GATEWAY, TCP(SYN), .port = 22),
	V4("ping-far", "plain", .to = HOST_FAR, ICMP4(8)),
	V6("ping-far", "plain", .to = HOST_FAR, ICMP6(128)),
	V4("ping-neighbour", "plain", .to = HOST_NEIGHBOUR, ICMP4(8)),
	V6("ping-neighbour", "plain", .to = HOST_NEIGHBOUR, ICMP6(128)),
	EVERYWHERE("sctp", "plain", .proto = SCTP),
	EVERYWHERE("protocol-253", "plain", .proto = NOBODYS),
	BOTH("udp-on-tcp-port", "plain", .to = HOST_PEER, .port = 5432),
	BOTH("syn-on-udp-port", "plain", .to = HOST_PEER, TCP(SYN), .port = 53),
	BOTH("short-udp-neighbour", "plain", .shape = FRAME_SHORT, .to = HOST_NEIGHBOUR),
	BOTH("short-udp-peer", "plain", .shape = FRAME_SHORT, .to = HOST_PEER),
	BOTH("short-tcp-peer", "plain", .shape = FRAME_SHORT, .to = HOST_PEER, TCP(SYN)),

	/* TCP that opens nothing, and answers that nobody asked for */
	EVERYWHERE("ack", "tcp", TCP(ACK)),
	EVERYWHERE("push", "tcp", TCP(PSH | ACK)),
	EVERYWHERE("fin", "tcp", TCP(FIN | ACK)),
	EVERYWHERE("rst", "tcp", TCP(RST)),
	EVERYWHERE("syn-ack", "tcp", TCP(SYN | ACK)),
	EVERYWHERE("null", "tcp", TCP(0)),
	BOTH("service-tcp-neighbour", "answer", .to = HOST_NEIGHBOUR, TCP(PSH | ACK), .source_port = 8080, .port = 40000),
	BOTH("service-tcp-far", "answer", .to = HOST_FAR, TCP(PSH | ACK), .source_port = 8080, .port = 40000),
	BOTH("service-udp-neighbour", "answer", .to = HOST_NEIGHBOUR, .source_port = 6000, .port = 40000),
	BOTH("service-udp-far", "answer", .to = HOST_FAR, .source_port = 6000, .port = 40000),
	BOTH("service-syn-client", "answer", .to = HOST_CLIENT, TCP(SYN), .source_port = 8080, .port = 80),
	BOTH("service-syn-push-client", "answer", .to = HOST_CLIENT, TCP(SYN | PSH), .source_port = 8080, .port = 80),
	BOTH("service-syn-fin-client", "answer", .to = HOST_CLIENT, TCP(SYN | FIN), .source_port = 8080, .port = 80),
	BOTH("other-service-client", "answer", .to = HOST_CLIENT, TCP(PSH | ACK), .source_port = 8081, .port = 40000),
	BOTH("other-udp-client", "answer", .to = HOST_CLIENT, .source_port = 6001, .port = 40000),

	/* in another's name: to where the attacker itself may go, and to where it may not */
	BOTH("as-neighbour", "source", .from = HOST_NEIGHBOUR, .to = HOST_PEER, .port = 53),
	BOTH("as-neighbour-syn", "source", .from = HOST_NEIGHBOUR, .to = HOST_PEER, TCP(SYN), .port = 5432),
	BOTH("as-client", "source", .from = HOST_CLIENT, .to = HOST_NEIGHBOUR, .port = 53),
	BOTH("as-host", "source", .from = HOST_GATEWAY, .to = HOST_PEER, .port = 53),
	BOTH("as-nobody", "source", .from = HOST_NOBODY, .to = HOST_PEER, .port = 53),
	BOTH("as-far", "source", .from = HOST_FAR, .to = HOST_PEER, .port = 53),
	BOTH("as-loopback", "source", .from = HOST_LOOPBACK, .to = HOST_PEER, .port = 53),
	BOTH("as-any", "source", .from = HOST_ANY, .to = HOST_PEER, .port = 53),
	BOTH("as-group", "source", .from = HOST_GROUP, .to = HOST_PEER, .port = 53),
	BOTH("as-peer-itself", "source", .from = HOST_PEER, .to = HOST_PEER, .port = 53),
	BOTH("as-other-link", "source", .from = HOST_OTHER_LINK, .to = HOST_PEER, .port = 53),
	BOTH("as-nobody-far", "source", .from = HOST_NOBODY, .to = HOST_FAR, .port = 53),
	BOTH("as-neighbour-ack", "source", .from = HOST_NEIGHBOUR, .to = HOST_PEER, TCP(ACK), .port = 5432),
	BOTH("as-client-answer", "source", .from = HOST_PEER, .to = HOST_CLIENT, TCP(ACK), .source_port = 8080, .port = 40000),
	BOTH("mac-neighbour", "mac", .mac = HOST_NEIGHBOUR, .to = HOST_PEER, .port = 53),
	BOTH("mac-nobody", "mac", .mac = HOST_NOBODY, .to = HOST_PEER, .port = 53),
	BOTH("mac-neighbour-syn", "mac", .mac = HOST_NEIGHBOUR, .to = HOST_PEER, TCP(SYN), .port = 5432),
	BOTH("mac-as-neighbour", "mac", .mac = HOST_NEIGHBOUR, .from = HOST_NEIGHBOUR, .to = HOST_PEER, .port = 53),

	/* who has which address */
	ARP_FRAME("arp-reply-gateway", "arp", .type = ARP_REPLY, .from = HOST_GATEWAY, .to = HOST_NEIGHBOUR, .about = HOST_NEIGHBOUR),
	ARP_FRAME("arp-reply-neighbour", "arp", .type = ARP_REPLY, .from = HOST_NEIGHBOUR, .to = HOST_PEER, .about = HOST_PEER),
	ARP_FRAME("arp-announce-gateway", "arp", .type = ARP_REQUEST, .from = HOST_GATEWAY, .to = HOST_ALL, .about = HOST_GATEWAY),
	ARP_FRAME("arp-announce-neighbour", "arp", .type = ARP_REPLY, .from = HOST_NEIGHBOUR, .to = HOST_ALL, .about = HOST_NEIGHBOUR),
	ARP_FRAME("arp-request-as-client", "arp", .type = ARP_REQUEST, .from = HOST_CLIENT, .to = HOST_ALL, .about = HOST_PEER),
	ARP_FRAME("arp-request-as-nobody", "arp", .type = ARP_REQUEST, .from = HOST_NOBODY, .to = HOST_ALL, .about = HOST_PEER),
	ARP_FRAME("arp-hardware", "arp", .type = ARP_REPLY, .forged_hardware = true, .to = HOST_PEER, .about = HOST_PEER),
	ARP_FRAME("arp-mac", "arp", .type = ARP_REQUEST, .mac = HOST_NEIGHBOUR, .to = HOST_ALL, .about = HOST_PEER),
	ARP_FRAME("rarp", "arp", .type = RARP_REQUEST, .ethertype = 0x8035, .to = HOST_ALL, .about = HOST_PEER),
	ARP_FRAME("inarp", "arp", .type = INARP_REQUEST, .from = HOST_NEIGHBOUR, .to = HOST_PEER, .about = HOST_PEER),
	V6("na-neighbour", "nd", .to = HOST_PEER, ICMP6(NS_NA), .about = HOST_NEIGHBOUR),
	V6("na-gateway", "nd", .to = HOST_NEIGHBOUR, ICMP6(NS_NA), .about = HOST_GATEWAY),
	V6("na-all", "nd", .to = HOST_ALL, ICMP6(NS_NA), .about = HOST_GATEWAY),
	V6("na-link", "nd", .from = HOST_OWN_LINK, .to = HOST_ALL, ICMP6(NS_NA), .about = HOST_OTHER_LINK),
	V6("na-as-neighbour", "nd", .from = HOST_NEIGHBOUR, .to = HOST_PEER, ICMP6(NS_NA), .about = HOST_NEIGHBOUR),
	V6("ns-as-neighbour", "nd", .from = HOST_NEIGHBOUR, .to = HOST_PEER, ICMP6(NS_NS), .about = HOST_PEER),
	V6("ns-as-other-link", "nd", .from = HOST_OTHER_LINK, .to = HOST_PEER, ICMP6(NS_NS), .about = HOST_PEER),
	V6("detection-all", "nd", .from = HOST_ANY, .to = HOST_ALL, ICMP6(NS_NS), .about = HOST_OWN),
	V6("detection-neighbour", "nd", .from = HOST_ANY, .to = HOST_ALL, ICMP6(NS_NS), .about = HOST_NEIGHBOUR),
	V6("ra-all", "nd", .from = HOST_OWN_LINK, .to = HOST_ALL, ICMP6(NS_RA)),
	V6("ra-peer", "nd", .from = HOST_OWN_LINK, .to = HOST_PEER, ICMP6(NS_RA)),
	V6("ra-as-gateway", "nd", .from = HOST_OTHER_LINK, .to = HOST_ALL, ICMP6(NS_RA)),
	V6("ra-headers", "nd", .from = HOST_OWN_LINK, .to = HOST_ALL, ICMP6(NS_RA), .chain = "h"),
	V6("ra-fragments", "nd", .shape = FRAME_PAIR, .from = HOST_OWN_LINK, .to = HOST_ALL, ICMP6(NS_RA)),
	V6("na-headers", "nd", .to = HOST_PEER, ICMP6(NS_NA), .about = HOST_NEIGHBOUR, .chain = "d"),
	V6("redirect-peer", "nd", .from = HOST_OWN_LINK, .to = HOST_PEER, ICMP6(NS_REDIRECT), .about = HOST_FAR),
	V6("na-far", "nd", .to = HOST_NEIGHBOUR, ICMP6(NS_NA), .about = HOST_FAR),
	V6("na-hops", "nd", .to = HOST_NEIGHBOUR, ICMP6(NS_NA), .about = HOST_OWN, .hops = 64),

	/* headers in between */
	ON_LINK6("hop", "headers", .chain = "h"),
	ON_LINK6("destination", "headers", .chain = "d"),
	ON_LINK6("routing0", "headers", .chain = "0"),
	ON_LINK6("routing2", "headers", .chain = "2"),
	ON_LINK6("routing4", "headers", .chain = "4"),
	ON_LINK6("authentication", "headers", .chain = "a"),
	ON_LINK6("mobility", "headers", .chain = "m"),
	ON_LINK6("atomic", "headers", .chain = "f"),
	ON_LINK6("hop-atomic", "headers", .chain = "hf"),
	ON_LINK6("two-fragment-headers", "headers", .chain = "ff"),
	ON_LINK6("several", "headers", .chain = "hd0d"),
	ON_LINK6("many", "headers", .chain = "dddddddd"),
	ON_LINK6("hop-syn", "headers", .chain = "h", TCP(SYN)),
	V6("hop-far", "headers", .chain = "h", .to = HOST_FAR, .port = 53),
	V6("destination-far", "headers", .chain = "d", .to = HOST_FAR, .port = 53),
	V6("atomic-far", "headers", .chain = "f", .to = HOST_FAR, .port = 53),
	V6("route0-over-peer", "headers", .chain = "0", .to = HOST_PEER, .port = 53, .about = HOST_NEIGHBOUR),
	V6("route4-over-peer", "headers", .chain = "4", .to = HOST_PEER, .port = 53, .about = HOST_FAR),
	ON_LINK4("record-route", "options", .chain = "r"),
	ON_LINK4("timestamp", "options", .chain = "t"),
	ON_LINK4("loose-route", "options", .chain = "l"),
	ON_LINK4("strict-route", "options", .chain = "s"),
	ON_LINK4("decoy", "options", .chain = "n"), /* an option that looks like a port that is allowed */
	V4("loose-route-over-peer", "options", .chain = "l", .to = HOST_PEER, .port = 53, .about = HOST_NEIGHBOUR),
	V4("record-route-far", "options", .chain = "r", .to = HOST_FAR, .port = 53),
	V4("syn-options-neighbour", "options", .chain = "r", .to = HOST_NEIGHBOUR, TCP(SYN), .port = 5432),

	/* fragments */
	ON_LINK("fragments", "fragment", .shape = FRAME_PAIR),
	ON_LINK("first", "fragment", .shape = FRAME_FIRST),
	BOTH("rest-neighbour", "fragment", .shape = FRAME_REST, .to = HOST_NEIGHBOUR, .port = 53),
	BOTH("rest-protocol-peer", "fragment", .shape = FRAME_REST, .to = HOST_PEER, .proto = NOBODYS),
	BOTH("rest-as-neighbour", "fragment", .shape = FRAME_REST, .from = HOST_NEIGHBOUR, .to = HOST_PEER, .port = 53),
	ON_LINK("fragments-syn", "fragment", .shape = FRAME_PAIR, TCP(SYN)),
	BOTH("tiny-neighbour", "fragment", .shape = FRAME_TINY, .to = HOST_NEIGHBOUR, TCP(SYN), .port = 5432),
	BOTH("tiny-peer", "fragment", .shape = FRAME_TINY, .to = HOST_PEER, TCP(SYN), .port = 22),
	/* The flags of an answer are behind its first 8 bytes: those alone are nothing, if the rest cannot follow. */
	BOTH("shift-syn-client", "fragment", .shape = FRAME_SHIFT, .to = HOST_CLIENT, TCP(SYN), .source_port = 8080, .port = 80),
	BOTH("overlap-syn-client", "fragment", .shape = FRAME_OVERLAP, .to = HOST_CLIENT, TCP(SYN), .source_port = 8080, .port = 80),
	V6("hidden-neighbour", "fragment", .shape = FRAME_HIDDEN, .to = HOST_NEIGHBOUR, .port = 53),
	V6("hidden-peer", "fragment", .shape = FRAME_HIDDEN, .to = HOST_PEER, .port = 54),
	V6("hop-fragments-neighbour", "fragment", .shape = FRAME_PAIR, .chain = "h", .to = HOST_NEIGHBOUR, .port = 53),
	V6("hop-rest-neighbour", "fragment", .shape = FRAME_REST, .chain = "h", .to = HOST_NEIGHBOUR, .port = 53),
	V4("ping-fragments-neighbour", "fragment", .shape = FRAME_PAIR, .to = HOST_NEIGHBOUR, ICMP4(8)),
	V6("ping-fragments-neighbour", "fragment", .shape = FRAME_PAIR, .to = HOST_NEIGHBOUR, ICMP6(128)),

	/* other networks on the same wire: also what would be allowed on this one */
	BOTH("vlan-neighbour", "vlan", .tags = { 0x8100 }, .vlan = 7, .to = HOST_NEIGHBOUR, .port = 53),
	BOTH("vlan-peer", "vlan", .tags = { 0x8100 }, .vlan = 7, .to = HOST_PEER, .port = 53),
	BOTH("priority-neighbour", "vlan", .tags = { 0x8100 }, .to = HOST_NEIGHBOUR, .port = 53),
	BOTH("qinq-neighbour", "vlan", .tags = { 0x88a8, 0x8100 }, .vlan = 7, .to = HOST_NEIGHBOUR, .port = 53),
	BOTH("qinq-peer", "vlan", .tags = { 0x88a8, 0x8100 }, .vlan = 7, .to = HOST_PEER, .port = 53),
	BOTH("double-neighbour", "vlan", .tags = { 0x8100, 0x8100 }, .vlan = 7, .to = HOST_NEIGHBOUR, .port = 53),
	BOTH("service-vlan-peer", "vlan", .tags = { 0x88a8 }, .vlan = 7, .to = HOST_PEER, .port = 53),
	BOTH("old-vlan-peer", "vlan", .tags = { 0x9100 }, .vlan = 7, .to = HOST_PEER, .port = 53),
	ARP_FRAME("vlan-arp", "vlan", .tags = { 0x8100 }, .vlan = 7, .type = ARP_REPLY, .from = HOST_GATEWAY, .to = HOST_PEER,
		  .about = HOST_PEER),

	/* packets in packets */
	BOTH("ip-in-neighbour", "tunnel", .proto = IPPROTO_IPIP, .inner = AF_INET, .to = HOST_NEIGHBOUR),
	BOTH("ip-in-peer", "tunnel", .proto = IPPROTO_IPIP, .inner = AF_INET, .to = HOST_PEER),
	BOTH("ip6-in-neighbour", "tunnel", .proto = IPPROTO_IPV6, .inner = AF_INET6, .to = HOST_NEIGHBOUR),
	BOTH("ip6-in-peer", "tunnel", .proto = IPPROTO_IPV6, .inner = AF_INET6, .to = HOST_PEER),
	BOTH("gre-neighbour", "tunnel", .proto = GRE, .inner = AF_INET, .to = HOST_NEIGHBOUR),
	BOTH("gre-peer", "tunnel", .proto = GRE, .inner = AF_INET, .to = HOST_PEER),
	BOTH("gre6-peer", "tunnel", .proto = GRE, .inner = AF_INET6, .to = HOST_PEER),
	BOTH("ip-in-far", "tunnel", .proto = IPPROTO_IPIP, .inner = AF_INET, .to = HOST_FAR),
	BOTH("esp-peer", "tunnel", .proto = ESP, .to = HOST_PEER),
	V4("ah-peer", "tunnel", .proto = AH, .to = HOST_PEER),
	BOTH("udp-encapsulation-peer", "tunnel", .to = HOST_PEER, .port = 4789),

	/* frames of other kinds */
	OTHER("lldp", "ether", .ethertype = 0x88cc, .hardware = lldp_group),
	OTHER("lldp-peer", "ether", .ethertype = 0x88cc),
	OTHER("eapol", "ether", .ethertype = 0x888e, .hardware = eapol_group),
	OTHER("experimental", "ether", .ethertype = 0x88b5),
	OTHER("experimental-all", "ether", .ethertype = 0x88b6, .hardware = everybody),
	OTHER("pppoe", "ether", .ethertype = 0x8864),
	OTHER("mpls", "ether", .ethertype = 0x8847),
	OTHER("llc", "ether", .llc = true),
	OTHER("llc-all", "ether", .llc = true, .hardware = everybody),
	OTHER("wrong-version4", "ether", .ethertype = 0x86dd),
	V6("wrong-version", "ether", .ethertype = 0x0800, .to = HOST_PEER, .port = 53),

	/* What is not allowed, with what is allowed eight bytes behind the transport header. Read as an extension header,
	 * a source port is the protocol that follows and a length of eight bytes: BEFORE_UDP, BEFORE_TCP. */
	BOTH("forged-udp-peer", "forged", .to = HOST_PEER, .source_port = BEFORE_UDP, .port = 54, .forged = true,
	     .forged_port = 53),
	BOTH("forged-udp-tcp-port", "forged", .to = HOST_PEER, .source_port = BEFORE_UDP, .port = 5432, .forged = true,
	     .forged_port = 53),
	BOTH("forged-syn-peer", "forged", .to = HOST_PEER, TCP(SYN), .source_port = BEFORE_TCP, .port = 22,
	     .forged = true, .forged_port = 5432, .forged_type = SYN),
	BOTH("forged-data-peer", "forged", .to = HOST_PEER, TCP(PSH | ACK), .source_port = BEFORE_TCP, .port = 22,
	     .forged = true, .forged_port = 5432, .forged_type = PSH | ACK),
	BOTH("forged-udp-client", "forged", .to = HOST_CLIENT, .source_port = BEFORE_UDP, .port = 40000, .forged = true,
	     .forged_source = 6000),
	BOTH("forged-tcp-client", "forged", .to = HOST_CLIENT, TCP(PSH | ACK), .source_port = BEFORE_TCP, .port = 40000,
	     .forged = true, .forged_source = 8080, .forged_type = PSH | ACK),
	BOTH("forged-flags-client", "forged", .to = HOST_CLIENT, TCP(SYN), .source_port = BEFORE_TCP, .port = 80,
	     .forged = true, .forged_source = 8080, .forged_type = ACK),
	BOTH("forged-first-peer", "forged", .shape = FRAME_FIRST, .to = HOST_PEER, .source_port = BEFORE_UDP, .port = 54,
	     .forged = true, .forged_port = 53),
	V6("forged-atomic-peer", "forged", .chain = "f", .to = HOST_PEER, .source_port = BEFORE_UDP, .port = 54,
	   .forged = true, .forged_port = 53),

	/* messages about connections that there are not, and answers to what nobody asked */
	V4("unreachable-neighbour", "icmp", .to = HOST_NEIGHBOUR, ICMP4(3)),
	V4("unreachable-far", "icmp", .to = HOST_FAR, ICMP4(3)),
	V4("redirect-neighbour", "icmp", .to = HOST_NEIGHBOUR, ICMP4(5)),
	V4("redirect-peer", "icmp", .to = HOST_PEER, ICMP4(5)),
	V4("exceeded-neighbour", "icmp", .to = HOST_NEIGHBOUR, ICMP4(11)),
	V4("parameter-neighbour", "icmp", .to = HOST_NEIGHBOUR, ICMP4(12)),
	V4("reply-neighbour", "icmp", .to = HOST_NEIGHBOUR, ICMP4(0)),
	V4("reply-peer", "icmp", .to = HOST_PEER, ICMP4(0)),
	V4("reply-far", "icmp", .to = HOST_FAR, ICMP4(0)),
	V4("timestamp-peer", "icmp", .to = HOST_PEER, ICMP4(13)),
	V4("router-all", "icmp", .to = HOST_ALL, ICMP4(9)),
	V6("unreachable-neighbour", "icmp", .to = HOST_NEIGHBOUR, ICMP6(1)),
	V6("unreachable-far", "icmp", .to = HOST_FAR, ICMP6(1)),
	V6("too-big-neighbour", "icmp", .to = HOST_NEIGHBOUR, ICMP6(2)),
	V6("exceeded-neighbour", "icmp", .to = HOST_NEIGHBOUR, ICMP6(3)),
	V6("parameter-neighbour", "icmp", .to = HOST_NEIGHBOUR, ICMP6(4)),
	V6("reply-neighbour", "icmp", .to = HOST_NEIGHBOUR, ICMP6(129)),
	V6("reply-peer", "icmp", .to = HOST_PEER, ICMP6(129)),
	V6("reply-far", "icmp", .to = HOST_FAR, ICMP6(129)),
	V6("node-query-peer", "icmp", .to = HOST_PEER, ICMP6(139)),

	/* to everybody */
	BOTH("all-udp", "group", .to = HOST_ALL, .port = 53),
	BOTH("link-all-udp", "group", .to = HOST_LINK_ALL, .port = 53),
	BOTH("mdns", "group", .to = HOST_LINK_GROUP, .source_port = 5353, .port = 5353, .hops = 255),
	BOTH("group-udp", "group", .to = HOST_GROUP, .port = 53),
	V4("dhcp-offer", "group", .to = HOST_ALL, .source_port = 67, .port = 68),
	V6("dhcp-advertise", "group", .from = HOST_OWN_LINK, .to = HOST_ALL, .source_port = 547, .port = 546),
	V4("all-ping", "group", .to = HOST_ALL, ICMP4(8)),
	V6("all-ping", "group", .to = HOST_ALL, ICMP6(128)),

	/* what others send to the api's container */
	BOTH("in-ok-udp", "in-control-client", .by = HOST_CLIENT, .to = HOST_OWN, .port = 6000),
	BOTH("in-ok-syn", "in-control-client", .by = HOST_CLIENT, .to = HOST_OWN, TCP(SYN), .port = 8080),
	BOTH("in-ok-first", "in-control-client", .shape = FRAME_FIRST, .by = HOST_CLIENT, .to = HOST_OWN, .port = 6000),
	BOTH("in-ok-rest", "in-control-client", .shape = FRAME_REST, .by = HOST_CLIENT, .to = HOST_OWN, .port = 6000),
	BOTH("in-ok-answer-udp", "in-control-peer", .by = HOST_PEER, .to = HOST_OWN, .source_port = 53, .port = 40000),
	BOTH("in-ok-answer-tcp", "in-control-peer", .by = HOST_PEER, .to = HOST_OWN, TCP(PSH | ACK), .source_port = 5432,
	     .port = 40000),
	ARP_FRAME("in-ok-arp", "in-control-peer", .type = ARP_REQUEST, .by = HOST_PEER, .to = HOST_ALL, .about = HOST_OWN),
	V6("in-ok-solicitation", "in-control-peer", .by = HOST_PEER, .to = HOST_OWN, ICMP6(NS_NS), .about = HOST_OWN),
	BOTH("in-udp", "in-neighbour", .by = HOST_NEIGHBOUR, .to = HOST_OWN, .port = 6000),
	BOTH("in-syn", "in-neighbour", .by = HOST_NEIGHBOUR, .to = HOST_OWN, TCP(SYN), .port = 8080),
	BOTH("in-ack", "in-neighbour", .by = HOST_NEIGHBOUR, .to = HOST_OWN, TCP(ACK), .port = 8080),
	BOTH("in-answer", "in-neighbour", .by = HOST_NEIGHBOUR, .to = HOST_OWN, .source_port = 53, .port = 40000),
	BOTH("in-answer-tcp", "in-neighbour", .by = HOST_NEIGHBOUR, .to = HOST_OWN, TCP(ACK), .source_port = 5432, .port = 40000),
	BOTH("in-rest", "in-neighbour", .shape = FRAME_REST, .by = HOST_NEIGHBOUR, .to = HOST_OWN, .port = 6000),
	BOTH("in-gre", "in-neighbour", .proto = GRE, .inner = AF_INET, .by = HOST_NEIGHBOUR, .to = HOST_OWN),
	V4("in-ping", "in-neighbour", .by = HOST_NEIGHBOUR, .to = HOST_OWN, ICMP4(8)),
	V6("in-ping", "in-neighbour", .by = HOST_NEIGHBOUR, .to = HOST_OWN, ICMP6(128)),
	V6("in-hop", "in-neighbour", .by = HOST_NEIGHBOUR, .chain = "h", .to = HOST_OWN, .port = 6000),
	V4("in-options", "in-neighbour", .by = HOST_NEIGHBOUR, .chain = "r", .to = HOST_OWN, .port = 6000),
	BOTH("in-vlan", "in-neighbour", .by = HOST_NEIGHBOUR, .tags = { 0x8100 }, .vlan = 7, .to = HOST_OWN, .port = 6000),
	{ .name = "in-experimental", .group = "in-neighbour", .family = AF_INET, .by = HOST_NEIGHBOUR, .to = HOST_OWN,
	  .ethertype = 0x88b5 },
	BOTH("in-syn-peer", "in-peer", .by = HOST_PEER, .to = HOST_OWN, TCP(SYN), .source_port = 5432, .port = 22),
	BOTH("in-udp-peer", "in-peer", .by = HOST_PEER, .to = HOST_OWN, .source_port = 54, .port = 40000),
	BOTH("in-udp-client", "in-client", .by = HOST_CLIENT, .to = HOST_OWN, .port = 6001),
	BOTH("in-syn-client", "in-client", .by = HOST_CLIENT, .to = HOST_OWN, TCP(SYN), .port = 8081),
	BOTH("in-forged-udp", "in-client", .by = HOST_CLIENT, .to = HOST_OWN, .source_port = BEFORE_UDP, .port = 6001,
	     .forged = true, .forged_port = 6000),
	BOTH("in-forged-syn", "in-client", .by = HOST_CLIENT, .to = HOST_OWN, TCP(SYN), .source_port = BEFORE_TCP,
	     .port = 8081, .forged = true, .forged_port = 8080, .forged_type = SYN),
	BOTH("in-forged-flags", "in-peer", .by = HOST_PEER, .to = HOST_OWN, TCP(SYN), .source_port = BEFORE_TCP,
	     .port = 22, .forged = true, .forged_source = 5432, .forged_type = ACK),
	BOTH("in-tiny-client", "in-client", .shape = FRAME_TINY, .by = HOST_CLIENT, .to = HOST_OWN, TCP(SYN), .port = 8081),
	V4("in-ping-client", "in-client", .by = HOST_CLIENT, .to = HOST_OWN, ICMP4(8)),
	V6("in-ping-client", "in-client", .by = HOST_CLIENT, .to = HOST_OWN, ICMP6(128)),
};
/* clang-format on */
const size_t frame_count = sizeof(frames) / sizeof(*frames);
