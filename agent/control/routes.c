/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "evidence.h"
#include "json.h"
#include "lifecycle.h"
#include "log.h"
#include "names.h"
#include "ready.h"
#include "routes.h"
#include "views.h"

/* ---- what a handler sees ---- */

struct call {
	const struct ns_service *service;
	const struct ns_request *request;
	const char *workload; /* from the query; NULL: none given */
	const json_t *body;   /* of a POST: an object */
	struct ns_lifecycle cycle;
	struct ns_stream *later; /* filled by those who answer in steps */
};

typedef int (*handler)(const struct call *call, struct ns_text *ret, struct ns_error *err);

/* Of no role: who asks tells the daemon what a container is, as only who starts it can know. */
#define ROOT_ONLY 0

enum workload_parameter { WORKLOAD_NONE = 0, WORKLOAD_OPTIONAL, WORKLOAD_REQUIRED };

/* An answer that may take long is made in steps: as a whole, or on its way out. */
enum pace { AT_ONCE = 0, IN_STEPS, STREAMED };

struct ns_route {
	const char *method, *path;
	const char *verb; /* of the command, for errors */
	handler handler;
	unsigned roles; /* one of these is enough; ROOT_ONLY */
	enum workload_parameter workload;
	const char *parameters[5]; /* NULL-terminated */
	enum pace pace;
};

/* ---- GET ---- */

static int get_status(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	return ns_view_status(call->service->engine, call->service->started, ret, err);
}

static int get_endpoints(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	return ns_view_endpoints(call->service->engine, ret, err);
}

static int get_graph(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	return ns_view_graph(call->service->engine, call->workload, call->later, err);
}

static int get_denies(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	int64_t after = 0;
	int r = ns_parameter_time(call->request, "after", &after, err);

	return r < 0 ? r : ns_view_denies(call->service->engine, call->workload, after, ret, err);
}

static int get_policies(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	return ns_view_policies(call->service->engine, ret, err);
}

static int get_policy(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	uint64_t revision = 0;
	int r = ns_parameter_revision(call->request, "revision", &revision, err);

	return r < 0 ? r : ns_view_policy(call->service->engine, call->workload, revision, ret, err);
}

static int get_history(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	return ns_view_history(call->service->engine, call->workload, ret, err);
}

static int get_diff(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	uint64_t from = 0, to = 0;
	int r = ns_parameter_revision(call->request, "from", &from, err);

	if (r >= 0)
		r = ns_parameter_revision(call->request, "to", &to, err);
	return r < 0 ? r : ns_view_diff(call->service->engine, call->workload, from, to, ret, err);
}

static int get_verify(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	return ns_view_verify(call->service->engine, call->workload, ret, err);
}

static int get_evidence(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	struct ns_store *store = ns_engine_store(call->service->engine);
	struct ns_workload row;
	int r = call->workload ? ns_store_get_workload(store, call->workload, &row, err) : 0;

	/* The entry comes first, so that the evidence that leaves the machine holds the fact that it did. */
	if (r >= 0)
		r = ns_store_audit(store, "evidence.export", call->workload, NULL, call->cycle.actor, call->cycle.now,
				   err);
	return r < 0 ? r : ns_evidence_export(call->service->engine, call->workload, call->later, err);
}

/* ---- POST ---- */

/* The members a body may have; each handler reads its own. */
static int begin_body(const struct call *call, struct ns_json_object *body, const char **ret_workload,
		      struct ns_error *err)
{
	int r = ns_json_object_begin(body, call->body, "$", err);

	if (r >= 0)
		r = ns_json_string(body, "workload", ret_workload, err);
	return r < 0 ? r : ns_workload_check(*ret_workload, "$.workload", err);
}

