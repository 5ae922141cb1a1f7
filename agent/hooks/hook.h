/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * nanoseg-hook(8): an OCI createRuntime hook that lets a container start when its rules are in the kernel.
 */
#ifndef NANOSEG_HOOKS_HOOK_H
#define NANOSEG_HOOKS_HOOK_H

#include <stdio.h>

/* The whole program: 0, 1 (the container must not start) or 2 (wrong usage), and at most one line on `errors`. */
int ns_hook_main(int argc, char **argv, int input, FILE *out, FILE *errors);

#endif
