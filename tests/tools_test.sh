#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_test.sh SOURCE_DIR BUILD_DIR
#
# The tools and the examples as somebody meets them: what they take, what they refuse at once, how they are ended.
set -euo pipefail

source=$1 build=$2
# shellcheck source=tests/support/ends.sh
source "$source/tests/support/ends.sh"

# ---- what they take ----

for tool in "$source"/tools/*; do
    [[ -f $tool && -x $tool ]] || continue
    ends 0 "$tool" --help
    grep -q "$(basename "$tool")" "$work/out" || fail "$tool --help does not say how it is called"
done

if [[ -d $build/examples ]]; then
    for example in "$build"/examples/*; do
        [[ -f $example && -x $example ]] || continue
        ends 0 "$example" --help
    done
    for number in 4x x4 '' ' 4' -1 +4 0 99999999999999999999; do
        ends 2 "$build/examples/wordcount" -j "$number" "$source/docs"
        [[ ! -x $build/examples/fetch ]] || ends 2 "$build/examples/fetch" -j "$number"
    done
    ends 0 "$build/examples/wordcount" -j 4 "$source/docs"
    ends 2 "$build/examples/lock" --carefree
fi

ends 2 "$source/tools/check" --build
ends 2 "$source/tools/check" --build --quick
ends 2 "$source/tools/check" --none-such
ends 2 "$source/tools/compare" --only
ends 2 "$source/tools/compare-servers" --rate 12x
ends 2 "$source/tools/compare-maps" --none-such
ends 2 "$source/tools/compare-maps" --rounds 0
ends 2 "$source/tools/compare-shapes" --threads 2,x
ends 2 "$source/tools/compare" "$work/none-such"
grep -q "no such directory: $work/none-such" "$work/out" || fail "compare does not name the directory that is not there"
[[ $(wc -l <"$work/out") -eq 1 ]] || fail "compare does something before it says that a directory is not there"

# ---- what failed tests said ----

mkdir "$work/three"
cat >"$work/three/CTestTestfile.cmake" <<'TESTS'
add_test(says.why sh -c "echo because; exit 1")
add_test(passes sh -c "echo nothing")
add_test(skipped sh -c "exit 77")
set_tests_properties(skipped PROPERTIES SKIP_RETURN_CODE 77)
TESTS
ends 8 ctest --test-dir "$work/three" --output-junit "$work/three.xml"
ends 0 "$source/tools/failures" "$work/three.xml"
printf '%s\n' "== says.why" because "The following tests FAILED:" $'\t  1 - says.why (Failed)' | cmp -s - "$work/out" ||
    fail "failures says: $(cat "$work/out")"

# ---- packages ----

# installs WANTED SETTING...: whether what is missing is installed without a terminal.
installs() {
    local wanted=$1
    shift
    env -u CI "$@" bash -c 'set -eu
        source "$1"
        install=${WITH_INSTALL:-false}
        missing_packages() { echo none-such; }
        install_packages() { echo installed; }
        install_missing --optional none-such' bash "$source/tools/packages" >"$work/out" 2>&1 </dev/null || true
    [[ $(grep -c installed "$work/out") -eq $wanted ]] || fail "installs $wanted $*: $(cat "$work/out")"
}
installs 0 WITH_INSTALL=false
if [[ $EUID -eq 0 ]]; then
    installs 1 WITH_INSTALL=true
    installs 1 CI=true
fi
grep -q -- --install "$source/.ci/run" || fail ".ci/run does not ask for packages"

# ---- Ctrl-C ----

# A copy of the tools, whose cmake starts children that would run for minutes: one that ignores signals, one in a process
# group of its own, one below `timeout`.
mkdir -p "$work/copy" "$work/bin"
cp -r "$source/tools" "$work/copy/"
cat >"$work/bin/cmake" <<'CODE'
#!/bin/bash
(trap '' INT TERM HUP; sleep 321) &
timeout 321 sleep 321 &
(set -m; sleep 321 & wait) &
grep -q 'SigIgn:.*[014589cd]$' /proc/self/status && touch "$CALLED" # SIGINT is not ignored
wait
CODE
chmod +x "$work/bin/cmake"

# The children of the interrupted command that are still there.
left() {
    local pid
    for pid in /proc/[0-9]*; do
        [[ $(tr '\0' ' ' 2>/dev/null <"$pid/cmdline") != *"sleep 321"* ]] ||
            ! grep -qzx "CALLED=$work/called" "$pid/environ" 2>/dev/null || echo "${pid#/proc/}"
    done
}

# ended SIGNAL STATUS COMMAND...
ended() {
    local signal=$1 wanted=$2 status=0 begun
    shift 2
    rm -f "$work/called"
    env --default-signal=INT,QUIT PATH="$work/bin:$PATH" CALLED="$work/called" "$@" >"$work/out" 2>&1 </dev/null &
    local pid=$!
    for _ in {1..200}; do
        [[ ! -e $work/called ]] || break
        sleep 0.1
    done
    [[ -e $work/called ]] || fail "$1 starts nothing, or with signals ignored: $(cat "$work/out")"
    begun=$SECONDS
    kill -"$signal" "$pid"
    wait "$pid" || status=$?
    [[ $status -eq $wanted ]] || fail "$1 ends with $status after SIG$signal"
    [[ $((SECONDS - begun)) -le 10 ]] || fail "$1 takes $((SECONDS - begun)) s to end"
    [[ -z $(left) ]] || { fail "$1 leaves $(left) behind"; kill -KILL $(left); }
}
for signal in INT=130 TERM=143; do
    ended "${signal%=*}" "${signal#*=}" bash -c 'source "$1"; together cmake; echo "gone on"' bash "$work/copy/tools/together"
    ended "${signal%=*}" "${signal#*=}" "$work/copy/tools/check" --quick --build "$work/copy/build"
    ended "${signal%=*}" "${signal#*=}" "$work/copy/tools/compare" "$work"
done

# ---- a row that is lost ----

# A benchmark program that dies when its second row is among those asked for.
mkdir -p "$work/copy/build/release/bench"
cat >"$work/copy/build/release/bench/map_bench" <<'CODE'
#!/bin/bash
for argument; do
    case $argument in
    --benchmark_filter=*) filter=${argument#*=} ;;
    --benchmark_out=*) out=${argument#*=} ;;
    --benchmark_list_tests) list=yes ;;
    esac
done
rows=$(printf '%s\n' map/one/thrum map/two/thrum map/three/thrum | grep -E "$filter") || exit 0
[[ -z ${list:-} ]] || { echo "$rows"; exit; }
[[ $rows != *two* ]] || exit 7
echo '{"context": {}, "benchmarks": [' >"$out"
echo "{\"run_type\": \"iteration\", \"run_name\": \"$rows\", \"real_time\": 42.0}]}" >>"$out"
CODE
printf '#!/bin/sh\nexit 0\n' >"$work/bin/cmake"
chmod +x "$work/copy/build/release/bench/map_bench"
ln -s map_bench "$work/copy/build/release/bench/lock_bench"
ln -s map_bench "$work/copy/build/release/bench/spinlock_bench"
PATH="$work/bin:$PATH" ends 1 "$work/copy/tools/compare" --quick --only map
grep -q 'map/one .*42.00 ns' "$work/out" && grep -q 'map/three .*42.00 ns' "$work/out" || fail "a row costs others"
grep -q 'map/two/thrum: lost: the program ended with status 7' "$work/out" || fail "no word of the row that is lost"
grep -q '1 of 3 lost' "$work/out" || fail "rows are lost: $(cat "$work/out")"
grep -qE '^\[ 1/[0-9]+\] ([0-9]+ s|[0-9]+ min) left ' "$work/out" || fail "no word of the time that is left: $(head -n 3 "$work/out")"
[[ -s $work/copy/build/report/index.html && -n $(ls "$work/copy/build/report/kept") ]] || fail "no page, or the run is not kept"

# ---- the report ----

mkdir "$work/report"
python3 - "$work/report/1-lock.json" <<'CODE'
import json
import sys

def runs(name, ns, error=None):
    for i in range(3):
        run = {"run_type": "iteration", "run_name": name, "real_time": ns + i / 100}
        yield {**run, "error_occurred": True, "error_message": error} if error else run

rows = [run for room in ("zebra", "lock", "map", "barrier", "cell")
        for row in ("b", "a", "hand_over/x:1", "a_name_that_is_longer_than_a_column_may_be")
        for library, ns in (("thrum", 123456.7), ("pthread", 9876543.2), ("moodycamel", 45e6), ("limit", 99.99))
        for run in runs(f"{room}/{row.split('/')[0]}/{library}/{(row + '/').split('/')[1] or 'threads:64'}/manual_time", ns)]
rows += runs("lock/lost/thrum", 1, "hang")
json.dump({"context": {"compiler": "a compiler with a name " * 9}, "benchmarks": rows}, open(sys.argv[1], "w"))
CODE
echo "0 0 100 0 1 1 0 100" >"$work/report/load.txt"
echo "map/get/thrum: hung: ended after 90 s" >"$work/report/broken.txt"
ends 1 python3 "$source/tools/compare_report.py" "$work/report"
[[ $(wc -L <"$work/out") -le 100 ]] || fail "the report is wider than 100 columns: $(grep -E '.{101}' "$work/out")"
rooms=$(grep -oE '^(zebra|lock|map|barrier|cell)/' "$work/out" | uniq | tr -d '\n')
[[ $rooms == lock/barrier/cell/map/zebra/ ]] || fail "the report's rooms: $rooms"
grep -q 'map/get/thrum: hung' "$work/out" || fail "the report does not name the row that was lost"

# ---- the report of the shapes ----

mkdir "$work/shapes"
python3 - "$work/shapes/holds.json" <<'CODE'
import json
import sys

# Nanoseconds of thrum, the best that sleeps, pthread and a lock that spins.
cells = {"threads:2/on:all/hold_ns:100000": (10, 20, 30, 5), "threads:64/on:one/hold_ns:mixed": (40, 30, 50, 60)}
rows = [{"run_type": "iteration", "run_name": f"lock_shapes/holds/{library}/{cell}/iterations:1/manual_time",
         "real_time": ns, "cpu_ns": ns, "jain": 0.75, "gini": 0.25, "max_us": 160000.0}
        for cell, times in cells.items() for library, ns in zip(("thrum", "nsync", "pthread", "tbb"), times)]
rows.append({"run_type": "iteration", "run_name": "lock_shapes/holds/absl/threads:2/on:all/hold_ns:100000",
             "error_occurred": True, "error_message": "hang"})
json.dump({"context": {"processor": "a processor with a name " * 9}, "benchmarks": rows}, open(sys.argv[1], "w"))
CODE
ends 0 python3 "$source/tools/compare_shapes.py" "$work/shapes"
[[ $(wc -L <"$work/out") -le 100 ]] || fail "the shapes are wider than 100 columns: $(grep -E '.{101}' "$work/out")"
for line in '1.0 and more: 1 of 2 (50%' 'lowest: 0.75 .*: holds hold_ns mixed, 64 threads on one, against nsync' \
    'behind pthread: 0 of 2' 'two threads on all, beside locks that spin: least 0.50' 'longest wait: 160 ms' \
    'holds hold_ns 100000, 2 threads on all, absl: hang'; do
    grep -q "$line" "$work/out" || fail "the report of the shapes does not say: $line"
done
sed -i 's|"real_time": 10,|"error_occurred": true, "error_message": "hang", &|' "$work/shapes/holds.json"
ends 1 python3 "$source/tools/compare_shapes.py" "$work/shapes"

[[ $failures -eq 0 ]]
