#!/bin/sh
# client_test.sh CLASP EXAMPLE: runs the example against the real router on a free port.
set -eu
ready=$(mktemp)
"$1" server --listen 127.0.0.1:0 >"$ready" & router=$!
trap 'kill $router 2>/dev/null; rm -f "$ready"' EXIT
for _ in $(seq 200); do
  url=$(grep -o 'ws://[^ ]*' "$ready" || true)
  [ -n "$url" ] && break
  sleep 0.05
done
"$2" "$url"
