/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Memory that the start needed, or a change or an answer that concerned many, and that nothing else does.
 */
#ifndef NANOSEG_MEMORY_H
#define NANOSEG_MEMORY_H

#include <stddef.h>

struct ns_memory {
	size_t kept; /* bytes of the heap that were free after it was last given back; 0: it never was */
};

/* When more has become free than is worth keeping: gives back to the kernel what is free in the heap, and the pages of
 * programs' text, of which those that are needed come back from the page cache. */
void ns_memory_give_back(struct ns_memory *memory);

#endif
