#!/bin/sh
# run_js.sh FOLDER: installs the locked packages into FOLDER on first use and runs the JavaScript test there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cp "$here/package.json" "$here/package-lock.json" "$here/js_client.mjs" "$1/"
cd "$1"
[ -d node_modules/ws ] || npm ci --no-audit --no-fund --loglevel=error
exec node js_client.mjs
