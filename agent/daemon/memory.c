/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Pages of this process that are resident and are no file's; 0: not told. */
static size_t anonymous_pages(void)
{
	char text[128], *end = text;
	size_t resident, of_files, n;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	n = fread(text, 1, sizeof text - 1, file);
	(void)fclose(file);
	text[n] = '\0';
	(void)strtoul(end, &end, 10); /* of its address space */
	resident = strtoul(end, &end, 10);
	of_files = strtoul(end, &end, 10);
	return resident > of_files ? resident - of_files : 0;
}

/* Bytes that are resident, are no file's, and that nobody has allocated. What the allocator calls free does not tell:
 * it counts what was given back, and goes on counting it so once that has been used again. */
static size_t resident_for_nothing(size_t page)
{
	struct mallinfo2 info = mallinfo2();
	size_t allocated = info.uordblks + info.hblkhd, bytes = anonymous_pages() * page;

	return bytes > allocated ? bytes - allocated : 0;
}

void ns_memory_give_back(struct ns_memory *memory)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	size_t now = resident_for_nothing(page);

	if (memory->given && now < memory->kept + WORTH_BYTES) {
		memory->kept = now < memory->kept ? now : memory->kept;
		return;
	}
	(void)malloc_trim(0);
	(void)dl_iterate_phdr(drop_text, &page);
	memory->kept = resident_for_nothing(page);
	memory->given = true;
}
