/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sqlite3.h>

#include "fault.h"

static struct {
	bool armed, lasting;
	enum fault_kind kind;
	unsigned long number, count;
} fault;

void fault_arm(enum fault_kind kind, unsigned long number, bool lasting)
{
	fault.kind = kind;
	fault.number = number;
	fault.lasting = lasting;
	fault.count = 0;
	fault.armed = true;
}

unsigned long fault_disarm(void)
{
	fault.armed = false;
	return fault.count;
}

static bool fails(enum fault_kind kind)
{
	if (!fault.armed || fault.kind != kind)
		return false;
	fault.count++;
	return fault.lasting ? fault.count >= fault.number : fault.count == fault.number;
}

/* ---- memory: the linker sends our own code's calls here (--wrap) ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	return fails(FAULT_MEMORY) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails(FAULT_MEMORY) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails(FAULT_MEMORY) ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails(FAULT_MEMORY) ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *text)
{
	return fails(FAULT_MEMORY) ? NULL : __real_strdup(text);
}

static sqlite3_mem_methods memory;

static void *sqlite_malloc(int size)
{
	return fails(FAULT_MEMORY) ? NULL : memory.xMalloc(size);
}

static void *sqlite_realloc(void *p, int size)
{
	return fails(FAULT_MEMORY) ? NULL : memory.xRealloc(p, size);
}

/* ---- files: a layer over SQLite's own ---- */

struct file {
	sqlite3_file base;
	sqlite3_file *real; /* in the same block, behind this */
};

#define REAL(f)    (((struct file *)(f))->real)
#define METHODS(f) (REAL(f)->pMethods)

static int file_close(sqlite3_file *f)
{
	return METHODS(f)->xClose(REAL(f));
}

static int file_read(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
	return fails(FAULT_FILE) ? SQLITE_IOERR_READ : METHODS(f)->xRead(REAL(f), data, n, at);
}

static int file_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	if (fails(FAULT_SPACE)) {
		/* As a full disk does: a part of it gets there. */
		(void)METHODS(f)->xWrite(REAL(f), data, n / 2, at);
		return SQLITE_FULL;
	}
	return fails(FAULT_FILE) ? SQLITE_IOERR_WRITE : METHODS(f)->xWrite(REAL(f), data, n, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return fails(FAULT_FILE) ? SQLITE_IOERR_TRUNCATE : METHODS(f)->xTruncate(REAL(f), size);
}

static int file_sync(sqlite3_file *f, int flags)
{
	/* Counted, and not done: thousands of rounds, and no power is cut here. */
	return fails(FAULT_FILE) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return fails(FAULT_FILE) ? SQLITE_IOERR_FSTAT : METHODS(f)->xFileSize(REAL(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
	return fails(FAULT_FILE) ? SQLITE_IOERR_LOCK : METHODS(f)->xLock(REAL(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
	return METHODS(f)->xUnlock(REAL(f), level);
}

static int file_check_lock(sqlite3_file *f, int *ret)
{
	return fails(FAULT_FILE) ? SQLITE_IOERR_CHECKRESERVEDLOCK : METHODS(f)->xCheckReservedLock(REAL(f), ret);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
	return METHODS(f)->xFileControl(REAL(f), op, arg);
}

static int file_sector_size(sqlite3_file *f)
{
	return METHODS(f)->xSectorSize(REAL(f));
}

static int file_characteristics(sqlite3_file *f)
{
	return METHODS(f)->xDeviceCharacteristics(REAL(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	return fails(FAULT_FILE) ? SQLITE_IOERR_SHMMAP : METHODS(f)->xShmMap(REAL(f), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	/* Giving a lock back does not fail. */
	if ((flags & SQLITE_SHM_LOCK) && fails(FAULT_FILE))
		return SQLITE_IOERR_SHMLOCK;
	return METHODS(f)->xShmLock(REAL(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
	METHODS(f)->xShmBarrier(REAL(f));
}

static int file_shm_unmap(sqlite3_file *f, int delete)
{
	return METHODS(f)->xShmUnmap(REAL(f), delete);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;

static int vfs_open(sqlite3_vfs *self, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct file *file = (struct file *)f;
	int rc;

	file->base.pMethods = NULL;
	file->real = (sqlite3_file *)(void *)(file + 1);
	if (fails(FAULT_FILE))
		return SQLITE_CANTOPEN;
	rc = real_vfs->xOpen(real_vfs, name, file->real, flags, ret_flags);
	if (rc == SQLITE_OK)
		file->base.pMethods = &methods;
	return rc;
}

static int vfs_delete(sqlite3_vfs *self, const char *name, int sync)
{
	return fails(FAULT_FILE) ? SQLITE_IOERR_DELETE : real_vfs->xDelete(real_vfs, name, 0);
}

static int vfs_access(sqlite3_vfs *self, const char *name, int flags, int *ret)
{
	return fails(FAULT_FILE) ? SQLITE_IOERR_ACCESS : real_vfs->xAccess(real_vfs, name, flags, ret);
}

void fault_install(void)
{
	sqlite3_mem_methods mine;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory) != SQLITE_OK)
		abort();
	mine = memory;
	mine.xMalloc = sqlite_malloc;
	mine.xRealloc = sqlite_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &mine) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK)
		abort();
	json_set_alloc_funcs(__wrap_malloc, free);

	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "fault";
	vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
	vfs.xOpen = vfs_open;
	vfs.xDelete = vfs_delete;
	vfs.xAccess = vfs_access;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		abort();
}
