#!/usr/bin/env bash
# Prints the path of a tar file with the root folder of a minimal Debian; makes it when it is not there yet.
#
# usage: tools/debian_base.sh [FOLDER]      FOLDER keeps the file: $XDG_CACHE_HOME/llm-training-ci or ~/.cache/llm-training-ci
#
# Nothing is in it but what Debian marks as required, and apt: no certificates, no curl, no Python; dev, proc and sys are
# empty. To use it:
#     mkdir root && tar --extract --file "$(tools/debian_base.sh)" --directory root && unshare -n chroot root
# Needs root, debootstrap and a Debian mirror (DEBIAN_MIRROR), all three only when the file is made.
set -euo pipefail

suite=bookworm
architecture=$(dpkg --print-architecture)
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/llm-training-ci}
file=$folder/debian-$suite-$architecture.tar

mkdir -p "$folder"
exec 9>"$file.lock"
flock 9 # two that start at the same time make it once
if [[ ! -s $file ]]; then
  if ((EUID != 0)); then
    echo "Cannot make $file: only root can run debootstrap; run this once as root" >&2
    exit 1
  fi
  if ! command -v debootstrap >/dev/null; then
    echo "Cannot make $file: there is no debootstrap; run: apt-get install debootstrap" >&2
    exit 1
  fi
  root=$(mktemp -d)
  trap 'rm -rf --one-file-system "$root" "$file.part"' EXIT
  debootstrap --variant=minbase --arch="$architecture" "$suite" "$root" "$mirror" >"$root.log" 2>&1 || {
    tail -n 5 "$root.log" >&2
    echo "Cannot make $file: debootstrap failed, see $root.log" >&2
    exit 1
  }
  chmod 755 "$root" # mktemp lets nobody else in, and the folder becomes /
  rm -rf "$root.log" "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* \
    "$root"/usr/share/{doc,info,locale,man}/*
  tar --create --numeric-owner --one-file-system --exclude=./proc/* --exclude=./sys/* --exclude=./dev/* \
    --file "$file.part" --directory "$root" .
  mv "$file.part" "$file"
fi
echo "$file"
