/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The name of a machine that systemd-nspawn runs outside of a scope of its own (--keep-unit, or no systemd to ask): its
 * cgroup tells only that it is one, so that all of them look alike. The nspawn that watches over it is the parent of
 * its first process, and its command line names it.
 */
#ifndef NANOSEG_NSPAWN_H
#define NANOSEG_NSPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <nanoseg/limits.h>

/* Bytes of a command line that are looked at. */
#define NS_NSPAWN_ARGUMENTS_MAX 8192

/* The machine's name in the command line of a systemd-nspawn, its arguments with a NUL after each, the last perhaps cut
 * off: --machine, or else what nspawn takes then, the last part of --directory, --image or --oci-bundle. False when it
 * tells none that can be a machine's; *ret is untouched then. */
bool ns_nspawn_parse_arguments(const char *text, size_t length, char ret[static NS_CONTAINER_ID_MAX]);

/* Asks the ancestors of `pid`, a process of the machine. What the machine itself may have started does not count: the
 * nspawn is root's, in the agent's own process and user namespaces. */
bool ns_nspawn_find(pid_t pid, ino_t own_userns, char ret[static NS_CONTAINER_ID_MAX]);

#endif
