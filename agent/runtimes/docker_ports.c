/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/edge.h>

#include "cleanup.h"
#include "docker_ports.h"
#include "json.h"

struct list {
	struct ns_published *list;
	size_t n, allocated;
};

static void release(struct list *list)
{
	free(list->list);
}

/* A whole decimal number from 1 to 65535 up to `end`; 0: it is none. */
static uint16_t port_of(const char *text, char end)
{
	unsigned number = 0;
	size_t i = 0;

	for (; i < 5 && text[i] >= '0' && text[i] <= '9'; i++)
		number = number * 10 + (unsigned)(text[i] - '0');
	return i > 0 && text[i] == end && number <= UINT16_MAX ? (uint16_t)number : 0;
}

static int add(struct list *list, const struct ns_published *published)
{
	if (list->n == list->allocated) {
		size_t more = list->allocated ? list->allocated * 2 : 16;
		struct ns_published *bigger = reallocarray(list->list, more, sizeof *bigger);

		if (!bigger)
			return -ENOMEM;
		list->list = bigger;
		list->allocated = more;
	}
	list->list[list->n++] = *published;
	return 0;
}

static int add_binding(struct list *list, const json_t *binding, uint8_t protocol, uint16_t inside)
{
	const char *address = json_string_value(json_object_get(binding, "HostIp"));
	const char *port = json_string_value(json_object_get(binding, "HostPort"));
	struct ns_published published = { .protocol = protocol, .inside = inside };
	int r;

	published.first = published.last = port_of(port ? port : "", '\0');
	if (published.first == 0)
		return 0;
	if (address && *address) {
		if (ns_addr_parse(address, &published.host, NULL) < 0)
			return 0;
		return add(list, &published);
	}
	published.host.family = AF_INET;
	r = add(list, &published);
	published.host.family = AF_INET6;
	return r < 0 ? r : add(list, &published);
}

static int add_port(struct list *list, const char *key, const json_t *bindings)
{
	const char *slash = strchr(key, '/');
	uint16_t inside = port_of(key, '/');
	uint8_t protocol;
	int r = 0;

	if (inside == 0 || ns_protocol_parse(slash + 1, &protocol) < 0 || !ns_protocol_has_ports(protocol))
		return 0;
	for (size_t i = 0; r == 0 && i < json_array_size(bindings); i++)
		r = add_binding(list, json_array_get(bindings, i), protocol, inside);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct ns_published *x = a, *y = b;
	int order = (int)x->protocol - (int)y->protocol;

	if (order == 0)
		order = ns_addr_compare(&x->host, &y->host);
	if (order == 0)
		order = (int)x->first - (int)y->first;
	return order ? order : (int)x->inside - (int)y->inside;
}

static bool continues(const struct ns_published *last, const struct ns_published *next)
{
	return next->protocol == last->protocol && ns_addr_equal(&next->host, &last->host) &&
	       next->first == last->last + 1 && next->inside - last->inside == next->first - last->first;
}

int ns_docker_ports(const json_t *ports, struct ns_published ret[static NS_ENDPOINT_PUBLISHED_MAX], size_t *ret_n,
		    bool *ret_more, struct ns_error *err)
{
	NS_CLEANUP(release) struct list list = { 0 };
	const char *key;
	json_t *bindings;
	size_t n = 0;
	bool more = false;
	int r = 0;

	json_object_foreach (ns_unconst(ports), key, bindings) {
		if (r == 0)
			r = add_port(&list, key, bindings);
	}
	if (r < 0)
		return ns_error_set(err, r, "out of memory for the ports of a container");
	if (list.n > 1)
		qsort(list.list, list.n, sizeof *list.list, compare);
	for (size_t i = 0; i < list.n; i++) {
		if (n && continues(&ret[n - 1], &list.list[i]))
			ret[n - 1].last = list.list[i].last;
		else if (n == NS_ENDPOINT_PUBLISHED_MAX)
			more = true;
		else
			ret[n++] = list.list[i];
	}
	*ret_n = n;
	*ret_more = more;
	return 0;
}
