/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A hook of a runtime asks whether a container may start: whether the plan of its workload is in and its links are
 * open.
 */
#include <stdio.h>
#include <string.h>

#include "engine_private.h"

static void say(struct ns_readiness *ret, const char *why)
{
	(void)snprintf(ret->why, sizeof ret->why, "%s", why);
}

static void judge(struct ns_engine *engine, const struct ns_endpoint *endpoint, struct ns_readiness *ret)
{
	const struct ns_attachment *attachment = ns_attachment_of(endpoint);
	const char *why;
	size_t n_ports = 0;
	bool open;

	if (!attachment) {
		say(ret, "its network namespace cannot be entered");
		return;
	}
	(void)snprintf(ret->workload, sizeof ret->workload, "%s", attachment->workload);
	(void)snprintf(ret->mode, sizeof ret->mode, "%s",
		       attachment->mode == NS_MODE_INVALID ? "pending" : ns_mode_format(attachment->mode));
	open = !engine->gate.lock || ns_gate_is_open_for(engine, endpoint->netns_cookie, &n_ports, &why);
	/* Engines do not answer questions about a container while a hook of its start runs (Podman about none at all),
	 * so who it is may be told only when the hook has ended. */
	ret->held = !attachment->identified && !open && n_ports > 0 && !engine->gate.failure[0];
	if (!attachment->identified)
		say(ret, "its runtime has not told whose it is");
	else if (attachment->failure)
		say(ret, attachment->failure);
	else if (attachment->outer.failure)
		say(ret, attachment->outer.failure);
	else if (attachment->mode == NS_MODE_INVALID || attachment->dirty)
		say(ret, "its rules are not in yet");
	else if (!open)
		say(ret, why);
	else
		ret->ready = true;
}

int ns_engine_ready(struct ns_engine *engine, const struct ns_hint *hint, struct ns_readiness *ret,
		    struct ns_error *err)
{
	struct ns_endpoint *endpoint = NULL;
	int r = ns_watch_hint(engine->watch, hint, &endpoint, err);

	if (r < 0)
		return r;
	memset(ret, 0, sizeof *ret);
	ns_engine_turn(engine);
	ns_engine_hasten(engine, endpoint);
	ret->cookie = endpoint->cookie;
	judge(engine, endpoint, ret);
	return 0;
}
