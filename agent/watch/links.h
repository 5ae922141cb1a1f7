/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Signs in the agent's own namespace that containers come and go: links that appear, change or leave (the host end of a
 * veth comes long before the container's first instruction), and ids given to other namespaces. They say "look" and
 * nothing else.
 */
#ifndef NANOSEG_LINKS_H
#define NANOSEG_LINKS_H

#include <systemd/sd-event.h>

#include <nanoseg/error.h>

struct ns_links;

/* `changed` comes from the event loop, once for any number of messages. */
int ns_links_new(sd_event *event, void (*changed)(void *ctx), void *ctx, struct ns_links **ret, struct ns_error *err);
struct ns_links *ns_links_free(struct ns_links *links); /* accepts NULL; returns NULL */

#endif
