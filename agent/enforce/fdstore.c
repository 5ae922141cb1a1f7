/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include <nanoseg/limits.h>

#include "cleanup.h"
#include "fdstore.h"
#include "fdstore_trial.h"

#define NAME_PREFIX "ns-"
#define NAME_SIZE   sizeof(NAME_PREFIX "18446744073709551615")

static const char why_no_manager[] = "not started by systemd";
static const char why_silent[] = "the service manager does not answer";
static const char why_refused[] =
	"the service manager keeps no sockets of this unit (FileDescriptorStoreMax= and NotifyAccess= of the unit)";
static const char why_full[] =
	"the service manager keeps no more sockets of this unit (FileDescriptorStoreMax= of the unit)";
static const char why_waiting[] = "the service manager is still taking the sockets";

struct kept {
	uint64_t cookie; /* of the namespace */
	uint64_t socket; /* SO_COOKIE: which socket it is, whatever its number here */
	int fd;          /* handed in, and not taken yet; else -1 */
	int waiting;     /* a duplicate that is still to be sent; else -1 */
};

struct ns_fdstore {
	bool manager;         /* somebody may listen at NOTIFY_SOCKET */
	const char *why;      /* "": the last trial was kept */
	const char *reported; /* what `available` said when `check` was last asked */
	struct ns_fdstore_trial trial;
	bool untried;        /* something may be otherwise than at the last trial */
	unsigned unanswered; /* sent, and no trial since has ended */
	int activated;
	size_t max, names_bytes;
	size_t n_kept, n_waiting, allocated;
	struct kept *kept;
};

/* ---- names ---- */

static void format_name(uint64_t cookie, char ret[NAME_SIZE])
{
	(void)snprintf(ret, NAME_SIZE, NAME_PREFIX "%" PRIu64, cookie);
}

/* The cookie in a name; 0 when it is not one that format_name makes. */
static uint64_t parse_name(const char *name)
{
	char again[NAME_SIZE];
	uint64_t cookie;

	if (strncmp(name, NAME_PREFIX, sizeof NAME_PREFIX - 1) != 0)
		return 0;
	errno = 0;
	cookie = strtoull(name + sizeof NAME_PREFIX - 1, NULL, 10);
	if (errno != 0)
		return 0;
	format_name(cookie, again);
	return strcmp(name, again) == 0 ? cookie : 0;
}

/* ---- the table of what is kept ---- */

static struct kept *find(const struct ns_fdstore *store, uint64_t cookie)
{
	for (size_t i = 0; store && i < store->n_kept; i++)
		if (store->kept[i].cookie == cookie)
			return &store->kept[i];
	return NULL;
}

static size_t name_bytes(uint64_t cookie)
{
	char name[NAME_SIZE];

	format_name(cookie, name);
	return strlen(name) + 1; /* the colon between two */
}

static int append(struct ns_fdstore *store, const struct kept *kept)
{
	if (store->n_kept == store->allocated) {
		size_t n = store->allocated ? store->allocated * 2 : 64;
		struct kept *bigger = reallocarray(store->kept, n, sizeof *bigger);

		if (!bigger)
			return -ENOMEM;
		store->kept = bigger;
		store->allocated = n;
	}
	store->kept[store->n_kept++] = *kept;
	store->names_bytes += name_bytes(kept->cookie);
	return 0;
}

/* Forgets an entry, and lets the manager forget it. Another one takes its place in the table. */
static void let_go(struct ns_fdstore *store, struct kept *kept)
{
	char name[NAME_SIZE];

	if (kept->waiting >= 0) {
		(void)close(kept->waiting);
		store->n_waiting--;
	} else {
		format_name(kept->cookie, name);
		(void)ns_fdstore_remove(name);
	}
	ns_closep(&kept->fd);
	store->names_bytes -= name_bytes(kept->cookie);
	*kept = store->kept[--store->n_kept];
}

/* 0: it has none, and cannot be told from others. */
static uint64_t socket_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof cookie;

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

static bool is_netlink(int fd)
{
	return sd_is_socket(fd, AF_NETLINK, 0, -1) > 0;
}

/* ---- sending, in step with the manager ---- */

static void start_trial(struct ns_fdstore *store)
{
	store->trial.covers = store->unanswered;
	store->untried = false;
	if (ns_fdstore_trial_begin(&store->trial) < 0)
		store->why = why_silent;
}

