#!/bin/sh
# run_js.sh FOLDER TEST.mjs: installs the locked packages into FOLDER on first use and runs the JavaScript test there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cp "$here/package.json" "$here/package-lock.json" "$here/js_harness.mjs" "$here/$2" "$1/"
cd "$1"
[ -d node_modules/ws ] && [ -d node_modules/mqtt ] && [ -d node_modules/socket.io-client ] || npm ci --no-audit --no-fund --loglevel=error
exec node "$2"
