/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The verbs that do more than ask once: editing, following, saving.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli_daemon.h"

/* ---- editing ---- */

static char *script_file(const char *name, const char *text)
{
	char *path;
	FILE *file;

	assert_true(asprintf(&path, "%s/%s", fake.directory, name) > 0);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0700), 0);
	return path;
}

static void edit_with_a_file(void **state)
{
	char *good = script_file("good.json", "{" POLICY_REST "}"), *bad = script_file("bad.json", "{\"a\":1"),
	     line[256];

	(void)state;
	answer("POST /v1/policy/edit", 200,
	       "{\"workload\":\"api\",\"mode\":\"proposed\",\"revision\":4,\"digest\":\"sha256:01\",\"rules\":1,"
	       "\"widened\":0,"
	       "\"unchanged\":false,\"warnings\":[]}");
	(void)snprintf(line, sizeof(line), "policy edit api --file %s", good);
	assert_int_equal(run(line), NS_CLI_OK);
	assert_string_equal(fake.request_body, "{" POLICY_REST "}"); /* as it is in the file */
	assert_non_null(strstr(got.out, "api: revision 4, 1 rule\n"));
	(void)snprintf(line, sizeof(line), "policy edit db --file %s", good);
	assert_int_equal(run(line), NS_CLI_REFUSED);
	assert_string_equal(got.err.text, "$.workload: this policy is of 'api', not of 'db'");
	(void)snprintf(line, sizeof(line), "policy edit api --file %s", bad);
	assert_int_equal(run(line), NS_CLI_REFUSED);
	assert_non_null(strstr(got.err.text, "line 1, column"));
	assert_int_equal(run("policy edit api --file /nonexistent"), NS_CLI_REFUSED);
	assert_non_null(strstr(got.err.text, "/nonexistent: No such file"));
	(void)unlink(good);
	(void)unlink(bad);
	free(good);
	free(bad);
}

/* Policies put aside for an editor. */
static size_t texts_left(void)
{
	char pattern[128];
	glob_t found;
	size_t n;

	(void)snprintf(pattern, sizeof(pattern), "%s/nanoseg-policy-*", fake.directory);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return n;
}

static void edit_with_an_editor(void **state)
{
	char *change =
		script_file("change", "#!/bin/sh\ntest \"$1\" = --wait || exit 5\nsed -i s/drop/reject/ \"$2\"\n");
	char *nothing = script_file("nothing", "#!/bin/sh\nexit 0\n"),
	     *fail = script_file("fail", "#!/bin/sh\nexit 1\n");
	char *crash = script_file("crash", "#!/bin/sh\necho typed >>\"$1\"\nexit 1\n");
	char command[256], *kept, *end;
	unsigned asked;

	(void)state;
	(void)unsetenv("VISUAL");
	(void)setenv("TMPDIR", fake.directory, 1);
	answer("GET /v1/policy?workload=api", 200, POLICY);
	answer("POST /v1/policy/edit", 200,
	       "{\"workload\":\"api\",\"revision\":4,\"digest\":\"sha256:01\",\"rules\":2}");
	(void)snprintf(command, sizeof(command), "%s --wait", change);
	(void)setenv("EDITOR", command, 1);
	assert_int_equal(run_as(true, 0, "policy edit api"), NS_CLI_OK);
	assert_non_null(strstr(fake.request_body, "\"verdict\": \"reject\""));
	assert_null(strstr(fake.request_body, "sha256:00ff")); /* the policy alone */
	assert_null(strstr(fake.request_body, "proposer"));

	/* Refused: the text is kept, and the line says where. */
	answer("POST /v1/policy/edit", 400, "{\"error\":\"$.rules[0].ports[0]: 70000 is not a port; use 0 to 65535\"}");
	assert_int_equal(run_as(true, 0, "policy edit api"), NS_CLI_REFUSED);
	assert_non_null(strstr(got.err.text, "70000 is not a port"));
	kept = strstr(got.err.text, "--file /");
	assert_non_null(kept);
	kept += strlen("--file ");
	end = kept + strlen(kept);
	assert_int_equal(strcmp(end - 5, ".json"), 0);
	assert_int_equal(access(kept, R_OK), 0);
	assert_int_equal(unlink(kept), 0);

	(void)setenv("EDITOR", nothing, 1);
	assert_int_equal(run_as(true, 0, "policy edit api"), NS_CLI_REFUSED);
	assert_string_equal(got.err.text, "api: nothing was changed, nothing was sent");
	/* An editor that fails, or is none, leaves nothing behind but what somebody typed. */
	(void)setenv("EDITOR", fail, 1);
	assert_int_equal(run_as(true, 0, "policy edit api"), NS_CLI_REFUSED);
	assert_string_equal(got.err.text, "the editor did not end well; nothing was sent");
	(void)setenv("EDITOR", "/nonexistent/editor", 1);
	assert_int_equal(run_as(true, 0, "policy edit api"), NS_CLI_REFUSED);
	assert_string_equal(got.err.text,
			    "the editor '/nonexistent/editor' cannot be started; set EDITOR, or use --file");
	assert_int_equal(texts_left(), 0);
	(void)setenv("EDITOR", crash, 1);
	assert_int_equal(run_as(true, 0, "policy edit api"), NS_CLI_REFUSED);
	assert_int_equal(texts_left(), 1);
	kept = strchr(got.err.text, '/');
	assert_non_null(kept);
	*strchrnul(kept, ':') = '\0';
	assert_int_equal(unlink(kept), 0);
	/* Nobody there to edit: nothing is started or asked. */
	asked = fake.requests;
	assert_int_equal(run("policy edit api"), NS_CLI_USAGE);
	assert_string_equal(got.err.text, "policy edit: no terminal: use --file");
	assert_int_equal(fake.requests, asked);
	(void)unlink(crash);
	free(crash);
	(void)unlink(change);
	(void)unlink(nothing);
	(void)unlink(fail);
	free(change);
	free(nothing);
	free(fail);
}

