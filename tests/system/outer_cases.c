/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The policy is in outer_lab.c.
 */
#include <netinet/in.h>

#include "outer_cases.h"

#define TCP(from_port, to_port, bits)                                                                                  \
	.proto = IPPROTO_TCP, .source_port = (from_port), .port = (to_port), .flags = (bits)
#define UDP(from_port, to_port) .proto = IPPROTO_UDP, .source_port = (from_port), .port = (to_port)
#define SCTP(from_port, to_port, chunk)                                                                                \
	.proto = IPPROTO_SCTP, .source_port = (from_port), .port = (to_port), .flags = (chunk)
#define ICMP(what) .proto = IPPROTO_ICMP, .port = (what)
#define QUOTE(sender, receiver, protocol, from_port, to_port, ...)                                                     \
	.quote = &(const struct quote)                                                                                 \
	{                                                                                                              \
		.from = (sender), .to = (receiver), .proto = (protocol), .source_port = (from_port),                   \
		.port = (to_port), __VA_ARGS__                                                                         \
	}

#define SPEC(title, sender, receiver, ...)                                                                             \
	{                                                                                                              \
		.name = (title), .from = WHO_##sender, .to = WHO_##receiver, __VA_ARGS__                               \
	}
#define PASS(families, title, sender, receiver, ...)                                                                   \
	{                                                                                                              \
		true, families, NULL, SPEC(title, sender, receiver, __VA_ARGS__)                                       \
	}
/* Counted as a tuple. */
#define DENY(families, title, sender, receiver, ...)                                                                   \
	{                                                                                                              \
		false, families, NULL, SPEC(title, sender, receiver, __VA_ARGS__)                                      \
	}
#define DROP(families, by, title, sender, receiver, ...)                                                               \
	{                                                                                                              \
		false, families, by, SPEC(title, sender, receiver, __VA_ARGS__)                                        \
	}

#define BY_SOURCE  NS_COUNTER_SPOOFED_SOURCE
#define BY_LINK    NS_COUNTER_SPOOFED_LINK
#define BY_FOREIGN NS_COUNTER_FOREIGN_FRAME
#define BY_OTHER   NS_COUNTER_DENY_OTHER

