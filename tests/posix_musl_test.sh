#!/bin/bash
# SPDX-License-Identifier: MIT
#
# posix_musl_test.sh SOURCE_DIR BUILD_DIR
#
# The tests of POSIX's functions (tests/posix) on musl instead of glibc: alone, and with libthrum-pthread.so in front.
set -euo pipefail

command -v musl-gcc >/dev/null || { echo "skipped: musl-gcc is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$1"

# musl-gcc knows only musl's own headers; the kernel's lie beside glibc's, and come last.
kernel=(-idirafter /usr/include -idirafter "/usr/include/$(gcc -print-multiarch)")
musl-gcc -std=c11 -fPIC -shared tests/posix/loaded/loaded.c -o "$work/loaded.so"
musl-gcc -std=c11 -O2 -fPIC -shared -fvisibility=hidden -Iinclude "${kernel[@]}" \
    -Wl,--version-script=src/pthread/names.map src/atomic/*.c src/futex/*.c src/pthread/*.c -o "$work/libthrum-pthread.so"

# run_all PROGRAM SOURCE: each test in a process of its own, on either.
run_all() {
    local test status preload
    while read -r test; do
        for preload in "" "$work/libthrum-pthread.so"; do
            status=0
            timeout 60 env LD_PRELOAD="$preload" "$1" "$test" >"$work/said" 2>&1 || status=$?
            [[ $status == 0 || $status == 77 ]] || { cat "$work/said"; echo "$2: $test: $status ($preload)"; exit 1; }
        done
    done < <(sed -n 's/^TEST(\([A-Za-z0-9_]*\)).*/\1/p' "$2")
}

for source in tests/posix/*_test.c; do
    program=$work/$(basename "$source" .c)
    # What one test alone says of glibc is not for musl.
    sed '/^#if.* *__GLIBC__/,/^#endif$/d' "$source" >"$work/source.c"
    musl-gcc -std=c11 -D_GNU_SOURCE -DPOSIX_LOADED="\"$work/loaded.so\"" -O1 -rdynamic -Wall -Wextra -Werror -Iinclude \
        -iquote tests/support -Itests/posix "${kernel[@]}" tests/support/test.c "$work/source.c" -o "$program"
    run_all "$program" "$work/source.c"
done
