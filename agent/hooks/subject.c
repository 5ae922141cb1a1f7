/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "subject.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What may stand in a workload's name beside letters and digits (and '/', between its parts). */
#define MARKS "._-@:+"

bool ns_subject_set_word(char *ret, size_t size, const char *word)
{
	size_t length = strlen(word);

	if (length == 0 || length >= size)
		return false;
	for (const char *p = word; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	}
	memcpy(ret, word, length + 1);
	return true;
}

/* A part of the name: a slash in it must not make another part. */
static bool put_part(char ret[static NS_NAME_MAX], const char *word)
{
	size_t n = 0;

	for (; word[n]; n++) {
		unsigned char c = (unsigned char)word[n];

		if (n + 1 == NS_NAME_MAX)
			return false;
		ret[n] = isalnum(c) || strchr(MARKS, c) ? (char)c : '_';
	}
	ret[n] = '\0';
	return n > 0;
}

void ns_subject_set_pod(struct ns_subject *subject, const char *pod_namespace, const char *pod)
{
	char first[NS_NAME_MAX], second[NS_NAME_MAX];

	if (!put_part(second, pod))
		return;
	memcpy(subject->name, second, sizeof subject->name);
	if (!put_part(first, pod_namespace))
		return;
	memcpy(subject->pod_namespace, first, sizeof subject->pod_namespace);
	memcpy(subject->pod, second, sizeof subject->pod);
}

const char *ns_subject_text(const struct ns_subject *subject, char buffer[static NS_SUBJECT_TEXT_MAX])
{
	if (*subject->workload)
		return subject->workload;
	if (!*subject->pod)
		return subject->container_id;
	(void)snprintf(buffer, NS_SUBJECT_TEXT_MAX, "pod %s/%s", subject->pod_namespace, subject->pod);
	return buffer;
}

int ns_subject_set_workload(struct ns_subject *subject, const char *workload, struct ns_error *err)
{
	size_t length = strlen(workload);
	bool good = length > 0 && length < NS_WORKLOAD_MAX && *workload != '/';

	for (const char *p = workload; good && *p; p++)
		good = isalnum((unsigned char)*p) || strchr(MARKS "/", *p);
	if (!good)
		return ns_error_set(err, -EINVAL,
				    "'%.64s' is no name of a workload; use at most %d letters, digits and " MARKS
				    "/, not beginning with '/'",
				    workload, NS_WORKLOAD_MAX - 1);
	memcpy(subject->workload, workload, length + 1);
	return 0;
}
