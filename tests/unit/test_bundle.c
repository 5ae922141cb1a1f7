/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bundle.h"
#include "bundle_json.h"

#define ID      "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define SANDBOX "0000000000000000000000000000000000000000000000000000000000000bbb"

#define OWN_NETNS           "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/run/netns/x\"}]}"
#define CONFIG(annotations) "{\"annotations\":{" annotations "}," OWN_NETNS "}"
#define CRI_POD                                                                                                        \
	"\"io.kubernetes.cri.sandbox-namespace\":\"shop\",\"io.kubernetes.cri.sandbox-name\":\"web-5d4f8c7b9-x2x4z\"," \
	"\"io.kubernetes.cri.sandbox-id\":\"" SANDBOX "\""
#define CRIO_POD "\"io.kubernetes.pod.namespace\":\"shop\",\"io.kubernetes.pod.name\":\"db-0\""

static struct ns_container parse(const char *text, enum ns_bundle_kind kind)
{
	struct ns_container found = { .name = "untouched" };
	struct ns_error err = NS_ERROR_INIT;

	if (ns_bundle_parse(text, strlen(text), kind, ID, &found, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(found.id, ID);
	return found;
}

/* ---- what it says ---- */

static void containers_of_containerd(void **state)
{
	struct ns_container c = parse(CONFIG(CRI_POD ",\"io.kubernetes.cri.container-type\":\"container\","
						     "\"io.kubernetes.cri.container-name\":\"app\","
						     "\"io.kubernetes.cri.image-name\":\"shop/web:1\""),
				      NS_BUNDLE_CRI);

	assert_string_equal(c.runtime, "containerd");
	assert_string_equal(c.pod_namespace, "shop");
	assert_string_equal(c.pod, "web-5d4f8c7b9-x2x4z");
	assert_string_equal(c.owner, "web");
	assert_string_equal(c.container, "app");
	assert_string_equal(c.image, "shop/web:1");
	assert_string_equal(c.sandbox_id, SANDBOX);
	assert_false(c.sandbox || c.host_network || c.net_admin || c.net_raw || c.privileged);
	c = parse(CONFIG(CRI_POD ",\"io.kubernetes.cri.container-type\":\"sandbox\""), NS_BUNDLE_CRI);
	assert_true(c.sandbox);
	assert_string_equal(c.container, "");
	/* Half of a pod is none. */
	c = parse(CONFIG("\"io.kubernetes.cri.sandbox-name\":\"web\""), NS_BUNDLE_CRI);
	assert_string_equal(c.pod, "");
	assert_string_equal(c.pod_namespace, "");
}

static void containers_of_crio(void **state)
{
	struct ns_container c = parse(CONFIG(CRIO_POD ",\"io.kubernetes.container.name\":\"app\","
						      "\"io.kubernetes.cri-o.SandboxID\":\"" SANDBOX "\""),
				      NS_BUNDLE_CRIO);

	assert_string_equal(c.runtime, "crio");
	assert_string_equal(c.pod, "db-0");
	assert_string_equal(c.container, "app");
	assert_string_equal(c.sandbox_id, SANDBOX);
	assert_false(c.sandbox);
	assert_true(parse(CONFIG(CRIO_POD), NS_BUNDLE_CRIO).sandbox);
	assert_true(parse(CONFIG(CRIO_POD ",\"io.kubernetes.container.name\":\"POD\""), NS_BUNDLE_CRIO).sandbox);
	/* Where the cgroup does not tell the two apart, the manager does. */
	c = parse(CONFIG(CRIO_POD ",\"io.container.manager\":\"cri-o\""), NS_BUNDLE_STORAGE);
	assert_string_equal(c.pod, "db-0");
	c = parse(CONFIG(CRIO_POD ",\"io.container.manager\":\"libpod\""), NS_BUNDLE_STORAGE);
	assert_string_equal(c.runtime, "podman");
	assert_string_equal(c.pod, "");
}

/* Annotations that whoever writes a pod, or starts a container, may set. */
static void forged_annotations(void **state)
{
	struct ns_container c;

	/* CRI-O's own come before the author's, and are not believed. */
	c = parse(CONFIG(CRIO_POD
			 ",\"io.kubernetes.cri-o.KubeName\":\"other\",\"io.kubernetes.cri-o.Namespace\":\"kube-"
			 "system\",\"io.kubernetes.cri.sandbox-namespace\":\"kube-system\","
			 "\"io.kubernetes.cri.sandbox-name\":\"other\",\"io.container.manager\":\"libpod\""),
		  NS_BUNDLE_CRIO);
	assert_string_equal(c.runtime, "crio");
	assert_string_equal(c.pod_namespace, "shop");
	assert_string_equal(c.pod, "db-0");
	/* Nor those of another runtime by containerd. */
	c = parse(CONFIG(CRI_POD ","
				 "\"io.kubernetes.pod.namespace\":\"kube-system\",\"io.kubernetes.pod.name\":\"x\","
				 "\"io.kubernetes.container.name\":\"x\""),
		  NS_BUNDLE_CRI);
	assert_string_equal(c.pod_namespace, "shop");
	assert_string_equal(c.container, "");
	/* Who starts a plain container makes no pod of it. */
	c = parse(CONFIG(CRI_POD "," CRIO_POD), NS_BUNDLE_PLAIN);
	assert_string_equal(c.pod, "");
	c = parse(CONFIG(CRI_POD "," CRIO_POD ",\"io.container.manager\":\"cri-o\""), NS_BUNDLE_PODMAN);
	assert_string_equal(c.pod, "");
	assert_string_equal(c.runtime, "podman");
}

static void labels_and_rights(void **state)
{
	struct ns_container c =
		parse(CONFIG("\"nanoseg.workload\":\"team/web\",\"nerdctl/name\":\"web\""), NS_BUNDLE_PLAIN);
	char text[1024];

	assert_string_equal(c.label_workload, "team/web");
	assert_string_equal(c.name, "web");
	assert_string_equal(c.runtime, "");
	/* One that does not fit is no other one, and is told of as unusable. */
	(void)snprintf(text, sizeof text, CONFIG("\"nanoseg.workload\":\"%0300d\""), 1);
	assert_string_equal(parse(text, NS_BUNDLE_CRI).label_workload, "?");
	c = parse(
		"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_NET_RAW\",7],\"effective\":[\"CAP_NET_ADMIN\"]}},"
		"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},null,{}]}}",
		NS_BUNDLE_PLAIN);
	assert_true(c.net_raw && c.host_network && !c.net_admin && !c.privileged);
	c = parse("{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_NET_ADMIN\",\"CAP_SYS_ADMIN\"]}},"
		  "\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"/proc/1/ns/net\"}]}}",
		  NS_BUNDLE_PLAIN);
	assert_true(c.net_admin && c.privileged && c.host_network && !c.net_raw);
	assert_false(parse("{\"linux\":{\"namespaces\":[{\"type\":\"network\"}]}}", NS_BUNDLE_PLAIN).host_network);
}

static void no_configs(void **state)
{
	static const char *const bad[] = { "",
					   "[]",
					   "{}",
					   "{\"linux\":{}}",
					   "{\"linux\":{\"namespaces\":{}}}",
					   "{\"linux\":{\"namespaces\":[]},\"linux\":{}}",
					   "{\"linux\":" };
	struct ns_container c = { .name = "untouched" };
	struct ns_error err;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		err = (struct ns_error)NS_ERROR_INIT;
		assert_int_equal(ns_bundle_parse(bad[i], strlen(bad[i]), NS_BUNDLE_CRI, ID, &c, &err), -EBADMSG);
		assert_string_equal(c.name, "untouched");
	}
	err = (struct ns_error)NS_ERROR_INIT;
	assert_int_equal(ns_bundle_parse(CONFIG(""), strlen(CONFIG("")), NS_BUNDLE_CRI, "../x", &c, &err), -EINVAL);
}

/* ---- where it lies ---- */

struct place {
	char top[32], cri[64], plain[64], storage[80];
	struct ns_bundles bundles;
};

static void make_dir(const char *dir, const char *below)
{
	char path[512];

	(void)snprintf(path, sizeof path, "%s%s", dir, below);
	assert_int_equal(mkdir(path, 0711), 0);
}

static void put_config(const char *dir, const char *below, const char *text)
{
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/" ID "%s/config.json", dir, below);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof *place);

	assert_non_null(place);
	(void)snprintf(place->top, sizeof place->top, "/tmp/bundle-XXXXXX");
	assert_non_null(mkdtemp(place->top));
	(void)snprintf(place->cri, sizeof place->cri, "%s/k8s.io", place->top);
	(void)snprintf(place->plain, sizeof place->plain, "%s/moby", place->top);
	(void)snprintf(place->storage, sizeof place->storage, "%s/overlay-containers", place->top);
	make_dir(place->cri, "");
	make_dir(place->plain, "");
	make_dir(place->storage, "");
	place->bundles = (struct ns_bundles){ { "/nowhere", place->plain, place->cri, place->storage }, 4 };
	*state = place;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int remove_place(void **state)
{
	struct place *place = *state;
	int r = nftw(place->top, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(place);
	return r;
}

static int find(const struct place *place, const char *runtime, const char *id, struct ns_container *ret)
{
	struct ns_cgroup_identity who = { .runtime = "" };
	struct ns_error err = NS_ERROR_INIT;

	(void)snprintf(who.runtime, sizeof who.runtime, "%s", runtime);
	(void)snprintf(who.id, sizeof who.id, "%s", id);
	return ns_bundle_find(&place->bundles, &who, ret, &err);
}

/* Files count where root made them: who runs this as somebody else sees that. */
static int good(void)
{
	return geteuid() == 0 ? 0 : -EPERM;
}

static void found_by_id(void **state)
{
	struct place *place = *state;
	struct ns_container c = { .name = "untouched" };
	char path[NS_BUNDLE_PATH_MAX];

	assert_int_equal(find(place, "containerd", ID, &c), -ENOENT);
	assert_string_equal(c.name, "untouched");
	make_dir(place->cri, "/" ID);
	assert_int_equal(find(place, "containerd", ID, &c), -ENOENT);
	put_config(place->cri, "", CONFIG(CRI_POD));
	assert_int_equal(find(place, "containerd", ID, &c), good());
	if (good() == 0) {
		(void)snprintf(path, sizeof path, "%s/" ID "/config.json", place->cri);
		assert_string_equal(c.bundle, path);
		assert_string_equal(c.pod_namespace, "shop");
	}
	/* Each runtime's where it keeps them. */
	assert_int_equal(find(place, "docker", ID, &c), -ENOENT);
	assert_int_equal(find(place, "crio", ID, &c), -ENOENT);
	assert_int_equal(find(place, "podman", ID, &c), -ENOENT);
	assert_int_equal(find(place, "", ID, &c), good());
	make_dir(place->storage, "/" ID);
	make_dir(place->storage, "/" ID "/userdata");
	put_config(place->storage, "/userdata", CONFIG(CRIO_POD));
	assert_int_equal(find(place, "crio", ID, &c), good());
	if (good() == 0) {
		assert_string_equal(c.runtime, "crio");
		assert_string_equal(c.pod, "db-0");
	}
	/* Of an id, and of none that a user made. */
	assert_int_equal(find(place, "containerd", "../moby", &c), -EINVAL);
	assert_int_equal(find(place, "containerd", "", &c), -EINVAL);
}

static void not_of_users(void **state)
{
	struct place *place = *state;
	struct ns_cgroup_identity who = { .runtime = "containerd", .id = ID, .rootless = true, .uid = 1000 };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_container c;

	make_dir(place->cri, "/" ID);
	put_config(place->cri, "", CONFIG(CRI_POD));
	assert_int_equal(ns_bundle_find(&place->bundles, &who, &c, &err), -EINVAL);
}

/* What others could have put there is not read. */
static void forged_files(void **state)
{
	struct place *place = *state;
	struct ns_container c = { .name = "untouched" };
	char dir[256], path[300], other[300];

	make_dir(place->cri, "/" ID);
	put_config(place->cri, "", CONFIG(CRI_POD));
	(void)snprintf(dir, sizeof dir, "%s/" ID, place->cri);
	(void)snprintf(path, sizeof path, "%s/config.json", dir);
	(void)snprintf(other, sizeof other, "%s/other", dir);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(find(place, "containerd", ID, &c), -EPERM);
	assert_int_equal(chmod(path, 0646), 0);
	assert_int_equal(find(place, "containerd", ID, &c), -EPERM);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(find(place, "containerd", ID, &c), good());
	assert_int_equal(chmod(dir, 0733), 0);
	assert_int_equal(find(place, "containerd", ID, &c), -EPERM);
	assert_int_equal(chmod(dir, 0711), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 1000, 0), 0);
		assert_int_equal(find(place, "containerd", ID, &c), -EPERM);
		assert_int_equal(chown(path, 0, 0), 0);
		assert_int_equal(chown(dir, 1000, 0), 0);
		assert_int_equal(find(place, "containerd", ID, &c), -EPERM);
		assert_int_equal(chown(dir, 0, 0), 0);
	}
	/* Not along a link, and not from a pipe, which would never answer. */
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink("other", path), 0);
	assert_int_equal(find(place, "containerd", ID, &c), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(find(place, "containerd", ID, &c), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(other, path), 0);
	(void)snprintf(other, sizeof other, "%s/elsewhere", place->top);
	assert_int_equal(rename(dir, other), 0);
	assert_int_equal(symlink(other, dir), 0);
	assert_int_equal(find(place, "containerd", ID, &c), -EPERM);
	if (geteuid() != 0)
		return;
	assert_int_equal(unlink(dir), 0);
	assert_int_equal(rename(other, dir), 0);
	assert_int_equal(find(place, "containerd", ID, &c), 0);
	/* Nor without end. */
	assert_int_equal(truncate(path, NS_HOOK_BYTES_MAX + 1), 0);
	assert_int_equal(find(place, "containerd", ID, &c), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containers_of_containerd),
		cmocka_unit_test(containers_of_crio),
		cmocka_unit_test(forged_annotations),
		cmocka_unit_test(labels_and_rights),
		cmocka_unit_test(no_configs),
		cmocka_unit_test_setup_teardown(found_by_id, make_place, remove_place),
		cmocka_unit_test_setup_teardown(not_of_users, make_place, remove_place),
		cmocka_unit_test_setup_teardown(forged_files, make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
