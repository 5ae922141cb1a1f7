/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A process that writes into the store is killed with SIGKILL at a random moment, again and again, on one state
 * directory. It tells over a pipe what the store has told it was done. Afterwards all of that is there: each approval
 * under its digest, each mode; batches of facts are there as a whole or not at all; and the audit chain verifies.
 *
 * The directory is under /var/tmp: a real file system, with real fsync.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nanoseg/store.h>

#include "cleanup.h"
#include "clock.h"

#define WORKLOADS   5
#define BATCH       40
#define ROUNDS_MIN  40
#define ROUNDS_MAX  400
#define RUN_US      10000000
#define LIFE_MAX_US 120000
#define REPORTS_MAX 200000

static const struct ns_actor actor = { 0, "root", 1 };

/* What the child was told is done. */
struct report {
	char kind; /* 'p' proposed, 'a' approved, 'm' mode, 'b' a batch of edges */
	uint8_t workload;
	uint64_t revision;
	uint8_t mode;
	char digest[NS_DIGEST_TEXT_MAX];
};

static struct report *reports;
static size_t n_reports;
static char dir[64], state[96];

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("FAILED: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void must(int r, const struct ns_error *err, const char *what)
{
	if (r < 0)
		die("%s: %d: %s", what, r, err->text);
}

static const char *name_of(unsigned workload, char buf[static 32])
{
	(void)snprintf(buf, 32, "netns/w%u", workload);
	return buf;
}

/* ---- the child ---- */

static void tell(int fd, const struct report *report)
{
	if (write(fd, report, sizeof *report) != (ssize_t)sizeof *report) /* below PIPE_BUF: whole or not at all */
		_exit(3);
}

static void child_must(int r, const struct ns_error *err, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "FAILED: in the child: %s: %d: %s\n", what, r, err->text);
	_exit(2);
}

static void propose_and_approve(struct ns_store *store, int fd, unsigned workload, struct ns_error *err)
{
	struct report report = { .workload = (uint8_t)workload };
	NS_JSON json_t *document = NULL;
	NS_JSON json_t *info = NULL;
	struct ns_workload w;
	char name[32];

	(void)name_of(workload, name);
	child_must(ns_store_meet_workload(store, name, NS_MODE_LEARNING, ns_clock_now(), &w, err), err, "meet");
	report.revision = w.newest_revision + 1;
	document = json_pack("{s:s, s:I, s:i}", "workload", name, "revision", (json_int_t)report.revision, "salt",
			     (int)random());
	child_must(ns_store_add_policy(store, name, report.revision, document, "learned", &actor, ns_clock_now(), err),
		   err, "add_policy");
	child_must(ns_store_get_policy(store, name, report.revision, NULL, &info, err), err, "get_policy");
	(void)snprintf(report.digest, sizeof report.digest, "%s", json_string_value(json_object_get(info, "digest")));
	report.kind = 'p';
	tell(fd, &report);
	child_must(ns_store_decide(store, name, report.digest, "approve", "kill test", &actor, ns_clock_now(), err),
		   err, "decide");
	report.kind = 'a';
	tell(fd, &report);
	report.mode = random() % 2 ? NS_MODE_ENFORCING : NS_MODE_AUDITING;
	child_must(ns_store_set_mode(store, name, (enum ns_mode)report.mode, &actor, "kill test", ns_clock_now(), err),
		   err, "set_mode");
	report.kind = 'm';
	tell(fd, &report);
}

static void add_batch(struct ns_store *store, int fd, struct ns_error *err)
{
	struct report report = { .kind = 'b' };
	struct ns_edge edge = { .workload = "facts",
				.tuple = { .direction = NS_EGRESS,
					   .protocol = 6,
					   .port = 443,
					   .peer = { .family = AF_INET6, .bytes = { 0xfd } } },
				.peer_class = NS_PEER_CIDR,
				.peer_name = "",
				.source_name = "",
				.process = "",
				.uid = -1,
				.packets = 1,
				.last_seen = 1 };
	uint64_t base = (uint64_t)random() << 31 ^ (uint64_t)random();

	child_must(ns_store_begin(store, err), err, "begin");
	for (unsigned i = 0; i < BATCH; i++) {
		memcpy(edge.tuple.peer.bytes + 4, &base, sizeof base);
		edge.tuple.peer.bytes[15] = (uint8_t)i;
		child_must(ns_store_add_edge(store, &edge, err), err, "add_edge");
	}
	child_must(ns_store_commit(store, err), err, "commit");
	tell(fd, &report);
}

__attribute__((noreturn)) static void child(int fd, unsigned seed)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_store *store = NULL;

	srandom(seed);
	child_must(ns_store_open(state, &store, &err), &err, "open");
	for (;;) {
		propose_and_approve(store, fd, (unsigned)random() % WORKLOADS, &err);
		if (random() % 3 == 0)
			add_batch(store, fd, &err);
	}
}

/* ---- the parent ---- */

/* Reads what the child tells until it is dead, and kills it when its time has come. */
static void follow(pid_t pid, int fd, int64_t life)
{
	int64_t end = ns_clock_elapsed() + life;
	bool killed = false;

	for (;;) {
		int64_t left = end - ns_clock_elapsed();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		struct timespec timeout = { 0, left > 0 ? left * 1000 : 0 };
		ssize_t n;

		if (left <= 0 && !killed) {
			(void)kill(pid, SIGKILL);
			killed = true;
		}
		if (ppoll(&p, 1, killed ? NULL : &timeout, NULL) <= 0)
			continue;
		if (n_reports == REPORTS_MAX)
			die("more than %d reports", REPORTS_MAX);
		n = read(fd, &reports[n_reports], sizeof reports[0]);
		if (n == 0)
			return;
		if (n != (ssize_t)sizeof reports[0])
			die("half a report");
		n_reports++;
	}
}

