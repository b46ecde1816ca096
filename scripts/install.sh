#!/bin/sh
# Installs a released moat binary and checks its SHA-256.
#
#   sh install.sh --from https://…/releases/v0.1.0       into ~/.local/bin
#   sh install.sh --from file:///…/dist --to /usr/local/bin
#
# --from is the folder of a release: the programs and SHA256SUMS, as `deno task compile --all` writes.
# Downloads into a temporary folder, checks, and only then moves the program into place.
set -eu

to=${HOME:?HOME is not set}/.local/bin
from=

usage() {
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || usage
  case $1 in
    --to) to=$2 ;;
    --from) from=$2 ;;
    *) usage ;;
  esac
  shift 2
done

target() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo x86_64-unknown-linux-gnu ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-gnu ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    *) fail "there is no moat for $(uname -s) on $(uname -m)" ;;
  esac
}

fetch() { # fetch NAME: from the release into the temporary folder
  case $from in
    file://*) cp "${from#file://}/$1" "$work/$1" ;;
    *)
      if command -v curl >/dev/null 2>&1; then
        curl -fsSL --proto '=https' --retry 2 -o "$work/$1" "$from/$1"
      elif command -v wget >/dev/null 2>&1; then
        wget -q -O "$work/$1" "$from/$1"
      else
        fail "neither curl nor wget is there to download with"
      fi
      ;;
  esac || fail "cannot fetch $from/$1"
}

sum() { # sum FILE: its SHA-256 in hex
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1"
  else
    shasum -a 256 "$1"
  fi | cut -d ' ' -f 1
}

[ -n "$from" ] || usage
name=moat-$(target)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

fetch SHA256SUMS
fetch "$name"
wanted=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")
[ -n "$wanted" ] || fail "SHA256SUMS does not name $name"
found=$(sum "$work/$name")
[ "$found" = "$wanted" ] || fail "the SHA-256 of $name is $found, the release says $wanted: nothing was installed"

mkdir -p "$to"
chmod 755 "$work/$name"
cp "$work/$name" "$to/.moat.part.$$"
mv "$to/.moat.part.$$" "$to/moat"
printf 'Installed %s\n' "$("$to/moat" --version)" >&2
case :$PATH: in
  *:"$to":*) ;;
  *) printf 'Add %s to your PATH\n' "$to" >&2 ;;
esac
