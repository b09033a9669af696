#!/bin/bash
# SPDX-License-Identifier: MIT
#
# musl_test.sh SOURCE_DIR BUILD_DIR
#
# The library and its behaviour tests on musl instead of glibc.
set -euo pipefail

command -v musl-gcc >/dev/null || { echo "skipped: musl-gcc is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$1"

# musl-gcc knows only musl's own headers; the kernel's lie beside glibc's, and come last.
kernel=(-idirafter /usr/include -idirafter "/usr/include/$(gcc -print-multiarch)")
for room in lock rlock event semaphore result; do
    musl-gcc -std=c11 -O2 -Wall -Wextra -Werror -static -Iinclude -Itests -Itests/support "${kernel[@]}" \
        src/atomic/*.c src/futex/*.c tests/support/test.c "tests/${room}_test.c" -o "$work/$room"
    "$work/$room"
done
