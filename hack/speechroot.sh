#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Collects what the image parley-speech has beside ours: ffmpeg and PocketSphinx as Debian has installed them here, the
# libraries and models that they need, and nothing else: hack/speechroot.sh FOLDER
# No shell and no package manager come along; what scanners and lawyers ask for does.
set -euo pipefail
root=${1:?name a folder}
lib=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
rm -rf "$root"
mkdir -p "$root/usr/bin" "$root/$lib" "$root/var/lib/dpkg/status.d"
sources=()

add() { # source, place in the image
  mkdir -p "$root/$(dirname "$2")"
  cp -L --preserve=mode "$1" "$root/$2"
  sources+=("$1" "$(readlink -f "$1")")
}

for program in ffmpeg pocketsphinx_continuous; do
  path=$(command -v "$program") || { echo "$program is not installed: apt-get install --no-install-recommends ffmpeg pocketsphinx pocketsphinx-en-us" >&2; exit 1; }
  add "$path" "usr/bin/$program"
  while read -r name path; do
    case $name in
    /*) add "$name" "${name#/}" ;; # the loader, where programs look for it
    *) [ -e "$root/$lib/$name" ] || add "$path" "$lib/$name" ;;
    esac
  done < <(ldd "$path" | sed -nE 's/^\s*(\S+) => (\/\S+) .*/\1 \2/p; s/^\s*(\/\S+) \(.*/\1/p')
done
while read -r file; do
  [ ! -f "$file" ] || add "$file" "${file#/}"
done < <(dpkg-query -L pocketsphinx-en-us | grep '^/usr/share/pocketsphinx/')

# Packages by the names that dpkg knew files under before /lib became a link, or after.
{ dpkg-query -S "${sources[@]}" "${sources[@]/#\/usr\/lib/\/lib}" 2>/dev/null || true; } | sed -nE 's/^([^ ,]+): .*/\1/p' | sort -u |
  while read -r package; do
    name=${package%%:*}
    dpkg-query -s "$package" >"$root/var/lib/dpkg/status.d/$name"
    mkdir -p "$root/usr/share/doc/$name"
    cp -L "/usr/share/doc/$name/copyright" "$root/usr/share/doc/$name/copyright"
  done
mkdir -p "$root/usr/share/common-licenses"
cp -L /usr/share/common-licenses/* "$root/usr/share/common-licenses/"
chmod -R u=rwX,go=rX "$root"