static int post_learn(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	const char *workload = NULL, *action = NULL;
	struct ns_json_object body;
	json_t *answer = NULL;
	int r = begin_body(call, &body, &workload, err);

	if (r >= 0)
		r = ns_json_string(&body, "action", &action, err);
	if (r >= 0)
		r = ns_json_object_end(&body, err);
	if (r < 0)
		return r;
	if (strcmp(action, "start") == 0)
		r = ns_lifecycle_learn_start(&call->cycle, workload, &answer, err);
	else if (strcmp(action, "stop") == 0)
		return ns_proposing_stream(&call->cycle, workload, true, call->later, err);
	else
		r = ns_error_set(err, -EINVAL, "$.action: must be \"start\" or \"stop\"");
	return r < 0 ? r : ns_text_take_json(ret, answer, err);
}

static int post_propose(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	const char *workload = NULL;
	struct ns_json_object body;
	int r = begin_body(call, &body, &workload, err);

	if (r >= 0)
		r = ns_json_object_end(&body, err);
	return r < 0 ? r : ns_proposing_stream(&call->cycle, workload, false, call->later, err);
}

static int post_edit(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	json_t *answer = NULL;
	int r = ns_lifecycle_edit(&call->cycle, call->body, &answer, err);

	return r < 0 ? r : ns_text_take_json(ret, answer, err);
}

static int post_ready(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	json_t *answer = NULL;
	int r = ns_ready_answer(call->service->engine, call->body, &answer, err);

	return r < 0 ? r : ns_text_take_json(ret, answer, err);
}

/* What the change cut off is told with it. Of one that failed nothing is told, and nothing is left for the next. */
static int take_cuts(const struct call *call, const char *workload, int r, json_t *answer, struct ns_error *err)
{
	json_t *cuts = ns_engine_take_cuts(call->service->engine, workload);

	if (r < 0) {
		json_decref(cuts);
		return r;
	}
	if (!answer || json_object_set_new(answer, "cut", cuts ? cuts : json_null()) < 0) {
		json_decref(answer);
		return ns_error_set(err, -ENOMEM, "out of memory for the answer");
	}
	return 0;
}

typedef int (*decision)(const struct ns_lifecycle *cycle, const char *workload, const char *digest, const char *reason,
			json_t **ret, struct ns_error *err);

static int post_decision(const struct call *call, decision decide, struct ns_text *ret, struct ns_error *err)
{
	const char *workload = NULL, *digest = NULL, *reason = NULL;
	struct ns_json_object body;
	json_t *answer = NULL;
	int r = begin_body(call, &body, &workload, err);

	if (r >= 0)
		r = ns_json_string(&body, "digest", &digest, err);
	if (r >= 0)
		r = ns_json_string(&body, "reason", &reason, err);
	if (r >= 0)
		r = ns_json_object_end(&body, err);
	if (r < 0)
		return r;
	r = decide(&call->cycle, workload, digest, reason, &answer, err);
	r = take_cuts(call, workload, r, answer, err);
	return r < 0 ? r : ns_text_take_json(ret, answer, err);
}

static int post_approve(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	return post_decision(call, ns_lifecycle_approve, ret, err);
}

static int post_reject(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	return post_decision(call, ns_lifecycle_reject, ret, err);
}

/* Which role a mode takes: putting a policy in force is the approver's, the rest is the operator's. */
static int check_mode_role(const struct ns_caller *caller, enum ns_mode mode, struct ns_error *err)
{
	unsigned role = mode == NS_MODE_ENFORCING ? NS_ROLE_APPROVER : NS_ROLE_OPERATOR;

	if (caller->roles & role)
		return 0;
	return ns_error_set(err, -EACCES, "'mode %s' is for members of %s", ns_mode_format(mode),
			    ns_roles_groups(role));
}

static int post_mode(const struct call *call, struct ns_text *ret, struct ns_error *err)
{
	const char *workload = NULL, *word = NULL, *reason = "";
	struct ns_json_object body;
	json_t *answer = NULL;
	enum ns_mode mode;
	int r = begin_body(call, &body, &workload, err);

	if (r >= 0)
		r = ns_json_string(&body, "mode", &word, err);
	if (r >= 0)
		r = ns_json_opt_string(&body, "reason", &reason, err);
	if (r >= 0)
		r = ns_json_object_end(&body, err);
	if (r < 0)
		return r;
	mode = ns_mode_parse(word);
	if (mode == NS_MODE_INVALID)
		return ns_error_set(err, -EINVAL, "$.mode: must be \"learning\", \"auditing\" or \"enforcing\"");
	r = check_mode_role(call->request->caller, mode, err);
	if (r < 0)
		return r;
	r = ns_lifecycle_mode(&call->cycle, workload, mode, reason, &answer, err);
	r = take_cuts(call, workload, r, answer, err);
	return r < 0 ? r : ns_text_take_json(ret, answer, err);
}

