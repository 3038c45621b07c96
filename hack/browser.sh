#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the browser journeys against bin/parley in headless Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
chromium=${PARLEY_CHROMIUM:-$(command -v chromium || true)}
if [ -z "$chromium" ]; then
  echo "Chromium is missing: run hack/debian.sh, or set PARLEY_CHROMIUM to a Chromium" >&2
  exit 1
fi
cd test/e2e
PARLEY_BIN=${PARLEY_BIN:-$PWD/../../bin/parley} PARLEY_CHROMIUM=$chromium exec npm test --silent