/* clang-format off */
const struct outer_case outer_from[] = {
	/* openings */
	PASS(BOTH, "tcp", OWN, PEER, TCP(40000, 80, SYN)),
	DENY(BOTH, "tcp to another port", OWN, PEER, TCP(40000, 81, SYN)),
	DENY(BOTH, "tcp to another host", OWN, OTHER, TCP(40000, 80, SYN)),
	PASS(BOTH, "tcp later on", OWN, PEER, TCP(40000, 80, ACK)),
	PASS(BOTH, "udp", OWN, PEER, UDP(40000, 53)),
	PASS(BOTH, "udp from another own address", LINK, PEER, UDP(40000, 53)),
	DENY(BOTH, "udp to another port", OWN, PEER, UDP(40000, 54)),
	DENY(BOTH, "udp to another host", OWN, OTHER, UDP(40000, 53)),
	PASS(BOTH, "a range", OWN, RANGE, TCP(40000, 1500, SYN)),
	DENY(BOTH, "beyond the range", OWN, RANGE, TCP(40000, 2001, SYN)),
	PASS(BOTH, "ping", OWN, PEER, ICMP(ECHO)),
	DENY(BOTH, "ping of another host", OWN, OTHER, ICMP(ECHO)),
	PASS(BOTH, "gre", OWN, PEER, .proto = IPPROTO_GRE),
	DENY(BOTH, "gre to another host", OWN, OTHER, .proto = IPPROTO_GRE),
	DENY(BOTH, "ip in ip", OWN, PEER, .proto = IPPROTO_IPIP),
	PASS(BOTH, "sctp", OWN, PEER, SCTP(40000, 80, 1)),
	DENY(BOTH, "to a group that is heard", OWN, GROUP, UDP(5353, 5353)),
	PASS(FOUR, "asking for an address", NONE, ALL, UDP(68, 67)),
	DENY(FOUR, "no address, another port", NONE, ALL, UDP(68, 69)),
	DROP(FOUR, BY_SOURCE, "no address, to one host", NONE, PEER, UDP(68, 53)),
	DROP(FOUR, BY_SOURCE, "asking in another's name", NONE, ALL, UDP(68, 67), .other_source = true),
	/* answers */
	PASS(BOTH, "tcp answer", OWN, PEER, TCP(8080, 40000, SYN | ACK)),
	PASS(BOTH, "tcp answer later on", OWN, PEER, TCP(8080, 40000, ACK)),
	DENY(BOTH, "bare syn from a served port", OWN, PEER, TCP(8080, 40000, SYN)),
	DENY(BOTH, "syn and fin from a served port", OWN, PEER, TCP(8080, 40000, SYN | FIN)),
	DENY(BOTH, "tcp answer to another host", OWN, OTHER, TCP(8080, 40000, ACK)),
	DENY(BOTH, "tcp from another port", OWN, PEER, TCP(8081, 40000, ACK)),
	DENY(BOTH, "tcp flags cut off", OWN, PEER, TCP(8080, 40000, 0), .length = 12),
	PASS(BOTH, "udp answer", OWN, PEER, UDP(5000, 40000)),
	DENY(BOTH, "udp from another port", OWN, PEER, UDP(5001, 40000)),
	PASS(BOTH, "sctp answer", OWN, PEER, SCTP(8080, 40000, 2)),
	DENY(BOTH, "sctp init from a served port", OWN, PEER, SCTP(8080, 40000, 1)),
	PASS(BOTH, "ping answer", OWN, PEER, ICMP(REPLY)),
	DENY(BOTH, "ping answer to another host", OWN, OTHER, ICMP(REPLY)),
	/* in another's name */
	DROP(BOTH, BY_SOURCE, "another's address", OTHER, PEER, UDP(40000, 53)),
	DROP(BOTH, BY_SOURCE, "the peer's own address", PEER, PEER, UDP(40000, 53)),
	DROP(BOTH, BY_SOURCE, "another's MAC", OWN, PEER, UDP(40000, 53), .other_source = true),
	DROP(BOTH, BY_SOURCE, "no address", NONE, PEER, UDP(40000, 53)),
	/* forwarding */
	PASS(BOTH, "forwarded", CLIENT, SERVER, TCP(40000, 443, SYN)),
	DROP(BOTH, BY_SOURCE, "forwarded to another port", CLIENT, SERVER, TCP(40000, 444, SYN)),
	DROP(BOTH, BY_SOURCE, "forwarded with another's MAC", CLIENT, SERVER, TCP(40000, 443, SYN), .other_source = true),
	PASS(BOTH, "forwarded answer", SERVER, CLIENT, TCP(443, 40000, SYN | ACK)),
	DROP(BOTH, BY_SOURCE, "forwarded bare syn from a served port", SERVER, CLIENT, TCP(443, 40000, SYN)),
	PASS(BOTH, "forwarded ping", CLIENT, SERVER, ICMP(ECHO)),
	PASS(BOTH, "forwarded ping answer", SERVER, CLIENT, ICMP(REPLY)),
	DROP(BOTH, BY_SOURCE, "forwarded ping answer the wrong way", CLIENT, SERVER, ICMP(REPLY)),
	PASS(BOTH, "masqueraded", OWN, SERVER, TCP(40000, 443, SYN)),
	DENY(BOTH, "masqueraded to another port", OWN, SERVER, TCP(40000, 444, SYN)),
	PASS(BOTH, "forwarded fragment", CLIENT, SERVER, UDP(0, 0), .offset = 50),
	PASS(BOTH, "forwarded fragment of an answer", SERVER, CLIENT, UDP(0, 0), .offset = 50),
	DROP(BOTH, BY_OTHER, "forwarded fragment to another host", CLIENT, OTHER, UDP(0, 0), .offset = 50),
	/* fragments */
	PASS(BOTH, "first fragment", OWN, PEER, UDP(40000, 53), .more = true),
	DENY(BOTH, "first fragment to another port", OWN, PEER, UDP(40000, 54), .more = true),
	PASS(BOTH, "later fragment", OWN, PEER, UDP(0, 0), .offset = 50, .more = true),
	PASS(BOTH, "last fragment", OWN, PEER, UDP(0, 0), .offset = 2),
	PASS(BOTH, "later fragment of a range", OWN, RANGE, TCP(0, 0, 0), .offset = 50),
	DROP(BOTH, BY_OTHER, "later fragment to another host", OWN, OTHER, UDP(0, 0), .offset = 50),
	DROP(BOTH, BY_OTHER, "later fragment of another protocol", OWN, PEER, .proto = IPPROTO_IPIP, .offset = 50),
	DROP(BOTH, BY_OTHER, "fragment over the TCP flags", OWN, PEER, TCP(0, 0, 0), .offset = 1),
	DROP(BOTH, BY_OTHER, "later fragment to a group that is heard", OWN, GROUP, UDP(0, 0), .offset = 50),
	PASS(FOUR, "later fragment to a group", OWN, LISTENERS, .proto = IPPROTO_IGMP, .offset = 50),
	DROP(BOTH, BY_OTHER, "later fragment in another's name", OTHER, PEER, UDP(0, 0), .offset = 50),
	DROP(BOTH, BY_OTHER, "later fragment with another's MAC", OWN, PEER, UDP(0, 0), .offset = 50, .other_source = true),
	DROP(BOTH, BY_OTHER, "tiny first fragment", OWN, PEER, TCP(40000, 80, SYN), .more = true, .length = 2),
	PASS(SIX, "fragment header of a whole packet", OWN, PEER, UDP(40000, 53), .header = WHOLE),
	DENY(SIX, "fragment header of a whole packet to another port", OWN, PEER, UDP(40000, 54), .header = WHOLE),
	/* headers */
	DROP(BOTH, BY_FOREIGN, "options", OWN, PEER, UDP(40000, 53), .header = OPTIONS),
	DROP(BOTH, BY_FOREIGN, "router alert", OWN, PEER, UDP(40000, 53), .header = ALERT),
	PASS(FOUR, "igmp", OWN, LISTENERS, .proto = IPPROTO_IGMP, .header = ALERT, .hops = 1),
	DENY(FOUR, "igmp to another group", OWN, GROUP, .proto = IPPROTO_IGMP, .header = ALERT, .hops = 1),
	DROP(FOUR, BY_FOREIGN, "igmp with other options", OWN, LISTENERS, .proto = IPPROTO_IGMP, .header = OPTIONS),
	DROP(SIX, BY_FOREIGN, "hop by hop", OWN, PEER, UDP(40000, 53), .header = HOP_BY_HOP),
	DROP(SIX, BY_FOREIGN, "routing header", OWN, PEER, UDP(40000, 53), .header = ROUTING),
	DROP(SIX, BY_FOREIGN, "authentication header", OWN, PEER, UDP(40000, 53), .header = AUTHENTICATION),
	DROP(SIX, BY_FOREIGN, "options behind a fragment header", OWN, PEER, UDP(40000, 53), .header = HIDDEN),
	DROP(SIX, BY_FOREIGN, "options behind a first fragment header", OWN, PEER, UDP(40000, 53), .header = HIDDEN,
	     .more = true),
	/* frames */
	DROP(BOTH, BY_FOREIGN, "VLAN tag", OWN, PEER, UDP(40000, 53), .tags = 1),
	DROP(BOTH, BY_FOREIGN, "two VLAN tags", OWN, PEER, UDP(40000, 53), .tags = 2),
	DROP(BOTH, BY_FOREIGN, "another type", OWN, PEER, UDP(40000, 53), .type = 0x88b5),
	DROP(ARP, BY_FOREIGN, "tagged ARP", OWN, PEER, .operation = 1, .tags = 1),
	/* errors */
	PASS(BOTH, "error", OWN, PEER, ICMP(UNREACHABLE), QUOTE(WHO_PEER, WHO_OWN, IPPROTO_UDP, 40000, 5000)),
	PASS(BOTH, "path MTU", OWN, PEER, ICMP(TOO_BIG), QUOTE(WHO_PEER, WHO_OWN, IPPROTO_TCP, 40000, 8080)),
	PASS(BOTH, "error about an answer", OWN, PEER, ICMP(UNREACHABLE), QUOTE(WHO_PEER, WHO_OWN, IPPROTO_UDP, 53, 40000)),
	PASS(BOTH, "error about a ping", OWN, PEER, ICMP(UNREACHABLE), QUOTE(WHO_PEER, WHO_OWN, IPPROTO_ICMP, 0, ECHO)),
	PASS(BOTH, "error about gre", OWN, PEER, ICMP(UNREACHABLE), QUOTE(WHO_PEER, WHO_OWN, IPPROTO_GRE, 0, 0)),
	PASS(BOTH, "error about a first fragment", OWN, PEER, ICMP(EXCEEDED),
	     QUOTE(WHO_PEER, WHO_OWN, IPPROTO_UDP, 40000, 5000, .fragment = true)),
	DENY(BOTH, "error about another port", OWN, PEER, ICMP(UNREACHABLE),
	     QUOTE(WHO_PEER, WHO_OWN, IPPROTO_UDP, 40000, 5001)),
	DENY(BOTH, "error to another host", OWN, OTHER, ICMP(UNREACHABLE),
	     QUOTE(WHO_PEER, WHO_OWN, IPPROTO_UDP, 40000, 5000)),
	DENY(BOTH, "error about what went elsewhere", OWN, PEER, ICMP(UNREACHABLE),
	     QUOTE(WHO_PEER, WHO_OTHER, IPPROTO_UDP, 40000, 5000)),
	DENY(FOUR, "error about a packet with options", OWN, PEER, ICMP(UNREACHABLE),
	     QUOTE(WHO_PEER, WHO_OWN, IPPROTO_UDP, 40000, 5000, .options = true)),
	DENY(BOTH, "error that quotes nothing", OWN, PEER, ICMP(UNREACHABLE), .length = 8),
	PASS(BOTH, "error of a forwarder", OWN, CLIENT, ICMP(EXCEEDED),
	     QUOTE(WHO_CLIENT, WHO_SERVER, IPPROTO_TCP, 40000, 443)),
	PASS(BOTH, "error of a forwarder about an answer", OWN, SERVER, ICMP(EXCEEDED),
	     QUOTE(WHO_SERVER, WHO_CLIENT, IPPROTO_TCP, 443, 40000)),
	DENY(BOTH, "error of a forwarder about another port", OWN, CLIENT, ICMP(EXCEEDED),
	     QUOTE(WHO_CLIENT, WHO_SERVER, IPPROTO_TCP, 40000, 444)),
	PASS(BOTH, "forwarded error", SERVER, CLIENT, ICMP(UNREACHABLE),
	     QUOTE(WHO_CLIENT, WHO_SERVER, IPPROTO_TCP, 40000, 443)),
	DROP(BOTH, BY_SOURCE, "forwarded error about another port", SERVER, CLIENT, ICMP(UNREACHABLE),
	     QUOTE(WHO_CLIENT, WHO_SERVER, IPPROTO_TCP, 40000, 444)),
	/* the link */
	DROP(BOTH, BY_LINK, "redirect", OWN, PEER, ICMP(REDIRECT), .hops = 255),
	DROP(BOTH, BY_LINK, "router advertisement", OWN, PEER, ICMP(ROUTER), .hops = 255),
	PASS(ARP, "ARP request", OWN, PEER, .operation = 1),
	PASS(ARP, "ARP reply", OWN, PEER, .operation = 2),
	DROP(ARP, BY_LINK, "ARP in another's name", PEER, OTHER, .operation = 2),
	DROP(ARP, BY_LINK, "ARP with another's hardware", OWN, PEER, .operation = 2, .other_hardware = true),
	DROP(ARP, BY_LINK, "ARP in another's frame", OWN, PEER, .operation = 2, .other_source = true),
	DROP(ARP, BY_LINK, "reverse ARP", OWN, PEER, .operation = 3),
	PASS(ARP, "ARP probe for an own address", NONE, OWN, .operation = 1),
	DROP(ARP, NS_COUNTER_TENTATIVE, "ARP probe for another's address", NONE, PEER, .operation = 1),
	DROP(ARP, BY_LINK, "ARP probe with another's hardware", NONE, OWN, .operation = 1, .other_hardware = true),
	PASS(SIX, "solicitation", OWN, SOLICITED, ICMP(NEIGHBOUR), .hops = 255, .target = WHO_PEER),
	DROP(SIX, BY_LINK, "solicitation from far", OWN, SOLICITED, ICMP(NEIGHBOUR), .hops = 64, .target = WHO_PEER),
	DROP(SIX, BY_LINK, "solicitation to far", OWN, ROUTER, ICMP(NEIGHBOUR), .hops = 255, .target = WHO_PEER),
	DROP(SIX, BY_LINK, "solicitation in fragments", OWN, SOLICITED, ICMP(NEIGHBOUR), .hops = 255, .target = WHO_PEER,
	     .more = true),
	DROP(SIX, BY_SOURCE, "solicitation in another's name", OTHER, SOLICITED, ICMP(NEIGHBOUR), .hops = 255),
	PASS(SIX, "advertisement", OWN, PEER, ICMP(ADVERT), .hops = 255, .target = WHO_OWN),
	PASS(SIX, "advertisement of the other address", OWN, ALL, ICMP(ADVERT), .hops = 255, .target = WHO_LINK),
	DROP(SIX, BY_LINK, "advertisement of another's address", OWN, PEER, ICMP(ADVERT), .hops = 255, .target = WHO_OTHER),
	DROP(SIX, BY_SOURCE, "advertisement with another's MAC", OWN, PEER, ICMP(ADVERT), .hops = 255, .target = WHO_OWN,
	     .other_source = true),
	PASS(SIX, "duplicate detection", NONE, SOLICITED, ICMP(NEIGHBOUR), .hops = 255, .target = WHO_OWN),
	DROP(SIX, NS_COUNTER_TENTATIVE, "duplicate detection of another's address", NONE, SOLICITED, ICMP(NEIGHBOUR),
	     .hops = 255, .target = WHO_OTHER),
	PASS(SIX, "router solicitation", LINK, ALL, ICMP(SOLICIT), .hops = 255),
	PASS(SIX, "listener report", LINK, LISTENERS, ICMP(REPORT), .header = ALERT, .hops = 1),
	PASS(SIX, "listener report without an address", NONE, LISTENERS, ICMP(REPORT), .header = ALERT, .hops = 1),
	DROP(SIX, BY_LINK, "listener report in another's name", PEER, LISTENERS, ICMP(REPORT), .header = ALERT, .hops = 1),
	DROP(SIX, BY_LINK, "listener report to a host", LINK, PEER, ICMP(REPORT), .header = ALERT, .hops = 1),
	DROP(SIX, BY_LINK, "listener report for far", LINK, LISTENERS, ICMP(REPORT), .header = ALERT, .hops = 64),
	DROP(SIX, BY_FOREIGN, "listener report with other options", LINK, LISTENERS, ICMP(REPORT), .header = HOP_BY_HOP,
	     .hops = 1),
	DROP(SIX, BY_LINK, "listener report without options", LINK, LISTENERS, ICMP(REPORT), .hops = 1),
	DROP(SIX, BY_LINK, "listener query", LINK, ALL, ICMP(QUERY), .header = ALERT, .hops = 1),
};