/* ---- the table ---- */

static const struct ns_route routes[] = {
	{ "GET", "/v1/status", "status", get_status, NS_ROLE_VIEWER, WORKLOAD_NONE, { NULL }, AT_ONCE },
	{ "GET", "/v1/endpoints", "endpoints", get_endpoints, NS_ROLE_VIEWER, WORKLOAD_NONE, { NULL }, AT_ONCE },
	{ "GET", "/v1/graph", "graph", get_graph, NS_ROLE_VIEWER, WORKLOAD_OPTIONAL, { "workload" }, STREAMED },
	{ "GET",
	  "/v1/denies",
	  "denies",
	  get_denies,
	  NS_ROLE_VIEWER,
	  WORKLOAD_OPTIONAL,
	  { "workload", "after" },
	  AT_ONCE },
	{ "POST", "/v1/learn", "learn", post_learn, NS_ROLE_OPERATOR, WORKLOAD_NONE, { NULL }, IN_STEPS },
	{ "GET", "/v1/policies", "policy list", get_policies, NS_ROLE_VIEWER, WORKLOAD_NONE, { NULL }, AT_ONCE },
	{ "GET",
	  "/v1/policy",
	  "policy show",
	  get_policy,
	  NS_ROLE_VIEWER,
	  WORKLOAD_REQUIRED,
	  { "workload", "revision" },
	  AT_ONCE },
	{ "GET",
	  "/v1/policy/history",
	  "policy history",
	  get_history,
	  NS_ROLE_VIEWER,
	  WORKLOAD_REQUIRED,
	  { "workload" },
	  AT_ONCE },
	{ "GET",
	  "/v1/policy/diff",
	  "policy diff",
	  get_diff,
	  NS_ROLE_VIEWER,
	  WORKLOAD_REQUIRED,
	  { "workload", "from", "to" },
	  AT_ONCE },
	{ "POST",
	  "/v1/policy/propose",
	  "policy propose",
	  post_propose,
	  NS_ROLE_OPERATOR,
	  WORKLOAD_NONE,
	  { NULL },
	  IN_STEPS },
	{ "POST", "/v1/policy/edit", "policy edit", post_edit, NS_ROLE_OPERATOR, WORKLOAD_NONE, { NULL }, AT_ONCE },
	{ "POST",
	  "/v1/policy/approve",
	  "policy approve",
	  post_approve,
	  NS_ROLE_APPROVER,
	  WORKLOAD_NONE,
	  { NULL },
	  AT_ONCE },
	{ "POST",
	  "/v1/policy/reject",
	  "policy reject",
	  post_reject,
	  NS_ROLE_APPROVER,
	  WORKLOAD_NONE,
	  { NULL },
	  AT_ONCE },
	{ "POST",
	  "/v1/mode",
	  "mode",
	  post_mode,
	  NS_ROLE_OPERATOR | NS_ROLE_APPROVER,
	  WORKLOAD_NONE,
	  { NULL },
	  AT_ONCE },
	{ "GET", "/v1/verify", "verify", get_verify, NS_ROLE_VIEWER, WORKLOAD_OPTIONAL, { "workload" }, AT_ONCE },
	{ "POST", "/v1/ready", "ready", post_ready, ROOT_ONLY, WORKLOAD_NONE, { NULL }, AT_ONCE },
	{ "GET",
	  "/v1/evidence",
	  "evidence export",
	  get_evidence,
	  NS_ROLE_VIEWER,
	  WORKLOAD_OPTIONAL,
	  { "workload" },
	  STREAMED },
};

