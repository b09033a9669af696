#!/bin/bash
# SPDX-License-Identifier: MIT
#
# platforms_test.sh SOURCE_DIR
#
# The core and its rooms' tests for other processors: each cross compiler that is installed compiles them without a warning,
# and they run on an emulated processor (qemu-user). THRUM_PLATFORMS=all: on four, else a part on two, of which one has the
# bytes of a word in the other order. (tests/headers has the 32-bit ones, which are refused.)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$1"

flags=(-std=c11 -O2 -Wall -Wextra -Werror -static -Iinclude -Itests -Itests/support)
platforms=(aarch64 s390x)
rooms=(lock lock_waits cond cond_notify cond_predicate semaphore semaphore_release ring)
if [[ ${THRUM_PLATFORMS-} == all ]]; then
    platforms+=(riscv64 powerpc64le)
    rooms+=(atomic rlock rlock_fork rwlock rwlock_sharded event barrier barrier_action barrier_broken latch once seqlock counter with with_leave)
fi

# How the tests see that a thread is asleep: by the number of the call in which the emulator's own thread is.
THRUM_HOST_FUTEX=$(printf '#include <sys/syscall.h>\nSYS_futex\n' | gcc -E -P - | tail -1)
export THRUM_HOST_FUTEX
tried=0 failed=false
for platform in "${platforms[@]}"; do
    compiler=$platform-linux-gnu-gcc emulator=qemu-${platform/powerpc/ppc}
    { command -v "$compiler" && command -v "$emulator"; } >/dev/null || continue
    tried=$((tried + 1))
    mkdir "$work/$platform"
    for source in src/atomic/*.c src/futex/*.c tests/support/test.c; do
        "$compiler" "${flags[@]}" -fexceptions -D_GNU_SOURCE -c -o "$work/$platform/$(basename "$source" .c).o" "$source"
    done
    for room in "${rooms[@]}"; do
        "$compiler" "${flags[@]}" -D_GNU_SOURCE -o "$work/$room" "tests/${room}_test.c" "$work/$platform"/*.o -pthread
        while read -r test; do
            status=0
            timeout 60 "$emulator" "$work/$room" "$test" >"$work/log" 2>&1 || status=$?
            [[ $status == 0 || $status == 77 ]] || { echo "$platform: $room.$test: $status"; tail -20 "$work/log"; failed=true; }
        done < <(sed -n 's/^TEST(\(\w*\)) {.*/\1/p' "tests/${room}_test.c")
        echo "$platform: $room"
    done
done
[[ $tried != 0 ]] || { echo "skipped: no cross compiler with its emulator"; exit 77; }
! $failed
