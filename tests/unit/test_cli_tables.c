/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The verbs: what people read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli_daemon.h"
#include "document.h"

static const char fine[] =
	"{\"version\":\"0.1.0\",\"uptime\":7384,\"endpoints\":4,\"modes\":{\"learning\":3,\"enforcing\":1},\"gaps\":[],"
	"\"unprotected\":[],\"sources\":[{\"source\":\"docker\",\"state\":\"ok\",\"detail\":\"API 1.43\"},"
	"{\"source\":\"podman\",\"state\":\"absent\",\"detail\":null}],\"unrestricted\":[{\"workload\":\"W\",\"mode\":"
	"\"learning\",\"next\":\"nanoseg learn stop W\"}],\"kernel\":\"6.18.0\"}";
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
				     "podman  absent  -\n"
				     "\n"
				     "NOT RESTRICTED  MODE      NEXT\n"
				     "W               learning  nanoseg learn stop W\n");
	(void)fake_forget(NULL);

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
	(void)fake_forget(NULL);

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
	       "\"none: no link\",\"gate\":\"closed: new\",\"drift\":{\"count\":3},"
	       "\"since\":\"2026-11-22T10:00:00.5Z\",\"findings\":[\"NET_RAW: it sends\",\"host pid\"]},"
	       "{\"cookie\":8,\"workload\":\"netns/"
	       "\\u001b[31m\",\"runtime\":\"netns\",\"container_id\":\"0123456789abcdef\","
	       "\"name\":\"\",\"addresses\":[],\"mode\":\"learning\",\"inner\":\"learning\",\"outer\":\"none\","
	       "\"since\":\"2026-11-23T12:00:00Z\",\"findings\":[]}]");
	assert_int_equal(run("endpoints"), NS_CLI_OK);
	assert_string_equal(got.out,
			    "WORKLOAD          RUNTIME  CONTAINER     ADDRESSES         MODE       INNER      "
			    "OUTER  GATE    DRIFT  SINCE   FINDINGS\n"
			    "compose/shop/web  docker   shop-web-1    10.0.0.2 fd00::2  enforcing  enforcing  "
			    "none   closed      3  1d ago  NET_RAW; host pid\n"
			    "netns/\\x1b[31m    netns    0123456789ab  -                 learning   learning   "
			    "none   -           -  now     -\n");
	(void)fake_forget(NULL);
	/* Why each has its name, whatever bytes are in it. */
	answer("GET /v1/endpoints", 200,
	       "[{\"workload\":\"k8s/a/web/app\",\"runtime\":\"containerd\",\"name\":\"app\",\"named_by\":\"k8s: pod "
	       "a/web\\u001b\"},{\"workload\":\"docker/0123456789ab\",\"runtime\":\"docker\",\"name\":\"\","
	       "\"container_id\":\"0123456789abcdef\"}]");
	assert_int_equal(run("endpoints --explain"), NS_CLI_OK);
	assert_string_equal(got.out, "k8s/a/web/app (containerd, app)\n"
				     "    k8s: pod a/web\\x1b\n"
				     "docker/0123456789ab (docker, 0123456789ab)\n"
				     "    the daemon does not say why\n");
	(void)fake_forget(NULL);
	answer("GET /v1/endpoints", 200, "[]");
	assert_int_equal(run("endpoints"), NS_CLI_OK);
	assert_string_equal(got.out, "no endpoints: no container is running\n");
	(void)fake_forget(NULL);
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
			    "r2    ingress    cidr 10.0.0.0/8  icmp   type 8                 -  -               -  - "
			    "            by hand\n");
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
	assert_int_equal(run("policy approve api --digest " DIGEST " --reason ok"), NS_CLI_OK);
	assert_string_equal(got.out, "api: revision 3 approved\ndigest: sha256:00ff\n"
				     "put it in force: nanoseg mode api enforcing\n");
	answer("POST /v1/mode", 200,
	       "{\"workload\":\"api\",\"mode\":\"enforcing\",\"previous_mode\":\"approved\",\"revision\":3,"
	       "\"unchanged\":false,"
	       "\"warnings\":[]}");
	assert_int_equal(run("mode api enforcing"), NS_CLI_OK);
	assert_string_equal(got.out, "api: enforcing revision 3, was approved\n");
	answer("POST /v1/mode", 200,
	       "{\"workload\":\"api\",\"mode\":\"enforcing\",\"previous_mode\":\"auditing\",\"revision\":1,\"digest\":"
	       "\"sha256:d25d31fa8c1e0000\",\"proposed_revision\":3,\"unchanged\":false,\"warnings\":[]}");
	assert_int_equal(run("mode api enforcing"), NS_CLI_OK);
	assert_string_equal(got.out, "api: enforcing revision 1 (sha256:d25d31fa8c1e…), was auditing; revision 3 waits "
				     "for approval\n");
	answer("POST /v1/mode", 200,
	       "{\"workload\":\"api\",\"mode\":\"learning\",\"previous_mode\":\"enforcing\",\"revision\":1,\"digest\":"
	       "\"sha256:d25d31fa8c1e0000\",\"proposed_revision\":null,\"unchanged\":false,\"warnings\":[\"off\"]}");
	assert_int_equal(run("mode api learning"), NS_CLI_OK);
	assert_string_equal(got.out, "api: learning, was enforcing\nwarning: off\n");
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
	       "\"ok\"}],\"mode_changes\":[{\"seq\":4,\"time\":\"2026-11-23T11:40:00Z\",\"actor\":{\"user\":\"bob\"},"
	       "\"from\":\"approved\",\"to\":\"enforcing\",\"reason\":\"go\",\"revision\":1}]}");
	assert_int_equal(run("policy history api"), NS_CLI_OK);
	assert_string_equal(got.out, "REVISION  STATE     ORIGIN   CREATED               MADE BY  DIGEST\n"
				     "       1  approved  learned  2026-11-23T11:00:00Z  ann      sha256:00ff\n"
				     "\n"
				     "REVISION  DECISION  TIME                  BY   REASON\n"
				     "       1  approve   2026-11-23T11:30:00Z  bob  ok\n"
				     "\n"
				     "FROM      TO         TIME                  BY   REVISION  REASON\n"
				     "approved  enforcing  2026-11-23T11:40:00Z  bob         1  go\n");
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
		"FEATURE     AVAILABLE  REQUIRED  NEEDED FOR  WITHOUT IT     DETAIL\n"
		"inet table  yes        yes       all         no protection  -\n"
		"owner       no         no        tamper      watched        EOPNOTSUPP\n",
		"FEATURE  AVAILABLE  REQUIRED  NEEDED FOR  WITHOUT IT     DETAIL\n"
		"sets     MISSING    yes       all         no protection  -\n"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(status, fake_forget),
		cmocka_unit_test_teardown(endpoints, fake_forget),
		cmocka_unit_test_teardown(graph_as_table, fake_forget),
		cmocka_unit_test_teardown(graph_as_dot, fake_forget),
		cmocka_unit_test_teardown(policy_show, fake_forget),
		cmocka_unit_test_teardown(policy_changes, fake_forget),
		cmocka_unit_test_teardown(policy_history, fake_forget),
		cmocka_unit_test_teardown(doctor, fake_forget),
	};

	return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
