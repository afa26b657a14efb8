#!/bin/sh
# Installs llm-training for the person who runs this: no root, nothing outside the chosen folder.
#
#     curl -fsSL https://<release>/install.sh | sh
#     sh install.sh [--dir FOLDER] [--version VERSION] [--base-url URL|FOLDER]
#     sh install.sh --uninstall [--purge] [--dir FOLDER]
#
#   --dir        where the programs go; $LLM_TRAINING_INSTALL_DIR, else ~/.local/bin
#   --version    this version rather than the newest
#   --base-url   where the release's files lie; a folder on disk works too
#   --uninstall  remove the programs and what they unpacked
#   --purge      with --uninstall: also the user's data folder, with its models and runs
#
# The archive is checked against the release's SHA256SUMS, and the program in it must start, before anything that was
# installed is replaced.
set -eu

default_base_url=''
links='llm-train llm-daemon llm-inference'
receipt=.llm-training-install

say() { printf '%s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}
usage() { sed -n '2,/^set /{/^# \{0,1\}/s///p;}' "$0" 2>/dev/null || say 'see the first lines of install.sh'; }
has() { command -v "$1" >/dev/null 2>&1; }

# Names the platform as the release's files do.
platform() {
  os=$(uname -s)
  arch=$(uname -m)
  case $os in
    Linux) os=linux ;;
    Darwin) os=macos ;;
    MINGW* | MSYS* | CYGWIN*) fail 'this is Windows: use install.ps1 in PowerShell' ;;
    *) fail "there are no executables for $os; run it with Deno from its source" ;;
  esac
  case $arch in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there are no executables for $arch processors; run it with Deno from its source" ;;
  esac
  # A shell that Rosetta translates says x86_64 on an arm64 machine
  if [ "$os-$arch" = macos-x64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || :)" = 1 ]; then
    arch=arm64
  fi
  if [ "$os" = linux ] && has ldd && ldd --version 2>&1 | grep -qi musl; then
    fail 'this system has musl, and the executable needs glibc; use a container with Debian or the like'
  fi
  say "$os-$arch"
}

# fetch URL FILE: downloads, or copies from a folder; says nothing where it fails.
fetch() {
  case $1 in
    http://* | https://*)
      if has curl; then
        curl --fail --silent --show-error --location --connect-timeout 20 --retry 2 --output "$2" "$1" 2>"$work/problem"
      elif has wget; then
        wget -q -T 20 -O "$2" "$1" 2>"$work/problem"
      else
        fail 'neither curl nor wget is here: install one, or give --base-url a folder with the files of a release'
      fi
      ;;
    *) cp "${1#file://}" "$2" 2>"$work/problem" ;;
  esac
}

problem() {
  said=$(tail -n 1 "$work/problem" 2>/dev/null || :)
  say "${said:-the download failed}"
}

sha256() {
  if has sha256sum; then sha256sum "$1"
  elif has shasum; then shasum -a 256 "$1"
  elif has openssl; then openssl dgst -sha256 -r "$1"
  else fail 'there is no sha256sum, shasum or openssl to verify the download with: install one'
  fi | cut -d ' ' -f 1
}

# Sets $base to the folder of the release, and puts its checksums into $work.
find_release() {
  base=${base_url%/}
  if [ -z "$version" ]; then
    fetch "$base/SHA256SUMS" "$work/SHA256SUMS" ||
      fail "cannot read the release at $base: $(problem); look at --base-url and the network"
    return
  fi
  case $base in
    */releases/latest/download) tried=${base%/latest/download}/download/v$version ;;
    *) tried=$base/v$version ;;
  esac
  if fetch "$tried/SHA256SUMS" "$work/SHA256SUMS"; then
    base=$tried
    return
  fi
  if ! { fetch "$base/manifest.json" "$work/manifest.json" && fetch "$base/SHA256SUMS" "$work/SHA256SUMS"; }; then
    fail "cannot read the release at $tried: $(problem); look at --version, --base-url and the network"
  fi
  found=$(sed -n 's/^  "version": "\(.*\)",\{0,1\}$/\1/p' "$work/manifest.json")
  [ "$found" = "$version" ] || fail "there is no version $version at $base: its release is ${found:-of no known version}"
}

# What is in the way of a link is left alone.
check_links() {
  for link in $links; do
    if [ -e "$dir/$link" ] && [ "$(readlink "$dir/$link" 2>/dev/null || :)" != llm-training ]; then
      fail "$dir/$link is there and is not ours: remove it, or choose another folder by --dir"
    fi
  done
  if [ -d "$dir/llm-training" ]; then fail "$dir/llm-training is a folder: choose another one by --dir"; fi
}

# Makes the folder $dir, and remembers which folders above it were made for that.
make_folder() {
  made=''
  above=$dir
  while [ ! -d "$above" ]; do
    made="$made$above
"
    above=$(dirname "$above")
  done
  mkdir -p "$dir" 2>/dev/null || fail "cannot make the folder $dir: choose another one by --dir"
  [ -w "$dir" ] || fail "cannot write to $dir: choose another folder by --dir"
}

