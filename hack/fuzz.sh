#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target for a short time: hack/fuzz.sh [seconds], 10 by default.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
grep -rlE '^func Fuzz' --include='*_test.go' api services test hack | xargs -n1 dirname | sort -u | while read -r dir; do
  grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go | sed 's/func //' | while read -r target; do
    echo "== ./$dir $target"
    go test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" </dev/null
  done
done
