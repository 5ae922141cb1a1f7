/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "names.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "owner.h"

#define SHORT_ID 12
#define FACT_MAX (NS_BUNDLE_PATH_MAX + 128)

static const char marks[] = "._-@:+";

struct attempt {
	const struct ns_container *container;
	enum ns_name_level level;
	bool whole_pods;
	char *name;          /* of NS_WORKLOAD_MAX bytes: what the rule gives */
	char fact[FACT_MAX]; /* that it gave it from, or why it gave none */
};

bool ns_names_is_workload(const char *text)
{
	if (*text == '\0' || *text == '/' || strlen(text) >= NS_WORKLOAD_MAX)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '/' && !strchr(marks, *text))
			return false;
	return true;
}

bool ns_names_put_part(char ret[static NS_NAME_MAX], const char *word)
{
	size_t n = strlen(word);

	if (n == 0 || n >= NS_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)word[i];

		ret[i] = isalnum(c) || strchr(marks, c) ? (char)c : '_';
	}
	ret[n] = '\0';
	return true;
}

/* Why not, or from what. */
static bool say(struct attempt *attempt, bool given, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool say(struct attempt *attempt, bool given, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(attempt->fact, sizeof attempt->fact, format, args);
	va_end(args);
	return given;
}

/* PREFIX/A/B/C, of which B and C may be NULL. Two long names must not become one by being cut, nor two parts one. */
static bool join(struct attempt *attempt, const char *prefix, const char *a, const char *b, const char *c)
{
	const char *const words[] = { a, b, c };
	char name[NS_WORKLOAD_MAX], part[NS_NAME_MAX];
	size_t length = (size_t)snprintf(name, sizeof name, "%s", prefix);

	for (size_t i = 0; i < sizeof words / sizeof *words && words[i]; i++) {
		int n;

		if (!ns_names_put_part(part, words[i]))
			return say(attempt, false, "a part of the name is empty or too long");
		n = snprintf(name + length, sizeof name - length, "/%s", part);
		if ((size_t)n >= sizeof name - length)
			return say(attempt, false, "the name would be longer than %d bytes", NS_WORKLOAD_MAX - 1);
		length += (size_t)n;
	}
	memcpy(attempt->name, name, length + 1);
	return true;
}

static const char *source(const struct ns_container *container)
{
	return *container->bundle ? container->bundle : "what the engine tells";
}

static bool by_label(struct attempt *attempt)
{
	const struct ns_container *container = attempt->container;

	if (!*container->label_workload)
		return say(attempt, false, "none");
	if (attempt->level == NS_NAME_NAMESPACE && *container->pod_namespace && !container->sandbox)
		return say(attempt, false, "it is a container's, not the pod's");
	if (!ns_names_is_workload(container->label_workload))
		return say(attempt, false, "not a usable name");
	memcpy(attempt->name, container->label_workload, sizeof container->label_workload);
	return say(attempt, true, "nanoseg.workload in %s", source(container));
}

static bool by_k8s(struct attempt *attempt)
{
	const struct ns_container *container = attempt->container;
	bool whole_pod = attempt->level == NS_NAME_NAMESPACE || container->sandbox;
	enum ns_owner_form form = NS_OWNER_WHOLE;
	char owner[NS_NAME_MAX];

	if (!*container->pod_namespace || !*container->pod)
		return say(attempt, false, "of no pod of Kubernetes");
	if (!whole_pod && !*container->container)
		return say(attempt, false, "nobody tells which container of the pod it is");
	if (attempt->whole_pods)
		memcpy(owner, container->pod, sizeof owner);
	else
		form = ns_owner_of_pod(container->pod, owner);
	if (!join(attempt, "k8s", container->pod_namespace, owner, whole_pod ? NULL : container->container))
		return false;
	return say(attempt, true, "pod %.64s/%.128s in %.160s; owner: %s", container->pod_namespace, container->pod,
		   source(container), ns_owner_form_text(form));
}

static bool by_compose(struct attempt *attempt)
{
	const struct ns_container *container = attempt->container;

	if (!*container->project || !*container->service)
		return say(attempt, false, "no labels of compose");
	return join(attempt, "compose", container->project, container->service, NULL) &&
	       say(attempt, true, "labels com.docker.compose.project and service in %s", source(container));
}

static bool by_pod(struct attempt *attempt)
{
	const struct ns_container *container = attempt->container;

	if (*container->pod_namespace || !*container->pod)
		return say(attempt, false, "of no pod of Podman");
	if (!container->sandbox && !*container->name)
		return say(attempt, false, "its name in the pod is not known");
	return join(attempt, container->runtime, container->pod, container->sandbox ? NULL : container->name, NULL) &&
	       say(attempt, true, "pod %s%s, by %.200s", container->pod,
		   container->sandbox ? ", whose namespace it holds" : "", source(container));
}

/* Without tag and digest: [HOST[:PORT]/]PATH[:TAG][@DIGEST]. */
static bool by_image(struct attempt *attempt)
{
	const char *image = attempt->container->image, *slash, *colon;
	char name[NS_WORKLOAD_MAX], repository[NS_NAME_MAX];
	size_t length = strcspn(image, "@");

	(void)snprintf(repository, sizeof repository, "%.*s", (int)length, image);
	slash = strrchr(repository, '/');
	colon = strrchr(repository, ':');
	if (colon && (!slash || colon > slash))
		repository[colon - repository] = '\0';
	length = strlen(repository);
	if (length == 0 || strcmp(repository, "sha256") == 0 || strncmp(image, "sha256:", 7) == 0 ||
	    (length >= SHORT_ID && strspn(repository, "0123456789abcdef") == length))
		return say(attempt, false, "the image has no name");
	if (snprintf(name, sizeof name, "image/%s", repository) >= (int)sizeof name || !ns_names_is_workload(name))
		return say(attempt, false, "the image's name is not a usable one");
	memcpy(attempt->name, name, sizeof name);
	return say(attempt, true, "image %s", image);
}

static bool by_name(struct attempt *attempt)
{
	const struct ns_container *container = attempt->container;

	if (!*container->name)
		return say(attempt, false, "nobody tells it");
	return join(attempt, container->runtime, container->name, NULL, NULL) &&
	       say(attempt, true, "the container's name in %s", source(container));
}

static bool try_rule(enum ns_name_rule rule, struct attempt *attempt)
{
	switch (rule) {
	case NS_NAME_LABEL:
		return by_label(attempt);
	case NS_NAME_K8S:
		return by_k8s(attempt);
	case NS_NAME_COMPOSE:
		return by_compose(attempt);
	case NS_NAME_POD:
		return by_pod(attempt);
	case NS_NAME_IMAGE:
		return by_image(attempt);
	case NS_NAME_NAME:
		return by_name(attempt);
	case NS_NAME_INVALID:
		break;
	}
	return say(attempt, false, "no rule");
}

void ns_names_decide(const struct ns_container *container, enum ns_name_level level, const struct ns_naming *naming,
		     char ret[static NS_WORKLOAD_MAX], char ret_why[static NS_NAMED_BY_MAX])
{
	static const struct ns_naming by_default = NS_NAMING_DEFAULT;
	struct attempt attempt = { .container = container, .level = level, .name = ret };
	char passed[NS_NAMED_BY_MAX] = "";
	size_t length = 0;
	bool named = false;

	naming = naming && naming->n_rules > 0 ? naming : &by_default;
	attempt.whole_pods = strcmp(naming->owner, "pod") == 0;
	for (unsigned i = 0; i <= naming->n_rules && !named; i++) {
		/* The last resort needs not be written down. */
		enum ns_name_rule rule = i < naming->n_rules ? naming->rules[i] : NS_NAME_NAME;

		if (i == naming->n_rules && naming->rules[i - 1] == NS_NAME_NAME)
			break;
		named = try_rule(rule, &attempt);
		if (named) {
			(void)snprintf(ret_why, NS_NAMED_BY_MAX, "%s: %s%s%.*s", ns_name_rule_format(rule),
				       attempt.fact, *passed ? "; passed over: " : "", 256, passed);
		} else if (length < sizeof passed - 1) {
			length += (size_t)snprintf(passed + length, sizeof passed - length, "%s%s (%.80s)",
						   length > 0 ? ", " : "", ns_name_rule_format(rule), attempt.fact);
		}
	}
	if (named)
		return;
	(void)snprintf(ret, NS_WORKLOAD_MAX, "%s/%.*s", container->runtime, SHORT_ID, container->id);
	(void)snprintf(ret_why, NS_NAMED_BY_MAX, "id: no rule gives a name, and an id does not last: %.480s", passed);
}
