/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Asking the daemon over its socket whether a namespace is as its workload wants it, until it is or time is up. It
 * blocks: whoever asks has nothing else to do, and the runtime waits for it.
 */
#ifndef NANOSEG_HOOKS_ASK_H
#define NANOSEG_HOOKS_ASK_H

#include <stdint.h>

#include "subject.h"

#define NS_ASK_SOCKET_DEFAULT     "/run/nanoseg/nanosegd.sock"
#define NS_ASK_SOCKET_MAX         108 /* sun_path of unix(7), with its NUL */
#define NS_ASK_TIMEOUT_DEFAULT_US INT64_C(10000000)
#define NS_ASK_TIMEOUT_MIN_US     INT64_C(10000)
#define NS_ASK_TIMEOUT_MAX_US     INT64_C(600000000)

struct ns_ask {
	const char *socket;
	int64_t timeout_us;
};

struct ns_ask_answer {
	uint64_t cookie; /* of the endpoint; 0: on the host's network, where nothing is to be waited for */
	char workload[NS_WORKLOAD_MAX]; /* "": likewise */
	char mode[16];
};

/* "10s", within the bounds above. */
int ns_ask_timeout_parse(const char *text, int64_t *ret, struct ns_error *err);
/* An absolute path that a socket may have. */
int ns_ask_socket_check(const char *path, struct ns_error *err);

/* 0: its rules are in; or the subject names no workload, and its links are shut until its engine does. -ETIMEDOUT: not
 * in time; the text says what is missing, or that and why the daemon does not answer (one that is being restarted is
 * waited for). -EACCES, -EINVAL: refused, and asking again would not help. */
int ns_ask_ready(const struct ns_ask *ask, const struct ns_subject *subject, struct ns_ask_answer *ret,
		 struct ns_error *err);

/* Whether the kernel holds what is planned for that endpoint. -EBADE: not so, with the difference. Other errors: it
 * could not be found out. */
int ns_ask_verify(const struct ns_ask *ask, const struct ns_ask_answer *endpoint, struct ns_error *err);

#endif
