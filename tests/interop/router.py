"""The real `clasp` binary for interoperation tests: starts a router on free ports, ends it, fails loudly."""
import os
import re
import subprocess
import sys
import time
import traceback
import urllib.request


class Router:
    def __init__(self, *arguments, log=None):
        """`log`: a file for its stderr, else it is ours."""
        self.binary = os.environ["CLASP_BINARY"]
        self.process = subprocess.Popen(
            [self.binary, "server", "--listen", "127.0.0.1:0", "--osc", "127.0.0.1:0", *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"ws://127\.0\.0\.1:(\d+).*osc/udp port (\d+)", line)
        assert found, f"no ready line: {line!r}"
        self.port, self.osc_port = int(found[1]), int(found[2])
        self.url = f"ws://127.0.0.1:{self.port}"

    def metrics(self):
        """Everything in /metrics as {"name{labels}": number}."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(number) for name, _, number in lines}

    def bridge(self, what):
        """One counter of the OSC bridge."""
        return sum(number for name, number in self.metrics().items() if name.startswith("clasp_bridge_total") and f'what="{what}"' in name)

    def rss(self):
        """Resident memory of the router in bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024

    def clasp(self, *arguments, check=True):
        """Runs one `clasp` command against this router; returns its stdout."""
        done = subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, "CLASP_URL": self.url})
        assert not check or done.returncode == 0, f"clasp {arguments}: exit {done.returncode}: {done.stderr}"
        return done.stdout.strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        alive = self.process.poll() is None
        self.process.terminate()
        code = self.process.wait(timeout=60)
        assert alive and code == 0, f"the router ended with {code}, alive before: {alive}"


def eventually(condition, what, seconds=5.0):
    """Waits for a condition of the outside world; the limit only bounds a failure."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"never happened: {what}")


def run(*tests, beside=()):
    """Runs the test functions, or those named on the command line, each to its end: one failure hides no other. Those `beside` mostly wait; they run
    in processes of their own meanwhile."""
    def wanted(functions):
        return [function for function in functions if not sys.argv[1:] or function.__name__ in sys.argv[1:]]

    children = {}
    for test in wanted(beside):
        child = os.fork()
        if child == 0:
            os._exit(0 if passes(test) else 1)
        children[child] = test.__name__
    failed = [test.__name__ for test in wanted(tests) if not passes(test)]
    failed += [name for child, name in children.items() if os.waitpid(child, 0)[1] != 0]
    sys.exit(f"failed: {', '.join(failed)}" if failed else None)


def passes(test):
    began = time.monotonic()
    try:
        test()
    except Exception:
        print(f"{test.__name__}: FAILED\n{traceback.format_exc()}", flush=True)
        return False
    print(f"{test.__name__}: ok, {time.monotonic() - began:.1f} s", flush=True)
    return True
