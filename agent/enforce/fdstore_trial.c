/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "fdstore_trial.h"

int ns_fdstore_remove(const char *name)
{
	char state[256 + 32];

	(void)snprintf(state, sizeof state, "FDSTOREREMOVE=1\nFDNAME=%s", name);
	return sd_notify(0, state);
}

/* FDPOLL=0: a socket of a monitor that overran shows EPOLLERR, and systemd would throw it away for that. */
int ns_fdstore_send(const char *name, int fd)
{
	char state[256 + 32];
	int r;

	(void)snprintf(state, sizeof state, "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	r = sd_pid_notify_with_fds(0, 0, state, &fd, 1);
	return r == 0 ? -ENOTCONN : r;
}

void ns_fdstore_trial_end(struct ns_fdstore_trial *trial)
{
	ns_closep(&trial->kept);
	ns_closep(&trial->barrier);
	trial->kept = trial->barrier = -1;
}

static int trial_send_end(int *ret_ours, const char *name)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	r = name ? ns_fdstore_send(name, ends[1]) : sd_pid_notify_with_fds(0, 0, "BARRIER=1", &ends[1], 1);
	(void)close(ends[1]);
	if (r <= 0) {
		(void)close(ends[0]);
		return r < 0 ? r : -ENOTCONN;
	}
	*ret_ours = ends[0];
	return 0;
}

uint64_t ns_fdstore_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int ns_fdstore_trial_begin(struct ns_fdstore_trial *trial)
{
	int r = trial_send_end(&trial->kept, NS_FDSTORE_TRIAL_NAME);

	if (r == 0)
		r = trial_send_end(&trial->barrier, NULL);
	if (r < 0)
		ns_fdstore_trial_end(trial);
	trial->begun_ms = ns_fdstore_now_ms();
	return r;
}

static bool hung_up(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd };
	int r;

	do
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	return r > 0 && (p.revents & POLLHUP);
}

int ns_fdstore_trial_result(struct ns_fdstore_trial *trial, int timeout_ms)
{
	bool refused;

	if (trial->barrier < 0 || !hung_up(trial->barrier, timeout_ms))
		return -EAGAIN;
	refused = hung_up(trial->kept, 0);
	ns_fdstore_trial_end(trial);
	if (!refused)
		(void)ns_fdstore_remove(NS_FDSTORE_TRIAL_NAME);
	return !refused;
}
