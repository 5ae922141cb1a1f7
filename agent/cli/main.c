/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <curl/curl.h>

#include "cleanup.h"
#include "cli.h"
#include "clock.h"
#include "show.h"

/* Columns of the terminal; 0 when standard output is none, or does not say. */
static unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

/* One line, whatever bytes a name or an argument had. */
static void complain(const struct ns_error *err)
{
	NS_FREE char *safe = ns_show_escape(err->text);

	(void)fprintf(stderr, "nanoseg: %s\n", safe ? safe : "no memory");
}

int main(int argc, char **argv)
{
	struct ns_cli_request request;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_cli cli;
	int r;

	if (ns_cli_parse(argc > 0 ? (size_t)argc - 1 : 0, argv + 1, getenv("NANOSEG_SOCKET"), &request, &err) < 0) {
		complain(&err);
		return NS_CLI_USAGE;
	}
	cli = (struct ns_cli){ .request = &request, .out = stdout, .now = ns_clock_now() };
	cli.terminal = isatty(STDOUT_FILENO) == 1;
	cli.interactive = cli.terminal && isatty(STDIN_FILENO) == 1;
	cli.width = cli.terminal ? terminal_width() : 0;
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
		(void)fputs("nanoseg: no memory\n", stderr);
		return NS_CLI_REFUSED;
	}
	r = request.verb->run(&cli, &err);
	curl_global_cleanup();
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (!err.text[0])
			(void)ns_error_set(&err, -EIO, "cannot write to standard output: %m");
		r = r == NS_CLI_OK ? NS_CLI_REFUSED : r;
	}
	if (err.text[0] && r != NS_CLI_OK)
		complain(&err);
	return r;
}
