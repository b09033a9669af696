#!/bin/bash
# SPDX-License-Identifier: MIT
#
# abi_test.sh SOURCE_DIR
#
# docs/abi.md says of each object the bytes and the alignment that the headers give it, by each compiler, in C and C++; its
# assertions hold. A public structure that is no config has its line there. docs/objects.md says the same bytes.
set -euo pipefail

cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
page=docs/abi.md

mapfile -t named < <(sed -n 's/^| `\(thrum_[a-z_]*\)` | [0-9]* | [0-9]* |$/\1/p' "$page")
{
    printf '#include <thrum.h>\n#include <stdio.h>\n#ifdef __cplusplus\n#define _Alignof alignof\n#endif\nint main(void) {\n'
    for type in "${named[@]}"; do
        printf 'printf("| `%s` | %%zu | %%zu |\\n", sizeof(%s), (size_t)_Alignof(%s));\n' "$type" "$type" "$type"
    done
    printf 'return 0;\n}\n'
} >"$work/sizes.c"
grep -E '^\| `thrum_[a-z_]*` \| [0-9]+ \| [0-9]+ \|$' "$page" >"$work/said"
for compiler in "gcc -std=c11" "g++ -std=c++17 -x c++" "clang -std=c11" "clang++ -std=c++17 -x c++"; do
    command -v "${compiler%% *}" >/dev/null || continue
    # shellcheck disable=SC2086  # the compiler and its options
    $compiler -Iinclude -o "$work/sizes" "$work/sizes.c"
    "$work/sizes" | diff "$work/said" - || { echo "docs/abi.md and the headers ($compiler) differ"; exit 1; }
done

while read -r type bytes; do
    grep -qE "^\| \`$type\` \| $bytes \|" "$page" || { echo "docs/objects.md: $type has not $bytes bytes"; exit 1; }
done < <(sed -nE 's/^\| `(thrum_[a-z_]+)`[^|]*\|[^|]*\| ([0-9]+)( |,).*/\1 \2/p' docs/objects.md | grep -vE '^thrum_(thread|future|executor|map) ')

{
    printf '#include <thrum.h>\n'
    sed -n '/^```c$/,/^```$/p' "$page" | grep -v '^```'
} | gcc -std=c11 -Iinclude -fsyntax-only -x c -

grep -hoE '^typedef struct (THRUM_CAPABILITY_ )?thrum_[a-z_]*[a-z] \{' include/thrum/*.h | grep -oE 'thrum_[a-z_]*[a-z]' |
    grep -vE '_(config|failure|choice|report)$|^thrum_(park|backoff|u32|u64)$' | sort >"$work/public"
missing=$(comm -23 "$work/public" <(printf '%s\n' "${named[@]}" | sort))
[[ -z $missing ]] || { echo "no line in $page:" $missing; exit 1; }
