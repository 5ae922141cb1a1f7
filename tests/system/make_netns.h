/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Network namespaces and links for labs, without a process each: whatever fails ends the program.
 */
#ifndef NANOSEG_TESTS_MAKE_NETNS_H
#define NANOSEG_TESTS_MAKE_NETNS_H

#include <stddef.h>

/* Does what `ip netns add NAME` does, and stays in the caller's namespace; returns an fd of the new one. */
int make_netns(const char *name);
/* Does what `ip netns del NAME` does. */
void delete_netns(const char *name);
/* The calling thread, from here on. */
void enter_netns(int fd);

/* An rtnetlink socket in the calling thread's namespace. */
int make_netlink(void);

/* Called in the namespace: eth0, with the other end `outside` in the namespace `host`; down. mac: 6 bytes, or NULL. */
void make_pair(int netlink, int host, const char *outside, const void *mac);
/* On eth0. */
void add_address(int netlink, unsigned char family, const void *address, size_t length, unsigned char prefix);
/* bridge: NULL: none. */
void set_up(int netlink, const char *link, const char *bridge);
void delete_link(int netlink, const char *link);

#endif
