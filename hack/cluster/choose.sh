#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the path of the kubeconfig to use; what happens on the way goes to standard error.
#   CLUSTER=existing   the cluster that kubectl uses now (KUBECONFIG, or ~/.kube/config)
#   CLUSTER=kind       a kind cluster named parley, created when it is not there
#   CLUSTER=local      hack/cluster on this machine, started when it does not run (root, Debian)
# Without CLUSTER: existing if KUBECONFIG is set, else kind if it is installed with Docker running, else local.
# NODES: how many nodes a new cluster gets, 3 by default.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
nodes=${NODES:-3}

kind_works() { command -v kind >/dev/null && docker info >/dev/null 2>&1; }

choice=${CLUSTER:-}
if [ -z "$choice" ]; then
  if [ -n "${KUBECONFIG:-}" ]; then choice=existing; elif kind_works; then choice=kind; else choice=local; fi
fi

case $choice in
existing)
  # A list of files is for kubectl to merge: it stays as it is.
  config=${KUBECONFIG:-$HOME/.kube/config}
  if [[ $config != *:* && ! -s $config ]]; then
    echo "CLUSTER=existing: there is no kubeconfig $config; set KUBECONFIG, or choose CLUSTER=kind or CLUSTER=local" >&2
    exit 1
  fi
  ;;
kind)
  if ! kind_works; then
    echo "CLUSTER=kind needs the program kind and a running Docker; CLUSTER=local needs neither" >&2
    exit 1
  fi
  config=$root/.cache/cluster/kind.kubeconfig
  mkdir -p "$(dirname "$config")"
  if kind get clusters 2>/dev/null | grep -qx parley; then
    kind export kubeconfig --name parley --kubeconfig "$config" >&2
  else
    {
      printf 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n  - role: control-plane\n'
      for ((i = 1; i < nodes; i++)); do printf '  - role: worker\n'; done
    } | kind create cluster --name parley --kubeconfig "$config" --wait 120s --config - >&2
  fi
  ;;
local)
  "$root/hack/cluster/debian.sh" >&2
  (cd "$root" && go run ./hack/cluster up -nodes "$nodes") >&2
  config=$root/.cache/cluster/state/kubeconfig
  ;;
*)
  echo "CLUSTER is existing, kind or local, not $choice" >&2
  exit 1
  ;;
esac
echo "$config"
