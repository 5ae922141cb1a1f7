/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "docker_json.h"
#include "docker_ports.h"

#define ID_A "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define ID_B "0000000000000000000000000000000000000000000000000000000000000bbb"

static int version(const char *text, char ret[static NS_DOCKER_VERSION_MAX])
{
	return ns_docker_parse_version(text, strlen(text), ret, NULL);
}

static void test_version(void **state)
{
	char agreed[NS_DOCKER_VERSION_MAX] = "untouched";
	static const char *const bad[] = { "",
					   "{}",
					   "[]",
					   "7",
					   "{\"ApiVersion\":1.41}",
					   "{\"ApiVersion\":\"\"}",
					   "{\"ApiVersion\":\"1\"}",
					   "{\"ApiVersion\":\"1.\"}",
					   "{\"ApiVersion\":\"1.41x\"}",
					   "{\"ApiVersion\":\"-1.41\"}",
					   "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"x\"}",
					   "{\"ApiVersion\":\"99999999999999999999.1\"}",
					   "{\"ApiVersion\":\"1.41\"" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_true(version(bad[i], agreed) < 0);
	assert_int_equal(version("{\"ApiVersion\":\"1.23\",\"MinAPIVersion\":\"1.12\"}", agreed), -EPROTONOSUPPORT);
	assert_int_equal(version("{\"ApiVersion\":\"1.60\",\"MinAPIVersion\":\"1.49\"}", agreed), -EPROTONOSUPPORT);
	assert_int_equal(version("{\"ApiVersion\":\"2.0\",\"MinAPIVersion\":\"1.44\"}", agreed), -EPROTONOSUPPORT);
	assert_string_equal(agreed, "untouched");
	assert_int_equal(version("{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\",\"Os\":\"linux\"}", agreed), 0);
	assert_string_equal(agreed, "1.41");
	assert_int_equal(version("{\"ApiVersion\":\"1.24\"}", agreed), 0);
	assert_string_equal(agreed, "1.24");
	assert_int_equal(version("{\"ApiVersion\":\"1.52\",\"MinAPIVersion\":\"1.44\"}", agreed), 0);
	assert_string_equal(agreed, "1.48");
}

static const char inspection[] =
	"{\"Id\":\"" ID_A "\",\"Name\":\"/shop_web_1\",\"Image\":\"sha256:" ID_B "\",\"Unknown\":[1,{}],"
	"\"State\":{\"Running\":true,\"Pid\":4242},"
	"\"Config\":{\"Image\":\"nginx:1\",\"Labels\":{\"com.docker.compose.project\":\"shop\","
	"\"com.docker.compose.service\":\"web\",\"nanoseg.workload\":\"team/web\",\"other\":\"x\"}},"
	"\"HostConfig\":{\"NetworkMode\":\"shop_default\",\"Privileged\":false,\"CapAdd\":null,\"CapDrop\":null},"
	"\"NetworkSettings\":{\"SandboxKey\":\"/var/run/docker/netns/0123456789ab\"}}";

static void expect_ports(const char *ports, const char *wanted)
{
	char text[32768], list[4096] = "", buf[NS_ADDR_TEXT_MAX];
	struct ns_container found;

	(void)snprintf(text, sizeof text,
		       "{\"Id\":\"" ID_A "\",\"State\":{},\"Config\":{},\"HostConfig\":{},"
		       "\"NetworkSettings\":{\"Ports\":%s}}",
		       ports);
	assert_int_equal(ns_docker_parse_container(text, strlen(text), true, &found, NULL), 0);
	assert_false(found.published_more);
	for (size_t i = 0; i < found.n_published; i++) {
		const struct ns_published *p = &found.published[i];

		(void)snprintf(list + strlen(list), sizeof list - strlen(list), "%u/%s/%u-%u>%u ", p->protocol,
			       ns_addr_format(&p->host, buf), p->first, p->last, p->inside);
	}
	assert_string_equal(list, wanted);
}

static void test_ports(void **state)
{
	char many[32768] = "{\"1/tcp\":[";
	struct ns_published ret[NS_ENDPOINT_PUBLISHED_MAX];
	bool more = false;
	size_t n = 0;

	expect_ports("null", "");
	expect_ports("7", "");
	expect_ports("{}", "");
	expect_ports("{\"80/tcp\":null,\"53/udp\":[]}", "");
	expect_ports("{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"},{\"HostIp\":\"::\",\"HostPort\":"
		     "\"8080\"}]}",
		     "6/0.0.0.0/8080-8080>80 6/::/8080-8080>80 ");
	expect_ports("{\"80/udp\":[{\"HostIp\":\"\",\"HostPort\":\"80\"}],\"80/sctp\":[{\"HostPort\":\"81\"}]}",
		     "17/0.0.0.0/80-80>80 17/::/80-80>80 132/0.0.0.0/81-81>80 132/::/81-81>80 ");
	/* A range comes in the order of its text. */
	expect_ports("{\"100/tcp\":[{\"HostIp\":\"192.0.2.1\",\"HostPort\":\"1100\"}],"
		     "\"101/tcp\":[{\"HostIp\":\"192.0.2.1\",\"HostPort\":\"1101\"}],"
		     "\"98/tcp\":[{\"HostIp\":\"192.0.2.1\",\"HostPort\":\"1098\"}],"
		     "\"99/tcp\":[{\"HostIp\":\"192.0.2.1\",\"HostPort\":\"1099\"}],"
		     "\"200/tcp\":[{\"HostIp\":\"192.0.2.1\",\"HostPort\":\"1102\"}]}",
		     "6/192.0.2.1/1098-1101>98 6/192.0.2.1/1102-1102>200 ");
	/* What is not as it should be. */
	expect_ports("{\"80\":[{\"HostPort\":\"8080\"}],\"80/\":[{\"HostPort\":\"8080\"}],"
		     "\"x/tcp\":[{\"HostPort\":\"8080\"}],\"80/icmp\":[{\"HostPort\":\"8080\"}],"
		     "\"99999/tcp\":[{\"HostPort\":\"8080\"}],\"0/tcp\":[{\"HostPort\":\"8080\"}],"
		     "\"81/tcp\":[{\"HostPort\":8080}],\"82/tcp\":[{\"HostPort\":\"\"}],"
		     "\"83/tcp\":[{\"HostPort\":\"80x\"}],\"84/tcp\":[{\"HostPort\":\"65536\"}],"
		     "\"85/tcp\":[{\"HostIp\":\"nowhere\",\"HostPort\":\"8080\"}],\"86/tcp\":{\"HostPort\":\"8080\"},"
		     "\"87/tcp\":[\"8080\",null,{}]}",
		     "");

	for (unsigned i = 0; i < NS_ENDPOINT_PUBLISHED_MAX + 1; i++)
		(void)snprintf(many + strlen(many), sizeof many - strlen(many),
			       "%s{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"%u\"}", i ? "," : "", 1000 + 2 * i);
	(void)snprintf(many + strlen(many), sizeof many - strlen(many), "]}");
	json_t *json = json_loads(many, 0, NULL);
	assert_non_null(json);
	assert_int_equal(ns_docker_ports(json, ret, &n, &more, NULL), 0);
	json_decref(json);
	assert_int_equal(n, NS_ENDPOINT_PUBLISHED_MAX);
	assert_true(more);
}

static void test_inspection(void **state)
{
	struct ns_container found;

	assert_int_equal(ns_docker_parse_container(inspection, sizeof inspection - 1, true, &found, NULL), 0);
	assert_string_equal(found.id, ID_A);
	assert_string_equal(found.name, "shop_web_1");
	assert_string_equal(found.image, "nginx:1");
	assert_string_equal(found.image_digest, "sha256:" ID_B);
	assert_string_equal(found.project, "shop");
	assert_string_equal(found.service, "web");
	assert_string_equal(found.label_workload, "team/web");
	assert_string_equal(found.sandbox_key, "/var/run/docker/netns/0123456789ab");
	assert_int_equal(found.pid, 4242);
	assert_false(found.host_network || found.privileged || found.net_admin);
	assert_true(found.net_raw);
	assert_int_equal(ns_docker_parse_container(inspection, sizeof inspection - 1, false, &found, NULL), 0);
	assert_false(found.net_raw);
	/* Cut at every byte: an error, and nothing else. */
	for (size_t n = 0; n < sizeof inspection - 1; n++)
		assert_true(ns_docker_parse_container(inspection, n, true, &found, NULL) < 0);
}

static struct ns_container with(const char *host, const char *state, const char *more)
{
	char text[2048];
	struct ns_container found;
	struct ns_error err = NS_ERROR_INIT;
	int n = snprintf(text, sizeof text, "{\"Id\":\"" ID_A "\",\"Config\":{},\"HostConfig\":{%s},\"State\":{%s}%s}",
			 host, state, more);

	if (ns_docker_parse_container(text, (size_t)n, true, &found, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return found;
}

static void test_privileges(void **state)
{
	struct ns_container found = with("\"Privileged\":true,\"NetworkMode\":\"host\"", "", "");

	assert_true(found.privileged && found.net_admin && found.net_raw && found.host_network);
	found = with("\"CapAdd\":[\"NET_ADMIN\"]", "", "");
	assert_true(found.net_admin && found.net_raw && !found.privileged);
	found = with("\"CapAdd\":[\"cap_net_admin\"],\"CapDrop\":[\"ALL\"]", "", "");
	assert_true(found.net_admin && !found.net_raw);
	found = with("\"CapAdd\":[\"ALL\"],\"CapDrop\":[\"CAP_NET_ADMIN\"]", "", "");
	assert_true(!found.net_admin && found.net_raw);
	found = with("\"CapDrop\":[\"NET_RAW\"]", "", "");
	assert_false(found.net_raw);
	found = with("\"CapAdd\":[7,null,{}],\"CapDrop\":\"ALL\"", "", "");
	assert_true(found.net_raw && !found.net_admin);
}

static void test_odd_values(void **state)
{
	char text[2048], name[600];
	struct ns_container found = with("", "\"Pid\":77,\"Running\":false", "");
	static const char *const bad[] = {
		"[]",
		"{}",
		"{\"Id\":\"short\",\"Config\":{},\"HostConfig\":{},\"State\":{}}",
		"{\"Id\":7,\"Config\":{},\"HostConfig\":{},\"State\":{}}",
		"{\"Id\":\"" ID_A "\",\"Config\":[],\"HostConfig\":{},\"State\":{}}",
		"{\"Id\":\"" ID_A "\",\"Config\":{},\"HostConfig\":{},\"State\":{\"Pid\":-1}}",
		"{\"Id\":\"" ID_A "\",\"Config\":{},\"HostConfig\":{},\"State\":{\"Pid\":4294967296}}",
		"{\"Id\":\"" ID_A "\",\"Config\":{},\"HostConfig\":{},\"State\":{\"Pid\":\"1\"}}",
	};

	assert_int_equal(found.pid, 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_true(ns_docker_parse_container(bad[i], strlen(bad[i]), true, &found, NULL) < 0);
	/* A name that does not fit is no name; it is not cut into another one's. */
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	(void)snprintf(text, sizeof text, ",\"Name\":\"/%s\"", name);
	found = with("", "", text);
	assert_string_equal(found.name, "");
	found = with("", "", ",\"Name\":\"/a\\u001b[2J\"");
	assert_string_equal(found.name, "");
	/* Podman's digest has no algorithm. */
	found = with("", "", ",\"Image\":\"" ID_B "\"");
	assert_string_equal(found.image_digest, "sha256:" ID_B);
}

struct list {
	int n;
	struct ns_container last;
};

static void count(void *ctx, const struct ns_container *container)
{
	struct list *list = ctx;

	list->n++;
	list->last = *container;
}

static void test_list(void **state)
{
	static const char good[] =
		"[{\"Id\":\"" ID_A "\",\"Names\":[\"/a\"]},{\"Id\":\"" ID_B "\",\"Names\":[\"/a/alias\","
		"\"/db\"],\"Image\":\"pg:16\",\"ImageID\":\"sha256:1\",\"Labels\":{\"nanoseg.workload\":"
		"\"db\"},\"HostConfig\":{\"NetworkMode\":\"host\"}}]";
	static const char half[] = "[{\"Id\":\"" ID_A "\"},{\"Id\":null}]", empty[] = "[]", object[] = "{}";
	struct list list = { 0 };

	assert_int_equal(ns_docker_parse_list(good, sizeof good - 1, count, &list, NULL), 0);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.last.id, ID_B);
	assert_string_equal(list.last.name, "db");
	assert_string_equal(list.last.image, "pg:16");
	assert_string_equal(list.last.label_workload, "db");
	assert_true(list.last.host_network);
	list.n = 0;
	assert_true(ns_docker_parse_list(half, sizeof half - 1, count, &list, NULL) < 0);
	assert_true(ns_docker_parse_list(object, sizeof object - 1, count, &list, NULL) < 0);
	assert_int_equal(ns_docker_parse_list(empty, sizeof empty - 1, count, &list, NULL), 0);
	assert_int_equal(list.n, 0);
}

static int event(const char *text, enum ns_docker_action *action, struct ns_container *container)
{
	return ns_docker_parse_event(text, strlen(text), action, container, NULL);
}

static void test_events(void **state)
{
	enum ns_docker_action action;
	struct ns_container told;

	assert_int_equal(
		event("{\"status\":\"create\",\"id\":\"" ID_A "\",\"Type\":\"container\",\"Action\":\"create\","
		      "\"Actor\":{\"ID\":\"" ID_A "\",\"Attributes\":{\"image\":\"bb:1\",\"name\":\"web\","
		      "\"com.docker.compose.project\":\"p\",\"com.docker.compose.service\":\"s\"}},\"time\":1}",
		      &action, &told),
		0);
	assert_int_equal(action, NS_DOCKER_LOOK);
	assert_string_equal(told.id, ID_A);
	assert_string_equal(told.name, "web");
	assert_string_equal(told.project, "p");
	assert_string_equal(told.service, "s");
	assert_string_equal(told.image, "bb:1");
	assert_int_equal(
		event("{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"" ID_A "\"}}", &action, &told),
		0);
	assert_int_equal(action, NS_DOCKER_DIED);
	assert_int_equal(event("{\"Type\":\"container\",\"Action\":\"destroy\",\"Actor\":{\"ID\":\"" ID_A "\"}}",
			       &action, &told),
			 0);
	assert_int_equal(action, NS_DOCKER_REMOVED);
	assert_int_equal(event("{\"Type\":\"container\",\"Action\":\"exec_start: sh\",\"Actor\":{}}", &action, &told),
			 0);
	assert_int_equal(action, NS_DOCKER_OTHER);
	assert_int_equal(event("{\"Type\":\"network\",\"Action\":\"create\",\"Actor\":{\"ID\":\"x\"}}", &action, &told),
			 0);
	assert_int_equal(action, NS_DOCKER_OTHER);
	assert_true(event("{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"../../x\"}}", &action,
			  &told) < 0);
	assert_true(event("{\"Type\":\"container\",\"Action\":\"start\"}", &action, &told) < 0);
	assert_true(event("[]", &action, &told) < 0);
	assert_true(event("{", &action, &told) < 0);
}

/* Depth is refused before it can cost a stack. */
static void test_deep(void **state)
{
	static char deep[200000];
	struct list list = { 0 };

	memset(deep, '[', sizeof deep);
	assert_true(ns_docker_parse_list(deep, sizeof deep, count, &list, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),    cmocka_unit_test(test_inspection), cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_odd_values), cmocka_unit_test(test_list),       cmocka_unit_test(test_events),
		cmocka_unit_test(test_deep),       cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
