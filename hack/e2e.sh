#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests on a real Kubernetes of three nodes, which it starts and ends: hack/e2e.sh [RUN]
#   RUN   regular expression of the Go tests to run; by default all. Short is what CI runs.
set -euo pipefail
cd "$(dirname "$0")/.."
PARLEY_CHROMIUM=${PARLEY_CHROMIUM:-$(command -v chromium || true)}
export PARLEY_CHROMIUM
port=${PORT:-18080}
trap 'make --no-print-directory kube-demo-down' EXIT
make --no-print-directory kube-demo NODES=3 PORT="$port"
echo "browser journey of two people whose homes are different gateways"
PARLEY_E2E_BASE_URLS=http://127.0.0.1:$port PARLEY_E2E_BY_SEAT=1 \
  npm test --silent --prefix test/e2e -- journey.spec.ts -g '2 gateway'
PARLEY_TEST_ELASTICSEARCH_HOME=$(hack/elasticsearch.sh) PARLEY_TEST_S3_PROGRAM=$(hack/tool.sh versitygw --path) \
  go test -tags e2e -count=1 -timeout 60m -run "${1:-.}" -v ./test/e2e/kubernetes
