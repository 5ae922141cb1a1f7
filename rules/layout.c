/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The layout of the table: names of sets, their keys, the log prefixes.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <nanoseg/layout.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct ns_set_role roles[] = {
	{ "learn_egress4", NS_PURPOSE_LEARN, NS_EGRESS, AF_INET },
	{ "learn_egress6", NS_PURPOSE_LEARN, NS_EGRESS, AF_INET6 },
	{ "learn_ingress4", NS_PURPOSE_LEARN, NS_INGRESS, AF_INET },
	{ "learn_ingress6", NS_PURPOSE_LEARN, NS_INGRESS, AF_INET6 },
	{ "learn_transit4", NS_PURPOSE_LEARN, NS_TRANSIT, AF_INET },
	{ "learn_transit6", NS_PURPOSE_LEARN, NS_TRANSIT, AF_INET6 },
	{ "learn_ports", NS_PURPOSE_LEARN, NS_INGRESS, 0 },
	{ "spill_egress4", NS_PURPOSE_SPILL, NS_EGRESS, AF_INET },
	{ "spill_egress6", NS_PURPOSE_SPILL, NS_EGRESS, AF_INET6 },
	{ "spill_ingress4", NS_PURPOSE_SPILL, NS_INGRESS, AF_INET },
	{ "spill_ingress6", NS_PURPOSE_SPILL, NS_INGRESS, AF_INET6 },
	{ "spill_transit4", NS_PURPOSE_SPILL, NS_TRANSIT, AF_INET },
	{ "spill_transit6", NS_PURPOSE_SPILL, NS_TRANSIT, AF_INET6 },
	{ "egress4", NS_PURPOSE_ALLOW, NS_EGRESS, AF_INET },
	{ "egress6", NS_PURPOSE_ALLOW, NS_EGRESS, AF_INET6 },
	{ "ingress4", NS_PURPOSE_ALLOW, NS_INGRESS, AF_INET },
	{ "ingress6", NS_PURPOSE_ALLOW, NS_INGRESS, AF_INET6 },
	{ "transit4", NS_PURPOSE_ALLOW, NS_TRANSIT, AF_INET },
	{ "transit6", NS_PURPOSE_ALLOW, NS_TRANSIT, AF_INET6 },
	{ "egress4_range", NS_PURPOSE_ALLOW_RANGE, NS_EGRESS, AF_INET },
	{ "egress6_range", NS_PURPOSE_ALLOW_RANGE, NS_EGRESS, AF_INET6 },
	{ "ingress4_range", NS_PURPOSE_ALLOW_RANGE, NS_INGRESS, AF_INET },
	{ "ingress6_range", NS_PURPOSE_ALLOW_RANGE, NS_INGRESS, AF_INET6 },
	{ "transit4_range", NS_PURPOSE_ALLOW_RANGE, NS_TRANSIT, AF_INET },
	{ "transit6_range", NS_PURPOSE_ALLOW_RANGE, NS_TRANSIT, AF_INET6 },
	{ "deny_egress4", NS_PURPOSE_DENY, NS_EGRESS, AF_INET },
	{ "deny_egress6", NS_PURPOSE_DENY, NS_EGRESS, AF_INET6 },
	{ "deny_ingress4", NS_PURPOSE_DENY, NS_INGRESS, AF_INET },
	{ "deny_ingress6", NS_PURPOSE_DENY, NS_INGRESS, AF_INET6 },
	{ "deny_transit4", NS_PURPOSE_DENY, NS_TRANSIT, AF_INET },
	{ "deny_transit6", NS_PURPOSE_DENY, NS_TRANSIT, AF_INET6 },
};

const struct ns_set_role *ns_layout_roles(size_t *ret_n)
{
	*ret_n = COUNT(roles);
	return roles;
}

const struct ns_set_role *ns_layout_role(const char *set_name)
{
	for (size_t i = 0; i < COUNT(roles); i++)
		if (strcmp(roles[i].name, set_name) == 0)
			return &roles[i];
	return NULL;
}

const char *ns_layout_set_name(enum ns_purpose purpose, enum ns_direction direction, int family)
{
	for (size_t i = 0; i < COUNT(roles); i++)
		if (roles[i].purpose == purpose && roles[i].direction == direction && roles[i].family == family)
			return roles[i].name;
	return NULL;
}

