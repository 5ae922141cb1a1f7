/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "editor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_THERE 127 /* as the shell says it */

/* Splits in place. Returns the number of words, 0 for too many. */
static size_t split(char *text, char *words[static NS_EDITOR_WORDS_MAX])
{
	size_t n = 0;
	char *rest = text;

	for (char *word; (word = strtok_r(rest, " \t", &rest));) {
		if (n == NS_EDITOR_WORDS_MAX)
			return 0;
		words[n++] = word;
	}
	return n;
}

/* In the child: does not return. execvp(3) takes its words as if it could change them, hence the copy of the path. */
static _Noreturn void become(char *words[], size_t n_words, const char *name)
{
	static char editor[] = "editor", vi[] = "vi";
	char *argv[NS_EDITOR_WORDS_MAX + 2], *path = strdup(name);

	if (!path)
		_exit(NOT_THERE);
	for (size_t i = 0; i < n_words; i++)
		argv[i] = words[i];
	argv[n_words] = path;
	argv[n_words + 1] = NULL;
	if (n_words > 0) {
		(void)execvp(argv[0], argv);
	} else {
		(void)execvp(editor, (char *[]){ editor, path, NULL });
		(void)execvp(vi, (char *[]){ vi, path, NULL });
	}
	_exit(NOT_THERE);
}

int ns_editor_run(const char *path, struct ns_error *err)
{
	const char *variable = getenv("VISUAL");
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before_int, before_quit;
	char *words[NS_EDITOR_WORDS_MAX];
	char command[NS_EDITOR_LENGTH_MAX];
	size_t n_words = 0;
	int status = 0;
	pid_t pid;

	if (!variable || !*variable)
		variable = getenv("EDITOR");
	if (snprintf(command, sizeof(command), "%s", variable ? variable : "") >= (int)sizeof(command) ||
	    (*command && (n_words = split(command, words)) == 0))
		return ns_error_set(err, -EINVAL, "VISUAL or EDITOR: not an editor's command line");
	pid = fork();
	if (pid < 0)
		return ns_error_set(err, -errno, "cannot start an editor: %m");
	if (pid == 0)
		become(words, n_words, path);

	/* Ctrl-C in the editor is the editor's. */
	(void)sigaction(SIGINT, &ignore, &before_int);
	(void)sigaction(SIGQUIT, &ignore, &before_quit);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)sigaction(SIGINT, &before_int, NULL);
	(void)sigaction(SIGQUIT, &before_quit, NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE)
		return ns_error_set(err, -ENOENT, "the editor '%s' cannot be started; set EDITOR, or use --file",
				    n_words ? words[0] : "vi");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return ns_error_set(err, -ECANCELED, "the editor did not end well; nothing was sent");
	return 0;
}
