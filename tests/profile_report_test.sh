#!/bin/bash
# SPDX-License-Identifier: MIT
#
# profile_report_test.sh SOURCE_DIR BUILD_DIR
#
# tests/profile/blame.c is profiled as it runs, and thrum-report names the line to blame; then with a fork, and where there
# can be no file. The page fetches nothing.
set -euo pipefail
source=$1 build=$2
command -v addr2line >/dev/null && command -v nm >/dev/null || { echo "skipped: addr2line is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}
report() { "$source/tools/thrum-report" "$@"; }

"${CC:-cc}" -std=c11 -O2 -g -fno-optimize-sibling-calls -D_GNU_SOURCE -I"$source/include" -I"$source/tests/support" \
    "$source/tests/profile/blame.c" "$source/tests/support/test.c" -o "$work/blame" "$build/libthrum.a" -lurcu-bp -lurcu-common \
    -pthread
line() { grep -n "$1" "$source/tests/profile/blame.c" | cut -d: -f1; }
held=$(line 'the line to blame') waited=$(line "the waiter's line")

# ---- the text ----

# Numbers become N, and times T.
plain() {
    sed -E 's/[0-9.]+ (ns|us|ms|s)\b/T/g; s/[0-9]+%/N%/g; s/Process [0-9]+/Process N/; s/^( *T +N% +)[0-9,]+ /\1N /; s/: [0-9,]+ waits/: N waits/' |
        tr -s ' '
}
# A hold that ended just when its thread lost the processor is not known: its rows go.
known() {
    awk '{ lines[NR] = $0 }
        END { for (i = 1; i <= NR; i++)
                  if (lines[i] ~ /^ T .*\(not known\)$/) continue
                  else if (lines[i + 2] ~ /^ held in \(not known\)$/) i += 2
                  else print lines[i] }'
}
THRUM_PROFILE="$work/waits" "$work/blame" audits >"$work/out" || fail "the program: $(cat "$work/out")"
report "$work/waits" | plain | known >"$work/said"
cat >"$work/wanted" <<TEXT
Process N, blame, counted for T

Waits for what another thread held: N waits, T together

 waited share waits longest held in
 T N% N T audit at blame.c:$held

 waited share waits longest object, and where it was waited for and held
 T N% N T lock ledger
 waited for in serve at blame.c:$waited
 held in audit at blame.c:$held
TEXT
diff "$work/said" "$work/wanted" || { report "$work/waits"; fail "left: what is said; right: what is to be said"; }

# ---- the page ----

report --page "$work/page.html" "$work/waits" >/dev/null
grep -q "held in audit at blame.c:$held" "$work/page.html" || fail "the page does not name the line"
grep -q '<svg[^>]*class="flame"' "$work/page.html" || fail "no flame graph"
! grep -oE '(src|href)="[^"#d][^"]*"|url\(|https?://[^"]*' "$work/page.html" | grep -v 'http://www.w3.org/2000/svg' ||
    fail "the page fetches something"

# ---- a fork ----

sections() { grep -c '^thrum profile 1$' "$1"; }
THRUM_PROFILE="$work/each.%p" "$work/blame" audits_and_forks >"$work/out" || fail "the program that forks: $(cat "$work/out")"
files=("$work"/each.*)
[ ${#files[@]} = 2 ] || fail "not two files: ${files[*]}"
for file in "${files[@]}"; do
    [ "$(sections "$file")" = 1 ] || fail "not one process in a file"
    report "$file" | grep -qE '[0-9,]+ waits' || fail "$file has nothing"
done
counts=$(for file in "${files[@]}"; do report "$file" | sed -nE 's/^Waits for what.*: ([0-9,]+) waits.*/\1/p'; done | sort -n | tr '\n' ' ')
[ "$counts" = "1 20 " ] || fail "the child counts $counts"
THRUM_PROFILE="$work/one" "$work/blame" audits_and_forks >"$work/out" || fail "the program that forks"
[ "$(sections "$work/one")" = 1 ] || fail "a forked child without a file of its own has written"

# ---- what is no file, and no profile ----

THRUM_PROFILE="$work/none/such" "$work/blame" audits >"$work/out" || fail "no file can be made, and the program ends otherwise"
THRUM_PROFILE= "$work/blame" audits >"$work/out" || fail "an empty name"
status=0
report "$source/README.md" >"$work/out" 2>&1 || status=$?
[ $status = 2 ] && grep -q "no profile" "$work/out" || fail "what is no profile is reported"
status=0
report "$work/none" >"$work/out" 2>&1 || status=$?
[ $status = 2 ] || fail "a missing file is reported"
