#!/bin/bash
# SPDX-License-Identifier: MIT
#
# reference_test.sh SOURCE_DIR
#
# The reference is made without a warning, and what a function's comment says stands beside the function; a comment that names a
# parameter that is none is seen.
set -euo pipefail

command -v doxygen >/dev/null || { echo "skipped: doxygen is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$1/tools/reference" "$work/reference"
text=$(sed 's/<[^>]*>/ /g' "$work/reference/html/lock_8h.html" | tr -s ' \n' ' ')
[[ $text == *"thrum_lock_acquire"*"Waits until the lock is the caller"*"Not a cancellation point"* ]] ||
    { echo "thrum_lock_acquire has no description"; exit 1; }
[[ $text != *"lock.L1"* ]] || { echo "a comment within a function is in the reference"; exit 1; }

mkdir "$work/copy"
cp -r "$1/include" "$1/docs" "$1/tools" "$work/copy/"
sed -i 's,^/\* Waits until the lock is the caller.s\. Not,/* @param nobody no parameter. Not,' "$work/copy/include/thrum/lock.h"
! "$work/copy/tools/reference" "$work/spoiled" 2>"$work/log" || { echo "a wrong parameter was not seen"; exit 1; }
