/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

#define WORTH_BYTES ((size_t)1024 * 1024)

/* Text is never written to (the linker relocates none), so that nothing is lost with its pages. */
static int drop_text(struct dl_phdr_info *info, size_t size, void *ctx)
{
	const uintptr_t page = *(const uintptr_t *)ctx;

	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + header->p_vaddr) & ~(page - 1);
		uintptr_t to = info->dlpi_addr + header->p_vaddr + header->p_memsz;

		if (header->p_type == PT_LOAD && header->p_flags == (PF_R | PF_X))
			(void)madvise((void *)from, to - from, MADV_DONTNEED); /* NOLINT(performance-no-int-to-ptr) */
	}
	return 0;
}

void ns_memory_give_back(struct ns_memory *memory)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	size_t is_free = mallinfo2().fordblks;

	/* What was given back counts as free as well. */
	if (memory->kept != 0 && is_free < memory->kept + WORTH_BYTES) {
		memory->kept = is_free < memory->kept ? is_free : memory->kept;
		return;
	}
	(void)malloc_trim(0);
	(void)dl_iterate_phdr(drop_text, &page);
	memory->kept = mallinfo2().fordblks;
}
