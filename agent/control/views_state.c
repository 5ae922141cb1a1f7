/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sys/utsname.h>

#include "cleanup.h"
#include "clock.h"
#include "views.h"

int ns_view_status(struct ns_engine *engine, int64_t started, struct ns_text *ret, struct ns_error *err)
{
	NS_JSON json_t *status = ns_engine_status(engine);
	NS_JSON json_t *own = NULL;
	struct utsname kernel;

	if (uname(&kernel) < 0)
		return ns_error_set(err, -errno, "uname: %m");
	own = json_pack("{s:s, s:I, s:s}", "version", NANOSEG_VERSION, "uptime",
			(json_int_t)((ns_clock_elapsed() - started) / 1000000), "kernel", kernel.release);
	if (!status || !own || json_object_update(status, own) < 0)
		return ns_error_set(err, -ENOMEM, "out of memory for the status");
	return ns_text_take_json(ret, NS_TAKE(status), err);
}

int ns_view_endpoints(struct ns_engine *engine, struct ns_text *ret, struct ns_error *err)
{
	return ns_text_take_json(ret, ns_engine_endpoints(engine), err);
}
