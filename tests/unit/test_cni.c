/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The CNI plugin: the four commands, what it tells the daemon, results and errors as the specification has them.
 */
#include "hook_run.h"

#include <jansson.h>

#include "clock.h"
#include "cni.h"
#include "cni_config.h"
#include "hook_state.h"

static struct hook_run ran;
static const struct ns_cni_environment pod = {
	.command = "ADD",
	.container_id = "feed",
	.netns = "/run/netns/cni-1",
	.ifname = "eth0",
	.args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=api-1;K8S_POD_INFRA_CONTAINER_ID=beef",
};

static int cni_as(const struct ns_cni_environment *environment, const char *config)
{
	char program[] = "nanoseg-cni", *argv[] = { program, NULL };
	int r;

	hook_run_release(&ran);
	hook_run_begin(&ran, config, strlen(config));
	r = ns_cni_main(1, argv, environment, ran.input, ran.out, ran.errors);
	hook_run_end(&ran);
	return r;
}

static int cni(const char *command, const char *config)
{
	struct ns_cni_environment environment = pod;

	environment.command = command;
	return cni_as(&environment, config);
}

static json_t *printed(void)
{
	json_t *json = json_loads(ran.printed, 0, NULL);

	if (!json)
		fail_msg("no JSON: %s", ran.printed);
	return json;
}

static void expect_printed(const char *document)
{
	json_t *json = printed(), *wanted = json_loads(document, 0, NULL);

	assert_non_null(wanted);
	if (!json_equal(json, wanted))
		fail_msg("it prints: %s", ran.printed);
	json_decref(json);
	json_decref(wanted);
}

static void expect_error(int code, const char *version, const char *message, const char *details)
{
	json_t *json = printed();
	const char *found = json_string_value(json_object_get(json, "details"));

	assert_int_equal(json_integer_value(json_object_get(json, "code")), code);
	assert_string_equal(json_string_value(json_object_get(json, "cniVersion")), version);
	if (strcmp(json_string_value(json_object_get(json, "msg")), message) != 0)
		fail_msg("it says: %s", json_string_value(json_object_get(json, "msg")));
	if ((found != NULL) != (details != NULL) || (found && strcmp(found, details) != 0))
		fail_msg("its details: %s", found ? found : "none");
	json_decref(json);
}

/* A configuration with more members, on the fake daemon. */
#define RESULT_1                                                                                                       \
	"{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/"                                 \
	"x\"}],\"ips\":[{\"address\":\"10.0.0.2/24\",\"interface\":0},{\"address\":\"fd00::2/"                         \
	"64\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}],\"dns\":{},\"more\":1.5}"
#define RESULT_0_4                                                                                                     \
	"{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/"                                 \
	"x\"}],\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.2/"                                                    \
	"24\",\"interface\":0},{\"version\":\"6\",\"address\":\"fd00::2/64\"}],\"routes\":[{\"dst\":\"0.0.0.0/"        \
	"0\"}],\"dns\":{},\"more\":1.5}"

static const char *config(const char *version, const char *more, const char *previous)
{
	static char text[8192];

	(void)snprintf(text, sizeof text,
		       "{\"cniVersion\":\"%s\",\"name\":\"n\",\"type\":\"nanoseg-cni\",\"socket\":\"%s\"%s%s%s}",
		       version, fake.socket, more, previous ? ",\"prevResult\":" : "", previous ? previous : "");
	return text;
}

static void expect_asked(const char *document)
{
	json_t *body, *wanted = json_loads(document, 0, NULL);

	assert_string_equal(fake.request_line, "POST /v1/ready HTTP/1.1");
	body = json_loads(fake.request_body, 0, NULL);
	assert_non_null(wanted);
	if (!body || !json_equal(body, wanted))
		fail_msg("it asks: %s", fake.request_body);
	json_decref(body);
	json_decref(wanted);
}

/* ---- ADD ---- */

