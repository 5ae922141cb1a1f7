/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a runtime writes to the CNI plugin: the configuration, and behind the first NUL byte CNI_ARGS. Whatever the
 * bytes: settings within their bounds and a result that can be printed, or a code and an error of one line.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cni_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_error(int code, const struct ns_error *err)
{
	check(code > 0 && code < 256);
	check(err->code < 0 && err->text[0] && strnlen(err->text, sizeof err->text) < sizeof err->text);
	check(!strpbrk(err->text, "\n\r\t\x1b"));
}

static void check_word(const char *text, size_t room, const char *marks)
{
	size_t n = strnlen(text, room);

	check(n < room);
	for (size_t i = 0; i < n; i++)
		check(isalnum((unsigned char)text[i]) || strchr(marks, text[i]));
}

static void fuzz_args(const char *args)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_subject subject = { 0 };
	int code = ns_cni_args_parse(args, &subject, &err);

	if (code) {
		check_error(code, &err);
		return;
	}
	check_word(subject.container_id, sizeof subject.container_id, "._-");
	check_word(subject.name, sizeof subject.name, "._-@:+");
	check_word(subject.workload, sizeof subject.workload, "._-@:+/");
}

static void check_result(const struct ns_cni_config *config)
{
	json_t *result = ns_cni_result(config);
	char *text;

	check(result != NULL);
	text = json_dumps(result, 0);
	check(text != NULL);
	check(strcmp(json_string_value(json_object_get(result, "cniVersion")), config->version) == 0);
	free(text);
	json_decref(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, '\0', size) : NULL;
	size_t length = nul ? (size_t)(nul - data) : size;
	char *text = malloc(length ? length : 1), version[NS_CNI_VERSION_MAX] = "";
	struct ns_cni_config config = NS_CNI_CONFIG_INIT;
	struct ns_error err = NS_ERROR_INIT;
	int code;

	check(text != NULL);
	if (length)
		memcpy(text, data, length);
	code = ns_cni_config_parse(text, length, &config, &err);
	if (code) {
		check_error(code, &err);
		check(!config.previous);
	} else {
		check(ns_cni_supported(config.version));
		check(config.socket[0] == '/' && strnlen(config.socket, sizeof config.socket) < sizeof config.socket);
		check(config.timeout_us >= NS_ASK_TIMEOUT_MIN_US && config.timeout_us <= NS_ASK_TIMEOUT_MAX_US);
		check_word(config.workload, sizeof config.workload, "._-@:+/");
		check_result(&config);
	}
	err = (struct ns_error)NS_ERROR_INIT;
	code = ns_cni_version_parse(text, length, version, &err);
	if (code)
		check_error(code, &err);
	else
		check(ns_cni_supported(version));
	if (nul) {
		char *args = strndup((const char *)nul + 1, size - length - 1);

		check(args != NULL);
		fuzz_args(args);
		free(args);
	}
	ns_cni_config_release(&config);
	free(text);
	return 0;
}
