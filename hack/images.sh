#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes image archives of bin/parley and bin/parley-operator: hack/images.sh VERSION [IMAGE...]
#   IMAGE   parley, parley-operator (both by default), or parley-speech, which is parley with ffmpeg and PocketSphinx
#           beside it; they must be installed here: hack/debian.sh
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?name a version}
shift
[ $# -gt 0 ] || set -- parley parley-operator
out=$PWD/.cache/images
mkdir -p "$out"
CGO_ENABLED=0 go build -C hack/image -trimpath -o "$out/image" .
for image in "$@"; do
  program=$image
  more=()
  if [ "$image" = parley-speech ]; then
    program=parley
    hack/speechroot.sh "$out/speechroot"
    more=(-root "$out/speechroot" -licenses 'Apache-2.0 AND LicenseRef-Debian')
  fi
  "$out/image" -name "parley-chat/$image:$version" -binary "bin/$program" "${more[@]}" -o "$out/$image.tar"
  rm -rf "$out/speechroot"
  echo "$out/$image.tar holds parley-chat/$image:$version"
done
