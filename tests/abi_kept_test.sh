#!/bin/bash
# SPDX-License-Identifier: MIT
#
# abi_kept_test.sh SOURCE_DIR
#
# What the shared libraries give away is what cmake/abi keeps; a layout that changes is seen, a symbol that goes is seen, and
# one that comes passes.
set -euo pipefail

cd "$1"
[[ $(uname -m) == x86_64 ]] || { echo "skipped: the descriptions are of x86-64"; exit 77; }
tools/abi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kept=cmake/abi/libthrum-core.so.0.1.abi
changed() { ! abidiff --no-added-syms "$kept" "$work/changed.abi" >/dev/null; }
sed "/class-decl name='thrum_rlock'/s/size-in-bits='128'/size-in-bits='192'/" "$kept" >"$work/changed.abi"
changed || { echo "nobody sees a larger rlock"; exit 1; }
grep -v "<elf-symbol name='thrum_barrier_abort'" "$kept" >"$work/changed.abi"
changed || { echo "nobody sees that thrum_barrier_abort is gone"; exit 1; }
sed "s/^\( *<elf-symbol name='thrum_barrier_\)\(abort' .*\)/&\n\1new_\2/" "$kept" >"$work/changed.abi"
! changed || { echo "what is new is refused"; exit 1; }
