/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * [services] of the configuration: names for addresses that nobody has, which the host turns into others' (DNAT, a load
 * balancer), such as the service addresses of Kubernetes.
 */
#ifndef NANOSEG_CONFIG_SERVICES_H
#define NANOSEG_CONFIG_SERVICES_H

#include <nanoseg/addr.h>
#include <nanoseg/limits.h>

#define NS_SERVICE_NAME_MAX 192 /* with its NUL: a line has not room for more */

struct ns_services {
	char names[NS_SERVICES_MAX][NS_SERVICE_NAME_MAX];
	unsigned n;
	struct {
		struct ns_addr addr;
		unsigned service; /* index of its name */
	} addresses[NS_SERVICE_ADDRESSES_MAX];
	unsigned n_addresses;
};

/* Adds "NAME = ADDRESS[, ADDRESS…]", without its comment and the white space around it. A name may come again, with
 * more addresses; an address has one name. After an error nothing of the line is there. */
int ns_services_add_line(struct ns_services *services, const char *line, struct ns_error *err);

#endif
