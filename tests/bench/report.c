/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * report SAMPLES GOALS OUT [ENVIRONMENT]: writes OUT/results.json, OUT/README.md and OUT/NAME.svg. ENVIRONMENT is a
 * JSON object of strings, with an array "failed" of those groups that did not come to their end. report --check
 * SAMPLES: whether the samples can be read.
 *
 * Status 0 also when goals are missed, which the page says; 1 when something cannot be read or written, 2 for a wrong
 * call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "report_out.h"

#define ENVIRONMENT_BYTES_MAX ((size_t)64 * 1024)

static FILE *open_file(const char *path, struct ns_error *err)
{
	FILE *file = fopen(path, "re");

	if (!file)
		(void)ns_error_set(err, -errno, "%s: %s", path, strerror(errno));
	return file;
}

static int read_samples(const char *path, struct bench_samples *ret, struct bench_results *ret_results,
			struct ns_error *err)
{
	FILE *file = open_file(path, err);
	int r = file ? bench_samples_read(ret, file, path, err) : err->code;

	if (file)
		(void)fclose(file);
	if (r == 0) {
		r = bench_results_make(ret_results, ret, path, err);
		if (r < 0)
			bench_samples_release(ret);
	}
	return r;
}

static int read_goals(const char *path, struct bench_goals *ret, struct ns_error *err)
{
	FILE *file = open_file(path, err);
	int r = file ? bench_goals_read(ret, file, path, err) : err->code;

	if (file)
		(void)fclose(file);
	return r;
}

static int check_environment(const char *path, const json_t *environment, struct ns_error *err)
{
	json_t *json = ns_unconst(environment), *value;
	const char *key;

	if (!json_is_object(environment))
		return ns_error_set(err, -EINVAL, "%s: must be an object", path);
	json_object_foreach (json, key, value) {
		bool is_failed = strcmp(key, "failed") == 0;

		if (is_failed ? !json_is_array(value) : !json_is_string(value))
			return ns_error_set(err, -EINVAL, "%s: %.64s: must be %s", path, key,
					    is_failed ? "an array" : "a string");
		for (size_t i = 0; is_failed && i < json_array_size(value); i++)
			if (!json_is_string(json_array_get(value, i)))
				return ns_error_set(err, -EINVAL, "%s: failed[%zu]: must be a string", path, i);
	}
	return 0;
}

static int read_environment(const char *path, json_t **ret, struct ns_error *err)
{
	char *text = malloc(ENVIRONMENT_BYTES_MAX + 1);
	FILE *file = open_file(path, err);
	int r = !text ? ns_error_set(err, -ENOMEM, "out of memory") : file ? 0 : err->code;

	if (r == 0) {
		size_t length = fread(text, 1, ENVIRONMENT_BYTES_MAX + 1, file);

		r = ns_json_decode(text, length, ENVIRONMENT_BYTES_MAX, 3, ret, err);
		if (r < 0)
			ns_error_context(err, "%s", path);
	}
	if (r == 0)
		r = check_environment(path, *ret, err);
	free(text);
	if (file)
		(void)fclose(file);
	return r;
}

static int write_all(const char *out, const struct bench_report *report, struct ns_error *err)
{
	struct bench_drawn drawn[BENCH_PLOTS_MAX];
	NS_CLOSE int directory = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FILE *file;
	int n, r;

	if (directory < 0)
		return ns_error_set(err, -errno, "%s: %s", out, strerror(errno));
	n = bench_write_plots(directory, report, drawn, err);
	if (n < 0)
		return n;
	file = bench_file_open(directory, "results.json", err);
	if (!file)
		return err->code;
	r = bench_write_json(file, report, err);
	if (r < 0) {
		(void)fclose(file);
		return r;
	}
	r = bench_file_close(directory, "results.json", file, err);
	if (r < 0)
		return r;
	file = bench_file_open(directory, "README.md", err);
	if (!file)
		return err->code;
	bench_write_page(file, report, drawn, (size_t)n);
	return bench_file_close(directory, "README.md", file, err);
}

static int make_report(const char *samples_path, const char *goals_path, const char *out, const char *environment_path,
		       struct ns_error *err)
{
	struct bench_samples samples = { 0 };
	struct bench_results results = { 0 };
	struct bench_goals goals = { 0 };
	NS_JSON json_t *environment = NULL;
	int r = read_samples(samples_path, &samples, &results, err);

	if (r == 0 && goals_path)
		r = read_goals(goals_path, &goals, err);
	if (r == 0 && environment_path)
		r = read_environment(environment_path, &environment, err);
	if (r == 0 && goals_path)
		r = write_all(
			out, &(struct bench_report){ .results = &results, .goals = &goals, .environment = environment },
			err);
	bench_goals_release(&goals);
	bench_results_release(&results);
	bench_samples_release(&samples);
	return r;
}

int main(int argc, char **argv)
{
	struct ns_error err = NS_ERROR_INIT;
	int r;

	if (argc == 3 && strcmp(argv[1], "--check") == 0) {
		r = make_report(argv[2], NULL, NULL, NULL, &err);
	} else if (argc == 4 || argc == 5) {
		r = make_report(argv[1], argv[2], argv[3], argc == 5 ? argv[4] : NULL, &err);
	} else {
		(void)fputs("usage: report SAMPLES GOALS OUT [ENVIRONMENT]\n       report --check SAMPLES\n", stderr);
		return 2;
	}
	if (r < 0)
		(void)fprintf(stderr, "report: %s\n", err.text);
	return r < 0;
}
