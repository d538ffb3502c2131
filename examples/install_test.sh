#!/bin/sh
# install_test.sh BUILD: installs into an empty prefix, builds the examples against it with find_package(clasp) and runs one.
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$here" -B "$work/examples" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_BUILD_TYPE=Debug >/dev/null
cmake --build "$work/examples" >/dev/null
"$work/examples/example_embedded_router"
"$work/prefix/bin/clasp" version