/* ---- denies, evidence, doctor ---- */

#define DENY(packets, last)                                                                                            \
	"{\"workload\":\"api\",\"direction\":\"egress\",\"peer\":{\"class\":\"internet\",\"name\":null,\"address\":"   \
	"\"192.0.2.9\"},\"protocol\":\"tcp\",\"port\":25,\"icmp_type\":null,\"packets\":" packets ",\"bytes\":60,"     \
	"\"first_seen\":\"2026-11-23T11:00:00Z\",\"last_seen\":\"" last "\",\"process\":\"/bin/nc\",\"uid\":1000,"     \
	"\"audited\":false}"

static void denies(void **state)
{
	(void)state;
	answer("GET /v1/denies", 200, "[" DENY("3", "2026-11-23T11:00:01Z") "]");
	assert_int_equal(run("denies"), NS_CLI_OK);
	assert_string_equal(got.out,
			    "LAST SEEN             WORKLOAD  DIRECTION  PEER                PROTO  PORT  PACKETS  VER"
			    "DICT  PROCESS\n"
			    "2026-11-23T11:00:01Z  api       egress     internet 192.0.2.9  tcp    25          3  ref"
			    "used  /bin/nc, uid 1000\n");
}

/* Answers, waits for the next question, changes the answer, and after the third interrupts. */
static void *change_and_interrupt(void *ctx)
{
	unsigned start = *(unsigned *)ctx;
	static const char *const answers[] = { "[" DENY("3", "2026-11-23T11:00:01Z") "]",
					       "[" DENY("5", "2026-11-23T11:00:09Z") "]" };

	for (unsigned step = 0; step < 2;) {
		(void)pthread_mutex_lock(&fake.mutex);
		if (fake.requests >= start + 1 + 2 * step) {
			fake.n_script = 1;
			fake.script[0].body = answers[step++];
			(void)snprintf(fake.script[0].path, sizeof(fake.script[0].path), "GET /v1/denies");
			fake.script[0].status = 200;
		}
		(void)pthread_mutex_unlock(&fake.mutex);
		(void)usleep(20000);
	}
	for (unsigned n = 0; n < start + 4;) {
		(void)usleep(20000);
		(void)pthread_mutex_lock(&fake.mutex);
		n = fake.requests;
		(void)pthread_mutex_unlock(&fake.mutex);
	}
	(void)usleep(100000);
	(void)kill(getpid(), SIGINT);
	return NULL;
}