static void add_returns_what_was_before(void **state)
{
	struct ns_cni_environment bare = pod;

	(void)state;
	answer("POST /v1/ready", 200, READY);
	assert_int_equal(cni("ADD", config("1.0.0", "", RESULT_1)), 0);
	expect_printed(RESULT_1);
	expect_asked("{\"netns\":\"/run/netns/cni-1\",\"container_id\":\"beef\",\"name\":\"api-1\","
		     "\"pod_namespace\":\"shop\",\"pod\":\"api-1\"}");
	assert_string_equal(ran.complaint, "");
	assert_int_equal(cni("ADD", config("0.4.0", "", RESULT_0_4)), 0);
	expect_printed(RESULT_0_4);
	/* A result of the other version becomes one of the configuration's. */
	assert_int_equal(cni("ADD", config("1.0.0", "", RESULT_0_4)), 0);
	expect_printed(RESULT_1);
	assert_int_equal(cni("ADD", config("0.4.0", "", RESULT_1)), 0);
	expect_printed(RESULT_0_4);
	/* No Kubernetes. */
	bare.args = NULL;
	assert_int_equal(cni_as(&bare, config("1.0.0", "", RESULT_1)), 0);
	expect_asked("{\"netns\":\"/run/netns/cni-1\",\"container_id\":\"feed\"}");
	bare.args = "K8S_POD_NAME=api-1;;X=;K8S_POD_NAMESPACE=";
	assert_int_equal(cni_as(&bare, config("1.0.0", "", RESULT_1)), 0);
	expect_asked("{\"netns\":\"/run/netns/cni-1\",\"container_id\":\"feed\"}");
}

static void an_annotation_names_the_workload(void **state)
{
	(void)state;
	answer("POST /v1/ready", 200, READY);
	assert_int_equal(
		cni("ADD", config("1.0.0",
				  ",\"capabilities\":{\"io.kubernetes.cri.pod-annotations\":true},"
				  "\"runtimeConfig\":{\"io.kubernetes.cri.pod-annotations\":{\"nanoseg.workload\":"
				  "\"k8s/shop/deploy/api\",\"x\":\"y\"}}",
				  RESULT_1)),
		0);
	expect_asked("{\"netns\":\"/run/netns/cni-1\",\"container_id\":\"beef\",\"name\":\"api-1\",\"workload\":\"k8s/"
		     "shop/deploy/api\","
		     "\"pod_namespace\":\"shop\",\"pod\":\"api-1\"}");
	assert_int_equal(
		cni("ADD", config("1.0.0",
				  ",\"runtimeConfig\":{\"io.kubernetes.cri.pod-annotations\":{\"nanoseg.workload\":"
				  "\"/x\"}}",
				  RESULT_1)),
		1);
	expect_error(
		7, "1.0.0",
		"$.runtimeConfig: annotation nanoseg.workload: '/x' is no name of a workload; use at most 255 letters, "
		"digits and ._-@:+/, not beginning with '/'",
		NULL);
}

/* Whichever of the two a runtime uses, a pod has one name. */
static void hook_and_plugin_name_a_pod_alike(void **state)
{
	static const char *const names[][2] = {
		{ "shop", "api-1" },
		{ "a/b", "c d" },
		{ "x", "\xc3\xa4" },
		{ "..", "." },
	};
	struct ns_error err = NS_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct ns_subject by_plugin = { 0 }, by_hook = { 0 };
		struct ns_hook_state hook = NS_HOOK_STATE_INIT;
		char args[512], text[512];

		(void)snprintf(args, sizeof args, "K8S_POD_NAMESPACE=%s;K8S_POD_NAME=%s", names[i][0], names[i][1]);
		(void)snprintf(
			text, sizeof text,
			"{\"id\":\"x\",\"pid\":1,\"annotations\":{\"io.kubernetes.cri.sandbox-namespace\":\"%s\","
			"\"io.kubernetes.cri.sandbox-name\":\"%s\"}}",
			names[i][0], names[i][1]);
		assert_int_equal(ns_cni_args_parse(args, &by_plugin, &err), 0);
		assert_int_equal(ns_hook_state_parse(text, strlen(text), &hook, &err), 0);
		assert_int_equal(ns_hook_state_subject(&hook, &by_hook, &err), 0);
		assert_string_equal(by_plugin.pod_namespace, by_hook.pod_namespace);
		assert_string_equal(by_plugin.pod, by_hook.pod);
		assert_string_equal(by_plugin.name, by_hook.name);
		assert_true(*by_hook.pod_namespace && *by_hook.pod);
		assert_string_equal(by_hook.workload, "");
		ns_hook_state_release(&hook);
	}
}

static void long_names_are_not_cut(void **state)
{
	struct ns_subject subject = { 0 };
	char name[NS_NAME_MAX + 1];

	(void)state;
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	ns_subject_set_pod(&subject, "shop", name);
	assert_string_equal(subject.pod, "");
	assert_string_equal(subject.name, "");
	ns_subject_set_pod(&subject, name, "api-1");
	assert_string_equal(subject.pod_namespace, "");
	assert_string_equal(subject.pod, "");
	name[NS_NAME_MAX - 1] = '\0';
	ns_subject_set_pod(&subject, "shop", name);
	assert_string_equal(subject.pod_namespace, "shop");
	assert_string_equal(subject.pod, name);
	assert_string_equal(subject.name, name);
}

