/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a CNI runtime tells a plugin: the configuration on standard input, and the arguments in the environment.
 */
#ifndef NANOSEG_HOOKS_CNI_CONFIG_H
#define NANOSEG_HOOKS_CNI_CONFIG_H

#include <jansson.h>

#include "ask.h"

/* Error codes of the specification (section "Error"), and from 100 on our own. */
enum ns_cni_code {
	NS_CNI_VERSION = 1,     /* incompatible CNI version */
	NS_CNI_FIELD = 2,       /* unsupported field in the configuration */
	NS_CNI_ENVIRONMENT = 4, /* a variable is missing or wrong */
	NS_CNI_IO = 5,
	NS_CNI_DECODE = 6,
	NS_CNI_CONFIG = 7, /* invalid network configuration */
	NS_CNI_AGAIN = 11,
	NS_CNI_DIFFERS = 100, /* CHECK: the rules are not as planned */
	NS_CNI_REFUSED = 101, /* by the daemon */
};

#define NS_CNI_VERSION_MAX 16

struct ns_cni_config {
	char version[NS_CNI_VERSION_MAX]; /* supported, and the document's own */
	char socket[NS_ASK_SOCKET_MAX];
	int64_t timeout_us;
	bool go_on;                     /* onTimeout: continue */
	json_t *previous;               /* prevResult, an object; NULL: none */
	char workload[NS_WORKLOAD_MAX]; /* of runtimeConfig's pod annotations; "": none */
};

#define NS_CNI_CONFIG_INIT                                                                                             \
	{                                                                                                              \
		.previous = NULL                                                                                       \
	}

void ns_cni_config_release(struct ns_cni_config *config);
/* The version that answers are to have, and nothing else: 0, or an enum ns_cni_code with err's text. Without one
 * the newest; an empty document has none. *ret is supported, or left alone. */
int ns_cni_version_parse(const char *text, size_t length, char ret[static NS_CNI_VERSION_MAX], struct ns_error *err);
/* *ret must be NS_CNI_CONFIG_INIT. 0, or an enum ns_cni_code with err's text. */
int ns_cni_config_parse(const char *text, size_t length, struct ns_cni_config *ret, struct ns_error *err);
/* CNI_ARGS, "A=1;B=2" (NULL: none): the pod and its id into the subject. 0 or an enum ns_cni_code. */
int ns_cni_args_parse(const char *args, struct ns_subject *subject, struct ns_error *err);
/* prevResult as a result of the configuration's version: 1.0.0 took "version" out of the addresses that 0.4.0 has.
 * New reference; NULL without memory. */
json_t *ns_cni_result(const struct ns_cni_config *config);

#define NS_CNI_NEWEST "1.0.0"
bool ns_cni_supported(const char *version);

#endif
