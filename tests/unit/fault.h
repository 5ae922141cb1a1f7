/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Faults for the store's tests: the Nth call that can fail, fails. Three kinds of calls are counted: allocations (of
 * SQLite, jansson, and our own code), and the file layer's.
 */
#ifndef NANOSEG_TEST_FAULT_H
#define NANOSEG_TEST_FAULT_H

#include <stdbool.h>

enum fault_kind { FAULT_MEMORY, FAULT_FILE, FAULT_SPACE };

/* Before anything else: SQLite must not be initialised yet. */
void fault_install(void);

/* The call with this number (from 1) fails; with `lasting`, all later ones of its kind too. */
void fault_arm(enum fault_kind kind, unsigned long number, bool lasting);
/* Returns how many calls were counted since. */
unsigned long fault_disarm(void);

#endif
