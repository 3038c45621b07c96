#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a pinned tool: hack/tool.sh buf lint. Tools are `tool` lines of hack/tools/**/go.mod; each is
# built once into .cache/tools and again when its go.mod changes. --path as the only argument prints where it is.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
name=$1
shift
case $name in
  golangci-lint) mod=$root/hack/tools/lint ;;
  helm | kustomize | versitygw) mod=$root/hack/tools/$name ;;
  *) mod=$root/hack/tools ;;
esac
key=$(cat "$mod/go.mod" "$mod/go.sum" | sha256sum | cut -c1-12) # the same in every checkout
bin=$root/.cache/tools/$key/$name
if [ ! -x "$bin" ]; then
  echo "building $name (once; a minute or two)" >&2
  package=$(cd "$mod" && go list -f '{{.ImportPath}}' tool | grep -E "/$name(/v[0-9]+)?\$")
  (cd "$mod" && go build -o "$bin" "$package")
fi
if [ "$*" = --path ]; then
  echo "$bin"
  exit
fi
PATH=$root/.cache/tools/$key:$PATH exec "$bin" "$@"
