/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A service manager that stands in for systemd: it keeps what it is sent, up to a limit, lets go what it is told to,
 * answers barriers, and hands everything to the "next" agent, at descriptor 3 and on.
 */
#ifndef NANOSEG_TEST_FDSTORE_MANAGER_H
#define NANOSEG_TEST_FDSTORE_MANAGER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define SLOTS      90
#define FIRST_FREE 100 /* descriptors below are for LISTEN_FDS */

struct slot {
	char name[64];
	int fd;
};

struct manager {
	pthread_t thread;
	pthread_mutex_t mutex;
	int socket;
	unsigned limit; /* of what is kept */
	bool silent;    /* reads nothing */
	unsigned n, refused;
	struct slot slots[SLOTS];
	bool polled; /* somebody forgot FDPOLL=0 */
	bool hold;   /* does not come to the barrier yet … */
	int held;    /* … which is this one */
};
extern struct manager manager;

/* At NOTIFY_SOCKET, a thread of this process; `silent`: until manager_run is started by the caller. */
void manager_start(unsigned limit, bool silent);
void *manager_run(void *arg);
int manager_stop(void **state); /* cmocka's teardown */

/* Waits until everything said so far was heard. */
void settle(void);
/* How many of that name it keeps; which socket the last one is. */
unsigned count(const char *name);
uint64_t identity_of(const char *name);

/* Hands descriptors in as systemd does; the originals are closed. names: NULL for none. */
void hand_in(const char *names, const int *fds, int n);
/* What the manager keeps, to the next agent. */
void hand_over(void);

/* Out of the way of what is handed in; the original is closed. */
int high(int fd);
int netlink(void);
uint64_t identity(int fd); /* SO_COOKIE */
bool is_open(int fd);

#endif