static void add_waits(void **state)
{
	useconds_t time = 60000;
	int64_t begin = ns_clock_elapsed();
	pthread_t thread;

	(void)state;
	answer("POST /v1/ready", 200, NOT_READY);
	assert_int_equal(pthread_create(&thread, NULL, become_ready, &time), 0);
	assert_int_equal(cni("ADD", config("1.0.0", "", RESULT_1)), 0);
	assert_true(ns_clock_elapsed() - begin >= 60000);
	assert_int_equal(pthread_join(thread, NULL), 0);
	expect_printed(RESULT_1);
}

static void add_fails_when_time_is_up(void **state)
{
	(void)state;
	answer("POST /v1/ready", 200, NOT_READY);
	assert_int_equal(cni("ADD", config("0.4.0", ",\"timeout\":50", RESULT_0_4)), 1);
	expect_error(11, "0.4.0", "pod shop/api-1: the rules of nanoseg are not in",
		     "not ready after 50ms: eth0 is closed");
	assert_int_equal(cni("ADD", config("1.0.0", ",\"timeout\":\"50ms\",\"onTimeout\":\"fail\"", RESULT_1)), 1);
	assert_int_equal(cni("ADD", config("1.0.0", ",\"timeout\":\"50ms\",\"onTimeout\":\"continue\"", RESULT_1)), 0);
	expect_printed(RESULT_1);
	assert_string_equal(ran.complaint,
			    "nanoseg-cni: pod shop/api-1: not ready after 50ms: eth0 is closed; it starts all "
			    "the same (onTimeout: continue)\n");
	answer("POST /v1/ready", 403, "{\"error\":\"'ready' is for root\"}");
	assert_int_equal(cni("ADD", config("1.0.0", "", RESULT_1)), 1);
	expect_error(101, "1.0.0", "pod shop/api-1: the rules of nanoseg are not in", "nanosegd: 'ready' is for root");
}

/* ---- CHECK, DEL, VERSION ---- */

#define LOCK(cookie, name, rest) "{\"workload\":\"k8s/shop/api\",\"cookie\":" cookie ",\"lock\":\"" name "\"," rest "}"

static void check_reads_again(void **state)
{
	(void)state;
	answer("POST /v1/ready", 200, READY);
	answer("GET /v1/verify?workload=k8s%2Fshop%2Fapi", 200,
	       "{\"locks\":[" LOCK("77", "inner", "\"equal\":true") "," LOCK("77", "outer", "\"equal\":true") "," LOCK(
		       "78", "inner", "\"equal\":false,\"difference\":\"of another pod\"") "]}");
	assert_int_equal(cni("CHECK", config("1.0.0", "", RESULT_1)), 0);
	assert_string_equal(ran.printed, "");
	answer("GET /v1/verify?workload=k8s%2Fshop%2Fapi", 200,
	       "{\"locks\":[" LOCK("77", "inner", "\"equal\":true") "," LOCK(
		       "77", "outer", "\"equal\":false,\"difference\":\"- element\\n+ other\"") "]}");
	assert_int_equal(cni("CHECK", config("1.0.0", "", RESULT_1)), 1);
	expect_error(100, "1.0.0", "k8s/shop/api: the rules are not as planned",
		     "the outer lock of k8s/shop/api is not as planned: - element");
	/* What is not said to be equal is not. */
	answer("GET /v1/verify", 200, "{\"locks\":[" LOCK("77", "inner", "\"equal\":1") "]}");
	answer("GET /v1/verify?workload=k8s%2Fshop%2Fapi", 200, "{\"locks\":[" LOCK("77", "inner", "\"equal\":1") "]}");
	assert_int_equal(cni("CHECK", config("1.0.0", "", RESULT_1)), 1);
	answer("GET /v1/verify?workload=k8s%2Fshop%2Fapi", 200, "{\"locks\":[]}");
	assert_int_equal(cni("CHECK", config("1.0.0", "", RESULT_1)), 1);
	expect_error(100, "1.0.0", "k8s/shop/api: the rules are not as planned",
		     "the kernel holds no lock of k8s/shop/api");
	answer("GET /v1/verify?workload=k8s%2Fshop%2Fapi", 200, "{}");
	assert_int_equal(cni("CHECK", config("1.0.0", "", RESULT_1)), 1);
	expect_error(101, "1.0.0", "the rules could not be read again", "the daemon's answer has no list of locks");
	/* Going on when time is up is for starting; a check says what is. */
	answer("POST /v1/ready", 200, NOT_READY);
	assert_int_equal(cni("CHECK", config("1.0.0", ",\"timeout\":50,\"onTimeout\":\"continue\"", RESULT_1)), 1);
	expect_error(11, "1.0.0", "pod shop/api-1: the rules of nanoseg are not in",
		     "not ready after 50ms: eth0 is closed");
}

