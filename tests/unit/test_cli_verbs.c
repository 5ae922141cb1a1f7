/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The verbs against a daemon that says what the test wants: what is asked, what is printed, and the exit codes.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"
#include "clock.h"
#include "document.h"

/* ---- the daemon ---- */

#define SCRIPT_MAX 8

static struct {
	char directory[64], socket[96];
	int listener;
	pthread_t thread;
	pthread_mutex_t mutex;
	struct {
		char path[160];
		int status; /* 0: the body is sent as it is, without HTTP; -1: hangs up */
		const char *body;
	} script[SCRIPT_MAX];
	size_t n_script;
	char request_line[4096], request_body[8192]; /* of the last request */
	unsigned requests;
} fake = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* "GET /v1/status": what is answered from now on. */
static void answer(const char *path, int status, const char *body)
{
	(void)pthread_mutex_lock(&fake.mutex);
	(void)snprintf(fake.script[fake.n_script].path, sizeof(fake.script[0].path), "%s ", path);
	fake.script[fake.n_script].status = status;
	fake.script[fake.n_script++].body = body;
	(void)pthread_mutex_unlock(&fake.mutex);
}

static void reply(int fd, const char *request)
{
	static const char nothing[] = "{\"error\":\"the test said nothing of this path\"}";
	const char *body = nothing;
	char head[256];
	int status = 404, n;

	for (size_t i = 0; i < fake.n_script; i++) {
		if (strncmp(request, fake.script[i].path, strlen(fake.script[i].path)) == 0) {
			status = fake.script[i].status;
			body = fake.script[i].body;
		}
	}
	if (status < 0)
		return;
	if (status > 0) {
		n = snprintf(head, sizeof(head),
			     "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n"
			     "Content-Length: %zu\r\nConnection: close\r\n\r\n",
			     status, strlen(body));
		(void)!write(fd, head, (size_t)n);
	}
	(void)!write(fd, body, strlen(body));
}

/* Reads one request whole: the head, and as many bytes as it says. */
static void serve(int fd)
{
	char buffer[16384];
	size_t length = 0;
	char *body;

	for (;;) {
		ssize_t n = read(fd, buffer + length, sizeof(buffer) - 1 - length);
		const char *says;
		size_t expected = 0;

		if (n <= 0)
			return;
		length += (size_t)n;
		buffer[length] = '\0';
		body = strstr(buffer, "\r\n\r\n");
		if (!body)
			continue;
		body += 4;
		says = strcasestr(buffer, "\r\nContent-Length:");
		if (says)
			expected = strtoul(says + strlen("\r\nContent-Length:"), NULL, 10);
		if (length - (size_t)(body - buffer) >= expected)
			break;
	}
	(void)pthread_mutex_lock(&fake.mutex);
	(void)snprintf(fake.request_body, sizeof(fake.request_body), "%.8000s", body);
	(void)snprintf(fake.request_line, sizeof(fake.request_line), "%.*s", (int)strcspn(buffer, "\r"), buffer);
	fake.requests++;
	reply(fd, buffer);
	(void)pthread_mutex_unlock(&fake.mutex);
}

static void *listen_for_ever(void *ctx)
{
	(void)ctx;
	for (;;) {
		int fd = accept(fake.listener, NULL, NULL);

		if (fd < 0)
			return NULL;
		serve(fd);
		(void)close(fd);
	}
}

static int start_daemon(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)strcpy(fake.directory, "/tmp/nanoseg-test-cli-XXXXXX");
	if (!mkdtemp(fake.directory))
		return -1;
	(void)snprintf(fake.socket, sizeof(fake.socket), "%s/s", fake.directory);
	(void)strcpy(address.sun_path, fake.socket);
	fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fake.listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fake.listener, 16) < 0)
		return -1;
	return pthread_create(&fake.thread, NULL, listen_for_ever, NULL);
}

static int stop_daemon(void **state)
{
	(void)state;
	(void)shutdown(fake.listener, SHUT_RDWR);
	(void)pthread_join(fake.thread, NULL);
	(void)close(fake.listener);
	(void)unlink(fake.socket);
	return rmdir(fake.directory);
}

static int forget(void **state)
{
	(void)state;
	(void)pthread_mutex_lock(&fake.mutex);
	fake.n_script = 0;
	fake.request_line[0] = fake.request_body[0] = '\0';
	(void)pthread_mutex_unlock(&fake.mutex);
	return 0;
}

/* ---- the command ---- */

static struct {
	char *out;
	struct ns_error err;
} got;

/* 2026-11-23T12:00:00Z, so that ages are known. */
static int64_t the_time(void)
{
	int64_t time = 0;

	assert_int_equal(ns_time_parse("2026-11-23T12:00:00Z", &time), 0);
	return time;
}

