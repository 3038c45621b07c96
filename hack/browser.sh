#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the browser journeys in headless Chromium: all of them against bin/parley in one process, then the
# journey of two people against separate processes on MariaDB and RabbitMQ.
set -euo pipefail
cd "$(dirname "$0")/.."
PARLEY_CHROMIUM=${PARLEY_CHROMIUM:-$(command -v chromium || true)}
if [ -z "$PARLEY_CHROMIUM" ]; then
  echo "Chromium is missing: run hack/debian.sh, or set PARLEY_CHROMIUM to a Chromium" >&2
  exit 1
fi
export PARLEY_CHROMIUM PARLEY_BIN=${PARLEY_BIN:-$PWD/bin/parley}
export PARLEY_TEST_S3_PROGRAM=${PARLEY_TEST_S3_PROGRAM:-$(hack/tool.sh versitygw --path)}
(cd test/e2e && npm run --silent check && npm test --silent)
go run ./hack/withservers -- go run ./hack/withcluster -gateways 2 -binary "$PARLEY_BIN" -- \
  npm test --silent --prefix test/e2e -- journey.spec.ts -g '2 gateway'
