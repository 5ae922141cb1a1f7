/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What every reader should know of an endpoint, one line each: what it is, and what that means for its locks. Pure.
 */
#ifndef NANOSEG_FINDINGS_H
#define NANOSEG_FINDINGS_H

#include <nanoseg/endpoint.h>

#include "docker_json.h"

/* A link of an endpoint that can carry packets past the outer lock. */
struct ns_bare_link {
	char name[NS_IFNAME_MAX]; /* "": there is none */
	char kind[NS_IFNAME_MAX];
};

/* Each at most once; the caller's endpoint->findings has room for NS_ENDPOINT_FINDINGS_MAX. */
void ns_findings_add(struct ns_endpoint *endpoint, const char *text);

/* From endpoint->net_admin, net_raw and privileged, and from its links. */
void ns_findings_of_rights(struct ns_endpoint *endpoint);
void ns_findings_of_links(struct ns_endpoint *endpoint, const struct ns_bare_link *bare);
/* A user's container: who made the namespace can change what nobody owns in it. */
void ns_findings_of_rootless(struct ns_endpoint *endpoint, uid_t uid);
/* What an engine tells of a container in it. */
void ns_findings_of_container(struct ns_endpoint *endpoint, const struct ns_container *container);

/* Does the link lead out of the namespace by itself, without a host's end that could be locked? */
bool ns_findings_is_bare(const struct ns_interface *interface);

/* A container on the host's network, which is no endpoint: calls `each` with every line. */
void ns_findings_outside(const struct ns_container *container, void (*each)(void *ctx, const char *finding), void *ctx);

#endif
