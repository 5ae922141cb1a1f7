/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The command line of a systemd-nspawn. Whatever the bytes: a name that a machine may have, or none and nothing
 * touched.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nspawn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[NS_CONTAINER_ID_MAX] = "untouched!";
	char *text = malloc(size ? size : 1); /* exactly as long as it is, so that a byte too far is seen */
	size_t length;

	check(text != NULL);
	memcpy(text, data, size);
	if (ns_nspawn_parse_arguments(text, size, name)) {
		length = strnlen(name, sizeof name);
		check(length > 0 && length < sizeof name && isalnum((unsigned char)*name));
		for (size_t i = 0; i < length; i++)
			check(isalnum((unsigned char)name[i]) || strchr("_.-", name[i]));
		check(memmem(text, size, name, length) != NULL);
	} else {
		check(strcmp(name, "untouched!") == 0);
	}
	free(text);
	return 0;
}
