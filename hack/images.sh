#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes image archives of bin/parley and bin/parley-operator: hack/images.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?name a version}
out=$PWD/.cache/images
mkdir -p "$out"
CGO_ENABLED=0 go build -C hack/image -trimpath -o "$out/image" .
for program in parley parley-operator; do
  "$out/image" -name "parley-chat/$program:$version" -binary "bin/$program" -o "$out/$program.tar"
  echo "$out/$program.tar holds parley-chat/$program:$version"
done