/* Bytes of an address in the key of a set of that family; 0 for learn_ports. */
static size_t address_length(int family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

/* The two bytes of the last field as a number: a port, or the type that stands in the first of the two. */
static int port_of(uint8_t protocol, const uint8_t bytes[static 4], uint16_t *ret)
{
	if (!all_zero(bytes + 2, 2))
		return -EINVAL;
	if (ns_protocol_is_icmp(protocol)) {
		if (bytes[1])
			return -EINVAL;
		*ret = bytes[0];
		return 0;
	}
	*ret = (uint16_t)(bytes[0] << 8 | bytes[1]);
	return *ret && !ns_protocol_has_ports(protocol) ? -EINVAL : 0;
}

int ns_layout_tuple(const struct ns_set_role *role, const uint8_t *key, size_t key_length, struct ns_tuple *ret)
{
	size_t length = address_length(role->family), n_addresses = role->direction == NS_TRANSIT ? 2 : 1;
	struct ns_tuple tuple = { .direction = role->direction };
	int r;

	if (key_length != 4 + n_addresses * length + 4 || !all_zero(key + 1, 3))
		return -EINVAL;
	tuple.protocol = key[0];
	key += 4;
	if (role->direction == NS_TRANSIT) {
		tuple.source = ns_addr_from_bytes(role->family, key);
		key += length;
	}
	if (length) {
		tuple.peer = ns_addr_from_bytes(role->family, key);
		key += length;
	}
	r = port_of(tuple.protocol, key, &tuple.port);
	if (r < 0)
		return r;
	*ret = tuple;
	return 0;
}

size_t ns_layout_key(const struct ns_set_role *role, const struct ns_tuple *tuple, uint8_t key[static NS_KEY_MAX])
{
	size_t length = address_length(role->family), at = 4;

	memset(key, 0, NS_KEY_MAX);
	key[0] = tuple->protocol;
	if (role->direction == NS_TRANSIT) {
		memcpy(key + at, tuple->source.bytes, length);
		at += length;
	}
	memcpy(key + at, tuple->peer.bytes, length);
	at += length;
	if (ns_protocol_is_icmp(tuple->protocol)) {
		key[at] = (uint8_t)tuple->port;
	} else if (ns_protocol_has_ports(tuple->protocol)) {
		key[at] = (uint8_t)(tuple->port >> 8);
		key[at + 1] = (uint8_t)tuple->port;
	}
	return at + 4;
}

static const char *const log_kinds[] = {
	[NS_LOG_LEARN] = "learn",
	[NS_LOG_DENY] = "deny",
	[NS_LOG_AUDIT] = "audit",
	[NS_LOG_FULL] = "full",
};

#define LOG_PREFIX "nanoseg:"

void ns_layout_log_prefix(enum ns_log_kind kind, enum ns_direction direction, char ret[static NS_LOG_PREFIX_MAX])
{
	(void)snprintf(ret, NS_LOG_PREFIX_MAX, LOG_PREFIX "%s:%s",
		       kind > NS_LOG_INVALID && kind < COUNT(log_kinds) ? log_kinds[kind] : "invalid",
		       ns_direction_format(direction));
}

int ns_layout_log_parse(const char *prefix, enum ns_log_kind *ret_kind, enum ns_direction *ret_direction)
{
	if (strncmp(prefix, LOG_PREFIX, strlen(LOG_PREFIX)) != 0)
		return -EINVAL;
	prefix += strlen(LOG_PREFIX);
	for (size_t i = NS_LOG_LEARN; i < COUNT(log_kinds); i++) {
		size_t length = strlen(log_kinds[i]);
		enum ns_direction direction;

		if (strncmp(prefix, log_kinds[i], length) != 0 || prefix[length] != ':')
			continue;
		direction = ns_direction_parse(prefix + length + 1);
		if (direction == NS_DIRECTION_INVALID)
			return -EINVAL;
		*ret_kind = (enum ns_log_kind)i;
		*ret_direction = direction;
		return 0;
	}
	return -EINVAL;
}
