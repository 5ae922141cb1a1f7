/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The ports that an engine publishes on the host for a container, from its inspection. Pure.
 */
#ifndef NANOSEG_DOCKER_PORTS_H
#define NANOSEG_DOCKER_PORTS_H

#include <jansson.h>

#include <nanoseg/error.h>
#include <nanoseg/published.h>

/* $.NetworkSettings.Ports: {"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"},…],"81/tcp":null}. No address means all of
 * both families. Neighbours are put together; what is not as it should be is passed over. At most
 * NS_ENDPOINT_PUBLISHED_MAX; *ret_more: there are others. -ENOMEM. */
int ns_docker_ports(const json_t *ports, struct ns_published ret[static NS_ENDPOINT_PUBLISHED_MAX], size_t *ret_n,
		    bool *ret_more, struct ns_error *err);

#endif
