#!/bin/bash
# SPDX-License-Identifier: MIT
#
# pruning_test.sh FOLDER_OF_PROGRAMS
#
# A depth-first search gives up executions in states that it has met before. It must lose nothing by that: it
# meets as many different ends as one that gives up none.
set -euo pipefail
cd "$1"

# ends PROGRAM BOUNDS SCENARIO [--unpruned]
ends() {
    "./$1" --only exhaust --bounds "$2" "${@:4}" "$3" | sed -n '$s/.* \([0-9]*\) ends,.*exhausted$/\1/p'
}

compared=0
while read -r program bounds scenario; do
    pruned=$(ends "$program" "$bounds" "$scenario")
    whole=$(ends "$program" "$bounds" "$scenario" --unpruned)
    echo "$program $scenario $bounds: $pruned ends, $whole without pruning"
    [[ -n $whole && $pruned == "$whole" ]]
    compared=$((compared + 1))
done <<'CASES'
lock_explore 2.1.1.0 two_callers_twice
lock_explore 2.0.1.1 two_callers_twice
lock_explore 1.1.2.1 the_last_of_two_frees_it
lock_explore 2.0.1.0 every_mix_of_three_callers
lock_explore 1.0.2.1 three_callers
lock_explore 2.0.2.0 a_starving_waiter_closes_the_lock
sample_explore 2.0.0.1 tickets_are_not_stolen
kernel_explore 2.1.0.1 a_wait_for_any_ends_with_either
kernel_explore 2.1.0.1 a_moved_sleeper_is_woken_there
CASES
[[ $compared -gt 0 ]]
