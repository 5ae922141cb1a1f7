/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages of inet_diag, and paths of programs as /proc gives them: what is kept is text that JSON can hold.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "process.h"
#include "sockdiag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_message(const uint8_t *data, size_t size)
{
	struct ns_diag_socket s;
	struct nlmsghdr *nlh;

	if (size < sizeof *nlh || size > UINT16_MAX)
		return;
	nlh = malloc(size);
	if (nlh == NULL)
		return;
	memcpy(nlh, data, size);
	nlh->nlmsg_len = (uint32_t)size;
	if (ns_diag_parse(nlh, &s) == 0 && (s.local.family != s.remote.family || s.uid < -1 ||
					    (s.local.family != AF_INET && s.local.family != AF_INET6)))
		abort();
	free(nlh);
}

static void read_path(const uint8_t *data, size_t size)
{
	char text[NS_PROCESS_MAX];
	char *path = malloc(size == 0 ? 1 : size);

	if (path == NULL)
		return;
	if (size > 0)
		memcpy(path, data, size);
	ns_process_clean(path, size, text);
	free(path);

	NS_JSON json_t *json = json_string(text);

	if (json == NULL || strpbrk(text, "\n\r\x1b\x7f") != NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_message(data, size);
	read_path(data, size);
	return 0;
}
