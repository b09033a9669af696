#!/bin/bash
# SPDX-License-Identifier: MIT
#
# thrum_run_compare_test.sh SOURCE_DIR BUILD_DIR
#
# thrum-run --compare: its table, its exit status, and a program that does something else with the library than without.
set -euo pipefail
library=$2/libthrum-pthread.so
[[ -f $library ]] || { echo "skipped: $library is not built"; exit 77; }
compare() { "$1/tools/thrum-run" --library "$library" --compare -n 2 "${@:2}" 2>&1; }

said=$(compare "$1" true)
for figure in 'wall s' 'user s' 'system s' 'voluntary switches' 'involuntary switches' 'peak memory MiB'; do
    grep -q "^$figure  *[0-9]" <<<"$said" || { echo "no $figure in: $said"; exit 1; }
done

status=0
said=$(compare "$1" sh -c 'echo its end; exit 3') || status=$?
[[ $status == 3 && $said == *'exits with 3 on both sides'*'its end' ]] || { echo "$status: $said"; exit 1; }

status=0
said=$(compare "$1" sh -c '[ -z "$LD_PRELOAD" ]') || status=$?
[[ $status == 1 && $said == *'exits with [0] without and with [1] with'* ]] || { echo "$status: $said"; exit 1; }
