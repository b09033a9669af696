/* SPDX-License-Identifier: MIT */
/* Floor 2. The quota of processor time that control groups set. */
#ifndef THRUM_SRC_CPUS_QUOTA_H
#define THRUM_SRC_CPUS_QUOTA_H

#include <stddef.h>
#include <stdint.h>

enum { THRUM_NO_QUOTA = UINT32_MAX >> 1 };

/*
 * In whole processors, at least 1: the least quota of the groups that the process is in. THRUM_NO_QUOTA: none
 * is seen. `root` is put before the names of the kernel's files; "" but in tests.
 */
uint32_t thrum_cpus_quota_(const char *root);

/*
 * futex.c, the room of system calls. The beginning of a file, as a string. False: it cannot be read. errno is
 * kept, and no thread is cancelled in it.
 */
_Bool thrum_futex_read_file_(const char *path, char *text, size_t size);

#endif
