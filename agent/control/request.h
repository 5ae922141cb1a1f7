/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One request, as HTTP brought it, and one answer, as HTTP will carry it. Between the two is the table of routes;
 * neither side of it knows the other's libraries.
 */
#ifndef NANOSEG_REQUEST_H
#define NANOSEG_REQUEST_H

#include <nanoseg/limits.h>

#include "peer.h"
#include "text.h"

struct ns_parameter { /* of the query string; borrowed, percent-decoded */
	const char *name;
	const char *value; /* NULL: "?name" without "=" */
};

struct ns_request {
	const char *method, *path;
	const struct ns_caller *caller;
	struct ns_parameter parameters[NS_HTTP_PARAMETERS_MAX];
	size_t n_parameters;
	const char *body; /* NULL when body_length is 0 */
	size_t body_length;
};

#define NS_ALLOW_MAX 32

#define NS_SUBJECT_MAX (NS_WORKLOAD_MAX + NS_DIGEST_TEXT_MAX + 64)

struct ns_reply {
	unsigned status;
	struct ns_text text;      /* always one JSON document */
	char allow[NS_ALLOW_MAX]; /* the Allow header of a 405; else "" */
	/* What takes long is done in steps, between which everybody else is served. Then `later` makes the text: piece
	 * by piece on its way out (`streamed`), or as a whole, since only its end says what the status is. */
	struct ns_stream later; /* next NULL: the text is there */
	bool streamed;
	char subject[NS_SUBJECT_MAX]; /* what it is about, for the log */
};

#define NS_REPLY_INIT                                                                                                  \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_reply_release(struct ns_reply *reply);
/* {"error": line} in place of what is there. */
void ns_reply_error(struct ns_reply *reply, unsigned status, const char *line);

/* ---- strict reading of the query string ----
 *
 * Parameters that nobody asked for, that come twice or without a value are -EINVAL; the text starts with "?name". */

/* `names` (NULL-terminated) are those the route knows. */
int ns_parameters_check(const struct ns_request *request, const char *const *names, struct ns_error *err);
/* NULL: not there. */
const char *ns_parameter_find(const struct ns_request *request, const char *name);
/* A workload's name; absent gives NULL, or -EINVAL when it is required. */
int ns_parameter_workload(const struct ns_request *request, bool required, const char **ret, struct ns_error *err);
/* A revision from 1; absent leaves *ret as it is. */
int ns_parameter_revision(const struct ns_request *request, const char *name, uint64_t *ret, struct ns_error *err);
/* RFC 3339; absent leaves *ret as it is. */
int ns_parameter_time(const struct ns_request *request, const char *name, int64_t *ret, struct ns_error *err);

/* Not empty, not too long, UTF-8, no control characters; `where` ("?workload", "$.workload") starts the text. */
int ns_workload_check(const char *name, const char *where, struct ns_error *err);

#endif
