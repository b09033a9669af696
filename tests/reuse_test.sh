#!/bin/bash
# SPDX-License-Identifier: MIT
#
# reuse_test.sh SOURCE_DIR
#
# Every file has its licence and its holder, as the REUSE specification asks; a file under a licence that is not here is seen.
set -euo pipefail

command -v reuse >/dev/null || { echo "skipped: reuse is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What a release would hold: no build folder, and nothing that git would have to be asked about.
mkdir "$work/thrum"
(cd "$1" && tar -c --exclude=./build --exclude=./.git --exclude=./shared .) | tar -x -C "$work/thrum"
reuse --root "$work/thrum" lint >"$work/log" || { tail -40 "$work/log"; exit 1; }
printf '/* SPDX-License-%s: GPL-3.0-only */\n' Identifier >"$work/thrum/src/futex/strange.c"
! reuse --root "$work/thrum" lint >"$work/log" || { echo "a file under a licence that is not here was not seen"; exit 1; }
