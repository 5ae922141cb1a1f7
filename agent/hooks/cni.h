/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * nanoseg-cni(8): a chained CNI plugin (versions 0.4.0 and 1.0.0 of the specification) that lets a pod start when its
 * rules are in the kernel, and checks that they still are.
 */
#ifndef NANOSEG_HOOKS_CNI_H
#define NANOSEG_HOOKS_CNI_H

#include <stdio.h>

struct ns_cni_environment { /* CNI_…; NULL: not set */
	const char *command, *container_id, *netns, *ifname, *args;
};

/* The whole program: 0, or 1 with an error document on `out`. On `errors` comes what is for people alone. */
int ns_cni_main(int argc, char **argv, const struct ns_cni_environment *environment, int input, FILE *out,
		FILE *errors);

#endif
