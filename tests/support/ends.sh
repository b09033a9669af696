# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Sourced by the tests of the tools: a folder to work in, and what they count and say.
#
#     source "$source/tests/support/ends.sh"
#     ends 0 "$source/tools/compare" --help     # what it writes is in $work/out
#     ...
#     [[ $failures -eq 0 ]]

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# ends STATUS COMMAND...: it ends so, within a minute; what it writes is in $work/out.
ends() {
    local wanted=$1 status=0
    shift
    timeout 60 "$@" >"$work/out" 2>&1 </dev/null || status=$?
    [[ $status -eq $wanted ]] && return
    fail "$* ends with $status, not $wanted"
    tail -n 5 "$work/out"
}
