/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What was recorded of the kernel is compared by the next agent with what is there. Killed between a commit and its
 * record, this one leaves a difference that nobody else made: that one is under way is stored before.
 */
#include "engine_private.h"
#include "log.h"

void ns_changing_recall(struct ns_engine *engine)
{
	struct ns_error err = NS_ERROR_INIT;

	if (ns_store_was_changing(engine->store, &engine->interrupted, &err) < 0)
		ns_log_error("whether the agent before this one was in the middle of a change is not known: %s",
			     err.text);
	engine->changing = engine->interrupted;
}

void ns_changing_begin(struct ns_engine *engine)
{
	struct ns_error err = NS_ERROR_INIT;

	if (engine->changing || engine->config.only_remove)
		return;
	if (ns_store_set_changing(engine->store, true, &err) < 0) {
		ns_log_error("that rules are being changed could not be stored: %s", err.text); /* no reason not to */
		return;
	}
	engine->changing = true;
	ns_engine_schedule(engine); /* to end it */
}

/* What the agent before left is not what was recorded, until it has been dealt with. */
static bool is_open(const struct ns_engine *engine, const struct ns_attachment *attachment)
{
	return attachment->behind || (engine->interrupted && attachment->adopted && attachment->left[0] &&
				      attachment->mode == NS_MODE_INVALID);
}

void ns_changing_end(struct ns_engine *engine)
{
	struct ns_error err = NS_ERROR_INIT;

	if (!engine->changing || engine->follow.n)
		return;
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		const struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (attachment && is_open(engine, attachment))
			return;
	}
	ns_engine_settle(engine); /* not before it is recorded */
	if (ns_store_set_changing(engine->store, false, &err) < 0)
		ns_log_error("that rules have been changed could not be stored: %s", err.text);
	else
		engine->changing = false;
}
