/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "own.h"

#define MAC_FIELD 8 /* six bytes, padded, in the key of the sets own4 and own6 */

static bool is_settled(const struct ns_own *own, int interface)
{
	if (own->recalled)
		return true; /* which ones is told by the ports */
	for (size_t i = 0; i < own->n_settled; i++)
		if (own->settled[i] == interface)
			return true;
	return false;
}

static bool has_address(const struct ns_addr *list, size_t n, const struct ns_addr *addr)
{
	for (size_t i = 0; i < n; i++)
		if (ns_addr_equal(&list[i], addr))
			return true;
	return false;
}

static void add_address(struct ns_addr *list, size_t *n, const struct ns_addr *addr)
{
	if (*n < NS_ENDPOINT_ADDRESSES_MAX && !has_address(list, *n, addr))
		list[(*n)++] = *addr;
}

static void add_mac(uint8_t (*list)[6], size_t *n, const uint8_t *mac)
{
	for (size_t i = 0; i < *n; i++)
		if (memcmp(list[i], mac, 6) == 0)
			return;
	if (*n < NS_ENDPOINT_INTERFACES_MAX)
		memcpy(list[(*n)++], mac, 6);
}

/* On a link of its own everybody may have the same link-local addresses; they are nobody's claim. */
static bool believed(const struct ns_endpoint *endpoint, const struct ns_claims *claims, const struct ns_addr *addr)
{
	switch (ns_addr_scope(addr)) {
	case NS_ADDR_LINK_LOCAL:
		return true;
	case NS_ADDR_PRIVATE:
	case NS_ADDR_GLOBAL:
		return ns_claims_believe(claims, addr, endpoint->cookie);
	default:
		return false;
	}
}

static size_t copy_interfaces(int *list, const int *interfaces, size_t n)
{
	size_t kept = n < NS_ENDPOINT_INTERFACES_MAX ? n : NS_ENDPOINT_INTERFACES_MAX;

	if (kept)
		memcpy(list, interfaces, kept * sizeof *list);
	return kept;
}

bool ns_own_is_stranger(const struct ns_own *own, const struct ns_endpoint *endpoint, size_t address)
{
	return endpoint->net_admin && is_settled(own, endpoint->address_index[address]) &&
	       !has_address(own->known, own->n_known, &endpoint->addresses[address].addr);
}

static bool is_among(const int *list, size_t n, int interface)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == interface)
			return true;
	return false;
}

void ns_own_now(struct ns_own *own, const struct ns_endpoint *endpoint, const struct ns_claims *claims,
		const int *interfaces, size_t n_interfaces, struct ns_own_now *ret)
{
	memset(ret, 0, sizeof *ret);
	own->strangers = 0;
	if (own->recalled && n_interfaces) {
		own->n_settled = copy_interfaces(own->settled, interfaces, n_interfaces);
		own->recalled = false;
	}
	for (size_t i = 0; i < endpoint->n_addresses; i++) {
		const struct ns_addr *addr = &endpoint->addresses[i].addr;

		if (ns_addr_scope(addr) == NS_ADDR_LOOPBACK)
			continue;
		if (endpoint->net_admin && !is_among(interfaces, n_interfaces, endpoint->address_index[i]))
			continue;
		if (believed(endpoint, claims, addr) && !ns_own_is_stranger(own, endpoint, i))
			add_address(ret->addresses, &ret->n_addresses, addr);
		else if (own->strangers++ == 0)
			(void)ns_addr_format(addr, own->stranger);
	}
	for (size_t i = 0; i < endpoint->n_interfaces; i++) {
		const struct ns_interface *interface = &endpoint->interfaces[i];

		if (!endpoint->net_admin ||
		    (is_among(interfaces, n_interfaces, interface->index) && !is_settled(own, interface->index)))
			add_mac(ret->macs, &ret->n_macs, interface->mac);
	}
	for (size_t i = 0; i < own->n_macs && endpoint->net_admin && own->n_settled; i++)
		add_mac(ret->macs, &ret->n_macs, own->macs[i]);
}

void ns_own_changed(struct ns_own *own, int64_t time)
{
	if (own->since && (time - own->changed >= NS_OWN_SETTLE_US || time - own->since >= NS_OWN_SETTLE_MAX_US))
		own->n_settled = copy_interfaces(own->settled, own->locked, own->n_locked);
	own->changed = time;
}

void ns_own_unlocked(struct ns_own *own)
{
	own->n_locked = own->n_settled = own->n_known = own->n_macs = own->strangers = 0;
	own->since = 0;
	own->recalled = false;
}

void ns_own_locked(struct ns_own *own, const struct ns_own_now *now, const int *interfaces, size_t n, int64_t time)
{
	own->n_locked = copy_interfaces(own->locked, interfaces, n);
	if (!own->since && n && now->n_addresses)
		own->since = time;
	/* Added to, not replaced: an address that was taken away and comes back is no stranger. */
	for (size_t i = 0; i < now->n_addresses; i++)
		add_address(own->known, &own->n_known, &now->addresses[i]);
	memcpy(own->macs, now->macs, sizeof own->macs);
	own->n_macs = now->n_macs;
}

static void recall_set(struct ns_own *own, const struct ns_plan *found, const char *name, int family)
{
	const struct ns_plan_set *set = ns_plan_find_set(found, name);

	for (size_t i = 0; set && i < set->n_elements; i++) {
		struct ns_addr addr = ns_addr_from_bytes(family, set->elements[i].key + MAC_FIELD);

		add_mac(own->macs, &own->n_macs, set->elements[i].key);
		add_address(own->known, &own->n_known, &addr);
	}
}

void ns_own_recall(struct ns_own *own, const struct ns_plan *found)
{
	own->recalled = true;
	own->n_known = own->n_macs = 0;
	recall_set(own, found, "own4", AF_INET);
	recall_set(own, found, "own6", AF_INET6);
}
