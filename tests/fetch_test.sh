#!/bin/bash
# SPDX-License-Identifier: MIT
# The example fetch gets every page, one by one and with workers, and is faster with them.
#     fetch_test.sh SOURCE_DIR BUILD_DIR
set -u
fetch=$2/examples/fetch
[ -x "$fetch" ] || { echo "no example fetch in this build: libcurl is not installed"; exit 77; }

output=$("$fetch" -n 40 -j 8 -d 20) || { echo "exit status $?: $output"; exit 1; }
echo "$output"
alone=$(sed -nE 's/^40 pages, 240 bytes, one by one: ([0-9.]+) s$/\1/p' <<<"$output")
together=$(sed -nE 's/^40 pages, 240 bytes, with 8 workers: ([0-9.]+) s$/\1/p' <<<"$output")
[ -n "$alone" ] && [ -n "$together" ] || { echo "not every page was got"; exit 1; }
awk -v a="$alone" -v t="$together" 'BEGIN { exit !(a >= 0.8 && t < a / 2) }' || { echo "not twice as fast"; exit 1; }

for wrong in "-n x" "-j 0" "-d -1" "page"; do
    # shellcheck disable=SC2086  # two words
    "$fetch" $wrong 2>/dev/null
    [ $? -eq 2 ] || { echo "$wrong is accepted"; exit 1; }
done