static void take_answer(struct ns_fdstore *store, int timeout_ms)
{
	int r = ns_fdstore_trial_result(&store->trial, timeout_ms);

	if (r != -EAGAIN) {
		store->unanswered -= store->trial.covers;
		store->why = r > 0 ? "" : store->n_kept > 0 ? why_full : why_refused;
	} else if (store->trial.barrier >= 0 && ns_fdstore_now_ms() - store->trial.begun_ms >= NS_FDSTORE_WAIT_MS) {
		store->why = why_silent;
	}
}

static int send_one(struct ns_fdstore *store, uint64_t cookie, int fd)
{
	char name[NAME_SIZE];
	int r;

	format_name(cookie, name);
	r = ns_fdstore_send(name, fd);
	if (r < 0)
		return r;
	store->unanswered++;
	store->untried = true;
	return 0;
}

/* systemd compares each descriptor with all that it keeps: a thousand take it half a second or more, and sending blocks
 * meanwhile. So there is never more than a burst on the way. */
static void pump(struct ns_fdstore *store)
{
	take_answer(store, 0);
	for (size_t i = 0; store->n_waiting > 0 && i < store->n_kept && store->unanswered < NS_FDSTORE_BURST; i++) {
		struct kept *kept = &store->kept[i];

		if (kept->waiting < 0)
			continue;
		if (send_one(store, kept->cookie, kept->waiting) < 0)
			store->why = why_silent;
		(void)close(kept->waiting);
		kept->waiting = -1;
		store->n_waiting--;
	}
	if (store->unanswered >= NS_FDSTORE_BURST && store->trial.barrier < 0)
		start_trial(store);
}

/* ---- taking over ---- */

static void take_over_kept(struct ns_fdstore *store, uint64_t cookie, int fd)
{
	struct kept kept = { .cookie = cookie, .socket = socket_cookie(fd), .fd = fd, .waiting = -1 };
	struct kept *known = find(store, cookie);

	/* Two of one name: the later one was meant to replace the earlier one. */
	if (known) {
		ns_closep(&known->fd);
		*known = kept;
	} else if (append(store, &kept) < 0) {
		(void)close(fd);
	}
}

static int take_over(struct ns_fdstore *store, struct ns_error *err)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);
	int unknown = 0;

	if (n < 0)
		return ns_error_set(err, n, "cannot read what the service manager hands in (LISTEN_FDS): %s",
				    strerror(-n));
	for (int i = 0; i < n; i++) {
		const char *name = names[i];
		int fd = SD_LISTEN_FDS_START + i;
		uint64_t cookie = parse_name(name);

		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		if (cookie != 0 && is_netlink(fd)) {
			take_over_kept(store, cookie, fd);
		} else if (store->activated < 0 && sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) > 0) {
			store->activated = fd;
		} else {
			(void)close(fd);
			(void)ns_fdstore_remove(name);
			/* A trial that was under way when the agent died. */
			if (strcmp(name, NS_FDSTORE_TRIAL_NAME) != 0)
				unknown++;
		}
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return unknown;
}

/* systemd 254 and later says how many it keeps. */
static size_t allowed(void)
{
	const char *text = getenv("FDSTORE");
	unsigned long n;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return NS_FDSTORE_MAX;
	errno = 0;
	n = strtoul(text, &end, 10);
	return errno == 0 && *end == '\0' && n < NS_FDSTORE_MAX ? n : NS_FDSTORE_MAX;
}

int ns_fdstore_open(struct ns_fdstore **ret, struct ns_error *err)
{
	struct ns_fdstore *store = calloc(1, sizeof *store);
	const char *socket_path = getenv("NOTIFY_SOCKET");
	int unknown;

	if (!store)
		return ns_error_set(err, -ENOMEM, "out of memory for the kept sockets");
	store->trial = (struct ns_fdstore_trial)NS_FDSTORE_TRIAL_INIT;
	store->activated = -1;
	store->max = allowed();
	store->manager = socket_path && *socket_path;
	unknown = take_over(store, err);
	if (unknown < 0) {
		(void)ns_fdstore_close(store);
		return unknown;
	}
	store->why = why_no_manager;
	if (store->manager) {
		store->why = why_silent;
		start_trial(store);
		/* Without an answer it stays under way: the answer may come yet. */
		take_answer(store, NS_FDSTORE_WAIT_MS);
	}
	store->reported = store->why;
	*ret = store;
	return unknown;
}

