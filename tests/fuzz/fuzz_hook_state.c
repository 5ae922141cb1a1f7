/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a runtime writes to the OCI hook: the state, and behind the first NUL byte the bundle's config.json. Whatever
 * the bytes: a subject that may be told, or an error of one line.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hook_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_word(const char *text, size_t room, const char *marks)
{
	size_t n = strnlen(text, room);

	check(n < room);
	for (size_t i = 0; i < n; i++)
		check(isalnum((unsigned char)text[i]) || strchr(marks, text[i]));
}

static void check_error(const struct ns_error *err)
{
	check(err->code < 0 && err->text[0] && strnlen(err->text, sizeof err->text) < sizeof err->text);
	check(!strpbrk(err->text, "\n\r\t\x1b"));
}

/* Exactly as long as it is, so that a byte too far is seen. */
static char *copy_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1);

	check(text != NULL);
	memcpy(text, data, size);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, '\0', size) : NULL;
	size_t length = nul ? (size_t)(nul - data) : size, rest = nul ? size - length - 1 : 0;
	char *text = copy_of(data ? data : (const uint8_t *)"", length);
	char *config = nul ? copy_of(nul + 1, rest) : NULL;
	struct ns_hook_state state = NS_HOOK_STATE_INIT;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_subject subject;

	if (ns_hook_state_parse(text, length, &state, &err) < 0) {
		check_error(&err);
		check(!state.annotations && !state.bundle);
		goto end;
	}
	check(state.pid > 0 && state.id[0] && strnlen(state.id, sizeof state.id) < sizeof state.id);
	check(!strpbrk(state.id, "/ \n"));
	check(!state.bundle || state.bundle[0] == '/');
	if (config && ns_hook_state_add_bundle(&state, config, rest, &err) < 0)
		check_error(&err);
	if (ns_hook_state_subject(&state, &subject, &err) < 0) {
		check_error(&err);
		goto end;
	}
	check(subject.pid == state.pid && subject.netns[0] == '\0');
	check_word(subject.runtime, sizeof subject.runtime, "");
	check_word(subject.container_id, sizeof subject.container_id, "._-");
	check_word(subject.name, sizeof subject.name, "._-@:+");
	check_word(subject.workload, sizeof subject.workload, "._-@:+/");
	check(subject.workload[0] != '/');
end:
	ns_hook_state_release(&state);
	free(config);
	free(text);
	return 0;
}
