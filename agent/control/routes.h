/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of routes: which methods and paths there are, who may use them, and what answers. api.h lists them.
 */
#ifndef NANOSEG_ROUTES_H
#define NANOSEG_ROUTES_H

#include "engine.h"
#include "request.h"

struct ns_service {
	struct ns_engine *engine;
	int64_t started; /* ns_clock_elapsed() */
	unsigned later;  /* answers under way that are made in steps; at most NS_HTTP_LATER_MAX and NS_HTTP_LATER_ROOT.
			    Whoever holds them  counts. */
};

struct ns_route;

/* The route and 200; or NULL and 404 or 405 (allow is then the value of the Allow header). */
const struct ns_route *ns_route_find(const char *method, const char *path, unsigned *ret_status,
				     char allow[static NS_ALLOW_MAX]);
bool ns_route_permits(const struct ns_route *route, const struct ns_caller *caller);

/* Answers anything: fills status and text, an error's too, or `later`. Roles are checked here. */
void ns_request_answer(const struct ns_service *service, const struct ns_request *request, struct ns_reply *reply);
/* One step of a reply with `later` that is not streamed. false: it is whole. */
bool ns_request_go_on(const struct ns_service *service, const struct ns_request *request, struct ns_reply *reply);

#endif
