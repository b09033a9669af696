/* SPDX-License-Identifier: MIT */
/* says: thrum is for 64-bit processors */
/* flags: -ffreestanding -m32 */
#include <thrum/cpu.h>

extern int program_is_not_empty;
