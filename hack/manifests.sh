#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes what is installed from its one source: the markers in the code and the charts.
#   markers → config/crd, config/rbac → files of the charts → config/default*/operator.yaml → dist/*.yaml
set -euo pipefail
cd "$(dirname "$0")/.."
hack/tool.sh controller-gen crd:maxDescLen=200 paths=./api/v1alpha1 output:crd:dir=config/crd/bases
hack/tool.sh controller-gen rbac:roleName=parley-operator paths=./controllers/chatcluster output:rbac:dir=config/rbac

mkdir -p charts/parley-crds/files charts/parley-operator/files dist
cp config/samples/chatcluster-dev.yaml charts/parley-operator/files/chatcluster.yaml
cp config/crd/bases/*.yaml charts/parley-crds/files/
cp config/rbac/role.yaml config/rbac/metrics_role.yaml charts/parley-operator/files/

render() { # overlay, further arguments of helm
  local overlay=$1
  shift
  {
    echo "# Made by hack/manifests.sh from charts/parley-operator; do not edit."
    hack/tool.sh helm template parley-operator charts/parley-operator --kube-version 1.37.2 --skip-tests "$@" |
      sed -e '/^# Source:/d' -e 's/managed-by: Helm$/managed-by: kustomize/'
  } >"config/$overlay/operator.yaml"
}
render default --namespace parley-system --set scope=Cluster
render default-namespaced --namespace parley --set 'watchNamespaces={parley}'

build() { # folder, file
  {
    echo "# Made by hack/manifests.sh; do not edit."
    hack/tool.sh kustomize build "config/$1"
  } >"dist/$2.yaml"
}
build crd crds
build default install
build default-namespaced install-namespaced