const struct ns_route *ns_route_find(const char *method, const char *path, unsigned *ret_status,
				     char allow[static NS_ALLOW_MAX])
{
	size_t used = 0;

	allow[0] = '\0';
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		if (strcmp(routes[i].path, path) != 0)
			continue;
		if (strcmp(routes[i].method, method) == 0) {
			*ret_status = 200;
			return &routes[i];
		}
		used += (size_t)snprintf(allow + used, NS_ALLOW_MAX - used, "%s%s", used > 0 ? ", " : "",
					 routes[i].method);
	}
	*ret_status = used > 0 ? 405 : 404;
	return NULL;
}

bool ns_route_permits(const struct ns_route *route, const struct ns_caller *caller)
{
	return route->roles == ROOT_ONLY ? caller->uid == 0 : (route->roles & caller->roles) != 0;
}

/* ---- answering ---- */

static unsigned status_of(int code)
{
	switch (code) {
	case -EINVAL:
	case -ERANGE:
		return 400;
	case -EACCES:
		return 403;
	case -ENOENT:
		return 404;
	case -EALREADY:
	case -EEXIST:
	case -ENODATA:
	case -ESTALE:
		return 409;
	case -E2BIG:
	case -EFBIG:
		return 413;
	case -EREMOTEIO:
		return 502;
	case -EBUSY:
		return 503;
	default:
		return 500;
	}
}

static int read_body(const struct ns_route *route, const struct ns_request *request, json_t **ret, struct ns_error *err)
{
	if (strcmp(route->method, "GET") == 0)
		return request->body_length == 0 ? 0 : ns_error_set(err, -EINVAL, "$: GET takes no body");
	if (request->body_length == 0)
		return ns_error_set(err, -EINVAL, "$: the body must be a JSON object");
	return ns_json_decode(request->body, request->body_length, NS_HTTP_BODY_MAX, NS_POLICY_DEPTH_MAX, ret, err);
}

/* " (compose/shop/web, enforcing)": what a change was about, for the log. */
static void describe(const json_t *body, char ret[static NS_SUBJECT_MAX])
{
	static const char *const members[] = { "workload", "action", "mode", "digest" };
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		const char *value = json_string_value(json_object_get(body, members[i]));

		if (value && used + 2 < NS_SUBJECT_MAX)
			used += (size_t)snprintf(ret + used, NS_SUBJECT_MAX - used, "%s%.*s", used ? ", " : " (",
						 i == 0 ? NS_WORKLOAD_MAX - 1 : NS_DIGEST_TEXT_MAX - 1, value);
	}
	if (used > 0 && used + 1 < NS_SUBJECT_MAX)
		(void)snprintf(ret + used, NS_SUBJECT_MAX - used, ")");
}

/* An unknown workload is mostly a slip of the fingers. */
static int explain(const struct call *call, struct ns_error *err)
{
	const char *name = call->workload ? call->workload : json_string_value(json_object_get(call->body, "workload"));
	struct ns_error unknown = NS_ERROR_INIT;

	if (name && ns_names_explain(ns_engine_store(call->service->engine), name, &unknown) < 0)
		return ns_error_set(err, -ENOENT, "%s", unknown.text);
	return -ENOENT;
}

/* Whoever reads his answer slowly keeps nobody from deciding, and nobody keeps root. */
static unsigned most_at_once(const struct ns_route *route, const struct ns_caller *caller)
{
	unsigned most = route->pace == STREAMED ? NS_HTTP_STREAMED_MAX : NS_HTTP_LATER_MAX;

	return caller->uid == 0 ? most + NS_HTTP_LATER_ROOT : most;
}

static int run(const struct ns_service *service, const struct ns_route *route, const struct ns_request *request,
	       struct ns_reply *reply, struct ns_error *err)
{
	const struct ns_caller *caller = request->caller;
	struct ns_actor actor = { .uid = (int64_t)caller->uid, .pid = caller->pid };
	struct call call = { .service = service,
			     .request = request,
			     .cycle = { service->engine, &actor, ns_clock_now(), ns_clock_now },
			     .later = &reply->later };
	NS_JSON json_t *body = NULL;
	int r;