static void live_and_die(unsigned round)
{
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0) {
		(void)close(fds[0]);
		child(fds[1], round);
	}
	(void)close(fds[1]);
	follow(pid, fds[0], 1 + random() % LIFE_MAX_US);
	(void)close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		die("the child ended by itself, status %#x", status);
}

/* Each policy and approval that was told of is there; the last mode that was told of holds, unless a later one came
 * through and the pipe did not. */
static void check_ledger(struct ns_store *store, size_t from)
{
	struct ns_error err = NS_ERROR_INIT;

	for (size_t i = from; i < n_reports; i++) {
		const struct report *report = &reports[i];
		NS_JSON json_t *info = NULL;
		const char *digest, *state_word;
		char name[32];

		if (report->kind == 'b')
			continue;
		(void)name_of(report->workload, name);
		must(ns_store_get_policy(store, name, report->revision, NULL, &info, &err), &err, "a reported policy");
		digest = json_string_value(json_object_get(info, "digest"));
		state_word = json_string_value(json_object_get(info, "state"));
		if (strcmp(digest, report->digest) != 0)
			die("%s revision %llu has another digest", name, (unsigned long long)report->revision);
		if (report->kind == 'a' && strcmp(state_word, "approved") != 0 && strcmp(state_word, "superseded") != 0)
			die("an approval of %s is lost: %s", name, state_word);
	}
}

static void check_decisions(struct ns_store *store)
{
	struct ns_error err = NS_ERROR_INIT;
	NS_JSON json_t *decisions = ns_store_approvals(store, NULL, &err);
	NS_JSON json_t *index = json_object();
	json_t *decision;
	size_t i;

	must(decisions ? 0 : -1, &err, "approvals");
	json_array_foreach (decisions, i, decision) {
		const char *digest = json_string_value(json_object_get(decision, "digest"));

		(void)json_object_set_new(index, digest, json_true());
	}
	for (i = 0; i < n_reports; i++)
		if (reports[i].kind == 'a' && !json_object_get(index, reports[i].digest))
			die("the approval of %s is lost", reports[i].digest);
}

static void check_modes(struct ns_store *store, size_t from)
{
	for (unsigned w = 0; w < WORKLOADS; w++) {
		struct ns_error err = NS_ERROR_INIT;
		struct ns_workload row;
		bool known = false;
		char name[32];

		for (size_t i = from; i < n_reports; i++)
			known |= reports[i].workload == w && reports[i].kind == 'm';
		if (!known)
			continue;
		must(ns_store_get_workload(store, name_of(w, name), &row, &err), &err, "a reported workload");
		if (row.mode != NS_MODE_ENFORCING && row.mode != NS_MODE_AUDITING)
			die("the mode of %s is lost: it is %s", name, ns_mode_format(row.mode));
	}
}

static uint64_t check(size_t from)
{
	struct ns_error err = NS_ERROR_INIT;
	char head[NS_DIGEST_TEXT_MAX];
	struct ns_store *store = NULL;
	uint64_t entries = 0, edges = 0, batches = 0;

	must(ns_store_open(state, &store, &err), &err, "open after a kill");
	must(ns_store_audit_verify(store, &entries, head, &err), &err, "verify after a kill");
	check_ledger(store, from);
	check_modes(store, from);
	check_decisions(store);
	must(ns_store_count_edges(store, "facts", &edges, &err), &err, "count");
	for (size_t i = 0; i < n_reports; i++)
		batches += reports[i].kind == 'b';
	if (edges % BATCH || edges < batches * BATCH)
		die("%llu edges after %llu batches of %d", (unsigned long long)edges, (unsigned long long)batches,
		    BATCH);
	(void)ns_store_close(store);
	return entries;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static void clean_up(void)
{
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : (unsigned)ns_clock_now();
	int64_t end = ns_clock_elapsed() + RUN_US;
	size_t checked = 0;
	unsigned round;
	uint64_t entries;

	reports = calloc(REPORTS_MAX, sizeof *reports);
	(void)snprintf(dir, sizeof dir, "/var/tmp/nanoseg-kill.XXXXXX");
	if (!reports || !mkdtemp(dir))
		die("no directory: %s", strerror(errno));
	(void)atexit(clean_up); /* the children end by _exit() or SIGKILL */
	(void)snprintf(state, sizeof state, "%s/state", dir);
	(void)printf("seed %u\n", seed);
	(void)fflush(stdout);
	srandom(seed);
	for (round = 0; round < ROUNDS_MIN || (round < ROUNDS_MAX && ns_clock_elapsed() < end); round++) {
		live_and_die(seed + round);
		if (random() % 4 == 0) /* at times a second life opens what the first one left, unlooked at */
			continue;
		(void)check(checked);
		checked = n_reports;
	}
	entries = check(0);
	(void)printf("%u kills, %zu reports, %llu audit entries: all there\n", round, n_reports,
		     (unsigned long long)entries);
	if (n_reports < round)
		die("too little was written to mean anything");
	free(reports);
	return 0;
}
