/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Strict reading of JSON: typed access that knows where it is. A reader walks one object; members that nobody
 * asked for are an error at the end. Every error is one line that starts with the JSON path.
 *
 *	struct ns_json_object o;
 *	ns_json_object_begin(&o, json, "$.rules[3]", err);   -EINVAL: not an object
 *	ns_json_string(&o, "id", &id, err);                  -EINVAL: missing or another type
 *	ns_json_object_end(&o, err);                         -EINVAL: "$.rules[3].colour: unknown member"
 */
#ifndef NANOSEG_JSON_H
#define NANOSEG_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <nanoseg/error.h>

#define NS_JSON_PATH_MAX    256
#define NS_JSON_MEMBERS_MAX 32

struct ns_json_object {
	const json_t *json; /* borrowed */
	char path[NS_JSON_PATH_MAX];
	const char *asked[NS_JSON_MEMBERS_MAX]; /* string literals */
	unsigned n_asked;
};

/* Decodes at most max_bytes, depth at most max_depth (checked before decoding, so that a deep document costs
 * nothing), duplicate members refused. The error says line and column. New reference in *ret. */
int ns_json_decode(const char *text, size_t length, size_t max_bytes, unsigned max_depth, json_t **ret,
		   struct ns_error *err);

int ns_json_object_begin(struct ns_json_object *ret, const json_t *json, const char *path, struct ns_error *err);
int ns_json_object_end(const struct ns_json_object *object, struct ns_error *err);

/* Required members: -EINVAL when absent. Results are borrowed. */
int ns_json_string(struct ns_json_object *object, const char *name, const char **ret, struct ns_error *err);
int ns_json_uint(struct ns_json_object *object, const char *name, uint64_t max, uint64_t *ret, struct ns_error *err);
int ns_json_array(struct ns_json_object *object, const char *name, const json_t **ret, struct ns_error *err);
int ns_json_child(struct ns_json_object *object, const char *name, const json_t **ret, struct ns_error *err);
/* Optional members: absent leaves *ret as it is and returns 0; present returns 1. */
int ns_json_opt_string(struct ns_json_object *object, const char *name, const char **ret, struct ns_error *err);
int ns_json_opt_uint(struct ns_json_object *object, const char *name, uint64_t max, uint64_t *ret,
		     struct ns_error *err);
int ns_json_opt_bool(struct ns_json_object *object, const char *name, bool *ret, struct ns_error *err);
int ns_json_opt_array(struct ns_json_object *object, const char *name, const json_t **ret, struct ns_error *err);
int ns_json_opt_child(struct ns_json_object *object, const char *name, const json_t **ret, struct ns_error *err);

/* Text of foreign origin (names of containers, paths of programs) as JSON: where it is not UTF-8, its bytes above 127
 * become '?'. New reference; NULL only without memory. */
json_t *ns_json_text(const char *text);

#endif
