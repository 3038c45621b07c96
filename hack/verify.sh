#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fails when generated code, manifests, formatting or go.mod differ from what is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
go mod tidy -diff
go mod verify >/dev/null
if ! unformatted=$(hack/tool.sh golangci-lint fmt --diff) || [ -n "$unformatted" ]; then
  printf '%s\nrun: make format\n' "$(head -40 <<<"$unformatted")" >&2
  exit 1
fi
current() { # what is not, make target, paths
  local what=$1 target=$2 changed
  shift 2
  changed=$(git status --porcelain -- "$@")
  if [ -n "$changed" ]; then
    printf '%s not current:\n%s\nrun: make %s, and commit the result\n' "$what" "$changed" "$target" >&2
    exit 1
  fi
}
current "generated code is" generate api services/gateway/web/src/gen docs/reference/features.md docs/reference/conformance.md
hack/manifests.sh
current "manifests are" manifests config/crd config/rbac config/default config/default-namespaced 'charts/*/files/*' dist
