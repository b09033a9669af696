#!/bin/bash
# SPDX-License-Identifier: MIT
#
# probes_test.sh SOURCE_DIR BUILD_DIR
#
# The static probes of src/futex are those that src/futex/probes.h names, with so many arguments, and
# tools/thrum-contention.bt asks for no other probe and no other argument; bpftrace, where it can run, understands it.
set -euo pipefail
source=$1 script=$1/tools/thrum-contention.bt
command -v readelf >/dev/null || { echo "skipped: readelf is not installed"; exit 77; }
echo '#include <sys/sdt.h>' | "${CC:-cc}" -E - >/dev/null 2>&1 || { echo "skipped: sys/sdt.h is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

objects=()
for file in $(grep -lE '\bTHRUM_PROBE_[0-9]_\(' "$source"/src/futex/*.c); do
    objects+=("$work/$(basename "$file" .c).o")
    "${CC:-cc}" -std=c11 -O2 -fPIC -DTHRUM_PROBES_ -I"$source/include" -c "$file" -o "${objects[-1]}"
done

# name arguments, one a line
readelf -n "${objects[@]}" | awk '/Provider:/ { thrum = $2 == "thrum" } thrum && /Name:/ { name = $2 } thrum && /Arguments:/ { print name, NF - 1 }' |
    sort -u >"$work/noted"
sed -nE 's/^ \*   ([a-z_]+) +([a-z]+(, [a-z]+)*)(  .*)$/\1 \2/p' "$source/src/futex/probes.h" |
    awk '{ name = $1; $1 = ""; print name, split($0, parts, ",") }' | sort >"$work/said"
diff "$work/said" "$work/noted" || { echo "left: probes.h; right: the notes of what is compiled"; exit 1; }

# Of the script each block's greatest argument is one that its probe has.
awk '/^usdt:/ { split($1, parts, ":"); name = parts[4]; most[name] += 0 }
    { rest = $0; while (match(rest, /arg[0-9]/)) { n = substr(rest, RSTART + 3, 1) + 1; if (n > most[name]) most[name] = n
                                                   rest = substr(rest, RSTART + 4) } }
    END { for (name in most) if (name != "") print name, most[name] }' "$script" >"$work/asked"
[ "$(wc -l <"$work/asked")" -ge 7 ] || { echo "the script asks for too few probes"; cat "$work/asked"; exit 1; }
while read -r name arguments; do
    has=$(awk -v name="$name" '$1 == name { print $2 }' "$work/noted")
    [ -n "$has" ] && [ "$arguments" -le "$has" ] || { echo "the script asks $name for $arguments arguments; it has: ${has:-no}"; exit 1; }
done <"$work/asked"

command -v bpftrace >/dev/null || exit 0
"${CC:-cc}" -shared -o "$work/probes.so" "${objects[@]}" 2>/dev/null || exit 0
sed "s|usdt:\*:|usdt:$work/probes.so:|" "$script" >"$work/script.bt"
bpftrace -d "$work/script.bt" >"$work/out" 2>&1 || {
    grep -qiE 'root|permission|not permitted|BTF|kernel' "$work/out" && exit 0
    tail -5 "$work/out"
    exit 1
}