static void check_on_the_hosts_network(void **state)
{
	(void)state;
	answer("POST /v1/ready", 200,
	       "{\"ready\":true,\"cookie\":null,\"workload\":null,\"mode\":null,\"why\":\"on the host's network\"}");
	assert_int_equal(cni("CHECK", config("1.0.0", "", RESULT_1)), 0);
	assert_int_equal(cni("ADD", config("1.0.0", "", RESULT_1)), 0);
}

static void del_always_succeeds(void **state)
{
	const struct ns_cni_environment nothing = { .command = "DEL" };

	(void)state;
	fake.requests = 0;
	assert_int_equal(cni("DEL", config("1.0.0", "", NULL)), 0);
	assert_string_equal(ran.printed, "");
	assert_int_equal(cni("DEL", "{not JSON"), 0);
	assert_int_equal(cni_as(&nothing, ""), 0);
	assert_int_equal(fake.requests, 0);
}

static void versions(void **state)
{
	(void)state;
	assert_int_equal(cni("VERSION", "{\"cniVersion\":\"0.4.0\"}"), 0);
	expect_printed("{\"cniVersion\":\"0.4.0\",\"supportedVersions\":[\"0.4.0\",\"1.0.0\"]}");
	assert_int_equal(cni("VERSION", "{\"cniVersion\":\"9.9.9\"}"), 0);
	expect_printed("{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[\"0.4.0\",\"1.0.0\"]}");
	assert_int_equal(cni("VERSION", ""), 0);
	assert_int_equal(cni("VERSION", "[1]"), 1);
	expect_error(6, "1.0.0", "$: must be an object", NULL);
}

/* ---- what is wrong ---- */

static void bad_environments(void **state)
{
	static const struct {
		struct ns_cni_environment environment;
		const char *message;
	} cases[] = {
		{ { "ADD", NULL, "/n", "eth0", NULL }, "CNI_CONTAINERID: not set" },
		{ { "ADD", "", "/n", "eth0", NULL }, "CNI_CONTAINERID: not set" },
		{ { "CHECK", "x", NULL, "eth0", NULL }, "CNI_NETNS: not set" },
		{ { "ADD", "x", "/n", NULL, NULL }, "CNI_IFNAME: not set" },
		{ { "ADD", "../x", "/n", "eth0", NULL }, "CNI_CONTAINERID: '../x' is no id of a container" },
		{ { "ADD", "x", "n", "eth0", NULL }, "CNI_NETNS: 'n' is no absolute path of at most 255 bytes" },
		{ { "ADD", "x", "/n", "eth0", "A" }, "CNI_ARGS: 'A' is not NAME=VALUE" },
		{ { "GC", "x", "/n", "eth0", NULL }, "CNI_COMMAND: 'GC' is not one of ADD, DEL, CHECK, VERSION" },
		{ { "\x1b\xff", "x", "/n", "eth0", NULL },
		  "CNI_COMMAND: '\?\?' is not one of ADD, DEL, CHECK, VERSION" },
	};
	char text[4096], *argv[] = { text, text, NULL };

	(void)state;
	answer("POST /v1/ready", 200, READY);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(cni_as(&cases[i].environment, config("1.0.0", "", RESULT_1)), 1);
		expect_error(4, "1.0.0", cases[i].message, NULL);
	}
	/* Somebody at a terminal. */
	hook_run_release(&ran);
	hook_run_begin(&ran, "", 0);
	(void)snprintf(text, sizeof text, "--version");
	assert_int_equal(ns_cni_main(2, argv, &pod, ran.input, ran.out, ran.errors), 0);
	hook_run_end(&ran);
	assert_string_equal(ran.printed, "nanoseg-cni " NANOSEG_VERSION "\n");
	hook_run_release(&ran);
	hook_run_begin(&ran, "", 0);
	(void)snprintf(text, sizeof text, "--quux");
	assert_int_equal(ns_cni_main(2, argv, &pod, ran.input, ran.out, ran.errors), 1);
	hook_run_end(&ran);
	assert_string_equal(
		ran.complaint,
		"nanoseg-cni: '--quux' is not expected here; use --version or --help: a CNI runtime tells the "
		"rest in its own way, see nanoseg-cni(8)\n");
	assert_int_equal(cni(NULL, ""), 1);
	assert_string_equal(ran.complaint,
			    "nanoseg-cni: CNI_COMMAND: not set; a CNI runtime starts this, see nanoseg-cni(8)\n");
}

