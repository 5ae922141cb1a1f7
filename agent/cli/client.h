/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One request to nanosegd over its unix socket, through libcurl. Results are exit codes: NS_CLI_OK with the document,
 * NS_CLI_REFUSED with the daemon's own line, NS_CLI_UNREACHABLE when nobody, or somebody else, answers.
 */
#ifndef NANOSEG_CLI_CLIENT_H
#define NANOSEG_CLI_CLIENT_H

#include <signal.h>
#include <stddef.h>

#include <jansson.h>

#include <nanoseg/error.h>
#include <nanoseg/limits.h>

#define NS_CLIENT_CONNECT_TIMEOUT_S 5
#define NS_CLIENT_TIMEOUT_S         300 /* the evidence of a full machine takes its time */

struct ns_response {
	char *text; /* as it came, with a NUL behind it */
	size_t length;
	json_t *json;
};

void ns_response_release(struct ns_response *response);

/* path: "/v1/graph" and pairs of parameter and value up to a NULL; a NULL value leaves its pair out. Malloced. */
char *ns_client_path(const char *path, ...) __attribute__((sentinel));

/* body NULL: GET, otherwise POST of that text. *ret is filled on NS_CLI_OK only; release it. `stop` (may be NULL) ends
 * the request when it becomes non-zero; that is NS_CLI_OK with an empty response. */
int ns_client_ask(const char *socket, const char *path, const char *body, size_t length,
		  const volatile sig_atomic_t *stop, struct ns_response *ret, struct ns_error *err);
/* The two everyday forms. `body` is stolen, NULL means there was no memory for it. `path` likewise is freed. */
int ns_client_get(const char *socket, char *path, struct ns_response *ret, struct ns_error *err);
/* A document of any length, handed on as it comes; what a 2xx brings alone. `path` is freed. The sink's exit code ends
 * it. That the end was reached is known when this returns NS_CLI_OK, and not before. */
typedef int (*ns_client_sink)(void *ctx, const char *data, size_t length, struct ns_error *err);
int ns_client_stream(const char *socket, char *path, ns_client_sink sink, void *ctx, struct ns_error *err);
int ns_client_post(const char *socket, const char *path, json_t *body, struct ns_response *ret, struct ns_error *err);

#endif
