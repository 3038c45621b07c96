#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Generates code from the protos and the Kubernetes types. Run from the root: hack/generate.sh
set -euo pipefail
cd "$(dirname "$0")/.."

# validate.proto comes from the module of protovalidate, which holds no Go package, so that no go.mod
# can keep it: version and checksum stand here. buf wants the file inside the workspace.
module=github.com/bufbuild/protovalidate@v1.2.2
checksum=h1:2H/9/Kr97etSRqW3IJjTTb09z+zutkK2GDhDRbOnqr4=
found=$(go mod download -json "$module")
dir=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$found")
if ! grep -qF "\"Sum\": \"$checksum\"" <<<"$found"; then
  echo "$module is not what it was: its checksum differs" >&2
  exit 1
fi
rm -rf .cache/protovalidate
mkdir -p .cache/protovalidate
cp -r "$dir/proto/protovalidate/buf" .cache/protovalidate/
chmod -R u+w .cache/protovalidate

hack/tool.sh buf generate api/proto
go test -count=1 -run TestThePageIsCurrent ./test/features -update >/dev/null
hack/tool.sh controller-gen object paths=./api/v1alpha1
hack/tool.sh controller-gen crd:maxDescLen=200 paths=./api/v1alpha1 output:crd:dir=config/crd/bases
if [ -d services/gateway/web/node_modules ]; then
  (cd services/gateway/web && npm run --silent generate)
fi
