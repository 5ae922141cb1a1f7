/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The agent's own namespace: its links, of which those with two ends are the ports (ports.h), and the ids it gives to
 * other namespaces. A link's message comes long before the container's first instruction, so it is read before
 * everything else that the loop has to do; lost messages are made up for by a listing.
 */
#ifndef NANOSEG_LINKS_H
#define NANOSEG_LINKS_H

#include <systemd/sd-event.h>

#include <nanoseg/error.h>

#include "ports.h"

/* Before all that has the usual priority. */
#define NS_LINKS_PRIORITY (SD_EVENT_PRIORITY_NORMAL - 100)

struct ns_links;

enum ns_links_seen {
	NS_LINKS_SOMETHING = 1 << 0, /* any message: something may have come or gone */
	NS_LINKS_NSID = 1 << 1,      /* an id was given, or may have been: messages were lost */
	NS_LINKS_MORE = 1 << 2,      /* not all was read: the loop calls again */
	NS_LINKS_FAILED = 1 << 3,    /* a listing is due and was not to be had now */
};

/* `readable` comes from the event loop: ns_links_read() is due. Does not list what is there. */
int ns_links_new(sd_event *event, struct ns_ports *ports, void (*readable)(void *ctx), void *ctx, struct ns_links **ret,
		 struct ns_error *err);
struct ns_links *ns_links_free(struct ns_links *links); /* accepts NULL; returns NULL */

/* Asks for a listing with the next reading. */
void ns_links_relist(struct ns_links *links);
/* Takes every message there is into the ports, and lists what is due; enum ns_links_seen. Never waits for a message. */
unsigned ns_links_read(struct ns_links *links, struct ns_error *err);

/* The id that the agent's namespace has given to another: 0 and above, or NS_NSID_UNKNOWN when it has none yet. -errno
 * below that. */
int ns_links_nsid(int netns_fd, int *ret, struct ns_error *err);

#endif