/* The exit code; `got` has the rest. The line is split at blanks, '_' in it is a blank in a word. */
static int run_as(bool terminal, unsigned width, const char *line)
{
	struct ns_cli_request request;
	struct ns_cli cli = { .request = &request, .terminal = terminal, .width = width, .now = the_time() };
	char text[1024], *argv[32], *rest = text;
	size_t argc = 0, size;
	int r;

	free(got.out);
	got.out = NULL;
	got.err = (struct ns_error)NS_ERROR_INIT;
	(void)snprintf(text, sizeof(text), "%s", line);
	for (char *word; (word = strtok_r(rest, " ", &rest));) {
		argv[argc++] = word;
		while ((word = strchr(word, '_')))
			*word = ' ';
	}
	cli.out = open_memstream(&got.out, &size);
	assert_non_null(cli.out);
	r = ns_cli_parse(argc, argv, fake.socket, &request, &got.err) < 0 ? NS_CLI_USAGE
									  : request.verb->run(&cli, &got.err);
	assert_int_equal(fclose(cli.out), 0);
	if (r == NS_CLI_OK)
		assert_string_equal(got.err.text, "");
	return r;
}

static int run(const char *line)
{
	return run_as(false, 0, line);
}

/* ---- exit codes ---- */

static void nobody_there(void **state)
{
	char line[160];

	(void)state;
	assert_int_equal(run("status --socket /nonexistent/s"), NS_CLI_UNREACHABLE);
	assert_string_equal(got.err.text,
			    "cannot reach nanosegd at /nonexistent/s: no such socket; start it (systemctl "
			    "start nanosegd) or name its socket with --socket");
	assert_string_equal(got.out, "");

	/* A socket on which nobody listens any more. */
	(void)snprintf(line, sizeof(line), "%s.stale", fake.socket);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)strcpy(address.sun_path, line);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
	(void)snprintf(line, sizeof(line), "endpoints --socket %s.stale", fake.socket);
	assert_int_equal(run(line), NS_CLI_UNREACHABLE);
	assert_non_null(strstr(got.err.text, "start it: systemctl start nanosegd"));
	assert_int_equal(unlink(address.sun_path), 0);
}

static void somebody_else_there(void **state)
{
	static const struct {
		int status;
		const char *body;
	} strange[] = {
		{ -1, "" },                       /* hangs up */
		{ 0, "SSH-2.0-OpenSSH_9.2\r\n" }, /* is no HTTP server */
		{ 200, "<html>" },                /* is one, of another kind */
		{ 200, "" },
		{ 200, "{\"a\":1,\"a\":2}" },
		{ 200, "[1,2" },
		{ 500, "[]" },
		{ 404, "{\"message\":\"page not found\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		answer("GET /v1/endpoints", strange[i].status, strange[i].body);
		assert_int_equal(run("endpoints"), NS_CLI_UNREACHABLE);
		assert_string_not_equal(got.err.text, "");
		assert_string_equal(got.out, "");
		(void)forget(NULL);
	}
	/* Too deep for anybody's stack. */
	char deep[NS_JSON_DEPTH_MAX + 2];
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	answer("GET /v1/endpoints", 200, deep);
	assert_int_equal(run("endpoints"), NS_CLI_UNREACHABLE);
}

static void the_daemon_refuses(void **state)
{
	static const int statuses[] = { 400, 403, 404, 405, 409, 413, 500, 502 };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		answer("POST /v1/mode", statuses[i], "{\"error\":\"W has no approved policy\"}");
		assert_int_equal(run("mode W enforcing"), NS_CLI_REFUSED);
		assert_string_equal(got.err.text, "W has no approved policy");
		(void)forget(NULL);
	}
}

static void usage(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{ "policy approve W --reason R", "policy approve: pass --digest, shown by: nanoseg policy show W" },
		{ "policy reject W --digest D", "policy reject: pass --reason TEXT: why, for those who read it later" },
		{ "mode W enforce",
		  "mode: 'enforce' is not one of learning, auditing, enforcing; did you mean 'enforcing'?" },
		{ "graph --format svg", "--format: 'svg' is not one of table, json, dot" },
		{ "graph --format jsom", "--format: 'jsom' is not one of table, json, dot; did you mean 'json'?" },
		{ "graph --format dot --json", "--json and --format dot exclude each other" },
		{ "help polisy", "help: there is no command 'polisy'; 'nanoseg help' lists the commands" },
	};
	unsigned before = fake.requests;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(cases[i].line), NS_CLI_USAGE);
		assert_string_equal(got.err.text, cases[i].error);
		assert_string_equal(got.out, "");
	}
	assert_int_equal(fake.requests, before);
}

/* ---- what is asked ---- */