const struct outer_case outer_to[] = {
	/* openings */
	PASS(BOTH, "tcp", PEER, OWN, TCP(40000, 8080, SYN)),
	PASS(BOTH, "tcp to the other address", PEER, LINK, TCP(40000, 8080, SYN)),
	DENY(BOTH, "tcp to another port", PEER, OWN, TCP(40000, 8081, SYN)),
	DENY(BOTH, "tcp from another host", OTHER, OWN, TCP(40000, 8080, SYN)),
	PASS(BOTH, "udp", PEER, OWN, UDP(40000, 5000)),
	DENY(BOTH, "udp to another port", PEER, OWN, UDP(40000, 5001)),
	PASS(BOTH, "ping", PEER, OWN, ICMP(ECHO)),
	DENY(BOTH, "ping from another host", OTHER, OWN, ICMP(ECHO)),
	PASS(BOTH, "to a group", OTHER, GROUP, UDP(5353, 5353)),
	DENY(BOTH, "to a group's other port", OTHER, GROUP, UDP(5353, 5354)),
	DENY(BOTH, "to another group", PEER, GROUP2, UDP(5353, 5353)),
	DENY(BOTH, "to all", PEER, ALL, UDP(40000, 5000)),
	PASS(FOUR, "an address offered", PEER, ROUTER, UDP(67, 68)),
	PASS(FOUR, "an address offered to all", PEER, ALL, UDP(67, 68)),
	DENY(FOUR, "something else to all", PEER, ALL, UDP(67, 69)),
	DROP(FOUR, NS_COUNTER_FLOODED, "an address offered to another", PEER, ROUTER, UDP(67, 68), .other_destination = true),
	/* answers */
	PASS(BOTH, "tcp answer", PEER, OWN, TCP(80, 40000, SYN | ACK)),
	DENY(BOTH, "bare syn from a port", PEER, OWN, TCP(80, 40000, SYN)),
	DENY(BOTH, "tcp from another port", PEER, OWN, TCP(81, 40000, ACK)),
	PASS(BOTH, "udp answer", PEER, OWN, UDP(53, 40000)),
	DENY(BOTH, "udp answer from another host", OTHER, OWN, UDP(53, 40000)),
	PASS(BOTH, "answer from a range", RANGE, OWN, TCP(1500, 40000, ACK)),
	PASS(BOTH, "gre", PEER, OWN, .proto = IPPROTO_GRE),
	PASS(BOTH, "ping answer", PEER, OWN, ICMP(REPLY)),
	DENY(BOTH, "ping answer from another host", OTHER, OWN, ICMP(REPLY)),
	/* meant for others */
	DROP(BOTH, NS_COUNTER_FLOODED, "flooded", OTHER, PEER, UDP(40000, 5000), .other_destination = true),
	DROP(BOTH, NS_COUNTER_FLOODED, "flooded and open", PEER, OTHER, UDP(40000, 5000), .other_destination = true),
	DENY(BOTH, "to be forwarded nowhere", PEER, OTHER, UDP(40000, 5000)),
	PASS(BOTH, "to be forwarded", CLIENT, SERVER, TCP(40000, 443, SYN)),
	DENY(BOTH, "to be forwarded to another port", CLIENT, SERVER, TCP(40000, 444, SYN)),
	PASS(BOTH, "answer to be forwarded", SERVER, CLIENT, TCP(443, 40000, ACK)),
	PASS(BOTH, "answer to the masqueraded", SERVER, OWN, TCP(443, 40000, ACK)),
	DENY(BOTH, "bare syn to the masqueraded", SERVER, OWN, TCP(443, 40000, SYN)),
	/* fragments */
	PASS(BOTH, "first fragment", PEER, OWN, UDP(40000, 5000), .more = true),
	PASS(BOTH, "later fragment", PEER, OWN, UDP(0, 0), .offset = 50),
	DROP(BOTH, BY_OTHER, "later fragment from another host", OTHER, OWN, UDP(0, 0), .offset = 50),
	DROP(BOTH, BY_OTHER, "fragment over the TCP flags", PEER, OWN, TCP(0, 0, 0), .offset = 1),
	PASS(BOTH, "later fragment to a group", OTHER, GROUP, UDP(0, 0), .offset = 50),
	DROP(BOTH, BY_OTHER, "later fragment to another group", OTHER, GROUP2, UDP(0, 0), .offset = 50),
	DROP(BOTH, BY_OTHER, "later fragment to a peer", OWN, PEER, UDP(0, 0), .offset = 50, .other_destination = true),
	PASS(BOTH, "fragment to be forwarded", CLIENT, SERVER, UDP(0, 0), .offset = 50),
	/* headers and frames */
	DROP(BOTH, BY_FOREIGN, "options", PEER, OWN, UDP(40000, 5000), .header = OPTIONS),
	DROP(SIX, BY_FOREIGN, "routing header", PEER, OWN, UDP(40000, 5000), .header = ROUTING),
	DROP(BOTH, BY_FOREIGN, "VLAN tag", PEER, OWN, UDP(40000, 5000), .tags = 1),
	DROP(BOTH, BY_FOREIGN, "two VLAN tags", PEER, OWN, UDP(40000, 5000), .tags = 2),
	DROP(BOTH, BY_FOREIGN, "another type", PEER, OWN, UDP(40000, 5000), .type = 0x88b5),
	/* errors */
	PASS(BOTH, "path MTU", ROUTER, OWN, ICMP(TOO_BIG), QUOTE(WHO_OWN, WHO_PEER, IPPROTO_TCP, 40000, 80)),
	PASS(BOTH, "path MTU of an answer", ROUTER, OWN, ICMP(TOO_BIG), QUOTE(WHO_OWN, WHO_PEER, IPPROTO_TCP, 8080, 40000)),
	PASS(BOTH, "error about a ping", ROUTER, OWN, ICMP(EXCEEDED), QUOTE(WHO_OWN, WHO_PEER, IPPROTO_ICMP, 0, ECHO)),
	PASS(BOTH, "path MTU of a first fragment", ROUTER, OWN, ICMP(TOO_BIG),
	     QUOTE(WHO_OWN, WHO_PEER, IPPROTO_UDP, 40000, 53, .fragment = true)),
	DENY(BOTH, "error about another port", ROUTER, OWN, ICMP(TOO_BIG), QUOTE(WHO_OWN, WHO_PEER, IPPROTO_TCP, 40000, 81)),
	DENY(BOTH, "error about another host", ROUTER, OWN, ICMP(TOO_BIG), QUOTE(WHO_OWN, WHO_OTHER, IPPROTO_TCP, 40000, 80)),
	DENY(BOTH, "error about another's packet", ROUTER, OWN, ICMP(TOO_BIG),
	     QUOTE(WHO_OTHER, WHO_PEER, IPPROTO_TCP, 40000, 80)),
	PASS(BOTH, "error to be forwarded", ROUTER, CLIENT, ICMP(TOO_BIG),
	     QUOTE(WHO_CLIENT, WHO_SERVER, IPPROTO_TCP, 40000, 443)),
	DENY(BOTH, "error to be forwarded about another port", ROUTER, CLIENT, ICMP(TOO_BIG),
	     QUOTE(WHO_CLIENT, WHO_SERVER, IPPROTO_TCP, 40000, 444)),
	PASS(BOTH, "error about the masqueraded", ROUTER, OWN, ICMP(TOO_BIG),
	     QUOTE(WHO_OWN, WHO_SERVER, IPPROTO_TCP, 40000, 443)),
	/* the link */
	PASS(ARP, "ARP request", PEER, OWN, .operation = 1),
	PASS(ARP, "ARP reply", PEER, OWN, .operation = 2),
	DENY(BOTH, "redirect", PEER, OWN, ICMP(REDIRECT), .hops = 255),
	PASS(SIX, "solicitation", PEER, SOLICITED, ICMP(NEIGHBOUR), .hops = 255, .target = WHO_OWN),
	PASS(SIX, "advertisement", PEER, OWN, ICMP(ADVERT), .hops = 255, .target = WHO_PEER),
	DENY(SIX, "advertisement from far", PEER, OWN, ICMP(ADVERT), .hops = 64, .target = WHO_PEER),
	PASS(SIX, "router advertisement", LINK, ALL, ICMP(ROUTER), .hops = 255),
	DENY(SIX, "router advertisement from no router", PEER, ALL, ICMP(ROUTER), .hops = 255),
	PASS(SIX, "listener query", LINK, ALL, ICMP(QUERY), .header = ALERT, .hops = 1),
	DROP(SIX, BY_OTHER, "listener query from far", LINK, ALL, ICMP(QUERY), .header = ALERT, .hops = 64),
	DROP(SIX, BY_FOREIGN, "listener query with other options", LINK, ALL, ICMP(QUERY), .header = HOP_BY_HOP, .hops = 1),
};
/* clang-format on */

const size_t outer_from_count = sizeof(outer_from) / sizeof(outer_from[0]);
const size_t outer_to_count = sizeof(outer_to) / sizeof(outer_to[0]);
