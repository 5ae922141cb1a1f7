/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "report_member.h"
#include "report_samples.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-=/%,:() "

static bool made_of(const char *text, const char *characters)
{
	size_t length = strlen(text);

	return length > 0 && length <= BENCH_NAME_MAX && strspn(text, characters) == length;
}

bool bench_is_name(const char *text)
{
	return made_of(text, NAME_CHARACTERS);
}

static int read_name(struct ns_json_object *o, const char *member, const char **ret, struct ns_error *err)
{
	int r = ns_json_string(o, member, ret, err);

	if (r == 0 && !bench_is_name(*ret))
		return ns_error_set(err, -EINVAL, "$.%s: write 1 to %d letters, digits, spaces or ._+-=/%%,:()", member,
				    BENCH_NAME_MAX);
	return r;
}

static int read_better(struct ns_json_object *o, bool *ret, struct ns_error *err)
{
	const char *better = NULL;
	int r = ns_json_string(o, "better", &better, err);

	if (r < 0)
		return r;
	if (strcmp(better, "higher") != 0 && strcmp(better, "lower") != 0)
		return ns_error_set(err, -EINVAL, "$.better: write \"higher\" or \"lower\"");
	*ret = *better == 'h';
	return 0;
}

static int read_words(struct bench_sample *ret, struct ns_json_object *o, struct ns_error *err)
{
	int r = read_name(o, "group", &ret->group, err);

	if (r == 0)
		r = read_name(o, "what", &ret->what, err);
	if (r == 0)
		r = read_name(o, "case", &ret->contender, err);
	if (r == 0)
		r = ns_json_string(o, "unit", &ret->unit, err);
	if (r == 0 && !made_of(ret->unit, NAME_CHARACTERS))
		r = ns_error_set(err, -EINVAL, "$.unit: write 1 to %d letters, digits, spaces or ._+-=/%%,:()",
				 BENCH_NAME_MAX);
	if (r == 0)
		r = read_better(o, &ret->higher, err);
	if (r == 0)
		r = ns_json_opt_string(o, "note", &ret->note, err);
	return r < 0 ? r : 0;
}

static int read_numbers(struct bench_sample *ret, struct ns_json_object *o, struct ns_error *err)
{
	uint64_t round = 0, size = 0, family = 0;
	bool sized = false, of_family = false;
	int r = bench_member_uint(o, "size", BENCH_SIZE_MAX, &sized, &size, err);

	if (r == 0)
		r = bench_member_uint(o, "family", 6, &of_family, &family, err);
	if (r == 0 && of_family && family != 4 && family != 6)
		r = ns_error_set(err, -EINVAL, "$.family: write 4, 6 or null");
	if (r == 0)
		r = ns_json_uint(o, "round", BENCH_ROUND_MAX, &round, err);
	if (r == 0 && round == 0)
		r = ns_error_set(err, -EINVAL, "$.round: rounds are counted from 1");
	if (r == 0)
		r = bench_member_number(o, "value", BENCH_VALUE_MAX, &ret->measured, &ret->value, err);
	if (r == 0 && !ret->measured && (!ret->note || !*ret->note))
		r = ns_error_set(err, -EINVAL, "$.value: null needs a \"note\" that says why");
	ret->size = sized ? (int64_t)size : BENCH_NO_SIZE;
	ret->family = of_family ? (int)family : BENCH_NO_FAMILY;
	ret->round = (unsigned)round;
	return r;
}

static int read_sample(struct bench_sample *ret, const json_t *json, struct ns_error *err)
{
	struct ns_json_object o;
	int r = ns_json_object_begin(&o, json, "$", err);

	if (r == 0)
		r = read_words(ret, &o, err);
	if (r == 0)
		r = read_numbers(ret, &o, err);
	return r == 0 ? ns_json_object_end(&o, err) : r;
}

/* The next line without its newline: 1, or 0 at the end. */
static int next_line(FILE *in, char line[static BENCH_LINE_MAX], size_t *ret_length, struct ns_error *err)
{
	size_t n = 0;
	int c;

	while ((c = getc(in)) != EOF && c != '\n') {
		if (n == BENCH_LINE_MAX)
			return ns_error_set(err, -EFBIG, "longer than %d bytes", BENCH_LINE_MAX);
		line[n++] = (char)c;
	}
	if (ferror(in))
		return ns_error_set(err, -EIO, "cannot be read");
	*ret_length = n;
	return c == '\n' || n > 0;
}

static int add_line(struct bench_samples *to, const char *line, size_t length, unsigned number, struct ns_error *err)
{
	struct bench_sample sample = { .line = number };
	json_t *json = NULL;
	int r;

	if (to->n == BENCH_SAMPLES_MAX)
		return ns_error_set(err, -EFBIG, "more than %d samples", BENCH_SAMPLES_MAX);
	if ((to->n & (to->n - 1)) == 0) {
		void *grown = realloc(to->samples, (to->n ? 2 * to->n : 1) * sizeof *to->samples);

		if (!grown)
			return ns_error_set(err, -ENOMEM, "out of memory");
		to->samples = grown;
	}
	r = ns_json_decode(line, length, BENCH_LINE_MAX, 2, &json, err);
	if (r < 0)
		return r;
	if (json_array_append_new(to->lines, json) < 0)
		return ns_error_set(err, -ENOMEM, "out of memory");
	r = read_sample(&sample, json, err);
	if (r == 0)
		to->samples[to->n++] = sample;
	return r;
}

int bench_samples_read(struct bench_samples *ret, FILE *in, const char *name, struct ns_error *err)
{
	struct bench_samples samples = { .lines = json_array() };
	char line[BENCH_LINE_MAX];
	unsigned number = 1;
	size_t length = 0;
	int r = samples.lines ? 0 : ns_error_set(err, -ENOMEM, "out of memory");

	while (r == 0 && (r = next_line(in, line, &length, err)) > 0) {
		r = add_line(&samples, line, length, number, err);
		number += r == 0;
	}
	if (r < 0) {
		ns_error_context(err, "%s:%u", name, number);
		bench_samples_release(&samples);
		return r;
	}
	*ret = samples;
	return 0;
}

void bench_samples_release(struct bench_samples *samples)
{
	free(samples->samples);
	json_decref(samples->lines);
	*samples = (struct bench_samples){ 0 };
}