struct ns_fdstore *ns_fdstore_close(struct ns_fdstore *store)
{
	if (!store)
		return NULL;
	for (size_t i = 0; i < store->n_kept; i++) {
		ns_closep(&store->kept[i].fd);
		ns_closep(&store->kept[i].waiting);
	}
	ns_fdstore_trial_end(&store->trial);
	free(store->kept);
	free(store);
	return NULL;
}

/* ---- what is asked ---- */

bool ns_fdstore_available(const struct ns_fdstore *store, const char **ret_why)
{
	*ret_why = !store ? why_no_manager : !*store->why && store->n_waiting > 0 ? why_waiting : store->why;
	return **ret_why == '\0';
}

bool ns_fdstore_check(struct ns_fdstore *store)
{
	const char *before, *now;

	if (!store || !store->manager)
		return false;
	pump(store);
	if (store->untried && store->trial.barrier < 0)
		start_trial(store);
	before = store->reported;
	(void)ns_fdstore_available(store, &now);
	store->reported = now;
	return strcmp(before, now) != 0;
}

bool ns_fdstore_busy(const struct ns_fdstore *store)
{
	return store && store->manager && (store->n_waiting > 0 || store->untried || store->trial.barrier >= 0);
}

size_t ns_fdstore_kept(const struct ns_fdstore *store)
{
	return store ? store->n_kept : 0;
}

int ns_fdstore_take(struct ns_fdstore *store, uint64_t cookie)
{
	struct kept *kept = find(store, cookie);

	return kept ? NS_TAKE_FD(kept->fd) : -1;
}

static int check_room(const struct ns_fdstore *store, uint64_t cookie, struct ns_error *err)
{
	if (store->n_kept >= store->max)
		return ns_error_set(err, -E2BIG, "%zu sockets are kept, and more than %zu cannot be", store->n_kept,
				    store->max);
	if (store->names_bytes + name_bytes(cookie) > NS_FDSTORE_NAMES_BYTES)
		return ns_error_set(err, -E2BIG,
				    "%zu sockets are kept, and the names of more would not fit into the "
				    "%d bytes that a program can be started with",
				    store->n_kept, NS_FDSTORE_NAMES_BYTES);
	return 0;
}

int ns_fdstore_keep(struct ns_fdstore *store, uint64_t cookie, int fd, struct ns_error *err)
{
	struct kept kept = { .cookie = cookie, .socket = socket_cookie(fd), .fd = -1, .waiting = -1 };
	struct kept *known = find(store, cookie);
	int r;

	if (!store || !store->manager || store->why == why_refused)
		return 0;
	if (cookie == 0 || !is_netlink(fd))
		return ns_error_set(err, -EINVAL, "only netlink sockets of a namespace are kept");
	if (known && kept.socket != 0 && known->socket == kept.socket)
		return 0;
	if (known)
		let_go(store, known);
	r = check_room(store, cookie, err);
	if (r < 0)
		return r;
	kept.waiting = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (kept.waiting < 0) {
		r = -errno;
		return ns_error_set(err, r, "no descriptor for a socket to keep: %s", strerror(-r));
	}
	if (append(store, &kept) < 0) {
		(void)close(kept.waiting);
		return ns_error_set(err, -ENOMEM, "out of memory for the kept sockets");
	}
	store->n_waiting++;
	pump(store);
	return 0;
}

void ns_fdstore_drop(struct ns_fdstore *store, uint64_t cookie)
{
	struct kept *kept = find(store, cookie);

	if (!kept)
		return;
	let_go(store, kept);
	store->untried = store->manager; /* there may be room again */
}

size_t ns_fdstore_drop_untaken(struct ns_fdstore *store)
{
	size_t dropped = 0;

	for (size_t i = 0; store && i < store->n_kept;) {
		if (store->kept[i].fd < 0) {
			i++;
			continue;
		}
		let_go(store, &store->kept[i]);
		dropped++;
	}
	return dropped;
}

int ns_fdstore_activated(const struct ns_fdstore *store)
{
	return store ? store->activated : -1;
}
