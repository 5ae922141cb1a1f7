/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See watch_world.h.
 */
#include <dirent.h>

#include "cgroup2.h"
#include "cleanup.h"
#include "netns.h"
#include "watch_world.h"

sd_event *loop;
struct ns_watch *watch;
struct seen seen;
char cgroup[512];
static char hidden[PATH_MAX], hidden_cgroup[512]; /* the hierarchy's mount, and what `cgroup` was called */

static void enter_callback(void)
{
	assert_false(seen.inside);
	seen.inside = true;
}

static void on_attach(void *ctx, struct ns_endpoint *endpoint, int netns_fd)
{
	enter_callback();
	seen.attached++;
	seen.fd_was_open = fcntl(netns_fd, F_GETFD) >= 0;
	seen.fd_cookie = 0;
	(void)ns_netns_cookie(netns_fd, &seen.fd_cookie, NULL);
	memcpy(seen.last_attached, endpoint->workload, sizeof seen.last_attached);
	seen.inside = false;
}

static void on_identify(void *ctx, struct ns_endpoint *endpoint, const char *old_workload)
{
	enter_callback();
	seen.identified++;
	seen.inside = false;
}

static void on_addresses(void *ctx, struct ns_endpoint *endpoint)
{
	enter_callback();
	seen.addresses++;
	seen.inside = false;
}

static void on_detach(void *ctx, struct ns_endpoint *endpoint)
{
	enter_callback();
	seen.detached++;
	memcpy(seen.last_detached, endpoint->workload, sizeof seen.last_detached);
	seen.inside = false;
}

static void on_host(void *ctx)
{
	enter_callback();
	seen.host++;
	seen.inside = false;
}

static void on_port(void *ctx, const struct ns_port *port, bool gone)
{
	enter_callback();
	seen.ports++;
	seen.last_port = *port;
	seen.port_gone += gone;
	seen.port_at = lab_seconds();
	seen.inside = false;
}

void begin(uint64_t scan_interval)
{
	static const struct ns_watch_events events = {
		on_attach, on_identify, on_addresses, on_detach, on_host, on_port
	};
	struct ns_watch_config config = { .netns_dirs = { "/run/netns", "/run/docker/netns" },
					  .n_netns_dirs = 2,
					  .scan_interval_us = scan_interval };
	struct ns_error err = NS_ERROR_INIT;

	seen = (struct seen){ 0 };
	assert_int_equal(sd_event_new(&loop), 0);
	if (ns_watch_new(loop, &config, &events, NULL, &watch, &err) < 0)
		fail_msg("%s", err.text);
}

int watch_setup(void **state)
{
	lab_fresh_run();
	return 0;
}

int watch_teardown(void **state)
{
	watch = ns_watch_free(watch);
	loop = sd_event_unref(loop);
	/* This is pid 1 of its own pid namespace: nobody else is meant. */
	(void)kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (*hidden) {
		lab_sh("mount -t cgroup2 cgroup2 %s", hidden);
		memcpy(cgroup, hidden_cgroup, sizeof cgroup);
		hidden[0] = '\0';
	}
	if (*cgroup)
		lab_cgroup_remove(cgroup);
	*cgroup = '\0';
	lab_sh("ip -o link show type veth | sed 's/.*: \\(.*\\)@.*/\\1/' | while read l; do ip link del $l "
	       "2>/dev/null; done; "
	       "ip addr flush dev lo");
	return 0;
}

void hide_cgroups(void)
{
	char mount[PATH_MAX], parent[512];

	if (ns_cgroup2_mount(mount, NULL) < 0)
		return;
	assert_true(strncmp(cgroup, mount, strlen(mount)) == 0);
	memcpy(hidden, mount, sizeof hidden);
	memcpy(hidden_cgroup, cgroup, sizeof cgroup);
	memcpy(parent, cgroup, sizeof parent);
	*strrchr(parent, '/') = '\0';
	lab_sh("mkdir /run/cgroups && mount --bind %s /run/cgroups && umount -l %s", parent, mount);
	(void)snprintf(cgroup, sizeof cgroup, "/run/cgroups%s", strrchr(hidden_cgroup, '/'));
	assert_int_equal(ns_cgroup2_mount(mount, NULL), -ENOENT);
}

void run_for(double seconds)
{
	for (double end = lab_seconds() + seconds; lab_seconds() < end;)
		assert_true(sd_event_run(loop, 2000) >= 0);
}

struct ns_endpoint *find(const char *workload)
{
	for (struct ns_endpoint *e = ns_watch_next(watch, NULL); e; e = ns_watch_next(watch, e))
		if (strcmp(e->workload, workload) == 0)
			return e;
	return NULL;
}

const struct ns_port *port_named(const char *name)
{
	size_t n;
	const struct ns_port *ports = ns_watch_ports(watch, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(ports[i].name, name) == 0)
			return &ports[i];
	return NULL;
}

bool port_leads(const char *name, enum ns_port_far far, uint64_t cookie)
{
	const struct ns_port *port = port_named(name);

	return port && port->far == far && port->cookie == cookie;
}

size_t count_endpoints(void)
{
	size_t n = 0;

	for (struct ns_endpoint *e = ns_watch_next(watch, NULL); e; e = ns_watch_next(watch, e))
		n++;
	return n;
}

size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

bool has_address(const struct ns_endpoint *endpoint, const char *text)
{
	char buf[NS_ADDR_TEXT_MAX];

	for (size_t i = 0; i < endpoint->n_addresses; i++)
		if (strcmp(ns_addr_format(&endpoint->addresses[i].addr, buf), text) == 0)
			return true;
	return false;
}

void tie(const char *name, const char *where)
{
	lab_sh("ip link add %s type veth peer name eth0 netns %s", name, where);
}
