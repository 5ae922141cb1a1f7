/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report_goals.h"
#include "report_member.h"

static int goal_string(struct ns_json_object *o, const char *member, bool name, const char **ret, struct ns_error *err)
{
	int r = ns_json_string(o, member, ret, err);

	if (r == 0 && name && !bench_is_name(*ret))
		return ns_error_set(err, -EINVAL, "%s.%s: is no name of samples", o->path, member);
	return r;
}

static int read_op(struct ns_json_object *o, struct bench_goal *ret, struct ns_error *err)
{
	const char *op = NULL, *over = "median";
	int r = ns_json_string(o, "op", &op, err);

	if (r < 0)
		return r;
	if (strcmp(op, ">=") == 0)
		ret->op = BENCH_AT_LEAST;
	else if (strcmp(op, "<=") == 0)
		ret->op = BENCH_AT_MOST;
	else if (strcmp(op, "flat") == 0)
		ret->op = BENCH_FLAT;
	else
		return ns_error_set(err, -EINVAL, "%s.op: write \">=\", \"<=\" or \"flat\"", o->path);
	r = ns_json_opt_string(o, "over", &over, err);
	if (r < 0)
		return r;
	if (strcmp(over, "median") != 0 && strcmp(over, "every") != 0)
		return ns_error_set(err, -EINVAL, "%s.over: write \"median\" or \"every\"", o->path);
	ret->every = *over == 'e';
	return 0;
}

static int read_bound(struct ns_json_object *o, struct bench_goal *ret, struct ns_error *err)
{
	bool given = false;
	int r = bench_member_number(o, "bound", BENCH_VALUE_MAX, &given, &ret->bound, err);

	if (r == 0 && !given)
		return ns_error_set(err, -EINVAL, "%s.bound: must be a number", o->path);
	if (r == 0 && json_object_get(o->json, "bound_each"))
		r = bench_member_number(o, "bound_each", BENCH_VALUE_MAX, &given, &ret->bound_each, err);
	if (r == 0)
		r = ns_json_opt_string(o, "baseline", &ret->baseline, err);
	if (r >= 0)
		r = ns_json_opt_string(o, "unit", &ret->unit, err);
	if (r < 0)
		return r;
	if (!ret->baseline && !ret->unit && ret->op != BENCH_FLAT)
		return ns_error_set(err, -EINVAL, "%s: a \"baseline\" or a \"unit\" has to be said", o->path);
	if (ret->baseline && ret->op == BENCH_FLAT)
		return ns_error_set(err, -EINVAL, "%s.baseline: what is flat is compared with itself", o->path);
	return 0;
}

/* An array of whole numbers, none twice. */
static int read_integers(struct ns_json_object *o, const char *member, int64_t max, int64_t *ret, size_t max_n,
			 size_t *ret_n, struct ns_error *err)
{
	const json_t *array = NULL;
	int r = ns_json_opt_array(o, member, &array, err);

	if (r <= 0)
		return r;
	if (json_array_size(array) == 0 || json_array_size(array) > max_n)
		return ns_error_set(err, -EINVAL, "%s.%s: must be an array of 1 to %zu", o->path, member, max_n);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *item = json_array_get(array, i);

		if (!json_is_integer(item) || json_integer_value(item) < 0 || json_integer_value(item) > max)
			return ns_error_set(err, -EINVAL, "%s.%s[%zu]: must be a whole number from 0 to %lld", o->path,
					    member, i, (long long)max);
		ret[i] = json_integer_value(item);
		for (size_t j = 0; j < i; j++)
			if (ret[j] == ret[i])
				return ns_error_set(err, -EINVAL, "%s.%s[%zu]: is there twice", o->path, member, i);
	}
	*ret_n = json_array_size(array);
	return 0;
}

static int read_selector(struct ns_json_object *o, struct bench_goal *ret, struct ns_error *err)
{
	int64_t families[2] = { BENCH_NO_FAMILY, 0 };
	int r;

	ret->n_families = 1;
	r = read_integers(o, "families", 6, families, 2, &ret->n_families, err);
	if (r == 0)
		r = read_integers(o, "sizes", BENCH_SIZE_MAX, ret->sizes, BENCH_GOAL_SIZES_MAX, &ret->n_sizes, err);
	for (size_t i = 0; r == 0 && i < ret->n_families; i++) {
		ret->families[i] = (int)families[i];
		if (families[i] != 4 && families[i] != 6 && json_object_get(o->json, "families"))
			r = ns_error_set(err, -EINVAL, "%s.families[%zu]: must be 4 or 6", o->path, i);
	}
	return r;
}

static int read_goal(const json_t *json, size_t index, struct bench_goal *ret, struct ns_error *err)
{
	struct ns_json_object o;
	char path[32];
	int r;

	(void)snprintf(path, sizeof path, "$[%zu]", index);
	r = ns_json_object_begin(&o, json, path, err);
	if (r == 0)
		r = goal_string(&o, "id", true, &ret->id, err);
	if (r == 0)
		r = goal_string(&o, "text", false, &ret->text, err);
	if (r == 0)
		r = goal_string(&o, "group", true, &ret->group, err);
	if (r == 0)
		r = goal_string(&o, "what", true, &ret->what, err);
	if (r == 0)
		r = goal_string(&o, "case", true, &ret->contender, err);
	if (r == 0)
		r = read_selector(&o, ret, err);
	if (r == 0)
		r = read_op(&o, ret, err);
	if (r == 0)
		r = read_bound(&o, ret, err);
	return r == 0 ? ns_json_object_end(&o, err) : r;
}

static int read_goals(struct bench_goals *goals, struct ns_error *err)
{
	size_t n = json_array_size(goals->json);
	int r = 0;

	if (!json_is_array(goals->json) || n == 0 || n > BENCH_GOALS_MAX)
		return ns_error_set(err, -EINVAL, "$: must be an array of 1 to %d goals", BENCH_GOALS_MAX);
	goals->goals = calloc(n, sizeof *goals->goals);
	if (!goals->goals)
		return ns_error_set(err, -ENOMEM, "out of memory");
	for (; r == 0 && goals->n < n; goals->n++) {
		r = read_goal(json_array_get(goals->json, goals->n), goals->n, &goals->goals[goals->n], err);
		for (size_t i = 0; r == 0 && i < goals->n; i++)
			if (strcmp(goals->goals[i].id, goals->goals[goals->n].id) == 0)
				r = ns_error_set(err, -EINVAL, "$[%zu].id: is that of $[%zu], too", goals->n, i);
	}
	return r;
}

int bench_goals_read(struct bench_goals *ret, FILE *in, const char *name, struct ns_error *err)
{
	struct bench_goals goals = { 0 };
	char *text = malloc(BENCH_GOALS_BYTES_MAX + 1);
	size_t length;
	int r;

	if (!text)
		return ns_error_set(err, -ENOMEM, "out of memory");
	length = fread(text, 1, BENCH_GOALS_BYTES_MAX + 1, in);
	r = ferror(in) ? ns_error_set(err, -EIO, "cannot be read")
		       : ns_json_decode(text, length, BENCH_GOALS_BYTES_MAX, 4, &goals.json, err);
	free(text);
	if (r == 0)
		r = read_goals(&goals, err);
	if (r < 0) {
		ns_error_context(err, "%s", name);
		bench_goals_release(&goals);
		return r;
	}
	*ret = goals;
	return 0;
}

void bench_goals_release(struct bench_goals *goals)
{
	free(goals->goals);
	json_decref(goals->json);
	*goals = (struct bench_goals){ 0 };
}
