#!/bin/bash
# SPDX-License-Identifier: MIT
#
# release_test.sh SOURCE_DIR
#
# Two clones make the same release, byte for byte; its archive has what a build needs; what is not committed is refused.
set -euo pipefail

command -v git >/dev/null && [[ -e $1/.git ]] || { echo "skipped: no git clone"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

release() { # CLONE FOLDER
    "$work/$1/tools/release" "$work/$2" >"$work/$2.log" || { cat "$work/$2.log"; exit 1; }
}
git clone -q --no-local "$1" "$work/one" 2>/dev/null
# The checkout's own state, committed or not, is what is tried.
cp "$1/tools/release" "$work/one/tools/"
git -C "$work/one" -c user.name=a -c user.email=a@example.org commit -qam "as it stands" >/dev/null || true
git clone -q "$work/one" "$work/two"
(umask 077 && touch "$work/two/README.md" && chmod 600 "$work/two/README.md")
release one first
release two second
archive=$(basename "$work"/first/thrum-*.tar.gz)
cmp "$work/first/$archive" "$work/second/$archive"
(cd "$work/first" && sha256sum -c --quiet "$archive.sha256")

tar -C "$work" -xzf "$work/first/$archive"
cmake -S "$work/${archive%.tar.gz}" -B "$work/build" -DTHRUM_CORE_ONLY=ON >/dev/null
cmake --build "$work/build" --parallel >/dev/null

echo >>"$work/two/README.md"
! "$work/two/tools/release" "$work/third" 2>"$work/log" || { echo "what is not committed was released"; exit 1; }
grep -q 'not committed' "$work/log"
