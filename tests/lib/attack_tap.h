/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A tap on a device: every frame that comes in, until SIGTERM.
 */
#ifndef NANOSEG_TESTS_ATTACK_TAP_H
#define NANOSEG_TESTS_ATTACK_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*attack_tap_frame)(void *ctx, const uint8_t *data, size_t length, uint16_t type);

/* `data` begins behind the Ethernet header. With `promiscuous` also what is for other MAC addresses. Prints "ready"
 * when it listens. 0, or 1 when the kernel dropped frames before they were seen. */
int attack_tap(const char *device, bool promiscuous, attack_tap_frame each, void *ctx);

#endif
