/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_services.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The part of a foreign value that an error shows. */
#define SHOWN    "%.64s"
#define BLANK    " \t"
#define ITEM_MAX 64 /* longer than any address */

static int check_name(const char *name, struct ns_error *err)
{
	if (!*name)
		return ns_error_set(err, -EINVAL, "a line without a name; use NAME = ADDRESS, ADDRESS");
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("._-/@:+", *p))
			return ns_error_set(err, -EINVAL,
					    "'" SHOWN "' is no name of a service; use letters, digits and ._-/@:+",
					    name);
	}
	if (strncmp(name, "published/", strlen("published/")) == 0)
		return ns_error_set(err, -EINVAL,
				    "'" SHOWN "': names that begin with published/ are those of containers' ports",
				    name);
	return 0;
}

static const char *name_of(const struct ns_services *services, const struct ns_addr *addr)
{
	for (unsigned i = 0; i < services->n_addresses; i++)
		if (ns_addr_equal(&services->addresses[i].addr, addr))
			return services->names[services->addresses[i].service];
	return NULL;
}

static int add_address(struct ns_services *services, unsigned service, const char *text, struct ns_error *err)
{
	const char *other;
	struct ns_addr addr;
	enum ns_addr_scope scope;

	if (ns_addr_parse(text, &addr, NULL) < 0)
		return ns_error_set(err, -EINVAL,
				    "'" SHOWN "' is no address; use IPv4 or IPv6 addresses, with a comma "
				    "between two",
				    text);
	scope = ns_addr_scope(&addr);
	if (scope != NS_ADDR_PRIVATE && scope != NS_ADDR_GLOBAL)
		return ns_error_set(err, -EINVAL,
				    "'%s' is no address of a service: nobody beyond one link or one machine can have "
				    "it, or it is a group's",
				    text);
	other = name_of(services, &addr);
	if (other)
		return ns_error_set(err, -EINVAL, "%s is an address of " SHOWN " already", text, other);
	if (services->n_addresses == NS_SERVICE_ADDRESSES_MAX)
		return ns_error_set(err, -EINVAL, "more than %d addresses of services", NS_SERVICE_ADDRESSES_MAX);
	services->addresses[services->n_addresses].addr = addr;
	services->addresses[services->n_addresses++].service = service;
	return 0;
}

static int add_addresses(struct ns_services *services, unsigned service, const char *list, struct ns_error *err)
{
	for (;;) {
		size_t length = strcspn(list, ","), kept = length;
		char item[ITEM_MAX];
		int r;

		while (kept && strchr(BLANK, list[kept - 1]))
			kept--;
		(void)snprintf(item, sizeof(item), "%.*s", (int)kept, list);
		r = add_address(services, service, item, err);
		if (r < 0)
			return r;
		if (!list[length])
			return 0;
		list += length + 1;
		list += strspn(list, BLANK);
	}
}

static int meet_name(struct ns_services *services, const char *name, unsigned *ret, struct ns_error *err)
{
	unsigned i = 0;

	while (i < services->n && strcmp(services->names[i], name) != 0)
		i++;
	if (i == NS_SERVICES_MAX)
		return ns_error_set(err, -EINVAL, "more than %d services", NS_SERVICES_MAX);
	if (i == services->n)
		(void)snprintf(services->names[services->n++], NS_SERVICE_NAME_MAX, "%s", name);
	*ret = i;
	return 0;
}

int ns_services_add_line(struct ns_services *services, const char *line, struct ns_error *err)
{
	const unsigned n = services->n, n_addresses = services->n_addresses;
	const char *equals = strchr(line, '=');
	char name[NS_SERVICE_NAME_MAX];
	size_t length;
	unsigned service = 0;
	int r;

	if (!equals)
		return ns_error_set(err, -EINVAL, "'" SHOWN "' is not NAME = ADDRESS, ADDRESS", line);
	length = (size_t)(equals - line);
	while (length && strchr(BLANK, line[length - 1]))
		length--;
	if (length >= sizeof(name))
		return ns_error_set(err, -EINVAL, "a name of %zu bytes; at most %zu are possible", length,
				    sizeof(name) - 1);
	(void)snprintf(name, sizeof(name), "%.*s", (int)length, line);
	r = check_name(name, err);
	if (r == 0)
		r = meet_name(services, name, &service, err);
	if (r < 0)
		return r;
	equals++;
	r = add_addresses(services, service, equals + strspn(equals, BLANK), err);
	if (r == 0)
		return 0;
	ns_error_context(err, SHOWN, name);
	for (unsigned i = n; i < services->n; i++) /* equal configurations are equal bytes */
		memset(services->names[i], 0, sizeof(services->names[i]));
	for (unsigned i = n_addresses; i < services->n_addresses; i++)
		memset(&services->addresses[i], 0, sizeof(services->addresses[i]));
	services->n = n;
	services->n_addresses = n_addresses;
	return r;
}
