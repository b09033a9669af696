#!/bin/bash
# SPDX-License-Identifier: MIT
#
# models_test.sh SOURCE_DIR BUILD_DIR
#
# The models of the waiting protocols hold, explored in full, and each variant of theirs fails.
set -euo pipefail

command -v spin >/dev/null || { echo "skipped: spin is not installed"; exit 77; }
"$1/tests/models/run"
