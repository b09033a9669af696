/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The debugger's script inside the archive (THRUM_GDB_SECTION in CMake, which names the file): GDB
 * loads it with each program that contains the library, where `auto-load safe-path` lets it. No byte of it is
 * in memory.
 */
#ifndef THRUM_SRC_DEBUGGER_H
#define THRUM_SRC_DEBUGGER_H

#ifdef THRUM_GDB_SCRIPT_
__asm__(".pushsection \".debug_gdb_scripts\", \"MS\", %progbits, 1\n"
        ".byte 4\n" /* Python, and here is its text */
        ".ascii \"thrum-gdb.py\\n\"\n"
        ".incbin \"" THRUM_GDB_SCRIPT_ "\"\n"
        ".byte 0\n"
        ".popsection\n");
#endif

#endif
