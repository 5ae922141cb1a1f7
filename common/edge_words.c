/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The words of the graph in JSON and on the command line.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <nanoseg/edge.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const directions[] = {
	[NS_INGRESS] = "ingress",
	[NS_EGRESS] = "egress",
	[NS_TRANSIT] = "transit",
};

static const char *const peer_classes[] = {
	[NS_PEER_WORKLOAD] = "workload",   [NS_PEER_HOST] = "host",           [NS_PEER_SERVICE] = "service",
	[NS_PEER_NAME] = "name",           [NS_PEER_CIDR] = "cidr",           [NS_PEER_INTERNET] = "internet",
	[NS_PEER_MULTICAST] = "multicast", [NS_PEER_BROADCAST] = "broadcast", [NS_PEER_ANY] = "any",
};

/* The names are IANA's, in lower case, as in /etc/protocols; a table of our own, since that file need not be there. */
static const struct {
	uint8_t number;
	const char *name;
} protocols[] = {
	{ IPPROTO_ICMP, "icmp" },     { IPPROTO_IGMP, "igmp" },
	{ IPPROTO_IPIP, "ipip" },     { IPPROTO_TCP, "tcp" },
	{ IPPROTO_UDP, "udp" },       { IPPROTO_DCCP, "dccp" },
	{ IPPROTO_IPV6, "ipv6" },     { IPPROTO_GRE, "gre" },
	{ IPPROTO_ESP, "esp" },       { IPPROTO_AH, "ah" },
	{ IPPROTO_ICMPV6, "icmpv6" }, { 89, "ospf" },
	{ IPPROTO_PIM, "pim" },       { 112, "vrrp" },
	{ IPPROTO_SCTP, "sctp" },     { IPPROTO_UDPLITE, "udplite" },
};

static const char *word(const char *const *words, size_t n, size_t i)
{
	return i < n && words[i] ? words[i] : "invalid";
}

static size_t find(const char *const *words, size_t n, const char *text)
{
	for (size_t i = 1; i < n; i++)
		if (words[i] && strcmp(words[i], text) == 0)
			return i;
	return 0;
}

const char *ns_direction_format(enum ns_direction direction)
{
	return word(directions, COUNT(directions), direction);
}

enum ns_direction ns_direction_parse(const char *text)
{
	return (enum ns_direction)find(directions, COUNT(directions), text);
}

const char *ns_peer_class_format(enum ns_peer_class peer_class)
{
	return word(peer_classes, COUNT(peer_classes), peer_class);
}

enum ns_peer_class ns_peer_class_parse(const char *text)
{
	return (enum ns_peer_class)find(peer_classes, COUNT(peer_classes), text);
}

const char *ns_protocol_format(uint8_t protocol, char buf[static 4])
{
	for (size_t i = 0; i < COUNT(protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	(void)snprintf(buf, 4, "%u", protocol);
	return buf;
}

int ns_protocol_parse(const char *text, uint8_t *ret)
{
	unsigned value = 0;

	for (size_t i = 0; i < COUNT(protocols); i++) {
		if (strcmp(protocols[i].name, text) == 0) {
			*ret = protocols[i].number;
			return 0;
		}
	}
	if (!*text || strlen(text) > 3 || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return -EINVAL;
		value = value * 10 + (unsigned)(*c - '0');
	}
	if (value > 255)
		return -EINVAL;
	*ret = (uint8_t)value;
	return 0;
}

bool ns_protocol_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

bool ns_protocol_is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}
