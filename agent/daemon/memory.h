/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Memory that the start needed, or a change or an answer that concerned many, and that nothing else does.
 */
#ifndef NANOSEG_MEMORY_H
#define NANOSEG_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct ns_memory {
	bool given;  /* it was, at least once */
	size_t kept; /* bytes that were resident for nothing after that, as few as were seen since */
};

/* When more has become free than is worth keeping: gives back to the kernel what is free in the heap, and the pages of
 * programs' text, of which those that are needed come back from the page cache. */
void ns_memory_give_back(struct ns_memory *memory);

#endif
