#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Brings image archives into the cluster that CLUSTER names (kind or local, see choose.sh): load.sh ARCHIVE...
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
case ${CLUSTER:-local} in
kind)
  for archive in "$@"; do kind load image-archive --name parley "$archive"; done
  ;;
local)
  archives=()
  for archive in "$@"; do archives+=("$(realpath "$archive")"); done
  cd "$root" && go run ./hack/cluster load "${archives[@]}"
  ;;
*)
  echo "CLUSTER=${CLUSTER:-}: push the images to a registry that the cluster reads; only kind and local take archives" >&2
  exit 1
  ;;
esac
