#!/bin/sh
# Fetches the library that runs lenses (docs/lenses.md), the one version this program knows, and puts it where the build looks for it. Takes it from
# Wasmtime's Python package, which carries it ready made; needs python3 with pip or venv. Without it everything else works.
#   scripts/wasmtime.sh [FOLDER]     build/wasmtime if none is given
set -eu
cd "$(dirname "$0")/.."
version=50.0.1
folder=${1:-build/wasmtime}
library=$folder/libwasmtime-$version.so
[ -e "$library" ] && exit 0

# The packages of Linux on x86_64 and aarch64.
hashes="cc14c3a17654e0394e0225b11813532ef0cd7bd1e222a0c5494cdedaabeddac4 675484e525c028dc02762b777f1db4477ea70caa3fec6775426daff4d64edfb1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=python3
if ! python3 -m pip --version >/dev/null 2>&1; then
  python3 -m venv "$work/venv" >/dev/null 2>&1 || { echo "wasmtime.sh: needs python3 with pip or venv (package python3-venv)" >&2; exit 1; }
  python=$work/venv/bin/python
fi
printf 'wasmtime==%s' "$version" >"$work/wanted"
for hash in $hashes; do printf ' --hash=sha256:%s' "$hash" >>"$work/wanted"; done
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes --dest "$work" --requirement "$work/wanted"
"$python" -m zipfile -e "$work"/wasmtime-*.whl "$work/package"
mkdir -p "$folder"
mv "$work"/package/wasmtime/linux-*/_libwasmtime.so "$library.new"
mv "$library.new" "$library"  # whole or not at all
