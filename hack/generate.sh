#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Generates code from the protos and the Kubernetes types. Run from the root: hack/generate.sh
set -euo pipefail
cd "$(dirname "$0")/.."

# validate.proto comes from the Go module of protovalidate; buf wants it inside the workspace.
validate=$(go list -m -f '{{.Dir}}' github.com/bufbuild/protovalidate)
rm -rf .cache/protovalidate
mkdir -p .cache/protovalidate
cp -r "$validate/proto/protovalidate/buf" .cache/protovalidate/
chmod -R u+w .cache/protovalidate

hack/tool.sh buf generate api/proto
if [ -d api/v1alpha1 ]; then
  hack/tool.sh controller-gen object paths=./api/v1alpha1
fi
if [ -f services/gateway/web/package.json ] && [ -d services/gateway/web/node_modules ]; then
  (cd services/gateway/web && npm run --silent generate)
fi
gofmt -w api/gen