static void requests(void **state)
{
	static const struct {
		const char *line, *request, *body;
	} cases[] = {
		{ "status", "GET /v1/status HTTP/1.1", "" },
		{ "endpoints", "GET /v1/endpoints HTTP/1.1", "" },
		{ "graph", "GET /v1/graph HTTP/1.1", "" },
		{ "graph a/b_c&d?", "GET /v1/graph?workload=a%2Fb%20c%26d%3F HTTP/1.1", "" },
		{ "learn start W", "POST /v1/learn HTTP/1.1", "{\"workload\":\"W\",\"action\":\"start\"}" },
		{ "learn stop W", "POST /v1/learn HTTP/1.1", "{\"workload\":\"W\",\"action\":\"stop\"}" },
		{ "policy list", "GET /v1/policies HTTP/1.1", "" },
		{ "policy show W", "GET /v1/policy?workload=W HTTP/1.1", "" },
		{ "policy show W --revision 12", "GET /v1/policy?workload=W&revision=12 HTTP/1.1", "" },
		{ "policy propose W", "POST /v1/policy/propose HTTP/1.1", "{\"workload\":\"W\"}" },
		{ "policy diff W", "GET /v1/policy/diff?workload=W HTTP/1.1", "" },
		{ "policy diff W --from 1 --to 3", "GET /v1/policy/diff?workload=W&from=1&to=3 HTTP/1.1", "" },
		{ "policy diff W --to 3", "GET /v1/policy/diff?workload=W&to=3 HTTP/1.1", "" },
		{ "policy history W", "GET /v1/policy/history?workload=W HTTP/1.1", "" },
		{ "policy approve W --digest sha256:0 --reason looks_\"fine\"", "POST /v1/policy/approve HTTP/1.1",
		  "{\"workload\":\"W\",\"digest\":\"sha256:0\",\"reason\":\"looks \\\"fine\\\"\"}" },
		{ "policy reject W --digest D --reason no", "POST /v1/policy/reject HTTP/1.1",
		  "{\"workload\":\"W\",\"digest\":\"D\",\"reason\":\"no\"}" },
		{ "mode W auditing", "POST /v1/mode HTTP/1.1", "{\"workload\":\"W\",\"mode\":\"auditing\"}" },
		{ "mode W enforcing --reason go", "POST /v1/mode HTTP/1.1",
		  "{\"workload\":\"W\",\"mode\":\"enforcing\",\"reason\":\"go\"}" },
		{ "denies", "GET /v1/denies HTTP/1.1", "" },
		{ "denies W", "GET /v1/denies?workload=W HTTP/1.1", "" },
		{ "evidence export", "GET /v1/evidence HTTP/1.1", "" },
		{ "evidence export W", "GET /v1/evidence?workload=W HTTP/1.1", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(cases[i].line), NS_CLI_REFUSED); /* the script is empty: 404 */
		assert_string_equal(got.err.text, "the test said nothing of this path");
		assert_string_equal(fake.request_line, cases[i].request);
		assert_string_equal(fake.request_body, cases[i].body);
	}
}

/* ---- documents ---- */

