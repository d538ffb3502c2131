#!/usr/bin/env python3
"""How fast the HTTP interface is, beside what the same loop does for a probe (/healthz), in one run with wrk.
  bench/http_speed.py [--seconds N] [--connections N] [--readers N] [CLASP]
Prints a table; ends with 1 if a request failed. `--readers`: also opens so many event streams that hear nothing and says what each costs in memory."""
import argparse
import os
import re
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
from harness.router import Router  # noqa: E402

ROWS = (
    ("GET /healthz (the floor)", "/healthz", None),
    ("GET /v1/state", "/v1/state/bench/a", None),
    ("PUT /v1/state", "/v1/state/bench/a", ("PUT", "0.5")),
    ("POST /v1/emit", "/v1/emit/bench/go", ("POST", "0.5")),
)


def wrk(router, path, write, options, folder):
    """Requests a second, and latency (50 %, 99 %)."""
    script = os.path.join(folder, "request.lua")
    with open(script, "w") as out:
        if write:
            out.write(f'wrk.method = "{write[0]}"\nwrk.body = "{write[1]}"\nwrk.headers["Content-Type"] = "application/json"\n')
    done = subprocess.run(["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--latency", "-s", script, f"http://127.0.0.1:{router.port}{path}"],
                          capture_output=True, text=True, check=True)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", done.stdout)
    if failed:
        sys.exit(f"{path}: {failed[0]}")
    return rate, re.search(r"50%\s+(\S+)", done.stdout)[1], re.search(r"99%\s+(\S+)", done.stdout)[1]


def idle_readers(router, count):
    """Opens event streams until `count` have heard that they are live; bytes of the router's memory each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(count, hard - 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 100), hard))
    readers, before, began = [], router.rss(), time.monotonic()
    with selectors.DefaultSelector() as selector:
        for n in range(count):
            reader = socket.create_connection(("127.0.0.1", router.port))
            reader.sendall(b"GET /v1/subscribe/idle/** HTTP/1.1\r\nHost: x\r\n\r\n")
            readers.append(reader)
            selector.register(reader, selectors.EVENT_READ)
        waiting, heard = set(readers), {}
        while waiting:
            for key, _ in selector.select(60):
                heard[key.fileobj] = heard.get(key.fileobj, b"") + key.fileobj.recv(4096)
                if b"event: live" in heard[key.fileobj]:
                    waiting.discard(key.fileobj)
                    selector.unregister(key.fileobj)
    each = (router.rss() - before) / count
    took = time.monotonic() - began
    for reader in readers:
        reader.close()
    return count, each, took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clasp", nargs="?", default=os.environ.get("CLASP_BINARY", "build/release/clasp"))
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--readers", type=int, default=0)
    options = parser.parse_args()
    os.environ["CLASP_BINARY"] = os.path.abspath(options.clasp)
    with Router("--http", "--log-level", "error") as router, tempfile.TemporaryDirectory() as folder:
        router.clasp("set", "/bench/a", "0.5")
        print(f"{'':28} {'requests/s':>10} {'50 %':>9} {'99 %':>9}")
        for name, path, write in ROWS:
            rate, half, most = wrk(router, path, write, options, folder)
            print(f"{name:28} {rate:10.0f} {half:>9} {most:>9}", flush=True)
        if options.readers:
            count, each, took = idle_readers(router, options.readers)
            print(f"{count} idle event streams: {each:.0f} bytes each, opened in {took:.1f} s")


if __name__ == "__main__":
    main()
