#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fails when generated code, formatting or go.mod differ from what is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
go mod tidy -diff
go mod verify >/dev/null
if ! unformatted=$(hack/tool.sh golangci-lint fmt --diff) || [ -n "$unformatted" ]; then
  printf '%s\nrun: make format\n' "$(head -40 <<<"$unformatted")" >&2
  exit 1
fi
changed=$(git status --porcelain -- api config/crd services/gateway/web/src/gen)
if [ -n "$changed" ]; then
  printf 'generated code is not current:\n%s\nrun: make generate, and commit the result\n' "$changed" >&2
  exit 1
fi
