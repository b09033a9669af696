#!/bin/bash
# SPDX-License-Identifier: MIT
# The default report of a thread that fails names the functions of a program that is linked with -rdynamic.
#     failing_test.sh SOURCE_DIR BUILD_DIR
set -u
failing=$2/examples/failing
[ -x "$failing" ] || { echo "no examples in this build"; exit 77; }
report=$("$failing" 2>&1 >/dev/null)
newline=$'\n'
pattern="^Exception in thread Thread-1 \\(work\\):$newline.*  in work, .*something bad happened \\(code 7\\)$"
[[ $report =~ $pattern ]] || { echo "not the report that was expected:"; echo "$report"; exit 1; }
