#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that the tests need, after asking whether they are there.
#   hack/debian.sh            installs what is missing (root, or sudo)
#   hack/debian.sh --check    only says what is missing
set -euo pipefail
read -r -a packages <<<"${PARLEY_PACKAGES:-mariadb-server rabbitmq-server chromium fonts-noto-cjk curl gcc libc6-dev ffmpeg flite pocketsphinx pocketsphinx-en-us}"
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
echo "missing Debian packages: ${missing[*]}" >&2
if [ "${1:-}" = --check ]; then
  exit 1
fi
sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo)

# Exit code 101 keeps the packages from starting daemons of their own; the tests start private copies.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod +x "$policy"
  made=yes
fi
trap '[ -z "$made" ] || "${sudo[@]}" rm -f "$policy"' EXIT
"${sudo[@]}" apt-get update -q
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
