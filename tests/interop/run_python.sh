#!/bin/sh
# run_python.sh VENV TEST.py PACKAGE...: runs one test in a virtual environment that has the packages, made on first use.
set -eu
venv=$1; test=$2; shift 2
if [ ! -e "$venv/ready" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$@"
  touch "$venv/ready"
fi
exec "$venv/bin/python" "$(dirname "$0")/$test"
