/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "owner.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What Kubernetes makes random parts of: no vowels, and nothing that looks like one. */
#define RANDOM_LETTERS "bcdfghjklmnpqrstvwxz2456789"
#define RANDOM_LENGTH  5
/* A pod template's hash is a 32-bit number, each decimal digit of which becomes one of these. */
#define HASH_LETTERS     "456789bcdf"
#define HASH_LENGTH_MIN  6
#define HASH_LENGTH_MOST 10
/* A CronJob's Job is named after the minute that it was due, since the epoch: eight digits until 2160. */
#define MINUTES_LENGTH 8
/* Kubernetes cuts the names that it makes up to this; what was cut off is not known. */
#define MADE_UP_MAX 63

/* Where the last part of the first `length` bytes begins, behind its dash; 0: there is none, or nothing before it. */
static size_t last_part(const char *name, size_t length)
{
	for (size_t i = length; i > 1; i--)
		if (name[i - 1] == '-')
			return i - 1 > 0 ? i : 0;
	return 0;
}

static bool is_of(const char *part, size_t length, const char *letters)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr(letters, part[i]))
			return false;
	return true;
}

/* The first `keep` bytes and the mark: never longer than the name itself. */
static void put(char ret[static NS_NAME_MAX], const char *pod, size_t keep, const char *mark)
{
	(void)snprintf(ret, NS_NAME_MAX, "%.*s%s", (int)keep, pod, mark);
}

enum ns_owner_form ns_owner_of_pod(const char *pod, char ret[static NS_NAME_MAX])
{
	size_t length = strnlen(pod, NS_NAME_MAX - 1), part = last_part(pod, length), before;

	put(ret, pod, length, "");
	if (part == 0 || part == length || length >= MADE_UP_MAX)
		return NS_OWNER_WHOLE;
	if (length - part == RANDOM_LENGTH && is_of(pod + part, RANDOM_LENGTH, RANDOM_LETTERS)) {
		before = last_part(pod, part - 1);
		if (before > 0 && part - 1 - before >= HASH_LENGTH_MIN && part - 1 - before <= HASH_LENGTH_MOST &&
		    is_of(pod + before, part - 1 - before, HASH_LETTERS)) {
			put(ret, pod, before - 1, "");
			return NS_OWNER_REPLICASET;
		}
		if (before > 0 && part - 1 - before == MINUTES_LENGTH &&
		    is_of(pod + before, MINUTES_LENGTH, "0123456789")) {
			put(ret, pod, before, "N-X");
			return NS_OWNER_CRONJOB;
		}
		put(ret, pod, part, "X");
		return NS_OWNER_RANDOM;
	}
	/* As ordinals are written: no zero before them. */
	if (is_of(pod + part, length - part, "0123456789") && (pod[part] != '0' || length - part == 1) &&
	    length - part < RANDOM_LENGTH) {
		put(ret, pod, part, "N");
		return NS_OWNER_ORDINAL;
	}
	return NS_OWNER_WHOLE;
}

const char *ns_owner_form_text(enum ns_owner_form form)
{
	switch (form) {
	case NS_OWNER_REPLICASET:
		return "the ReplicaSet's hash and the random part are taken off";
	case NS_OWNER_CRONJOB:
		return "the CronJob's minute is N and the random part X";
	case NS_OWNER_RANDOM:
		return "the random part is X";
	case NS_OWNER_ORDINAL:
		return "the ordinal is N";
	case NS_OWNER_WHOLE:
		break;
	}
	return "the pod's whole name";
}
