/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "json.h"
#include "store/ledger.h"

int ns_ledger_text(const char *text, size_t max, const char *what, struct ns_error *err)
{
	NS_JSON json_t *probe = NULL;

	if (strlen(text) >= max)
		return ns_error_set(err, -EINVAL, "%s is longer than %zu bytes", what, max - 1);
	probe = json_string(text);
	return probe ? 0 : ns_error_set(err, -EINVAL, "%s is not UTF-8 text", what);
}

int ns_ledger_encode(const json_t *json, size_t max, const char *what, char **ret, struct ns_error *err)
{
	NS_FREE char *text = ns_json_canonical(json);
	NS_JSON json_t *back = NULL;
	int r;

	if (!text)
		return ns_error_set(err, -EINVAL, "%s has no canonical form (a floating-point number in it?)", what);
	if (strlen(text) > max)
		return ns_error_set(err, -E2BIG, "%s is longer than %zu bytes", what, max);
	r = ns_json_decode(text, strlen(text), max, NS_JSON_DEPTH_MAX, &back, err);
	if (r < 0) {
		ns_error_context(err, "%s", what);
		return r;
	}
	*ret = NS_TAKE(text);
	return 0;
}

int ns_ledger_decode(struct ns_store *store, const char *text, json_t **ret, struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;
	int r;

	if (strcmp(text, "null") == 0) { /* a document must be an array or an object; a detail need not be there */
		*ret = json_null();
		return 0;
	}
	r = ns_json_decode(text, strlen(text), (size_t)NS_POLICY_BYTES_MAX, NS_JSON_DEPTH_MAX, ret, &why);
	if (r == -ENOMEM)
		return ns_error_set(err, r, "%s", why.text);
	return r < 0 ? ns_db_damaged(store, err, "%s", why.text) : 0;
}

json_t *ns_actor_json(const struct ns_actor *actor)
{
	return json_pack("{s:I, s:s, s:I}", "uid", (json_int_t)actor->uid, "user", actor->user, "pid",
			 (json_int_t)actor->pid);
}
