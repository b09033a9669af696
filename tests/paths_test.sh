#!/bin/bash
# SPDX-License-Identifier: MIT
#
# paths_test.sh SOURCE_DIR BUILD_DIR
#
# The uncontended paths that are inlined into programs are those of the lists in tests/paths, instruction by
# instruction, up to the first return: what threads say of themselves when they wait costs those that do not wait
# nothing. A change that is meant to change a path writes the lists anew: paths_test.sh SOURCE_DIR BUILD_DIR --write.
set -euo pipefail
source=$1
[ "$(uname -m)" = x86_64 ] || { echo "skipped: the lists are those of x86-64"; exit 77; }
command -v objdump >/dev/null || { echo "skipped: objdump is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The mnemonics of each function, on one line, from its beginning to its first return or jump elsewhere.
paths() {
    "$1" -std=c11 -O2 -fcf-protection=none -I"$source/include" -c "$source/tests/paths/paths.c" -o "$work/paths.o"
    objdump -d --no-show-raw-insn -j .text "$work/paths.o" | awk '
        /^[0-9a-f]+ <.*>:$/ { gsub(/[<>:]/, "", $2); if (line) print line; line = $2 ":"; going = 1; next }
        going && /^ +[0-9a-f]+:/ { mnemonic = $2; if (mnemonic == "lock") mnemonic = "lock " $3
                                   line = line " " mnemonic; if (mnemonic ~ /^(ret|jmp)/) going = 0 }
        END { print line }' | sort
}

compared=0 failed=0
for compiler in gcc-12 clang-14 clang-16 clang-19; do
    command -v $compiler >/dev/null || continue
    list=$source/tests/paths/$compiler.txt
    if [ "${3:-}" = --write ]; then
        paths $compiler >"$list"
    else
        diff "$list" <(paths $compiler) || { echo "left: $list; right: what $compiler makes of the headers"; failed=1; }
        compared=$((compared + 1))
    fi
done
[ $failed = 0 ] || exit 1
[ $compared -gt 0 ] || [ "${3:-}" = --write ] || { echo "skipped: no compiler that has a list"; exit 77; }