static void denies_followed(void **state)
{
	unsigned start = fake.requests;
	pthread_t thread;
	sigset_t interrupt;

	(void)state;
	/* The signal is for the thread that follows. */
	(void)sigemptyset(&interrupt);
	(void)sigaddset(&interrupt, SIGINT);
	answer("GET /v1/denies", 200, "[]");
	(void)pthread_sigmask(SIG_BLOCK, &interrupt, NULL);
	assert_int_equal(pthread_create(&thread, NULL, change_and_interrupt, &start), 0);
	(void)pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL);
	assert_int_equal(run("denies --follow"), NS_CLI_OK);
	(void)pthread_join(thread, NULL);
	assert_string_equal(got.out,
			    "LAST SEEN             WORKLOAD  DIRECTION  PEER                PROTO  PORT  PACKETS  VER"
			    "DICT  PROCESS\n"
			    "2026-11-23T11:00:01Z  api       egress     internet 192.0.2.9  tcp    25          3  ref"
			    "used  /bin/nc, uid 1000\n"
			    "2026-11-23T11:00:09Z  api       egress     internet 192.0.2.9  tcp    25          5  ref"
			    "used  /bin/nc, uid 1000\n");
	/* Asked for what is newer than the newest, less the overlap of ten seconds. */
	assert_non_null(strstr(fake.request_line, "after=2026-11-23T10%3A59%3A5"));
}

static void evidence_to_a_file(void **state)
{
	char line[256], path[128], text[64] = "";
	FILE *file;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/evidence.json", fake.directory);
	(void)snprintf(line, sizeof(line), "evidence export --output %s", path);
	answer("GET /v1/evidence", 200, "{\"schema\":  \"nanoseg/evidence/1\"}");
	assert_int_equal(run(line), NS_CLI_OK);
	assert_non_null(strstr(got.out, "evidence.json: 33 B, sha256:"));
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) == 33);
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, "{\"schema\":  \"nanoseg/evidence/1\"}");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(run("evidence export --output /nonexistent/e.json"), NS_CLI_REFUSED);
	assert_string_equal(got.err.text, "/nonexistent/e.json: No such file or directory");
}

#define EVIDENCE "{\"schema\":\"nanoseg/evidence/1\"}"

static void export_to(const char *path)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "evidence export --output %s", path);
	answer("GET /v1/evidence", 200, EVIDENCE);
	if (run(line) != NS_CLI_OK)
		fail_msg("%s", got.err.text);
}

static void expect_in(int fd)
{
	char text[64] = "";

	assert_int_equal(read(fd, text, sizeof(text) - 1), strlen(EVIDENCE));
	assert_string_equal(text, EVIDENCE);
}

/* What is no plain file is written to and stays what it is: a pipe here, as a device would. */
static void evidence_to_what_is_there(void **state)
{
	char pipe[128], link[128], target[128];
	struct stat there;
	int fd;

	(void)state;
	(void)snprintf(pipe, sizeof(pipe), "%s/pipe", fake.directory);
	(void)snprintf(link, sizeof(link), "%s/link", fake.directory);
	(void)snprintf(target, sizeof(target), "%s/target", fake.directory);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	fd = open(pipe, O_RDONLY | O_NONBLOCK);
	export_to(pipe);
	expect_in(fd);
	assert_int_equal(lstat(pipe, &there), 0);
	assert_true(S_ISFIFO(there.st_mode));

	/* Through a link to it, to nothing yet, and to a file that was longer. */
	assert_int_equal(symlink(pipe, link), 0);
	export_to(link);
	expect_in(fd);
	(void)close(fd);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("target", link), 0);
	for (unsigned i = 0; i < 2; i++) {
		export_to(link);
		assert_int_equal(lstat(link, &there), 0);
		assert_true(S_ISLNK(there.st_mode));
		fd = open(target, O_RDWR | O_NOFOLLOW);
		expect_in(fd);
		assert_int_equal(ftruncate(fd, 100000), 0);
		(void)close(fd);
	}
	assert_int_equal(unlink(link), 0);
	assert_int_equal(unlink(target), 0);
	assert_int_equal(unlink(pipe), 0);
	answer("GET /v1/evidence", 200, EVIDENCE);
	assert_int_equal(run("evidence export --output /tmp/."), NS_CLI_REFUSED);
	assert_string_equal(got.err.text, "/tmp/.: Is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(edit_with_a_file, fake_forget),
		cmocka_unit_test_teardown(edit_with_an_editor, fake_forget),
		cmocka_unit_test_teardown(denies, fake_forget),
		cmocka_unit_test_teardown(denies_followed, fake_forget),
		cmocka_unit_test_teardown(evidence_to_a_file, fake_forget),
		cmocka_unit_test_teardown(evidence_to_what_is_there, fake_forget),
	};

	return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
