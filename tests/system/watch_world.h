/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A watcher in the lab of watch_lab.h, and what it has told: the tests of a program share one at a time.
 */
#ifndef NANOSEG_WATCH_WORLD_H
#define NANOSEG_WATCH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch.h"
#include "watch_lab.h"

#define ID_A "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
/* Not "docker": labs of others clean up what is called so. */
#define CGROUP "nerdctl-" ID_A ".scope"
#define HOUR   3600000000ull

/* Counts since the watcher was made, and what came last. */
struct seen {
	int attached, identified, addresses, detached, host;
	char last_attached[NS_WORKLOAD_MAX], last_detached[NS_WORKLOAD_MAX];
	bool inside; /* a callback is running: none may come within it */
	bool fd_was_open;
	uint64_t fd_cookie;
	int ports, port_gone; /* events; of these, ends */
	struct ns_port last_port;
	double port_at; /* lab_seconds() of the last */
};

extern sd_event *loop;
extern struct ns_watch *watch;
extern struct seen seen;
extern char cgroup[512]; /* "": none was made */

/* For each test: an empty /run, and an end to every process, link and cgroup. */
int watch_setup(void **state);
int watch_teardown(void **state);

/* Makes `watch`; fails the test when it cannot. */
void begin(uint64_t scan_interval);
void run_for(double seconds);
/* Turns the loop until the condition holds; fails the test when that takes more than `limit` seconds. */
#define UNTIL(condition, limit)                                                                                        \
	do {                                                                                                           \
		double end = lab_seconds() + (limit);                                                                  \
		while (!(condition)) {                                                                                 \
			if (lab_seconds() > end)                                                                       \
				fail_msg("not in time: " #condition);                                                  \
			assert_true(sd_event_run(loop, 2000) >= 0);                                                    \
		}                                                                                                      \
	} while (0)

struct ns_endpoint *find(const char *workload);
const struct ns_port *port_named(const char *name);
bool port_leads(const char *name, enum ns_port_far far, uint64_t cookie);
size_t count_endpoints(void);
size_t count_entries(const char *path);
bool has_address(const struct ns_endpoint *endpoint, const char *text);

/* Takes the unified hierarchy away, but for the cgroups of lab_cgroup_make, of which `cgroup` is made the path; back
 * with the end of the test. */
void hide_cgroups(void);

/* A veth into a namespace: when the kernel has destroyed the namespace, the end out here is gone too. */
void tie(const char *name, const char *where);

#endif