	(void)snprintf(actor.user, sizeof actor.user, "%s", caller->user);
	r = ns_parameters_check(request, route->parameters, err);
	if (r >= 0 && route->workload != WORKLOAD_NONE)
		r = ns_parameter_workload(request, route->workload == WORKLOAD_REQUIRED, &call.workload, err);
	if (r >= 0)
		r = read_body(route, request, &body, err);
	if (r < 0)
		return r;
	if (route->pace != AT_ONCE && service->later >= most_at_once(route, caller))
		return ns_error_set(err, -EBUSY, "%u long answers are under way already; try again", service->later);
	call.body = body;
	describe(body, reply->subject);
	r = route->handler(&call, &reply->text, err);
	/* A hook's container may be the first of its workload: what was not found is the namespace. */
	return r == -ENOENT && route->handler != post_ready ? explain(&call, err) : r;
}

/* Changes and refusals are worth a line; looking is not, and a hook that waits looks a hundred times a second. */
static void log_request(const struct ns_request *request, const struct ns_route *route, const char *subject,
			unsigned status, const char *error)
{
	const struct ns_caller *caller = request->caller;
	bool change = strcmp(request->method, "POST") == 0 && !(route && route->handler == post_ready);
	enum ns_log_level level = NS_LOG_LEVEL_DEBUG;
	struct ns_error line; /* for its way of making foreign bytes printable */

	if (status >= 500)
		level = NS_LOG_LEVEL_ERROR;
	else if (status == 403)
		level = NS_LOG_LEVEL_WARNING;
	else if (change)
		level = NS_LOG_LEVEL_INFO;
	(void)ns_error_set(&line, -EINVAL, "uid %u (%s), pid %d: %.16s %.64s%s: %u%s%s", caller->uid,
			   caller->user[0] ? caller->user : "unknown", caller->pid, request->method, request->path,
			   subject, status, error[0] ? ": " : "", error);
	ns_log(level, "api: %s", line.text);
}

static int no_route(const struct ns_request *request, const struct ns_reply *reply, struct ns_error *err)
{
	if (reply->status == 405)
		return ns_error_set(err, -EOPNOTSUPP, "%s takes %s only", request->path, reply->allow);
	return ns_error_set(err, -ENOENT, "%.64s: no such path", request->path);
}

void ns_request_answer(const struct ns_service *service, const struct ns_request *request, struct ns_reply *reply)
{
	const struct ns_route *route = ns_route_find(request->method, request->path, &reply->status, reply->allow);
	struct ns_error error = NS_ERROR_INIT;
	int r = 0;

	if (!route) {
		(void)no_route(request, reply, &error);
		ns_reply_error(reply, reply->status, error.text);
	} else {
		if (ns_route_permits(route, request->caller))
			r = run(service, route, request, reply, &error);
		else if (route->roles == ROOT_ONLY)
			r = ns_error_set(&error, -EACCES, "'%s' is for root, as runtimes and their hooks are",
					 route->verb);
		else
			r = ns_error_set(&error, -EACCES, "'%s' is for members of %s", route->verb,
					 ns_roles_groups(route->roles));
		if (r < 0)
			ns_reply_error(reply, status_of(r), error.text);
		reply->streamed = route->pace == STREAMED;
	}
	if (!reply->later.next || reply->streamed)
		log_request(request, route, reply->subject, reply->status, error.text);
}

bool ns_request_go_on(const struct ns_service *service, const struct ns_request *request, struct ns_reply *reply)
{
	const struct ns_route *route = ns_route_find(request->method, request->path, &reply->status, reply->allow);
	struct ns_error error = NS_ERROR_INIT;
	int r = reply->later.next(reply->later.ctx, &reply->text, &error);

	if (r > 0)
		return true;
	if (r < 0)
		ns_reply_error(reply, status_of(r), error.text);
	ns_stream_release(&reply->later);
	log_request(request, route, reply->subject, reply->status, error.text);
	return false;
}
