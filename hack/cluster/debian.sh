#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that the local cluster needs, after asking whether they are there.
set -euo pipefail
PARLEY_PACKAGES="containerd runc containernetworking-plugins iptables nftables iproute2 conntrack" \
  exec "$(dirname "$0")/../debian.sh" "$@"
