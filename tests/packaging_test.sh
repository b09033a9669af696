#!/bin/bash
# SPDX-License-Identifier: MIT
#
# packaging_test.sh SOURCE_DIR
#
# What tools/packaging holds for other package managers: each names this version; the Meson subproject is built and used; the
# vcpkg port's calls are made of functions that do what vcpkg's do, and its package is used; the Conan recipe is Python, and
# the folders that it exports are there. (Debian's packages: tests/consumers/debian.)
set -euo pipefail

source=$(cd "$1" && pwd)
packaging=$source/tools/packaging
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^#define THRUM_VERSION "\(.*\)"/\1/p' "$source/include/thrum.h")

for file in meson/packagefiles/thrum/meson.build meson/thrum.wrap conan/conanfile.py vcpkg/thrum/vcpkg.json debian/changelog; do
    grep -qF "$version" "$packaging/$file" || { echo "$file does not name $version"; exit 1; }
done

# vcpkg: a port installs with what its scripts give it. These stand for them.
cat >"$work/port.cmake" <<CODE
cmake_minimum_required(VERSION 3.16)
set(CURRENT_PACKAGES_DIR $work/port)
macro(vcpkg_cmake_configure)
    cmake_parse_arguments(given "" "SOURCE_PATH" "OPTIONS" \${ARGN})
    execute_process(COMMAND cmake -S \${given_SOURCE_PATH} -B $work/port-build \${given_OPTIONS} -DCMAKE_INSTALL_LIBDIR=lib
        -DCMAKE_INSTALL_PREFIX=$work/port OUTPUT_QUIET RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR configure)
    endif()
endmacro()
macro(vcpkg_cmake_install)
    execute_process(COMMAND cmake --build $work/port-build --parallel --target install OUTPUT_QUIET RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR install)
    endif()
endmacro()
macro(vcpkg_cmake_config_fixup)
    if(NOT EXISTS $work/port/lib/cmake/thrum/thrum-config.cmake)
        message(FATAL_ERROR "no configuration of CMake's")
    endif()
endmacro()
macro(vcpkg_fixup_pkgconfig)
endmacro()
macro(vcpkg_install_copyright)
    cmake_parse_arguments(given "" "" "FILE_LIST" \${ARGN})
    if(NOT EXISTS \${given_FILE_LIST})
        message(FATAL_ERROR "no licence")
    endif()
endmacro()
include($packaging/vcpkg/thrum/portfile.cmake)
CODE
for linkage in static dynamic; do
    rm -rf "$work/port" "$work/port-build"
    cmake -DVCPKG_LIBRARY_LINKAGE=$linkage -DFEATURES=threads -P "$work/port.cmake"
    cmake -S "$source/tests/consumers/installed" -B "$work/use-$linkage" -DCMAKE_PREFIX_PATH="$work/port" \
        -DLIBRARY=thrum::thrum -DPROGRAM=program.c >/dev/null
    cmake --build "$work/use-$linkage" >/dev/null
    LD_LIBRARY_PATH=$work/port/lib "$work/use-$linkage/consumer"
done

python3 - "$packaging/conan/conanfile.py" "$source" <<'CODE'
import ast
import sys
from pathlib import Path

tree = ast.parse(Path(sys.argv[1]).read_text())
exported = next(node.value for node in ast.walk(tree)
                if isinstance(node, ast.Assign) and node.targets[0].id == "exports_sources")
for pattern in ast.literal_eval(exported):
    if not list(Path(sys.argv[2]).glob(pattern)):
        sys.exit(f"conanfile.py exports {pattern}, which is not there")
CODE

command -v meson >/dev/null || { echo "skipped the rest: meson is not installed"; exit 0; }
mkdir -p "$work/project/subprojects"
cp -r "$packaging/meson/packagefiles" "$packaging/meson/thrum.wrap" "$work/project/subprojects/"
mkdir "$work/project/subprojects/packagecache" "$work/thrum-$version"
cp -r "$source/include" "$source/src" "$source/LICENSE" "$work/thrum-$version/"
tar -C "$work" -czf "$work/project/subprojects/packagecache/thrum-$version.tar.gz" "thrum-$version"
hash=$(sha256sum "$work/project/subprojects/packagecache/thrum-$version.tar.gz" | cut -d ' ' -f 1)
sed -i "s,^source_filename,source_url = https://thrum.example/$version\nsource_hash = $hash\nsource_filename," "$work/project/subprojects/thrum.wrap"
cp "$source/tests/consumers/program.c" "$source/tests/consumers/threads.c" "$work/project/"
cat >"$work/project/meson.build" <<'CODE'
project('uses thrum', 'c', default_options: ['c_std=gnu11'])
executable('core', 'program.c', dependencies: [dependency('thrum-core'), dependency('threads')])
executable('whole', 'threads.c', dependencies: dependency('thrum'))
CODE
meson setup --wrap-mode=nodownload "$work/project/build" "$work/project" >"$work/log" 2>&1 || { tail -20 "$work/log"; exit 1; }
meson compile -C "$work/project/build" >"$work/log" 2>&1 || { tail -30 "$work/log"; exit 1; }
"$work/project/build/core"
"$work/project/build/whole"
