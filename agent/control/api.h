/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The API: HTTP/1.1 and JSON on a unix socket. Who asks is the socket's peer credential (SO_PEERCRED), and what they
 * may is told by their Unix groups: nanoseg-viewer, nanoseg-operator, nanoseg-approver; uid 0 may everything.
 *
 *   GET  /v1/status                                     viewer
 *   GET  /v1/endpoints                                  viewer
 *   GET  /v1/graph[?workload=W]                         viewer
 *   GET  /v1/denies[?workload=W][&after=TIME]           viewer
 *   POST /v1/learn      {"workload","action":"start|stop"}            operator
 *   GET  /v1/policies                                   viewer
 *   GET  /v1/policy?workload=W[&revision=N]             viewer
 *   GET  /v1/policy/history?workload=W                  viewer
 *   GET  /v1/policy/diff?workload=W[&from=N][&to=N]     viewer     active against proposed when not given
 *   POST /v1/policy/propose {"workload"}                operator
 *   POST /v1/policy/edit    a policy document           operator   becomes the new proposed revision
 *   POST /v1/policy/approve {"workload","digest","reason"}  approver
 *   POST /v1/policy/reject  {"workload","digest","reason"}  approver
 *   POST /v1/mode       {"workload","mode"[,"reason"]}  operator for learning and auditing; approver for enforcing
 *   GET  /v1/evidence[?workload=W]                      viewer     is written into the audit log
 *
 * Every answer is one JSON document. Errors are {"error":"one line"} with status 400 (bad input), 403 (role), 404 (no
 * such workload, policy or path), 405, 409 (state forbids it: nothing approved, another digest), 413, 500, 502 (decided
 * and stored, but an endpoint's kernel state could not follow: the line says which and why), 503 (try again). README.md
 * lists the members of each document.
 */
#ifndef NANOSEG_API_H
#define NANOSEG_API_H

#include <systemd/sd-event.h>

#include "engine.h"

struct ns_api;

/* Listens on socket_path (mode 0660, group "nanoseg" when that group exists) or on listen_fd >= 0 handed over by
 * systemd. A stale socket is replaced; one that another daemon answers on is -EADDRINUSE. */
int ns_api_new(sd_event *event, struct ns_engine *engine, const char *socket_path, int listen_fd, struct ns_api **ret,
	       struct ns_error *err);
struct ns_api *ns_api_free(struct ns_api *api); /* accepts NULL; returns NULL */

#endif
