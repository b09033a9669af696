#!/bin/bash
# SPDX-License-Identifier: MIT
#
# musl_test.sh SOURCE_DIR BUILD_DIR
#
# The core and its behaviour tests on musl instead of glibc. The rest compiles there, too; Debian has no liburcu for musl to
# link it with.
set -euo pipefail

command -v musl-gcc >/dev/null || { echo "skipped: musl-gcc is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$1"

# musl-gcc knows only musl's own headers; the kernel's lie beside glibc's, and come last.
kernel=(-idirafter /usr/include -idirafter "/usr/include/$(gcc -print-multiarch)")
for room in lock lock_waits rlock rlock_fork event semaphore semaphore_release result; do
    musl-gcc -std=c11 -O2 -Wall -Wextra -Werror -static -Iinclude -Itests -Itests/support "${kernel[@]}" \
        src/atomic/*.c src/futex/*.c tests/support/test.c "tests/${room}_test.c" -o "$work/$room"
    "$work/$room"
done

if [[ -f /usr/include/urcu/urcu-bp.h ]]; then
    for source in src/rcu/*.c src/thread/*.c src/work/*.c; do
        musl-gcc -std=c11 -fsyntax-only -fexceptions -Wall -Wextra -Werror -Iinclude "${kernel[@]}" "$source"
    done
fi

# The preload library, and a program that it is loaded into.
musl-gcc -std=c11 -O2 -fPIC -shared -fvisibility=hidden -Wall -Wextra -Werror -Iinclude "${kernel[@]}" \
    -Wl,--version-script=src/pthread/names.map src/atomic/*.c src/futex/*.c src/pthread/*.c -o "$work/libthrum-pthread.so"
for objects in mutex cond; do
    musl-gcc -std=c11 -O1 -Iinclude -Itests/support "${kernel[@]}" tests/support/test.c "tests/shim/${objects}_test.c" \
        -o "$work/$objects"
    env LD_PRELOAD="$work/libthrum-pthread.so" "$work/$objects"
done

# A shared object with thrum in it: a program may be linked to it, and musl's dlopen refuses it, as docs/building.md says,
# unless it was built for that.
cat >"$work/object.c" <<'CODE'
#include <thrum/rlock.h>
int take(void);
int take(void) {
    static thrum_rlock lock;
    return thrum_rlock_try_acquire(&lock);
}
CODE
cat >"$work/linked.c" <<'CODE'
int take(void);
int main(void) {
    return !take();
}
CODE
cat >"$work/loads.c" <<'CODE'
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **arguments) {
    void *const object = count < 2 ? NULL : dlopen(arguments[1], RTLD_NOW);
    if (!object) puts(dlerror());
    if (!object) return 1;
    int (*take)(void) = (int (*)(void))dlsym(object, "take");
    return take && take() && take() ? 0 : 1; /* the owner may acquire again */
}
CODE
plugin() { # FILE [OPTION]
    musl-gcc -std=c11 -O2 -fPIC -shared -Iinclude "${kernel[@]}" "${@:2}" src/atomic/*.c src/futex/*.c "$work/object.c" -o "$1"
}
plugin "$work/object.so"
musl-gcc "$work/linked.c" "$work/object.so" -Wl,-rpath,"$work" -o "$work/linked"
"$work/linked"
musl-gcc "$work/loads.c" -o "$work/loads"
{ "$work/loads" "$work/object.so" || true; } | grep 'initial-exec TLS resolves to dynamic definition'
plugin "$work/dynamic.so" -DTHRUM_DYNAMIC_TLS
"$work/loads" "$work/dynamic.so"