static void documents_go_through_unchanged(void **state)
{
	static const char odd[] = " { \"z\":1.50, \"a\" : [\"\\u00e9\", \"\xc2\x9b\"],\t\"n\":null}\n";
	static const struct {
		const char *path, *line;
	} cases[] = {
		{ "GET /v1/endpoints", "endpoints --json" },
		{ "GET /v1/graph", "graph --json" },
		{ "GET /v1/graph", "graph --format json" },
		{ "GET /v1/policies", "policy list --json" },
		{ "GET /v1/denies", "denies --json" },
		{ "GET /v1/status", "status --json" },
		{ "GET /v1/evidence", "evidence export" },
		{ "GET /v1/evidence", "evidence export --json" },
		{ "POST /v1/learn", "learn start W --json" },
		{ "POST /v1/learn", "learn stop W --json" },
		{ "POST /v1/mode", "mode W learning --json" },
		{ "POST /v1/policy/propose", "policy propose W --json" },
		{ "POST /v1/policy/approve", "policy approve W --digest D --reason R --json" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answer(cases[i].path, 200, odd);
		assert_int_equal(run(cases[i].line), NS_CLI_OK);
		assert_string_equal(got.out, odd);
		/* On a terminal the same document, indented, with nothing in it that a terminal obeys. */
		assert_int_equal(run_as(true, 80, cases[i].line), NS_CLI_OK);
		assert_string_equal(got.out, "{\n  \"z\": 1.5,\n  \"a\": [\n    \"é\",\n    \"\\u009b\"\n  ],\n"
					     "  \"n\": null\n}\n");
		(void)forget(NULL);
	}
}

static const char fine[] =
	"{\"version\":\"0.1.0\",\"uptime\":7384,\"endpoints\":4,\"modes\":{\"learning\":3,\"enforcing\":1},\"gaps\":[],"
	"\"unprotected\":[],\"sources\":[{\"source\":\"docker\",\"state\":\"ok\",\"detail\":\"API 1.43\"},"
	"{\"source\":\"podman\",\"state\":\"absent\",\"detail\":null}],\"kernel\":\"6.18.0\"}";
static const char unwell[] =
	"{\"version\":\"0.1.0\",\"uptime\":5,\"endpoints\":1,\"modes\":{\"enforcing\":1},\"gaps\":[{\"workload\":\"W\","
	"\"from\":\"2026-11-23T11:58:00.000000Z\",\"to\":null,\"cause\":\"set full: egress4\"}],\"unprotected\":["
	"{\"workload\":\"W\",\"cookie\":9,\"container\":\"\\u001b]0;x\\u0007\",\"why\":\"another process owns it\","
	"\"remedy\":\"stop it\"}],\"kernel\":\"6.18.0\"}";

static void status(void **state)
{
	(void)state;
	answer("GET /v1/status", 200, fine);
	assert_int_equal(run("status"), NS_CLI_OK);
	assert_string_equal(got.out, "nanosegd   0.1.0, up for 2h 3min\n"
				     "kernel     6.18.0\n"
				     "endpoints  4\n"
				     "workloads  3 learning, 1 enforcing\n"
				     "\n"
				     "SOURCE  STATE   DETAIL\n"
				     "docker  ok      API 1.43\n"
				     "podman  absent  -\n");
	(void)forget(NULL);

	answer("GET /v1/status", 200, unwell);
	assert_int_equal(run("status"), NS_CLI_REFUSED);
	assert_string_equal(got.err.text, "");
	assert_string_equal(got.out, "nanosegd   0.1.0, up for 5s\n"
				     "kernel     6.18.0\n"
				     "endpoints  1\n"
				     "workloads  1 enforcing\n"
				     "\n"
				     "LEARNING GAP  SINCE     CAUSE\n"
				     "W             2min ago  set full: egress4\n"
				     "\n"
				     "UNPROTECTED  W\n"
				     "  container  \\x1b]0;x\\x07\n"
				     "  why        another process owns it\n"
				     "  remedy     stop it\n");
	assert_int_equal(run("status --json"), NS_CLI_REFUSED); /* the code is the same for programs */
	(void)forget(NULL);

	answer("GET /v1/status", 200,
	       "{\"sources\":[{\"source\":\"docker\",\"state\":\"failing\",\"detail\":\"hangs\"}]}");
	assert_int_equal(run("status"), NS_CLI_REFUSED);
	assert_non_null(strstr(got.out, "docker  failing  hangs\n"));
}

static void endpoints(void **state)
{
	(void)state;
	answer("GET /v1/endpoints", 200,
	       "[{\"cookie\":7,\"workload\":\"compose/shop/"
	       "web\",\"runtime\":\"docker\",\"container_id\":\"0123456789abcdef\","
	       "\"name\":\"shop-web-1\",\"image\":\"nginx\",\"image_digest\":\"\",\"pid\":12,\"addresses\":[\"10.0.0."
	       "2\","
	       "\"fd00::2\"],\"interfaces\":[\"eth0\"],\"mode\":\"enforcing\",\"inner\":\"enforcing\",\"outer\":"
	       "\"none\","
	       "\"since\":\"2026-11-22T10:00:00.5Z\",\"findings\":[\"NET_RAW\",\"host pid\"]},"
	       "{\"cookie\":8,\"workload\":\"netns/"
	       "\\u001b[31m\",\"runtime\":\"netns\",\"container_id\":\"0123456789abcdef\","
	       "\"name\":\"\",\"addresses\":[],\"mode\":\"learning\",\"inner\":\"learning\",\"outer\":\"none\","
	       "\"since\":\"2026-11-23T12:00:00Z\",\"findings\":[]}]");
	assert_int_equal(run("endpoints"), NS_CLI_OK);
	assert_string_equal(got.out,
			    "WORKLOAD          RUNTIME  CONTAINER     ADDRESSES         MODE       INNER      OUTER  "
			    "SINCE   FINDINGS\n"
			    "compose/shop/web  docker   shop-web-1    10.0.0.2 fd00::2  enforcing  enforcing  none   "
			    "1d ago  NET_RAW; host pid\n"
			    "netns/\\x1b[31m    netns    0123456789ab  -                 learning   learning   none  "
			    " now     -\n");
	(void)forget(NULL);
	answer("GET /v1/endpoints", 200, "[]");
	assert_int_equal(run("endpoints"), NS_CLI_OK);
	assert_string_equal(got.out, "no endpoints: no container is running\n");
	(void)forget(NULL);
	/* Members that are missing or of another type leave a hole and nothing worse. */
	answer("GET /v1/endpoints", 200, "[{\"workload\":5,\"addresses\":{}},7,null]");
	assert_int_equal(run("endpoints"), NS_CLI_OK);
}

static const char graph[] =
	"{\"workloads\":[\"api\",\"db\",\"evil\\\"\\\\\\n]\"],\"edges\":["
	"{\"workload\":\"api\",\"direction\":\"egress\",\"peer\":{\"class\":\"workload\",\"name\":\"db\",\"address\":"
	"\"10.0.0.3\"},\"protocol\":\"tcp\",\"port\":5432,\"icmp_type\":null,\"packets\":12,\"bytes\":2048,"
	"\"first_seen\":\"2026-11-23T11:00:00Z\",\"last_seen\":\"2026-11-23T11:59:55Z\",\"process\":\"/usr/bin/api\","
	"\"uid\":33},"
	"{\"workload\":\"db\",\"direction\":\"ingress\",\"peer\":{\"class\":\"workload\",\"name\":\"api\",\"address\":"
	"\"10.0.0.2\"},\"protocol\":\"tcp\",\"port\":5432,\"icmp_type\":null,\"packets\":12,\"bytes\":100,"
	"\"first_seen\":\"2026-11-23T11:00:00Z\",\"last_seen\":\"2026-11-23T11:59:55Z\",\"process\":null,\"uid\":null},"
	"{\"workload\":\"api\",\"direction\":\"egress\",\"peer\":{\"class\":\"internet\",\"name\":null,\"address\":"
	"\"2001:db8::7\"},\"protocol\":\"icmpv6\",\"port\":null,\"icmp_type\":128,\"packets\":1,\"bytes\":64,"
	"\"first_seen\":\"2026-11-23T11:00:00Z\",\"last_seen\":\"2026-11-23T11:00:00Z\",\"process\":null,\"uid\":0},"
	"{\"workload\":\"db\",\"direction\":\"transit\",\"source\":{\"class\":\"host\",\"name\":null,\"address\":\"10."
	"0.0.1\"},"
	"\"peer\":{\"class\":\"cidr\",\"name\":null,\"address\":\"192.168.1.9\"},\"protocol\":\"udp\",\"port\":53,"
	"\"icmp_type\":null,\"packets\":3,\"bytes\":64,\"first_seen\":null,\"last_seen\":null,\"process\":null,\"uid\":"
	"null}"
	"],\"gaps\":[{\"workload\":\"api\",\"from\":\"2026-11-23T10:00:00Z\",\"to\":null,\"cause\":\"log overrun\"}],"
	"\"warnings\":[\"an endpoint cannot be read\"]}";

static void graph_as_table(void **state)
{
	(void)state;
	answer("GET /v1/graph", 200, graph);
	assert_int_equal(run("graph"), NS_CLI_OK);
	assert_string_equal(got.out,
			    "WORKLOAD  DIRECTION  PEER                              PROTO   PORT      PACKETS    BYTE"
			    "S  FIRST SEEN  LAST SEEN  PROCESS\n"
			    "api       egress     db 10.0.0.3                       tcp     5432           12  2.0 Ki"
			    "B  1h ago      5s ago     /usr/bin/api, uid 33\n"
			    "db        ingress    api 10.0.0.2                      tcp     5432           12    100 "
			    "B  1h ago      5s ago     -\n"
			    "api       egress     internet 2001:db8::7              icmpv6  type 128        1     64 "
			    "B  1h ago      1h ago     uid 0\n"
			    "db        transit    host 10.0.0.1 → cidr 192.168.1.9  udp     53              3     64 "
			    "B  -           -          -\n"
			    "\n"
			    "LEARNING GAP  FROM                  TO          CAUSE\n"
			    "api           2026-11-23T10:00:00Z  still open  log overrun\n"
			    "warning: an endpoint cannot be read\n");
	/* A terminal of 80 columns: what can be spared is left out, and the rest is cut to fit. */
	assert_int_equal(run_as(true, 80, "graph"), NS_CLI_OK);
	assert_string_equal(got.out,
			    "WORKLOAD  DIRECTION  PEER                   PROTO   PORT      PACKETS  LAST SEEN\n"
			    "api       egress     db 10.0.0.3            tcp     5432           12  5s ago\n"
			    "db        ingress    api 10.0.0.2           tcp     5432           12  5s ago\n"
			    "api       egress     internet 2001:db8::7   icmpv6  type 128        1  1h ago\n"
			    "db        transit    host 10.0.0.1 → cidr…  udp     53              3  -\n"
			    "\n"
			    "LEARNING GAP  FROM                  TO          CAUSE\n"
			    "api           2026-11-23T10:00:00Z  still open  log overrun\n"
			    "warning: an endpoint cannot be read\n");
}

static void graph_as_dot(void **state)
{
	(void)state;
	answer("GET /v1/graph", 200, graph);
	answer("GET /v1/policies", 200,
	       "[{\"workload\":\"api\",\"mode\":\"enforcing\"},{\"workload\":\"db\",\"mode\":\"learning\"}]");
	assert_int_equal(run("graph --format dot"), NS_CLI_OK);
	assert_string_equal(
		got.out,
		"digraph nanoseg {\n"
		"\trankdir=LR;\n"
		"\tnode [style=filled, fontname=\"sans-serif\"];\n"
		"\tedge [fontname=\"sans-serif\", fontsize=10];\n"
		"\t\"workload api\" [label=\"api\" + \"\\n\" + \"enforcing\", shape=box, fillcolor=\"#b6d7a8\"];\n"
		"\t\"workload db\" [label=\"db\" + \"\\n\" + \"learning\", shape=box, fillcolor=\"#cfe2f3\"];\n"
		"\t\"workload evil\\\"\\\\\\\\x0a]\" [label=\"evil\\\"\\\\\\\\x0a]\", shape=box, "
		"fillcolor=\"#ffffff\"];\n"
		"\t\"internet\" [label=\"internet\", shape=ellipse, fillcolor=\"#ffffff\"];\n"
		"\t\"cidr 192.168.1.9\" [label=\"cidr 192.168.1.9\", shape=ellipse, fillcolor=\"#ffffff\"];\n"
		"\t\"host 10.0.0.1\" [label=\"host 10.0.0.1\", shape=house, fillcolor=\"#ffffff\"];\n"
		"\t\"workload api\" -> \"workload db\" [label=\"tcp/5432\"];\n"
		"\t\"workload api\" -> \"internet\" [label=\"icmpv6/128\"];\n"
		"\t\"host 10.0.0.1\" -> \"cidr 192.168.1.9\" [label=\"udp/53 via db\", style=dashed];\n"
		"}\n");
}

#define RULE1                                                                                                          \
	"{\"id\":\"r1\",\"direction\":\"egress\",\"peer\":{\"class\":\"workload\",\"name\":\"db\"},\"protocol\":"      \
	"\"tcp\","                                                                                                     \
	"\"ports\":[5432,\"6000-6010\"],\"evidence\":{\"packets\":12,\"bytes\":900,\"connections_seen\":3,\"first_"    \
	"seen\":"                                                                                                      \
	"\"2026-11-23T11:00:00Z\",\"last_seen\":\"2026-11-23T11:59:00Z\",\"processes\":[\"/usr/bin/"                   \
	"api\"],\"widened_by\":"                                                                                       \
	"9,\"why\":\"seen\"}}"
#define RULE2                                                                                                          \
	"{\"id\":\"r2\",\"direction\":\"ingress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"10.0.0.0/"                 \
	"8\"},\"protocol\":"                                                                                           \
	"\"icmp\",\"icmp\":[8]}"
#define POLICY_REST                                                                                                    \
	"\"schema\":\"nanoseg/policy/1\",\"workload\":\"api\",\"revision\":3,\"verdict\":\"drop\",\"rules\":[" RULE1   \
	"," RULE2 "]"
#define POLICY                                                                                                         \
	"{\"digest\":\"sha256:00ff\",\"state\":\"proposed\",\"origin\":\"learned\",\"proposer\":{\"uid\":0,\"user\":"  \
	"\"root\",\"pid\":1},\"created\":\"2026-11-23T11:00:00Z\",\"mode\":\"proposed\"," POLICY_REST "}"

static void policy_show(void **state)
{
	(void)state;
	answer("GET /v1/policy?workload=api", 200, POLICY);
	assert_int_equal(run("policy show api"), NS_CLI_OK);
	assert_string_equal(got.out,
			    "workload  api\n"
			    "revision  3, proposed, learned\n"
			    "mode      proposed\n"
			    "verdict   drop\n"
			    "made by   root\n"
			    "created   2026-11-23T11:00:00Z\n"
			    "digest    sha256:00ff\n"
			    "\n"
			    "RULE  DIRECTION  PEER             PROTO  PORTS            PACKETS  LAST SEEN  UNSEEN  PR"
			    "OCESSES     WHY\n"
			    "r1    egress     db               tcp    5432, 6000-6010       12  1min ago        9  /u"
			    "sr/bin/api  seen\n"
			    "r2    ingress    cidr 10.0.0.0/8  icmp   type 8                 0  -               0  - "
			    "            -\n");
}

static void policy_changes(void **state)
{
	(void)state;
	answer("GET /v1/policy/diff?workload=api", 200,
	       "{\"added\":[" RULE2 "],\"removed\":[" RULE1 "],\"changed\":[{\"id\":\"r1\",\"from\":" RULE1
	       ",\"to\":" RULE2
	       "}],\"workload\":\"api\",\"from\":null,\"to\":3,\"verdict\":{\"from\":null,\"to\":\"drop\"}}");
	assert_int_equal(run("policy diff api"), NS_CLI_OK);
	assert_string_equal(got.out, "api: from nothing to revision 3\n"
				     "+ verdict drop\n"
				     "- r1  egress to db  tcp 5432, 6000-6010\n"
				     "- r1  egress to db  tcp 5432, 6000-6010\n"
				     "+ r2  ingress from cidr 10.0.0.0/8  icmp type 8\n"
				     "+ r2  ingress from cidr 10.0.0.0/8  icmp type 8\n");
	answer("POST /v1/policy/propose", 200,
	       "{\"workload\":\"api\",\"mode\":\"proposed\",\"revision\":3,\"digest\":\"sha256:00ff\",\"rules\":2,"
	       "\"widened\":9,\"unchanged\":false,\"warnings\":[\"the window is 5 s long\"]}");
	assert_int_equal(run("policy propose api"), NS_CLI_OK);
	assert_string_equal(got.out, "api: revision 3, 2 rules\n"
				     "it allows 9 combinations of address and port that were never seen\n"
				     "digest: sha256:00ff\n"
				     "warning: the window is 5 s long\n"
				     "read it:    nanoseg policy show api\n"
				     "approve it: nanoseg policy approve api --digest sha256:00ff --reason TEXT\n");
	answer("POST /v1/policy/approve", 200,
	       "{\"workload\":\"api\",\"revision\":3,\"digest\":\"sha256:00ff\",\"decision\":\"approve\",\"mode\":"
	       "\"approved\","
	       "\"warnings\":[]}");
	assert_int_equal(run("policy approve api --digest sha256:00ff --reason ok"), NS_CLI_OK);
	assert_string_equal(got.out, "api: revision 3 approved\ndigest: sha256:00ff\n"
				     "put it in force: nanoseg mode api enforcing\n");
	answer("POST /v1/mode", 200,
	       "{\"workload\":\"api\",\"mode\":\"enforcing\",\"previous_mode\":\"approved\",\"revision\":3,"
	       "\"unchanged\":false,"
	       "\"warnings\":[]}");
	assert_int_equal(run("mode api enforcing"), NS_CLI_OK);
	assert_string_equal(got.out, "api: enforcing (was approved)\n");
	answer("GET /v1/policies", 200,
	       "[{\"workload\":\"api\",\"mode\":\"proposed\",\"since\":\"2026-11-23T11:00:00Z\",\"active_revision\":"
	       "null,"
	       "\"proposed_revision\":3,\"newest_revision\":3,\"revision\":3,\"digest\":\"sha256:00ff\",\"rules\":2}]");
	assert_int_equal(run("policy list"), NS_CLI_OK);
	assert_string_equal(got.out, "WORKLOAD  MODE      SINCE   ACTIVE  PROPOSED  RULES  DIGEST\n"
				     "api       proposed  1h ago       -         3      2  sha256:00ff\n");
}

static void policy_history(void **state)
{
	(void)state;
	answer("GET /v1/policy/history?workload=api", 200,
	       "{\"workload\":\"api\",\"revisions\":[{\"revision\":1,\"digest\":\"sha256:00ff\",\"state\":\"approved\","
	       "\"origin\":"
	       "\"learned\",\"proposer\":{\"user\":\"ann\"},\"created\":\"2026-11-23T11:00:00Z\"}],\"decisions\":[{"
	       "\"revision\":"
	       "1,\"decision\":\"approve\",\"time\":\"2026-11-23T11:30:00Z\",\"actor\":{\"user\":\"bob\"},\"reason\":"
	       "\"ok\"}]}");
	assert_int_equal(run("policy history api"), NS_CLI_OK);
	assert_string_equal(got.out, "REVISION  STATE     ORIGIN   CREATED               MADE BY  DIGEST\n"
				     "       1  approved  learned  2026-11-23T11:00:00Z  ann      sha256:00ff\n"
				     "\n"
				     "REVISION  DECISION  TIME                  BY   REASON\n"
				     "       1  approve   2026-11-23T11:30:00Z  bob  ok\n");
}

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

static void edit_with_an_editor(void **state)
{
	char *change =
		script_file("change", "#!/bin/sh\ntest \"$1\" = --wait || exit 5\nsed -i s/drop/reject/ \"$2\"\n");
	char *nothing = script_file("nothing", "#!/bin/sh\nexit 0\n"),
	     *fail = script_file("fail", "#!/bin/sh\nexit 1\n");
	char command[256], *kept, *end;

	(void)state;
	(void)unsetenv("VISUAL");
	(void)setenv("TMPDIR", fake.directory, 1);
	answer("GET /v1/policy?workload=api", 200, POLICY);
	answer("POST /v1/policy/edit", 200,
	       "{\"workload\":\"api\",\"revision\":4,\"digest\":\"sha256:01\",\"rules\":2}");
	(void)snprintf(command, sizeof(command), "%s --wait", change);
	(void)setenv("EDITOR", command, 1);
	assert_int_equal(run("policy edit api"), NS_CLI_OK);
	assert_non_null(strstr(fake.request_body, "\"verdict\": \"reject\""));
	assert_null(strstr(fake.request_body, "sha256:00ff")); /* the policy alone */
	assert_null(strstr(fake.request_body, "proposer"));

	/* Refused: the text is kept, and the line says where. */
	answer("POST /v1/policy/edit", 400, "{\"error\":\"$.rules[0].ports[0]: 70000 is not a port; use 0 to 65535\"}");
	assert_int_equal(run("policy edit api"), NS_CLI_REFUSED);
	assert_non_null(strstr(got.err.text, "70000 is not a port"));
	kept = strstr(got.err.text, "--file /");
	assert_non_null(kept);
	kept += strlen("--file ");
	end = kept + strlen(kept);
	assert_int_equal(strcmp(end - 5, ".json"), 0);
	assert_int_equal(access(kept, R_OK), 0);
	assert_int_equal(unlink(kept), 0);

	(void)setenv("EDITOR", nothing, 1);
	assert_int_equal(run("policy edit api"), NS_CLI_REFUSED);
	assert_string_equal(got.err.text, "api: nothing was changed, nothing was sent");
	(void)setenv("EDITOR", fail, 1);
	assert_int_equal(run("policy edit api"), NS_CLI_REFUSED);
	kept = strchr(got.err.text, '/');
	assert_non_null(kept);
	*strchrnul(kept, ':') = '\0';
	assert_int_equal(unlink(kept), 0);
	(void)setenv("EDITOR", "/nonexistent/editor", 1);
	assert_int_equal(run("policy edit api"), NS_CLI_REFUSED);
	assert_non_null(strstr(got.err.text, "the editor '/nonexistent/editor' cannot be started"));
	kept = strchr(got.err.text, '/');
	*strchrnul(kept, ':') = '\0';
	assert_int_equal(unlink(kept), 0);
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

static void doctor(void **state)
{
	static const char *const reports[] = {
		"[{\"feature\":\"inet "
		"table\",\"available\":true,\"required\":true,\"needed_for\":\"all\",\"fallback\":\"\","
		"\"detail\":\"\"},{\"feature\":\"owner\",\"available\":false,\"required\":false,\"needed_for\":"
		"\"tamper\","
		"\"fallback\":\"watched\",\"detail\":\"EOPNOTSUPP\"}]",
		"[{\"feature\":\"sets\",\"available\":false,\"required\":true,\"needed_for\":\"all\",\"fallback\":"
		"\"none\","
		"\"detail\":\"\"}]",
	};
	static const char *const texts[] = {
		"FEATURE     AVAILABLE  NEEDED FOR  WITHOUT IT  DETAIL\n"
		"inet table  yes        all         -           -\n"
		"owner       no         tamper      watched     EOPNOTSUPP\n",
		"FEATURE  AVAILABLE  NEEDED FOR  WITHOUT IT  DETAIL\n"
		"sets     MISSING    all         none        -\n"
		"\n1 required feature is missing: nanosegd cannot protect containers here\n"
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		json_t *report = json_loads(reports[i], 0, NULL);
		struct ns_cli cli = { 0 };
		struct ns_error err = NS_ERROR_INIT;
		char *text = NULL;
		size_t size;

		cli.out = open_memstream(&text, &size);
		assert_int_equal(ns_doctor_print(&cli, report, &err), i == 0 ? NS_CLI_OK : NS_CLI_REFUSED);
		assert_int_equal(fclose(cli.out), 0);
		assert_string_equal(text, texts[i]);
		free(text);
		json_decref(report);
	}
}

static void alone(void **state)
{
	(void)state;
	assert_int_equal(run("version"), NS_CLI_OK);
	assert_string_equal(got.out, "nanoseg " NANOSEG_VERSION "\n");
	assert_int_equal(run("version --json"), NS_CLI_OK);
	assert_string_equal(got.out, "{\"version\":\"" NANOSEG_VERSION "\"}\n");
	assert_int_equal(run("help policy reject"), NS_CLI_OK);
	assert_string_equal(got.out,
			    "COMMAND                                               WHAT IT DOES\n"
			    "policy reject WORKLOAD --digest DIGEST --reason TEXT  turn the proposed revision down\n");
	assert_int_equal(run("help --json"), NS_CLI_OK);
	json_t *verbs = json_loads(got.out, 0, NULL);
	size_t n;
	(void)ns_cli_verbs(&n);
	assert_int_equal(json_array_size(verbs), n);
	json_decref(verbs);
	free(got.out);
	got.out = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nobody_there, forget),
		cmocka_unit_test_teardown(somebody_else_there, forget),
		cmocka_unit_test_teardown(the_daemon_refuses, forget),
		cmocka_unit_test_teardown(usage, forget),
		cmocka_unit_test_teardown(requests, forget),
		cmocka_unit_test_teardown(documents_go_through_unchanged, forget),
		cmocka_unit_test_teardown(status, forget),
		cmocka_unit_test_teardown(endpoints, forget),
		cmocka_unit_test_teardown(graph_as_table, forget),
		cmocka_unit_test_teardown(graph_as_dot, forget),
		cmocka_unit_test_teardown(policy_show, forget),
		cmocka_unit_test_teardown(policy_changes, forget),
		cmocka_unit_test_teardown(policy_history, forget),
		cmocka_unit_test_teardown(edit_with_a_file, forget),
		cmocka_unit_test_teardown(edit_with_an_editor, forget),
		cmocka_unit_test_teardown(denies, forget),
		cmocka_unit_test_teardown(denies_followed, forget),
		cmocka_unit_test_teardown(evidence_to_a_file, forget),
		cmocka_unit_test_teardown(doctor, forget),
		cmocka_unit_test_teardown(alone, forget),
	};

	return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
