/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Memory that the start needed and nothing else does.
 */
#ifndef NANOSEG_MEMORY_H
#define NANOSEG_MEMORY_H

/* Gives back to the kernel what is free in the heap, and the pages of programs' text: those that are needed come back
 * from the page cache. */
void ns_memory_give_back(void);
/* The heap alone. */
void ns_memory_trim(void);

#endif