static void bad_configurations(void **state)
{
	static const struct {
		const char *text, *message;
		int code;
	} cases[] = {
		{ "", "no configuration on standard input", 6 },
		{ "{", "line 1, column 1: not valid JSON: string or '}' expected near end of file", 6 },
		{ "7", "line 1, column 1: not valid JSON: '[' or '{' expected near '7'", 6 },
		{ "{}", "$.cniVersion: missing", 7 },
		{ "{\"cniVersion\":1}", "$.cniVersion: must be a text", 7 },
		{ "{\"cniVersion\":\"0.3.1\"}", "$.cniVersion: '0.3.1' is not supported; use 0.4.0 or 1.0.0", 1 },
		{ "{\"cniVersion\":\"1.0.0\",\"timout\":[1,2]}",
		  "$.timout: unknown field, its value [1,2]; there are socket, timeout and onTimeout", 2 },
		{ "{\"cniVersion\":\"1.0.0\",\"timeout\":0}", "$.timeout: '0ms' is out of bounds; use 10ms to 10min",
		  7 },
		{ "{\"cniVersion\":\"1.0.0\",\"timeout\":-5}",
		  "$.timeout: '-5ms' is not a duration; use a number with us, ms, s, min, h or d", 7 },
		{ "{\"cniVersion\":\"1.0.0\",\"timeout\":1.5}",
		  "$.timeout: must be a number of milliseconds or a text such as \"10s\"", 7 },
		{ "{\"cniVersion\":\"1.0.0\",\"timeout\":\"soon\"}",
		  "$.timeout: 'soon' is not a duration; use a number with us, ms, s, min, h or d", 7 },
		{ "{\"cniVersion\":\"1.0.0\",\"onTimeout\":\"go\"}", "$.onTimeout: must be \"fail\" or \"continue\"",
		  7 },
		{ "{\"cniVersion\":\"1.0.0\",\"socket\":\"s\"}",
		  "$.socket: 's' is not an absolute path; it must begin with '/'", 7 },
		{ "{\"cniVersion\":\"1.0.0\",\"socket\":7}", "$.socket: must be a string", 7 },
		{ "{\"cniVersion\":\"1.0.0\",\"prevResult\":[]}", "$.prevResult: must be an object", 7 },
	};

	(void)state;
	answer("POST /v1/ready", 200, READY);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(cni("ADD", cases[i].text), 1);
		expect_error(cases[i].code, "1.0.0", cases[i].message, NULL);
	}
	assert_int_equal(cni("ADD", config("1.0.0", "", NULL)), 1);
	expect_error(7, "1.0.0", "$.prevResult: missing",
		     "nanoseg-cni is chained: it stands behind the plugin that makes the interface");
	/* What the specification and runtimes put into it. */
	assert_int_equal(
		cni("ADD", config("1.0.0",
				  ",\"args\":{\"a\":1},\"dns\":{},\"ipMasq\":true,\"ipam\":{},\"capabilities\":{},"
				  "\"cni.dev/valid-attachments\":[],\"runtimeConfig\":7",
				  RESULT_1)),
		0);
}

static int forget(void **state)
{
	hook_run_release(&ran);
	memset(&ran, 0, sizeof ran);
	return fake_forget(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(add_returns_what_was_before, forget),
		cmocka_unit_test_teardown(an_annotation_names_the_workload, forget),
		cmocka_unit_test_teardown(hook_and_plugin_name_a_pod_alike, forget),
		cmocka_unit_test_teardown(long_names_are_not_cut, forget),
		cmocka_unit_test_teardown(add_waits, forget),
		cmocka_unit_test_teardown(add_fails_when_time_is_up, forget),
		cmocka_unit_test_teardown(check_reads_again, forget),
		cmocka_unit_test_teardown(check_on_the_hosts_network, forget),
		cmocka_unit_test_teardown(del_always_succeeds, forget),
		cmocka_unit_test_teardown(versions, forget),
		cmocka_unit_test_teardown(bad_environments, forget),
		cmocka_unit_test_teardown(bad_configurations, forget),
	};

	return cmocka_run_group_tests(tests, fake_start, fake_stop);
}