unmake_folder() {
  printf '%s' "$made" | while IFS= read -r folder; do rmdir "$folder" 2>/dev/null || :; done
}

install() {
  [ -n "$base_url" ] || fail 'this copy comes from no release: give --base-url, the address of the folder with its files'
  name=llm-training-$(platform)
  archive=$name.tar.gz
  if ! { has tar && has gzip; }; then fail 'tar and gzip are needed to unpack the download: install them'; fi
  check_links
  make_folder
  work=$(mktemp -d "$dir/.llm-training.XXXXXX") || fail "cannot write to $dir: choose another folder by --dir"
  trap 'rm -rf "$work"; unmake_folder' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  find_release
  expected=$(sed -n "s/^\([0-9a-f]\{64\}\)  $archive\$/\1/p" "$work/SHA256SUMS")
  [ -n "$expected" ] || fail "the release at $base has no executable for ${name#llm-training-}"
  say "Downloading $base/$archive"
  fetch "$base/$archive" "$work/$archive" || fail "cannot download $base/$archive: $(problem); nothing was installed"
  found=$(sha256 "$work/$archive")
  [ "$found" = "$expected" ] ||
    fail "$archive was damaged on its way (SHA-256 $found, expected $expected): nothing was installed, try again"
  tar -xzf "$work/$archive" -C "$work" || fail "cannot unpack $archive: nothing was installed; is the disk full?"
  chmod 755 "$work/llm-training"
  new=$("$work/llm-training" --version 2>"$work/problem") ||
    fail "the program does not start here: $(problem); nothing was installed"
  # From here on nothing can go wrong half-way but a full disk: renames first, then links
  mv -f "$work/llm-training" "$dir/llm-training"
  for link in $links; do ln -sf llm-training "$dir/$link"; done
  if [ -n "$made" ]; then printf '%s' "$made" >"$dir/$receipt"; fi
  made=''
  say "Installed llm-training $(say "$new" | sed -n '1{s/^llm-training //;p;}') in $dir, also as $(say "$links" | sed 's/ /, /g')"
  case :$PATH: in
    *:"$dir":*) say 'Next: llm-training --help' ;;
    *)
      say "$dir is not in your PATH; add it to what your shell reads at its start:"
      say "    export PATH=\"$dir:\$PATH\""
      ;;
  esac
}

uninstall() {
  if [ ! -e "$dir/llm-training" ]; then fail "there is no llm-training in $dir: name its folder by --dir"; fi
  for link in $links; do
    if [ "$(readlink "$dir/$link" 2>/dev/null || :)" = llm-training ]; then rm -f "$dir/$link"; fi
  done
  made=$(cat "$dir/$receipt" 2>/dev/null || :; say x) # so that the last line break stays
  made=${made%x}
  rm -f "$dir/llm-training" "$dir/$receipt"
  unmake_folder
  # What the program unpacked, in the cache or where there was none, and what Deno remembers of its compiled code
  case $(uname -s) in
    Darwin) cache=$HOME/Library/Caches/llm-training data="$HOME/Library/Application Support/llm-training" ;;
    *) cache=$HOME/.cache/llm-training data=${XDG_DATA_HOME:-$HOME/.local/share}/llm-training ;;
  esac
  rm -rf "$cache" "${TMPDIR:-/tmp}/llm-training-$(id -u)"
  rm -f "${TMPDIR:-/tmp}/deno-compile-llm-training.cache"
  rmdir "$(dirname "$cache")" 2>/dev/null || :
  say "Removed llm-training from $dir"
  if [ -n "$purge" ]; then
    rm -rf "$data"
    rmdir "$(dirname "$data")" "$(dirname "$(dirname "$data")")" 2>/dev/null || :
  elif [ -d "$data" ]; then
    say "Your models and runs stay in $data; --uninstall --purge removes them too"
  fi
}

# The whole script is read before anything happens: a cut-off download of it does nothing.
main() {
  if [ -z "${HOME:-}" ]; then fail 'HOME is not set: set it to your own folder'; fi
  dir=${LLM_TRAINING_INSTALL_DIR:-$HOME/.local/bin}
  base_url=${LLM_TRAINING_BASE_URL:-$default_base_url}
  version='' action=install purge=''
  while [ $# -gt 0 ]; do
    case $1 in
      --dir | --version | --base-url)
        if [ -z "${2:-}" ]; then fail "$1 needs a value"; fi
        case $1 in --dir) dir=$2 ;; --version) version=${2#v} ;; --base-url) base_url=$2 ;; esac
        shift
        ;;
      --dir=*) dir=${1#*=} ;;
      --version=*) version=${1#*=} version=${version#v} ;;
      --base-url=*) base_url=${1#*=} ;;
      --uninstall) action=uninstall ;;
      --purge) purge=yes ;;
      -h | --help) usage; return ;;
      *) fail "unknown option $1; see --help" ;;
    esac
    shift
  done
  case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
  [ -z "$purge" ] || [ "$action" = uninstall ] || fail '--purge goes with --uninstall'
  $action
}

main "$@"
