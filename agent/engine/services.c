/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is behind an address that is not its own: services of the configuration, published ports.
 */
#include "engine_private.h"

int ns_engine_add_services(struct ns_engine *engine, struct ns_book *book, struct ns_error *err)
{
	const struct ns_services *services = &engine->config.services;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < services->n_addresses; i++)
		r = ns_book_add_service(book, services->names[services->addresses[i].service],
					&services->addresses[i].addr, err);
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		const struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment || !attachment->identified || ns_endpoint_is_member(endpoint))
			continue;
		for (size_t i = 0; r == 0 && i < endpoint->n_published; i++)
			r = ns_book_publish(book, attachment->workload, &endpoint->published[i], err);
	}
	return r;
}
